"""What the faults change: the spec, the graph before it is lowered, weights, bundle.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.spec import Spec
from tools.plant_faults.edit import Editor
from tools.plant_faults.workshop import Mutant

Plant = Callable[[Mutant], object]
Edit = Callable[[Editor], object]


def spec(change: Callable[[Spec], Spec]) -> Plant:
    """The artifact is made from another spec than the contract's."""
    return lambda m: m.relower(spec=change(m.spec))


def graph(edit: Edit) -> Plant:
    return lambda m: m.relower(edit=edit)


def told(change: Callable[[dict[str, Any]], object]) -> Plant:
    """bundle.json says something else than what was approved."""
    return lambda m: change(m.told)


def image(**keys: Any) -> Plant:
    def change(s: Spec) -> Spec:
        assert s.input is not None
        return s.model_copy(update={"input": s.input.model_copy(update=keys)})

    return spec(change)


def other_color(s: Spec) -> Spec:
    assert s.input is not None
    color = "RGB" if s.input.color == "BGR" else "BGR"
    return s.model_copy(update={"input": s.input.model_copy(update={"color": color})})


def scaled(factor: float) -> Plant:
    """The standard deviation, in each channel, times `factor`."""

    def change(s: Spec) -> Spec:
        assert s.input is not None
        std = tuple(v * factor for v in s.input.per_channel(s.input.std))
        return s.model_copy(update={"input": s.input.model_copy(update={"std": std})})

    return spec(change)


def nms(**keys: Any) -> Plant:
    def change(s: Spec) -> Spec:
        assert s.effective_nms is not None
        return s.model_copy(update={"nms": s.effective_nms.model_copy(update=keys)})

    return spec(change)


def head(**keys: Any) -> Plant:
    return spec(lambda s: s.model_copy(update={"head": s.head.model_copy(update=keys)}))


def through(name: str, make: Callable[[Editor, ir.Value], ir.Value]) -> Plant:
    return graph(lambda e: e.through(name, make))


def columns(order: Sequence[int], axis: int = -1) -> Callable[[Editor, ir.Value], ir.Value]:
    index = np.array(order, dtype=np.int64)
    return lambda e, v: e.op("Gather", v, index, axis=axis)


def times(factor: float) -> Callable[[Editor, ir.Value], ir.Value]:
    return lambda e, v: e.op("Mul", v, np.array(factor, dtype=np.float32))


def plus(amount: float) -> Callable[[Editor, ir.Value], ir.Value]:
    return lambda e, v: e.op("Add", v, np.array(amount, dtype=np.float32))


def unary(op: str, **attributes: Any) -> Callable[[Editor, ir.Value], ir.Value]:
    return lambda e, v: e.op(op, v, **attributes)


def shifted_anchors(e: Editor) -> None:
    """Origins are column·stride, row·stride: add half of each row's stride."""
    stride = e.node("decode/size").inputs[1]
    assert stride is not None and stride.const_value is not None
    half = np.asarray(stride.const_value.numpy()) / 2
    e.set_const("decode/centre", 1, lambda a: a + half)


def swapped_wh(e: Editor) -> None:
    e.feed("decode/size", 0, columns([1, 0]))


def xy_corner_is_centre(e: Editor) -> None:
    """Boxes as x, y, w, h of the centre instead of corners."""
    node = e.node("decode/candidate_boxes")
    node.replace_input_with(0, e.value("decode/centre"))
    node.replace_input_with(1, e.value("decode/size"))


def count_all(e: Editor) -> None:
    """Every padded row counts as a detection."""
    e.through("count", lambda e, v: e.op("Max", v, np.array([100], dtype=np.int32)))


def count_one_more(e: Editor) -> None:
    e.through("count", lambda e, v: e.op("Add", v, np.array([1], dtype=np.int32)))


def dirty_padding(e: Editor) -> None:
    e.through("boxes", plus(1.0))


def falling_to_rising(e: Editor) -> None:
    order = columns(list(range(99, -1, -1)), axis=1)
    for name in ("boxes", "scores", "class_ids"):
        e.through(name, order)


def next_class(e: Editor) -> None:
    e.through("class_ids", lambda e, v: e.op("Add", v, np.array([[1]], dtype=np.int32)))


def swapped_outputs(a: str, b: str) -> Plant:
    """The artifact's outputs are taken for each other, as where they are read by position."""

    def change(m: Mutant) -> None:
        names = m.artifact["outputs"]
        names[a], names[b] = names[b], names[a]

    return change


def swapped_taps(a: str, b: str) -> Plant:
    def change(m: Mutant) -> None:
        names = m.artifact["taps"]
        names[a], names[b] = names[b], names[a]

    return change


def weights(node: str, change: Callable[[Array], Array]) -> Plant:
    return graph(lambda e: e.set_const(node, 1, change))


def bits(count: int) -> Callable[[Array], Array]:
    """Round to `count` bits, one scale for the whole tensor."""

    def change(w: Array) -> Array:
        scale = float(np.abs(w).max()) / (2 ** (count - 1) - 1)
        return np.rint(w / scale) * scale

    return change


def zeros(w: Array) -> Array:
    return np.zeros_like(w)


def reversed_rows(w: Array) -> Array:
    return w[::-1]


def rolled_inputs(w: Array) -> Array:
    return np.roll(w, 1, axis=1)


def swapped_kernel(w: Array) -> Array:
    return np.swapaxes(w, 2, 3)


def shuffled(names: list[str]) -> list[str]:
    return [*names[1:], names[0]] if len(names) > 1 else [f"not {n}" for n in names]


def shuffle_labels_file(m: Mutant) -> None:
    path = m.folder / "labels.txt"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(shuffled(lines)) + "\n", encoding="utf-8")


def shuffle_labels(m: Mutant) -> None:
    m.told["spec"]["labels"] = shuffled(m.told["spec"]["labels"])
    shuffle_labels_file(m)


def exchanged_names(t: dict[str, Any]) -> None:
    names = t["spec"]["landmarks"]
    names[0], names[1] = names[1], names[0]


LEFT_RIGHT = [2, 3, 0, 1, 4, 5, 8, 9, 6, 7]  # of ten columns: two eyes, a nose, two corners
YX = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]
# Convolutions near the input, in the middle, and at the end.
LAYERS = {
    "yunet": ("Conv_0", "Conv_9", "Conv_33"),
    "yolox_nano": ("Conv_41", "Conv_175", "Conv_231"),
    "mtcnn_onet": ("conv2d_8", "conv2d_9", "conv2d_10"),
    "ssdlite": (
        "FeatureExtractor/MobilenetV2/Conv/Conv2D",
        "FeatureExtractor/MobilenetV2/expanded_conv_9/project/Conv2D",
        "BoxPredictor_0/ClassPredictor/BiasAdd",
    ),
}


def resize(mode: str) -> Callable[[dict[str, Any]], object]:
    def change(t: dict[str, Any]) -> None:
        t["spec"]["input"]["resize"] = mode
        if mode == "stretch":
            t["spec"]["input"]["pad"] = 0

    return change


def key(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda t: t["spec"]["input"].__setitem__(name, value)


def upside_down(e: Editor) -> None:
    """Reverse the rows of what the network takes."""
    first = e.of_type("Transpose")[0] if e.of_type("Transpose") else None
    assert first is not None
    image = e.value("image")
    axis = 2 if image.shape is not None and image.shape[1] == 3 else 1
    rows = int(image.shape[axis])  # type: ignore[arg-type,index]
    e.model.graph.sort()
    readers = tuple(image.uses())
    flipped = e.op("Gather", image, np.arange(rows - 1, -1, -1), axis=axis)
    for user, index in readers:
        user.replace_input_with(index, flipped)
    flipped.type, flipped.shape = image.type, image.shape


def without_class(e: Editor) -> None:
    one = np.array(1, dtype=np.float32)
    e.feed("decode/cls_obj", 0, lambda e, v: e.op("Max", v, one))


def leaky(e: Editor) -> None:
    relu = e.node("Relu_1")
    e.through(relu.outputs[0].name or "", lambda e, _: e.op("LeakyRelu", relu.inputs[0], alpha=0.1))  # type: ignore[arg-type]


def no_slopes(e: Editor) -> None:
    e.set_const("p_re_lu_7", 1, np.zeros_like)


def softmax_over_batch(e: Editor) -> None:
    """Over an axis of size 1 every softmax is 1."""
    zero, one = np.array(0, dtype=np.float32), np.array(1, dtype=np.float32)
    e.through("softmax_2", lambda e, v: e.op("Add", e.op("Mul", v, zero), one))


def no_bias(e: Editor) -> None:
    conv = next(
        n for n in e.of_type("Conv")
        if len(n.inputs) > 2 and n.inputs[2] is not None and n.inputs[2].const_value is not None
    )  # fmt: skip
    e.set_const(conv.name or "", 2, np.zeros_like)


def wrong_concat(e: Editor) -> None:
    node = next(
        n for n in e.of_type("Concat")[1:]
        if len(n.inputs) == 2 and n.inputs[0].shape == n.inputs[1].shape  # type: ignore[union-attr]
    )  # fmt: skip
    e.swap_inputs(node.name or "", 0, 1)


def no_skip(e: Editor) -> None:
    add = next(n for n in e.of_type("Add") if "decode" not in (n.name or ""))
    e.skip(add.name or "")


def average_pool(e: Editor) -> None:
    pool = e.of_type("MaxPool")[0]
    given = {k: a.value for k, a in pool.attributes.items()}
    kept = {k: v for k, v in given.items() if k in ("kernel_shape", "strides", "pads")}
    out = pool.outputs[0].name or ""
    e.through(out, lambda e, _: e.op("AveragePool", pool.inputs[0], **kept))  # type: ignore[arg-type]


def other_upsampling(e: Editor) -> None:
    node = e.of_type("Resize")[0]
    e.set_attr(node.name or "", "mode", "linear")
    e.set_attr(node.name or "", "coordinate_transformation_mode", "half_pixel")


def coarse_first(e: Editor) -> None:
    """Read the maps in the order 32, 16, 8, and the cells in the order 8, 16, 32."""
    for name in ("decode/cls", "decode/obj", "decode/bbox", "decode/kps"):
        e.swap_inputs(name, 0, 2)


def other_score(e: Editor) -> None:
    """The first column of [background, face] for the second."""
    e.set_const("decode/candidate_scores", 1, lambda a: a - 1)
    e.set_const("decode/candidate_scores", 2, lambda a: a - 1)


def clipped(e: Editor, v: ir.Value) -> ir.Value:
    zero, side = np.array(0, dtype=np.float32), np.array(256, dtype=np.float32)
    return e.op("Min", e.op("Max", v, zero), side)


def mirrored(e: Editor, v: ir.Value) -> ir.Value:
    scale = np.array([-1.0, 1.0], dtype=np.float32)
    return e.op("Add", e.op("Mul", v, scale), np.array([48.0, 0.0], dtype=np.float32))
