"""What else must speak for a head than the shapes that it fits: names, and values on a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mobilecat.bake import Baked, head_of
from mobilecat.foreign import problem_from_onnxruntime, session_options
from mobilecat.graph import Array, shape_of
from mobilecat.graph.declared import Declared, declared
from mobilecat.pictures.odd import UNITS
from mobilecat.spec import Spec
from mobilecat.value import unprintable

if TYPE_CHECKING:
    import onnx_ir as ir

_LONGEST_LABEL = 200
_SLACK = 1e-3
"""Of scores: a product or a root of float32 ends a little above 1."""
_FAR = 4.0
_SHOWN = 4


def with_names(spec: Spec, network: ir.Model) -> tuple[Spec, tuple[str, ...]]:
    """Return the spec with the file's own class names where it has no labels, and what to say.

    Errors: ModelError where the head does not fit the network.
    """
    said = declared(network.metadata_props)
    if said.names and not spec.labels and spec.head.counts_labels:
        spec = _counted(spec, len(said.names))
    head = head_of(spec, network)
    if head is None or spec.input is None:
        return spec, ()
    notes = list(_size_words(said, spec.input.size))
    usable = len(said.names) == head.classes and all(map(_is_label, said.names))
    if usable and not spec.labels:
        notes.append(f"{_count(head.classes, 'label')} from the file's metadata: {_some(said)}")
        return spec.model_copy(update={"labels": said.names}), tuple(notes)
    if usable and spec.labels and len(spec.labels) == head.classes:
        notes += _order_words(spec.labels, said.names)
    if said.names and spec.labels and len(said.names) != head.classes:
        notes.append(
            f"warning: the file's metadata names {_count(len(said.names), 'class')}, the spec's "
            f"labels {len(spec.labels)}: the labels are taken"
        )
    if not spec.labels and not said.names and not said.task:
        notes += _assumed(head.classes, head.raw, network)
    if not spec.labels and (spec.head.suppressed or spec.head.whole_picture) and head.classes:
        notes.append(_unnamed(head.classes))
    return spec, tuple(notes)


def _unnamed(classes: int) -> str:
    """Say what an export without labels calls its classes, and how they get names."""
    first = '"name of class 0"' + ', "name of class 1", …' * (classes > 1)
    which = "the one class" if classes == 1 else f"the {classes} classes"
    return (
        f"no labels: {which} will be called by number (class 0). Write labels = [{first}], in the "
        "network's order, at the top of the spec, and export again"
    )


def _counted(spec: Spec, classes: int) -> Spec:
    """Return the spec with the number of classes where its head counts labels, and has none."""
    if getattr(spec.head, "classes", 0) is not None:
        return spec
    return spec.model_copy(update={"head": spec.head.model_copy(update={"classes": classes})})


def on_a_picture(spec: Spec, plain: Baked) -> tuple[str, ...]:
    """Return what the head's candidates on one made picture contradict; a picture of any kind does.

    plain: takes `image` uint8 [1,H,W,3], or one channel of grey. What cannot be run says NOT_RUN,
    and why.
    """
    if plain.image is None or spec.input is None or not plain.candidates:
        return ()
    try:
        boxes, scores, angles = _candidates(plain, spec)
    except Exception as e:  # onnxruntime's exceptions share no base class
        why = problem_from_onnxruntime(str(e)).what
        return (f"NOT_RUN: the head was not tried on a picture: {why}",)
    found = [*_odd_scores(spec, scores), *_odd_boxes(spec, boxes, spec.input.size)]
    found += _odd_angles(spec, angles)
    return tuple(f"warning: {said}" for said in found)


def _candidates(plain: Baked, spec: Spec) -> tuple[Array, Array, Array | None]:
    """Return boxes, scores, and angles where boxes are turned."""
    import onnx

    from mobilecat.graph.light import proto_of, session_of

    assert spec.input is not None
    turned = spec.head.turned
    wanted = plain.candidates[: 3 if turned else 2]
    proto, arrays = proto_of(plain.model)
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in wanted)
    session = session_of(proto, arrays, session_options())
    channels = 1 if spec.input.color == "GRAY" else 3
    found = session.run(None, {plain.image: _picture(spec.input.size, channels)})
    boxes, scores, *rest = (np.asarray(v, np.float64).reshape(-1, v.shape[-1]) for v in found)
    return boxes, scores, rest[0] if turned else None


def _picture(size_wh: tuple[int, int], channels: int) -> Array:
    """Return patches of colour, or grey, uint8 [1,H,W,channels]: always the same ones."""
    rng = np.random.default_rng(14)
    cols, rows = (-(-side // 16) for side in size_wh)
    patches = rng.integers(0, 256, (rows, cols, channels), dtype=np.uint8)
    whole: Array = patches.repeat(16, axis=0).repeat(16, axis=1)
    return np.ascontiguousarray(whole[None, : size_wh[1], : size_wh[0]])


def _odd_scores(spec: Spec, scores: Array) -> list[str]:
    low, high = np.nanmin(scores, axis=0), np.nanmax(scores, axis=0)
    outside = np.flatnonzero((low < -_SLACK) | (high > 1 + _SLACK))
    if not len(outside):
        return []
    few = ", ".join(str(i) for i in outside[:_SHOWN]) + ", …" * (len(outside) > _SHOWN)
    return [
        f"{len(outside)} of the {_count(scores.shape[1], 'class')} that head {spec.head.kind!r} "
        f"reads (number {few}) have values from {low[outside].min():.3g} to "
        f"{high[outside].max():.3g} on a picture, and a score is 0 to 1. Are these points, mask "
        "coefficients or an angle of another kind of network, or scores before their sigmoid?"
    ]


def _odd_boxes(spec: Spec, boxes: Array, size_wh: tuple[int, int]) -> list[str]:
    units = getattr(spec.head, "units", None)
    if units is None or not len(boxes) or not np.isfinite(boxes).all():
        return []
    largest = float(np.abs(boxes).max())
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.array(size_wh)
    said = UNITS.get(units, "").format(holder="spec")
    if units == "pixels" and largest <= 2:
        return [f"no box reaches beyond {largest:.2g} pixels on a made picture: {said}"]
    if units == "normalised" and np.median(np.abs(centre).max(axis=1)) > _FAR:
        return [f"most boxes lie far outside of a made picture: {said}"]
    return []


def _odd_angles(spec: Spec, angles: Array | None) -> list[str]:
    unit = getattr(spec.head, "angle", "radians")
    if angles is None or not angles.size or not np.isfinite(angles).all():
        return []
    largest = float(np.abs(angles).max())
    if unit == "radians" and largest > 2 * np.pi:
        return [
            f"angles reach {largest:.3g} radians on a picture, more than a whole turn: is "
            'head.angle "degrees", or head.angle_column another?'
        ]
    if unit == "degrees" and np.degrees(largest) <= np.pi:
        return [f'no angle is beyond {np.degrees(largest):.2g} degrees: is head.angle "radians"?']
    return []


def _assumed(classes: int, read_from: tuple[str, ...], network: ir.Model) -> list[str]:
    """Say what only the shapes speak for."""
    shapes = {v.name or "": shape_of(v) for v in network.graph.outputs}
    read = ", ".join(f"{n!r} {list(shapes[n])}" for n in read_from[:_SHOWN] if n in shapes)
    read += ", …" * (len(read_from) > _SHOWN)
    said = []
    if classes > 1:
        said.append(
            f"assumed: {_count(classes, 'class')}, since {read} has as many columns left; "
            "neither the spec's labels nor the file name them"
        )
    unread = [n for n in shapes if n not in read_from]
    if unread and classes > 1:
        listed = ", ".join(f"{n!r} {list(shapes[n])}" for n in unread[:_SHOWN])
        masks = [n for n in unread if len(shapes[n]) == 4 and 1 < shapes[n][1] < classes]
        hint = " Prototypes of masks, whose coefficients are not classes?" if masks else ""
        said.append(f"{'warning: ' * bool(hint)}not read: {listed}.{hint}")
    return said


def _size_words(said: Declared, size_wh: tuple[int, int]) -> list[str]:
    if said.size_wh is None or said.size_wh == size_wh:
        return []
    theirs, ours = ("×".join(map(str, s)) for s in (said.size_wh, size_wh))
    return [f"warning: the file was exported for {theirs} pictures (imgsz), input.size is {ours}"]


def _order_words(labels: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    mine, theirs = ([w.casefold() for w in words] for words in (labels, names))
    if mine == theirs:
        return []
    at = next(i for i, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1])
    differs = f"class {at} is {labels[at]!r} in the spec and {names[at]!r} in the file's metadata"
    if sorted(mine) == sorted(theirs):
        return [f"warning: the labels are the file's in another order: {differs}"]
    return [f"the spec's labels are taken; {differs}"]


def _is_label(name: str) -> bool:
    return bool(name.strip()) and len(name) <= _LONGEST_LABEL and not unprintable(name)


def _some(said: Declared) -> str:
    shown = ", ".join(said.names[:_SHOWN])
    return shown + ", …" * (len(said.names) > _SHOWN)


def _count(n: int, what: str) -> str:
    many = {"class": "classes"}.get(what, f"{what}s")
    return f"{n} {what if n == 1 else many}"
