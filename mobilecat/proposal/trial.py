"""A proposed spec on one picture: what it finds, and what other preprocessing would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mobilecat.bake import bake
from mobilecat.bake.preprocessing import image_input_of
from mobilecat.graph import dtype_of
from mobilecat.lanes.detect import decode_outputs
from mobilecat.pictures.detections import Detections, nothing_above
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import fit_picture
from mobilecat.shown import Line, Table
from mobilecat.spec import ImageSpec, NmsSpec, Spec

if TYPE_CHECKING:
    import onnx_ir as ir
    from PIL.Image import Image

_LEAST = 0.01
"""Below, a score says nothing of what is in a picture."""
_BETTER = 0.25
_SATURATED = 0.9995


@dataclass(frozen=True)
class Tried:
    """found: at the spec's thresholds. below: where that is nothing, the best box of a lower score.

    best: the best score of any box, above 0.01, else 0. threshold: what a score is above.
    others: the best score with other preprocessing, in words. odd: what no detector gives.
    """

    found: Detections
    best: float
    others: tuple[tuple[str, float, bool], ...]
    odd: tuple[str, ...]
    below: Detections | None = None
    threshold: float | None = None

    def words(self, spec: Spec) -> Iterator[Line | Table]:
        """Say what was found, and whether something else would find more."""
        n = len(self.found)
        if n:
            yield Line(f"on the picture: {n} detection{'s' * (n != 1)}")
            yield from self.found.words(spec.labels, spec.landmarks)
        else:
            yield Line(f"on the picture: {nothing_above(self.threshold, self.below, spec.labels)}")
        if self.others:
            listed = ", ".join(
                f"{what} {score:.3f}" if sound else f"{what}, which floods the picture with boxes"
                for what, score, sound in self.others
            )
            yield Line(f"  best score {self.best:.3f}; with other preprocessing: {listed}", "dim")
        for what, score, sound in self.others:
            if sound and score > self.best + _BETTER:
                said = f"  warning: {what} finds more ({score:.3f}): is [input] right?"
                yield Line(said, "yellow")
        yield from (Line(f"  warning: {said}", "yellow") for said in self.odd)


def try_spec(network: ir.Model, spec: Spec, picture: Image) -> Tried:
    """Run a spec's baked graph on `picture` in onnxruntime."""
    assert spec.input is not None
    every, odd = _run(network, spec, picture)
    nms = spec.effective_nms
    threshold = nms.score_threshold if nms is not None else None
    found = every.chosen(every.scores > (-1 if threshold is None else threshold))
    best = _best(every)
    others = []
    whole = dtype_of(image_input_of(network, spec.input)).kind in "iu"
    for what, image in _variants(spec.input, whole).items():
        other = spec.model_copy(update={"input": spec.input.model_copy(update=image)})
        elsewhere, strange = _run(network, other, picture)
        score = _best(elsewhere)
        others.append((what, score, not strange and score < _SATURATED))
    below = None
    if len(every) and not len(found):
        below = every.chosen(every.scores == best).chosen(slice(1))
    return Tried(found, best, tuple(others), tuple(odd), below, threshold)


def _best(found: Detections) -> float:
    return float(found.scores.max(initial=0))


def _variants(image: ImageSpec, whole: bool) -> dict[str, dict[str, Any]]:
    """Return other preprocessing, in words. whole: the network takes pixels as they are."""
    swapped = {"RGB": "BGR", "BGR": "RGB"}.get(image.color)
    variants: dict[str, dict[str, Any]] = {swapped: {"color": swapped}} if swapped else {}
    plain = not any(image.per_channel(image.mean)) and set(image.per_channel(image.std)) == {1.0}
    if plain and image.range[0] == 0 and not whole:
        other = (0.0, 1.0) if image.range[1] > 1 else (0.0, 255.0)
        variants[f"range [{other[0]:g}, {other[1]:g}]"] = {"range": other}
    return variants


def _run(network: ir.Model, spec: Spec, picture: Image) -> tuple[Detections, list[str]]:
    """Return all boxes above 0.01, and what is odd about those above the spec's threshold."""
    import onnx_ir as ir
    import onnxruntime as ort

    assert spec.input is not None
    nms = spec.effective_nms
    lower = spec
    if nms is not None:
        wide: NmsSpec = nms.model_copy(update={"score_threshold": _LEAST})
        lower = spec.model_copy(update={"nms": wide})
    model = bake(network, lower, "uint8").model
    session = ort.InferenceSession(
        ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    pixels, plan = fit_picture(picture, spec.input)
    names = [o.name for o in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, {"image": pixels[None]}), strict=True))
    every = decode_outputs(outputs, plan)
    kept = every.chosen(every.scores > (nms.score_threshold if nms is not None else -1))
    return every, odd_values(spec, kept, plan.model_from_image)
