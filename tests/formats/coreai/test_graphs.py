"""Whole programs: pictures, several graphs, inner values, ops that a rewrite removes."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from mobilecat.errors import ArtifactError, UnsupportedError
from tests.formats.coreai.build import (
    I32,
    AIProgram,
    F,
    ImageType,
    Module,
    Net,
    TensorType,
    at,
    d,
    ints,
    save,
    sides,
)

from mobilecat.formats.coreai import apple  # isort: skip
from mobilecat.formats.coreai.read import decode, facts_of  # isort: skip
from mobilecat.formats.coreai.read.bindings import read_module  # isort: skip
from mobilecat.formats.coreai.read.package import read_package  # isort: skip
from mobilecat.formats.coreai.read.translate import count_ops, translate  # isort: skip

REMOVED = {
    "coreai.broadcast_shapes",
    "coreai.broadcast_to",
    "coreai.expand_dims",
    "coreai.get_shape",
    "coreai.image_to_tensor",
    "coreai.isolated_group",
    "coreai.shrink_dims",
    "coreaix.copy_discarding_constraints",
    "coreaix.copy_with_constraints",
}
"""Ops that have their cases here, not in the tables of cases."""
X = np.arange(12, dtype=F).reshape(1, 3, 4)


def run(model, feeds):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def test_ops_that_apples_rewrite_removes(tmp_path):
    """Read as they are written, before any rewrite: a stranger's file may hold them."""
    from coreai._compiler.dialects import coreaix
    from coreai.authoring.constraints import AllocationType, HardwareConstraints

    def isolated(v):
        from coreai._compiler.dialects._coreai_ops_gen import IsolatedGroupOp
        from coreai._compiler.ir import InsertionPoint

        op = IsolatedGroupOp(outputs=[v.type], inputs=[v], delegate_id="Interpreter")
        block = op.regions[0].blocks.append(v.type)
        with InsertionPoint(block):
            d.yield_([d.relu(block.arguments[0])])
        return op.results[0]

    def constrained(v):
        held = HardwareConstraints(AllocationType.IOSurface, (1, 1, 1, 64), (1, 1, 1))
        return coreaix.copy_discarding_constraints(coreaix.copy_with_constraints(v, held))

    shape = np.array([2, 1, 3, 4], np.uint32)
    nets = {
        "expand": (lambda v: d.expand_dims(v, ints(1)), X[:, None]),
        "shrink": (lambda v: d.shrink_dims(v, ints(0)), X[0]),
        "to": (lambda v: d.broadcast_to(v, shape), np.broadcast_to(X, shape)),
        "sides": (
            lambda v: [
                d.get_shape(v),
                d.broadcast_shapes(d.get_shape(v), d.constant(sides(2, 1, 1, 1))),
            ],
            np.array([1, 3, 4], np.uint32),
            np.array([2, 1, 3, 4], np.uint32),
        ),
        "group": (isolated, X),
        "constrained": (constrained, X),
    }
    path = save(
        tmp_path / "a.aimodel",
        {
            n: Net({"x": TensorType((-1, 3, 4), F) if n == "sides" else X}, body)
            for n, (body, *_) in nets.items()
        },
        rewrite=False,
    )
    module = read_module(path / "main.mlirb")
    for name, (_, *expected) in nets.items():
        got = run(translate(module, name).model, {"x": X})
        for i, value in enumerate(expected):
            np.testing.assert_array_equal(got[f"y{i}"], value, name)
            assert got[f"y{i}"].dtype == value.dtype
    seen = {op for n in nets for op in count_ops(module, module.graphs[n])}
    assert seen >= REMOVED - {"coreai.image_to_tensor"}


@pytest.mark.parametrize(("fourcc", "channels"), [("BGRA32", 4), ("ARGB32", 4), ("RGB24", 3)])
def test_a_picture_is_its_bytes(tmp_path, fourcc, channels):
    """Rows, columns, channels as they lie in memory: both engines take them so."""
    picture = np.random.default_rng(1).integers(0, 256, (4, 6, channels)).astype(np.uint8)

    def body(v):
        return d.broadcasting_mul(d.cast(d.image_to_tensor(v), F), F(2))

    path = save(
        tmp_path / "a.aimodel",
        {"main": Net({"image": ImageType(getattr(d.FourCC, fourcc), 4, 6)}, body)},
    )
    found = decode(path)
    np.testing.assert_array_equal(run(found.model, {"image": picture})["y0"], picture * F(2))
    judged = apple.run_graphs(path, [("main", {"image": picture})])[0]
    np.testing.assert_array_equal(judged["y0"], picture * F(2))
    port = facts_of(read_package(path)).graphs[0].inputs[0]
    assert (port.dtype, port.shape, port.detail[-3:]) == ("image", (4, 6), "6×4")


def shared(path):
    """A private graph that two public ones invoke, and a third graph apart."""
    module = Module.create()
    with module:
        tensor = TensorType((1, 3, 4), F)._to_mlir()
        body = d.GraphOp(
            name="body", input_types=[tensor], result_types=[], input_names=["v"],
            result_names=[], private=True, no_inline=True,
        )  # fmt: skip
        with body.block, at("inside"):
            made = d.broadcasting_mul(body.arguments[0], F(3))
        body.outputs_spec = [("w", made)]
        for name, more in (("main", 1), ("other", 100)):
            graph = d.GraphOp(
                name=name, input_types=[tensor], result_types=[], input_names=["x"], result_names=[]
            )
            with graph.block:
                result = d.broadcasting_add(body(graph.arguments[0])[0], F(more))
            graph.outputs_spec = [("y", result)]
    AIProgram(module).save_asset(path)
    return path


def test_every_entry_point_is_read(tmp_path):
    path = shared(tmp_path / "a.aimodel")
    about = facts_of(read_package(path))
    assert [(g.name, g.private) for g in about.graphs] == [
        ("body", True), ("main", False), ("other", False),
    ]  # fmt: skip
    for entry, more in ((None, 1), ("other", 100)):
        found = decode(path, entry)
        np.testing.assert_array_equal(run(found.model, {"x": X})["y"], X * 3 + more)
    judged = apple.run_graphs(path, [("other", {"x": X}), ("main", {"x": X})])
    np.testing.assert_array_equal(judged[0]["y"], X * 3 + 100)
    with pytest.raises(ArtifactError, match="no graph 'elsewhere'") as e:
        decode(path, "elsewhere")
    assert "main, other" in str(e.value)


def test_inner_values_by_node_name(tmp_path):
    """A node of several ops gives what its last one gives, in both engines."""
    w = np.random.default_rng(0).standard_normal((2, 3, 1, 1)).astype(F)

    def body(v):
        with at("conv/a:0"):
            y = d.conv2d(v, w, sides(1, 1), sides(1, 1), np.uint32(1))
            y = d.broadcasting_add(y, F(1))
        with at('gate "b"'):
            return d.sigmoid(y)

    x = np.random.default_rng(2).standard_normal((1, 3, 4, 5)).astype(F)
    path = save(tmp_path / "a.aimodel", {"main": Net({"x": x}, body)})
    found = decode(path)
    conv = np.einsum("oc,nchw->nohw", w[:, :, 0, 0], x) + 1
    names = ["conv/a:0", 'gate "b"']
    assert set(names) <= set(found.taps)
    model = type(found.model)()
    model.CopyFrom(found.model)
    model.graph.output.extend(type(model.graph.output[0])(name=found.taps[n]) for n in names)
    ours = run(model, {"x": x})
    outputs, theirs = apple.run_with_taps(path, "main", {"x": x}, names)
    for name, expected in zip(names, (conv, 1 / (1 + np.exp(-conv))), strict=True):
        np.testing.assert_allclose(ours[found.taps[name]], expected, atol=1e-5)
        np.testing.assert_allclose(theirs[name], expected, atol=1e-5)
    np.testing.assert_allclose(outputs["y0"], 1 / (1 + np.exp(-conv)), atol=1e-6)


def test_sides_that_only_a_run_knows(tmp_path):
    def body(v):
        y = d.broadcasting_mul(v, F(2))
        return d.reshape(d.transpose(y, sides(1, 0)), ints(-1))

    path = save(tmp_path / "a.aimodel", {"main": Net({"x": TensorType((-1, 3), F)}, body)})
    found = decode(path)
    for rows in (2, 5):
        x = np.arange(rows * 3, dtype=F).reshape(rows, 3)
        np.testing.assert_array_equal(run(found.model, {"x": x})["y0"], (x * 2).T.reshape(-1))


def test_float16_goes_in_and_out(tmp_path):
    x = np.array([1, 0.1, 70, -3], np.float16)
    path = save(
        tmp_path / "a.aimodel", {"main": Net({"x": x}, lambda v: [d.broadcasting_mul(v, x), v])}
    )
    got = run(decode(path).model, {"x": x})
    np.testing.assert_array_equal(got["y0"], x * x)
    np.testing.assert_array_equal(got["y1"], x)


def test_what_is_not_read_is_named_all_at_once(tmp_path):
    def body(v):
        pair = d.create_complex(v, v)
        stats = d.symmetric_quant_stats(v, np.array([-128, 127], F), I32(1))
        return [d.real_part(pair), stats]

    path = save(tmp_path / "a.aimodel", {"main": Net({"x": X}, body)}, rewrite=False)
    with pytest.raises(UnsupportedError) as e:
        decode(path)
    said = str(e.value)
    for op in ("create_complex", "real_part", "symmetric_quantization_statistics"):
        assert f"coreai.{op}, 1 times" in said
    refused = facts_of(read_package(path)).graphs[0].refused
    assert len(refused) == 3


def test_a_form_that_is_not_read_is_named_with_its_node(tmp_path):
    def body(v, power):
        with at("odd one"):
            return d.broadcasting_pow(v, power)

    x = ints(2, 3)
    path = save(tmp_path / "a.aimodel", {"main": Net({"x": x, "n": x}, body)})
    with pytest.raises(UnsupportedError, match="exponent is computed") as e:
        decode(path)
    assert "node 'odd one'" in str(e.value)


def test_an_index_out_of_range_is_an_error(tmp_path):
    x, i = np.arange(4, dtype=F), np.array([[9]], I32)
    path = save(tmp_path / "a.aimodel", {"main": Net({"x": x, "i": i}, d.gather_nd)})
    with pytest.raises(Exception, match="index"):
        run(decode(path).model, {"x": x, "i": i})
    with pytest.raises(ArtifactError):
        apple.run_graphs(path, [("main", {"x": x, "i": i})])


def test_an_endless_loop_is_noticed(tmp_path):
    def body(v):
        found, (before, after) = d.while_(results=[v.type], inits=[v])
        with before:
            d.condition(d.constant(np.array(True)), *before.arguments)
        with after:
            d.yield_([d.broadcasting_mul(after.arguments[0], F(0.5))])
        return found

    path = save(tmp_path / "a.aimodel", {"main": Net({"x": np.ones(2, F)}, body)})
    found = decode(path)
    got = run(found.model, {"x": np.ones(2, F)})
    assert len(found.checks) == 1
    assert not got[found.checks[0]]
