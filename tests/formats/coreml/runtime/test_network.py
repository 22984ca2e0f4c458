"""NeuralNetwork models: preprocessing, mappings of rank, classifiers, branches, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from tests.formats.coreml.runtime.builders import layer, model, multi_array, network, numbers, save


@pytest.mark.parametrize(
    ("space", "order"), [(20, (0, 1, 2)), (30, (2, 1, 0)), (10, (0,))], ids=["RGB", "BGR", "gray"]
)
def test_scale_comes_before_bias(space: int, order: tuple[int, ...], tmp_path: Path) -> None:
    spec = model()
    feature = spec.description.input.add()
    feature.name = "image"
    image = feature.type.imageType
    image.width, image.height, image.colorSpace = 5, 3, space
    multi_array(spec.description.output.add(), "y", (1, len(order), 3, 5))
    net = spec.neuralNetwork
    net.arrayInputShapeMapping = net.imageInputShapeMapping = 1
    layer(net, "activation", ["image"], ["y"]).linear.alpha = 1
    scaler = net.preprocessing.add()
    scaler.featureName = "image"
    scaler.scaler.channelScale = 0.5
    scaler.scaler.redBias, scaler.scaler.greenBias, scaler.scaler.blueBias = 1, 2, 3
    scaler.scaler.grayBias = 4
    pixels = np.arange(45, dtype=np.uint8).reshape(3, 5, 3)
    if len(order) == 1:
        given, biases = Image.fromarray(pixels[:, :, 0]), np.array([4])
    else:
        given, biases = Image.fromarray(pixels), np.array([1, 2, 3])
    planes = pixels.transpose(2, 0, 1)[: len(order)]
    expected = (planes * 0.5 + biases[:, None, None])[list(order)]
    loaded = runtime.load(save(spec, tmp_path / "m.mlmodel"))
    np.testing.assert_allclose(loaded.predict({"image": given})["y"][0], expected)
    for path in ("x.png", tmp_path / "x.png"):
        with pytest.raises(runtime.InputError, match=r"a path is no picture.*Image\.open"):
            loaded.predict({"image": path})


def test_arrays_under_the_rank_5_mapping(tmp_path: Path) -> None:
    """[C] becomes [1,1,C,1,1]: a convolution of 1×1 sees it, and the output is [C] again."""
    spec = network({"x": (3,)}, {"y": (2,)}, exact=False)
    conv = layer(spec.neuralNetwork, "convolution", ["x"], ["y"])
    conv.outputChannels, conv.kernelChannels, conv.nGroups = 2, 3, 1
    conv.kernelSize.extend([1, 1])
    conv.stride.extend([1, 1])
    conv.valid.SetInParent()
    weight = numbers(2, 3)
    conv.weights.floatValue.extend(weight.ravel())
    x = numbers(3, seed=1)
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": x})
    np.testing.assert_allclose(found["y"], weight @ x, rtol=1e-5)


@pytest.mark.parametrize(
    ("bits", "packed"), [(8, [7, 0, 3, 5]), (4, [0x70, 0x35]), (3, [0b11100001, 0b11010000])]
)
def test_packed_weights(bits: int, packed: list[int], tmp_path: Path) -> None:
    """7, 0, 3, 5, high bits first: 0111 0000 0011 0101, and 111 000 011 101."""
    spec = network({"x": (1, 2)}, {"y": (1, 2)})
    product = layer(spec.neuralNetwork, "innerProduct", ["x"], ["y"])
    product.inputChannels = product.outputChannels = 2
    product.weights.rawValue = bytes(packed)
    product.weights.quantization.numberOfBits = bits
    product.weights.quantization.linearQuantization.scale.extend([0.5, 2.0])
    product.weights.quantization.linearQuantization.bias.extend([1.0, -1.0])
    weight = np.array([[7 * 0.5 + 1, 0 * 0.5 + 1], [3 * 2 - 1, 5 * 2 - 1]])
    x = np.array([[2.0, 3.0]], np.float32)
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": x})
    np.testing.assert_allclose(found["y"], x @ weight.T)


def test_classifier_with_integer_labels(tmp_path: Path) -> None:
    spec = model()
    multi_array(spec.description.input.add(), "x", (3,))
    label = spec.description.output.add()
    label.name = "label"
    label.type.int64Type.SetInParent()
    table = spec.description.output.add()
    table.name = "table"
    table.type.dictionaryType.int64KeyType.SetInParent()
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "table"
    net = spec.neuralNetworkClassifier
    net.arrayInputShapeMapping = 1
    net.int64ClassLabels.vector.extend([10, 20, 30])
    layer(net, "softmaxND", ["x"], ["p"]).axis = -1
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": np.float32([1, 2, 9])})
    assert found["label"] == 30
    assert list(found["table"]) == [10, 20, 30]
    assert sum(found["table"].values()) == pytest.approx(1)


def test_branch(tmp_path: Path) -> None:
    spec = network({"x": (2,), "choice": (1,)}, {"y": (2,)})
    branch = layer(spec.neuralNetwork, "branch", ["choice"], [])
    layer(branch.ifBranch, "unary", ["x"], ["y"]).type = 6  # |x|
    layer(branch.elseBranch, "copy", ["x"], ["y"])
    net = runtime.load(save(spec, tmp_path / "m.mlmodel"))
    x = np.float32([-1, 2])
    for choice, expected in ((1, [1, 2]), (0, [-1, 2])):
        np.testing.assert_array_equal(
            net.predict({"x": x, "choice": np.float32([choice])})["y"], expected
        )


def test_a_loop_that_never_ends_is_refused(tmp_path: Path) -> None:
    spec = network({"x": (2,)}, {"y": (2,)})
    layer(spec.neuralNetwork, "copy", ["x"], ["y"])
    loop = layer(spec.neuralNetwork, "loop", [], [])
    loop.conditionVar = "x"
    layer(loop.conditionNetwork, "copy", ["x"], ["z"])
    layer(loop.bodyNetwork, "copy", ["y"], ["y"])
    with pytest.raises(runtime.UnsupportedOp, match="did not end"):
        runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": np.float32([1, 1])})


def test_every_unknown_layer_is_named_at_once(tmp_path: Path) -> None:
    spec = network({"x": (2,)}, {"y": (2,)})
    layer(spec.neuralNetwork, "custom", ["x"], ["a"])
    layer(spec.neuralNetwork, "custom", ["a"], ["y"])
    with pytest.raises(runtime.UnsupportedOp) as caught:
        runtime.load(save(spec, tmp_path / "m.mlmodel"))
    assert [p.where for p in caught.value.problems] == ["custom 'a'", "custom 'y'"]


def test_a_blob_that_nothing_makes(tmp_path: Path) -> None:
    spec = network({"x": (2,)}, {"y": (2,)})
    layer(spec.neuralNetwork, "add", ["x", "ghost"], ["y"])
    with pytest.raises(ArtifactError, match="ghost"):
        runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": np.float32([1, 1])})


@pytest.mark.parametrize("dims", [2, 3])
def test_a_transposed_convolution_with_same_padding(dims: int, tmp_path: Path) -> None:
    """It gives size · stride: rows past a kernel that is shorter than the stride hold the bias.

    Expected is the gradient of a forward convolution with SAME padding, summed up by hand.
    """
    sizes, kernel, strides = (2, 3, 4)[-dims:], (1, 4, 2)[-dims:], (1, 2, 3)[-dims:]
    wanted = tuple(n * s for n, s in zip(sizes, strides, strict=True))
    x, weight, bias = numbers(2, *sizes, seed=1), numbers(2, 3, *kernel, seed=2), numbers(3, seed=3)
    spec = network({"x": (1, 2, *sizes)}, {"y": (1, 3, *wanted)})
    conv = layer(spec.neuralNetwork, "convolution3d" if dims == 3 else "convolution", ["x"], ["y"])
    conv.isDeconvolution, conv.hasBias, conv.nGroups, conv.outputChannels = True, True, 1, 3
    if dims == 3:
        conv.inputChannels, conv.paddingType = 2, 2
        conv.kernelDepth, conv.kernelHeight, conv.kernelWidth = kernel
        conv.strideDepth, conv.strideHeight, conv.strideWidth = strides
        conv.dilationDepth = conv.dilationHeight = conv.dilationWidth = 1
    else:
        conv.kernelChannels = 2
        conv.kernelSize.extend(kernel)
        conv.stride.extend(strides)
        conv.same.SetInParent()
    conv.weights.floatValue.extend(weight.ravel())
    conv.bias.floatValue.extend(bias)
    expected = np.tile(bias[(..., *[None] * dims)], (1, *wanted)).astype(np.float64)
    before = [
        max((n - 1) * s + k - n * s, 0) // 2 for n, k, s in zip(sizes, kernel, strides, strict=True)
    ]
    for at in np.ndindex(*sizes):
        for tap in np.ndindex(*kernel):
            to = [a * s + t - b for a, s, t, b in zip(at, strides, tap, before, strict=True)]
            if all(0 <= v < w for v, w in zip(to, wanted, strict=True)):
                expected[(slice(None), *to)] += weight[(..., *tap)].T @ x[(..., *at)]
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": x[None]})
    np.testing.assert_allclose(found["y"][0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("axis", "over"),
    [(0, (0, 1, 2)), (1, (1, 2)), (2, (0,)), (3, (1,)), (4, (2,))],
    ids=["CHW", "HW", "C", "H", "W"],
)
def test_reduce_works_along_the_axis_it_names(
    axis: int, over: tuple[int, ...], tmp_path: Path
) -> None:
    """3×5 pictures tell rows from columns. NeuralNetwork.proto, ReduceLayerParams.ReduceAxis."""
    x = numbers(2, 3, 5)
    shape = tuple(1 if i in over else d for i, d in enumerate(x.shape))
    spec = network({"x": x.shape}, {"y": shape})
    reduce = layer(spec.neuralNetwork, "reduce", ["x"], ["y"])
    reduce.mode, reduce.axis = 0, axis  # 0: sum
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": x})
    np.testing.assert_allclose(found["y"], x.sum(axis=over, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("across", [True, False])
def test_mvn_normalises_the_planes_it_names(across: bool, tmp_path: Path) -> None:
    x = numbers(2, 3, 5)
    spec = network({"x": x.shape}, {"y": x.shape})
    mvn = layer(spec.neuralNetwork, "mvn", ["x"], ["y"])
    mvn.acrossChannels, mvn.normalizeVariance, mvn.epsilon = across, False, 1e-5
    axes = (0, 1, 2) if across else (1, 2)
    found = runtime.load(save(spec, tmp_path / "m.mlmodel")).predict({"x": x})
    np.testing.assert_allclose(found["y"], x - x.mean(axis=axes, keepdims=True), atol=1e-6)


def dense(net: object, source: str, target: str, seed: int) -> np.ndarray[Any, Any]:
    """Append an inner product of 3 numbers; return its weights."""
    made = layer(net, "innerProduct", [source], [target])
    made.inputChannels = made.outputChannels = 3
    weight = numbers(3, 3, seed=seed)
    made.weights.floatValue.extend(weight.ravel())
    return weight


def test_behind_a_value_that_is_given_no_other_layer_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = network({"x": (3,)}, {"y": (3,)}, exact=False)
    net = spec.neuralNetwork
    dense(net, "x", "a", 1)
    dense(net, "a", "b", 2)
    last = dense(net, "b", "y", 3)
    read: list[tuple[str, ...]] = []
    weight = Layer.weight

    def counted(self: Layer, *args: Any, **named: Any) -> Any:
        read.append(tuple(self.outputs))
        return weight(self, *args, **named)

    monkeypatch.setattr(Layer, "weight", counted)
    loaded = runtime.load(save(spec, tmp_path / "m.mlmodel"))
    b = numbers(3, seed=9)
    shaped = b.reshape(1, 1, 3, 1, 1)
    found = loaded.predict({"x": np.zeros(3, np.float32)}, given={"b": shaped})
    assert read == [("y",)]
    np.testing.assert_allclose(found["y"], last @ b, rtol=1e-5)
    loaded.predict({"x": b})
    assert read[1:] == [("a",), ("b",), ("y",)]


def test_an_end_that_reads_more_than_what_is_given_is_computed_whole(tmp_path: Path) -> None:
    spec = network({"x": (3,)}, {"y": (3,)}, exact=False)
    net = spec.neuralNetwork
    first = dense(net, "x", "a", 1)
    dense(net, "a", "b", 2)
    layer(net, "add", ["a", "b"], ["y"])
    loaded = runtime.load(save(spec, tmp_path / "m.mlmodel"))
    x, b = numbers(3, seed=8), numbers(3, seed=9)
    found = loaded.predict({"x": x}, given={"b": b.reshape(1, 1, 3, 1, 1)})
    np.testing.assert_allclose(found["y"], first @ x + b, rtol=1e-5)
