"""ML Programs: inputs as images and arrays, taps, precision, control flow, state, functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.runtime.mil.program import Block, Operation, end_of
from tests.formats.coreml.runtime.builders import numbers, program


def builder() -> Any:
    from coremltools.converters.mil import Builder as mb

    return mb


def picture(color: str) -> Any:
    """A 5×3 picture (width × height) whose pixels all differ."""
    pixels = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3) * 5
    return Image.fromarray(pixels if color != "GRAYSCALE" else pixels[:, :, 0]), pixels


@pytest.mark.parametrize("color", ["RGB", "BGR", "GRAYSCALE"])
def test_image_inputs(color: str, tmp_path: Path) -> None:
    import coremltools as ct

    mb = builder()
    channels = 1 if color == "GRAYSCALE" else 3
    bias = [10.0, 20.0, 30.0][:channels]
    kind = ct.ImageType(
        name="x", shape=(1, channels, 3, 5), scale=0.5, bias=bias if channels == 3 else 10.0,
        color_layout=getattr(ct.colorlayout, color),
    )  # fmt: skip
    path = program(
        tmp_path / "p.mlpackage",
        lambda x: mb.add(x=x, y=1.0, name="y"),
        {"x": (1, channels, 3, 5)},
        inputs=[kind],
    )
    model = runtime.load(path)
    given, pixels = picture(color)
    expected = pixels.transpose(2, 0, 1)[:channels].astype(np.float32)
    if color == "BGR":
        expected = expected[::-1]
    expected = expected * 0.5 + np.array(bias).reshape(-1, 1, 1) + 1
    np.testing.assert_allclose(model.predict({"x": given})["y"][0], expected, atol=1e-4)
    array = np.asarray(given)
    np.testing.assert_allclose(model.predict({"x": array})["y"][0], expected, atol=1e-4)
    assert (model.inputs[0].size_wh, model.inputs[0].color) == ((5, 3), color)


def test_taps_are_intermediate_values(tmp_path: Path) -> None:
    mb = builder()

    def body(x: Any) -> Any:
        inner = mb.mul(x=x, y=2.0, name="inner")
        return mb.reduce_sum(x=mb.exp(x=inner), axes=[1], name="y")

    model = runtime.load(program(tmp_path / "p.mlpackage", body, {"x": (3, 5)}))
    x = numbers(3, 5)
    found = model.predict({"x": x}, taps=["inner"])
    np.testing.assert_allclose(found["inner"], x * 2, rtol=1e-6)
    np.testing.assert_allclose(found["y"], np.exp(x * 2).sum(1), rtol=1e-5)
    assert list(model.predict({"x": x})) == ["y"]
    with pytest.raises(ArtifactError, match=r"no variable iner\n.* inner, inner_y_0 may be meant"):
        model.predict({"x": x}, taps=["iner"])


def test_only_what_follows_from_given_values_is_read() -> None:
    """x → a → b → c, which reads x too. With b given only c is left, and a where it is kept."""

    def op(output: str, *inputs: str) -> Operation:
        return Operation("add", output, {"x": inputs}, {}, (output,), (None,), ())

    ops = (op("a", "x"), op("b", "a"), op("c", "b", "x"))
    block = Block((), ("c",), ops, ((), ("a",), ("b",)))
    assert end_of(block, {"b"}, ()).operations == ops[2:]
    assert end_of(block, {"b"}, ()).dies_after == (("b",),)
    assert end_of(block, {"b"}, {"a"}).operations == (ops[0], ops[2])
    assert end_of(block, (), ()).operations == ops


def test_given_values_take_the_place_of_what_leads_there(tmp_path: Path) -> None:
    mb = builder()

    def body(x: Any) -> Any:
        inner = mb.mul(x=x, y=2.0, name="inner")
        return mb.add(x=mb.exp(x=inner), y=inner, name="y")

    model = runtime.load(program(tmp_path / "p.mlpackage", body, {"x": (3, 5)}))
    x, other = numbers(3, 5), numbers(3, 5) - 0.25
    found = model.predict({"x": x}, taps=["inner"], given={"inner": other})
    np.testing.assert_allclose(found["y"], np.exp(other) + other, rtol=1e-5)
    np.testing.assert_array_equal(found["inner"], other)


def test_precision(tmp_path: Path) -> None:
    """Stepwise float16 by numpy is the exact mode's judge, bit for bit."""
    mb = builder()
    scale = np.float32(np.float16(1.001))

    def body(x: Any) -> Any:
        y = x
        for _ in range(20):
            y = mb.mul(x=y, y=scale)
        return mb.add(x=y, y=np.float32(0.1), name="y")

    path = program(tmp_path / "p.mlpackage", body, {"x": (3, 5)}, half=True)
    x = numbers(3, 5)
    stepwise = x.astype(np.float16)
    for _ in range(20):
        stepwise = (stepwise.astype(np.float32) * scale).astype(np.float16)
    stepwise = (stepwise.astype(np.float32) + np.float32(np.float16(0.1))).astype(np.float16)
    exact = runtime.load(path, precision="float16-exact")
    assert exact.precision == "float16-exact"
    np.testing.assert_array_equal(exact.predict({"x": x})["y"].astype(np.float16), stepwise)
    fast = runtime.load(path)
    assert fast.precision == "float16-fast"
    assert np.abs(fast.predict({"x": x})["y"] - stepwise).max() > 0
    full = runtime.load(path, precision="float32")
    wide = x * scale**20 + np.float32(np.float16(0.1))
    np.testing.assert_allclose(full.predict({"x": x})["y"], wide, rtol=1e-5)


def test_flexible_shapes(tmp_path: Path) -> None:
    import coremltools as ct

    mb = builder()
    ranged = ct.TensorType(name="x", shape=(1, ct.RangeDim(2, 6, default=3), 5))
    path = program(
        tmp_path / "p.mlpackage",
        lambda x: mb.reshape(x=mb.add(x=x, y=1.0), shape=[-1], name="y"),
        {"x": (1, _symbol(), 5)},
        inputs=[ranged],
    )
    model = runtime.load(path)
    for rows in (2, 6, 3):
        x = numbers(1, rows, 5)
        np.testing.assert_allclose(model.predict({"x": x})["y"], x.ravel() + 1, rtol=1e-6)
    with pytest.raises(runtime.InputError, match="2…6"):
        model.predict({"x": numbers(1, 7, 5)})


def _symbol() -> Any:
    from coremltools.converters.mil.mil import get_new_symbol

    return get_new_symbol()


def test_branches_and_loops(tmp_path: Path) -> None:
    mb = builder()

    def body(x: Any) -> Any:
        doubled, _ = mb.while_loop(
            _cond=lambda a, n: mb.less(x=n, y=3.0),
            _body=lambda a, n: (mb.add(x=a, y=a), mb.add(x=n, y=1.0)),
            loop_vars=(x, 0.0),
        )
        positive = mb.greater(x=mb.reduce_sum(x=x), y=0.0)
        return mb.cond(
            pred=positive,
            _true_fn=lambda: mb.add(x=doubled, y=1.0),
            _false_fn=lambda: mb.sub(x=doubled, y=1.0),
            name="y",
        )

    model = runtime.load(program(tmp_path / "p.mlpackage", body, {"x": (2, 3)}))
    for sign in (1, -1, 1):
        x = sign * np.abs(numbers(2, 3))
        np.testing.assert_allclose(model.predict({"x": x})["y"], x * 8 + sign, rtol=1e-6)


def test_data_dependent_shape(tmp_path: Path) -> None:
    mb = builder()
    model = runtime.load(
        program(tmp_path / "p.mlpackage", lambda x: mb.non_zero(x=x, name="y"), {"x": (2, 3)})
    )
    for x in ([[0, 1, 0], [2, 0, 3]], [[0, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]]):
        found = model.predict({"x": np.array(x, np.float32)})["y"]
        np.testing.assert_array_equal(found, np.argwhere(x))


def test_classifier(tmp_path: Path) -> None:
    import coremltools as ct

    mb = builder()
    path = program(
        tmp_path / "p.mlpackage",
        lambda x: mb.softmax(x=x, axis=-1),
        {"x": (1, 3)},
        classifier_config=ct.ClassifierConfig(["cat", "dog", "bird"]),
    )
    model = runtime.load(path)
    x = np.array([[1.0, 3.0, 2.0]], np.float32)
    found = model.predict({"x": x})
    table = next(v for v in found.values() if isinstance(v, dict))
    e = np.exp(x[0] - 3)
    assert found["classLabel"] == "dog"
    assert list(table) == ["cat", "dog", "bird"]
    np.testing.assert_allclose(list(table.values()), e / e.sum(), rtol=1e-5)


def test_state(tmp_path: Path) -> None:
    import coremltools as ct
    from coremltools.converters.mil.mil import Program, types

    mb = builder()
    specs = [
        mb.TensorSpec((3,), dtype=types.fp16),
        mb.StateTensorSpec((3,), dtype=types.fp16),
    ]

    @mb.program(input_specs=specs, opset_version=ct.target.iOS18)
    def built(x: Any, total: Any) -> Any:
        new = mb.add(x=mb.read_state(input=total), y=x)
        return mb.coreml_update_state(state=total, value=new, name="y")

    assert isinstance(built, Program)
    ct.convert(
        built,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    ).save(str(tmp_path / "p.mlpackage"))
    model = runtime.load(tmp_path / "p.mlpackage")
    state = model.new_state()
    one = np.array([1, 2, 3], np.float16)
    for n in (1, 2, 3):
        (y,) = model.predict({"x": one}, state=state).values()
        np.testing.assert_array_equal(y, one * n)
    with pytest.raises(ArtifactError, match="keeps state"):
        model.predict({"x": one})


def test_several_functions(tmp_path: Path) -> None:
    import coremltools as ct

    mb = builder()
    bundle = ct.utils.MultiFunctionDescriptor()
    for name, amount in (("add", 1.0), ("more", 10.0)):
        path = program(
            tmp_path / f"{name}.mlpackage",
            lambda x, amount=amount: mb.add(x=x, y=amount, name="y"),
            {"x": (2, 3)},
            target="iOS18",
        )
        bundle.add_function(str(path), src_function_name="main", target_function_name=name)
    bundle.default_function_name = "more"
    ct.utils.save_multifunction(bundle, str(tmp_path / "both.mlpackage"))
    x = numbers(2, 3)
    for function, amount in ((None, 10), ("add", 1), ("more", 10)):
        model = runtime.load(tmp_path / "both.mlpackage", function_name=function)
        np.testing.assert_allclose(model.predict({"x": x})["y"], x + amount, rtol=1e-6)
    with pytest.raises(runtime.InputError, match="add, more"):
        runtime.load(tmp_path / "both.mlpackage", function_name="less")


@pytest.mark.parametrize("mode", ["linear", "palette", "prune"])
def test_compressed_weights_equal_coremltools_own_decompression(mode: str, tmp_path: Path) -> None:
    import coremltools.optimize.coreml as cto
    from coremltools.models import MLModel

    mb = builder()
    weight = numbers(40, 60)
    path = program(
        tmp_path / "p.mlpackage",
        lambda x: mb.linear(x=x, weight=weight, name="y"),
        {"x": (2, 60)},
        target="iOS16",
    )
    config: Any
    if mode == "linear":
        config, apply = (
            cto.OpLinearQuantizerConfig(weight_threshold=10),
            cto.linear_quantize_weights,
        )
    elif mode == "palette":
        config = cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=10)
        apply = cto.palettize_weights
    else:
        config = cto.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=10)
        apply = cto.prune_weights
    source = MLModel(str(path), skip_model_load=True)
    small = apply(source, cto.OptimizationConfig(global_config=config))
    small.save(str(tmp_path / "small.mlpackage"))
    cto.decompress_weights(small).save(str(tmp_path / "dense.mlpackage"))
    x = numbers(2, 60)
    found = runtime.load(tmp_path / "small.mlpackage")
    assert any(name.startswith("constexpr_") for name in found.ops)
    dense = runtime.load(tmp_path / "dense.mlpackage")
    assert not any(name.startswith("constexpr_") for name in dense.ops)
    y = found.predict({"x": x})["y"]
    np.testing.assert_allclose(y, dense.predict({"x": x})["y"], rtol=1e-4, atol=1e-4)
    assert np.abs(y - x @ weight.T).max() > 1e-3  # it did compress
