"""A proposed spec on one picture: what it finds, and what other preprocessing would find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mobilecat.bake import bake
from mobilecat.bake.preprocessing import image_input_of
from mobilecat.graph import dtype_of
from mobilecat.lanes.detect import decode_outputs
from mobilecat.pictures.detections import Detections, nothing_above
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import fit_picture
from mobilecat.proposal.text import toml_value
from mobilecat.shown import Line, Table
from mobilecat.spec import ImageSpec, NmsSpec, Spec

if TYPE_CHECKING:
    import onnx_ir as ir
    from PIL.Image import Image

_LEAST = 0.01
"""Below, a score says nothing of what is in a picture."""
MARGIN = 0.25
"""By how much the best score must differ before one picture says which preprocessing is right."""
_SATURATED = 0.9995


@dataclass(frozen=True)
class Other:
    """Other preprocessing. what: in words. line: as a spec has it. score: the best of any box.

    sound: whether it finds what a detector finds, and no flood of boxes. kept: what the spec has in
    its place; whose: why it does.
    """

    what: str
    line: str
    score: float
    sound: bool
    kept: str
    whose: str

    @property
    def said(self) -> str:
        if not self.sound:
            return f"{self.what}, which floods the picture with boxes"
        return f"{self.what} {self.score:.3f}"

    def verdict(self, best: float) -> str:
        """Say which is right, by a best score of `best` with what the spec has."""
        if self.score > best + MARGIN:
            return f"{self.what} is better by more than {MARGIN:g}: consider {self.line}"
        if self.score < best - MARGIN:
            return f"{self.what} finds less by more than {MARGIN:g}: {self.kept} is right"
        return (
            f"{self.what} is too close to tell (within {MARGIN:g}); kept {self.kept}, {self.whose}"
        )


@dataclass(frozen=True)
class Tried:
    """found: at the spec's thresholds. below: where that is nothing, the best box of a lower score.

    best: the best score of any box, above 0.01, else 0. threshold: what a score is above.
    others: the best score with other preprocessing, in words. odd: what no detector gives.
    """

    found: Detections
    best: float
    others: tuple[Other, ...]
    odd: tuple[str, ...]
    below: Detections | None = None
    threshold: float | None = None

    def words(self, spec: Spec) -> Iterator[Line | Table]:
        """Say what was found, and whether something else would find more."""
        n = len(self.found)
        most = max((d.class_ids.max(initial=-1) for d in (self.found, self.below) if d), default=-1)
        labels = spec.labels or tuple(f"class {i}" for i in range(int(most) + 1))
        if n:
            yield Line(f"on the picture: {n} detection{'s' * (n != 1)}")
            yield from self.found.words(labels, spec.landmarks)
        else:
            yield Line(f"on the picture: {nothing_above(self.threshold, self.below, labels)}")
        if self.others:
            listed = ", ".join(other.said for other in self.others)
            yield Line(f"  best score {self.best:.3f}; with other preprocessing: {listed}", "dim")
        for other in self.others:
            if other.sound:
                better = other.score > self.best + MARGIN
                yield Line(f"    {other.verdict(self.best)}", "yellow" if better else "dim")
        yield from (Line(f"  warning: {said}", "yellow") for said in self.odd)


def try_spec(
    network: ir.Model, spec: Spec, picture: Image, whose: Mapping[str, str] | None = None
) -> Tried:
    """Run a spec's baked graph on `picture` in onnxruntime.

    whose: why a key of [input] is as it is, where it is not the family's own.
    """
    assert spec.input is not None
    run = _opened(network, spec)
    every, odd = run(spec, picture)
    nms = spec.effective_nms
    threshold = nms.score_threshold if nms is not None else None
    found = every.chosen(every.scores > (-1 if threshold is None else threshold))
    best = _best(every)
    others = []
    whole = dtype_of(image_input_of(network, spec.input)).kind in "iu"
    for what, key, image in _variants(spec, whole, picture.size):
        other = spec.model_copy(update={"input": spec.input.model_copy(update=image)})
        # How a picture is fitted is before the graph.
        elsewhere, strange = (run if key == "resize" else _opened(network, other))(other, picture)
        score = _best(elsewhere)
        sound = not strange and score < _SATURATED
        kept = _shown(spec.input, key), (whose or {}).get(key, "the family's own")
        others.append(Other(what, f"{key} = {toml_value(image[key])}", score, sound, *kept))
    below = None
    if len(every) and not len(found):
        below = every.chosen(every.scores == best).chosen(slice(1))
    return Tried(found, best, tuple(others), tuple(odd), below, threshold)


def _best(found: Detections) -> float:
    return float(found.scores.max(initial=0))


def _shown(image: ImageSpec, key: str) -> str:
    value = getattr(image, key)
    return value if isinstance(value, str) else f"{key} [{value[0]:g}, {value[1]:g}]"


def _variants(
    spec: Spec, whole: bool, picture_wh: tuple[int, int]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give other preprocessing: in words, its key, its values. whole: the network takes pixels as
    they are."""
    image = spec.input
    assert image is not None
    if swapped := {"RGB": "BGR", "BGR": "RGB"}.get(image.color):
        yield swapped, "color", {"color": swapped}
    plain = not any(image.per_channel(image.mean)) and set(image.per_channel(image.std)) == {1.0}
    if plain and image.range[0] == 0 and not whole:
        other = (0.0, 1.0) if image.range[1] > 1 else (0.0, 255.0)
        yield f"range [{other[0]:g}, {other[1]:g}]", "range", {"range": other}
    alike = picture_wh[0] * image.size[1] == picture_wh[1] * image.size[0]
    if spec.head.kind != "obb" and not alike:  # a turned box cannot be stretched
        fitted = "letterbox" if image.resize == "stretch" else "stretch"
        pad = image.pad if fitted == "letterbox" else 0
        yield fitted, "resize", {"resize": fitted, "pad": pad, "rounding": None}


def _opened(network: ir.Model, spec: Spec) -> Callable[[Spec, Image], tuple[Detections, list[str]]]:
    """Return what runs a picture: all boxes above 0.01, and what is odd about those above the
    spec's threshold."""
    import onnx_ir as ir
    import onnxruntime as ort

    nms = spec.effective_nms
    lower = spec
    if nms is not None:
        wide: NmsSpec = nms.model_copy(update={"score_threshold": _LEAST})
        lower = spec.model_copy(update={"nms": wide})
    model = bake(network, lower, "uint8").model
    session = ort.InferenceSession(
        ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [o.name for o in session.get_outputs()]

    def run(spec: Spec, picture: Image) -> tuple[Detections, list[str]]:
        assert spec.input is not None
        pixels, plan = fit_picture(picture, spec.input)
        outputs = dict(zip(names, session.run(None, {"image": pixels[None]}), strict=True))
        every = decode_outputs(outputs, plan)
        kept = every.chosen(every.scores > (nms.score_threshold if nms is not None else -1))
        return every, odd_values(spec, kept, plan.model_from_image)

    return run
