"""What `inspect` says of a stranger's file: interface, ops, weights, metadata, lints."""

from __future__ import annotations

import json

import numpy as np
import pytest
from coreai._compiler.ir import Attribute

from mobilecat.formats.base.inspection import REPORTED, said_once
from mobilecat.formats.coreai.read.lints import NOT_OURS
from mobilecat.formats.inspection import inspect_file
from tests.formats.coreai.build import I32, F, ImageType, Net, TensorType, d, ints, save, sides

W = np.random.default_rng(0).standard_normal((8, 3, 3, 3)).astype(F)


def detector(v):
    x = d.cast(d.slice_(d.image_to_tensor(v), ints(0, 0, 0), ints(8, 9, 3), ints(1, 1, 1)), F)
    x = d.reshape(d.transpose(x, sides(2, 0, 1)), ints(1, 3, 8, 9))
    return d.conv2d(x, W, sides(1, 1), sides(1, 1), np.uint32(1))


def test_the_facts(tmp_path):
    path = save(
        tmp_path / "a.aimodel",
        {"main": Net({"image": ImageType(d.FourCC.BGRA32, 8, 9)}, detector, ("maps",))},
    )
    metadata = json.loads((path / "metadata.json").read_text())
    metadata |= {"author": "somebody", "creatorDefinedMetadata": {"names": {"0": "cat"}}}
    (path / "metadata.json").write_text(json.dumps(metadata))
    found = inspect_file(path)
    assert found.format == "Core AI"
    assert found.inputs[0].dtype == "image"
    assert found.inputs[0].detail == "32BGRA 9×8"
    assert (found.outputs[0].name, found.outputs[0].shape) == ("maps", (1, 8, 6, 7))
    assert found.ops["conv2d"] == found.ops["image_to_tensor"] == 1
    assert found.parameters == W.size
    assert found.metadata["weights"] == "float32 216"
    assert found.metadata["author"] == "somebody"
    assert found.metadata["names"] == '{"0": "cat"}'
    assert found.metadata["producer"] == "coreai-core 1.0.0b3"
    assert found.metadata["program"].startswith("MLIR bytecode 6 of MLIR")
    assert found.lints == ()


def test_several_graphs_are_parts(tmp_path):
    x = np.ones(3, F)
    nets = {"one": Net({"x": x}, d.relu), "two": Net({"y": x}, d.exp)}
    found = inspect_file(save(tmp_path / "a.aimodel", nets))
    assert [p.file.rpartition("› ")[2] for p in found.parts] == ["one", "two"]
    assert found.parts[1].ops == {"exp": 1}


def linear():
    return Attribute.parse("#coreai.interpolation_mode<linear>")


X = TensorType((2, 3), F)
LINTS = {
    "sorts": (X, lambda v: d.argsort(v, I32(1), True, True)),
    "argmax of float16": (
        X, lambda v: d.argmax(d.cast(v, np.float16), I32(1)),
    ),
    "interpolate": (
        X, lambda v: d.interpolate(v, ints(4, 3), np.array([2, 1], F), np.zeros(2, F), linear()),
    ),
    "concat": (X, lambda v: d.concat(I32(0), [v, d.exp(v)])),
    "more than 5 dimensions": (X, lambda v: d.exp(d.reshape(v, ints(1, 1, 1, 2, 3, 1)))),
    "side of 0": (X, lambda v: d.slice_(v, ints(0, 1), ints(2, 1), ints(1, 1))),
    "64-bit": (X, lambda v: d.cast(v, np.int64)),
    "float16 input": (TensorType((2,), np.float16), lambda v: d.relu(v)),
    "bool input": (TensorType((2,), np.bool_), lambda v: d.not_(v)),
}  # fmt: skip


@pytest.mark.parametrize("words", LINTS)
def test_each_lint(tmp_path, words):
    """Said of a file that shows it, with its source; not said of a plain one."""
    type_, body = LINTS[words]
    found = inspect_file(save(tmp_path / "a.aimodel", {"main": Net({"x": type_}, body)}))
    mine = [x for x in found.lints if words in x]
    assert len(mine) == 1
    assert "publicly reported, not measured here: " in mine[0]
    plain = save(tmp_path / "b.aimodel", {"main": Net({"x": X}, d.exp)})
    assert not [x for x in inspect_file(plain).lints if words in x]


def test_that_lints_are_only_reported_is_said_once():
    assert REPORTED == NOT_OURS
    a, b, own = f"a (1 ops; {NOT_OURS}: here)", f"b ({NOT_OURS}: there)", "mine"
    assert said_once([a, own]) == [a, own]
    told = said_once([a, own, b])
    assert told[:3] == ["mine", "a (1 ops; here)", "b (there)"]
    assert told[3:] == ["the last 2 are publicly reported, not measured here"]


def test_what_the_lane_cannot_execute_is_a_lint(tmp_path):
    def body(v):
        return d.real_part(d.create_complex(v, v))

    path = save(tmp_path / "a.aimodel", {"main": Net({"x": X}, body)}, rewrite=False)
    words = "coreai.create_complex, 1 times: complex numbers"
    assert any(words in x for x in inspect_file(path).lints)


def test_a_changed_program_is_a_lint(tmp_path):
    path = save(tmp_path / "a.aimodel", {"main": Net({"x": X}, d.exp)})
    assert inspect_file(path).lints == ()
    (path / "main.hash").write_bytes(bytes(32))
    assert "is not the SHA-256 of the program" in inspect_file(path).lints[0]
    (path / "main.hash").unlink()
    assert "has no main.hash" in inspect_file(path).lints[0]
