"""A proposed spec on pictures: what it finds, and what other preprocessing would find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.bake import bake
from mobilecat.bake.preprocessing import image_input_of
from mobilecat.foreign import quiet_onnxruntime
from mobilecat.geometry.affine import Affine
from mobilecat.graph import dtype_of
from mobilecat.lanes.detect import decode_outputs
from mobilecat.pictures.cutouts import cut_around, nearer, pair_of
from mobilecat.pictures.detections import Detections, nothing_above
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import fit_picture
from mobilecat.proposal.compared import Other, told_of
from mobilecat.shown import Line, Table
from mobilecat.spec import ImageSpec, NmsSpec, Spec
from mobilecat.spec.otherwise import PIXEL_VALUES, RANGES

if TYPE_CHECKING:
    import onnx_ir as ir
    from PIL.Image import Image

_LEAST = 0.01
"""Below, a score says nothing of what is in a picture."""
_SATURATED = 0.9995
BY_PICTURES = "by the pictures"
_SHOWN = 8
"""Boxes, best first: of a flood all are alike."""
MOST_PICTURES = 16
"""Some seconds a picture and way, of a large network; a mean gains little by more."""

Ran = tuple[Detections, list[str]]
_FITTING = ("resize", "pad")
YOLO_GREY = 114
"""What the YOLO family fills the rest of the input with; others leave it black."""

Run = Callable[[Spec, "Image"], Ran]


@dataclass(frozen=True)
class Sample:
    """A picture that `init` was given, upright, and what it is called."""

    name: str
    picture: Image = field(repr=False)


@dataclass(frozen=True)
class Shot:
    """One picture. found: at the spec's thresholds. below: where that is nothing, the best box of a
    lower score. resized: found and below with the picture brought to size the other way."""

    sample: Sample
    found: Detections
    below: Detections | None = None
    resized: tuple[Detections, Detections | None] | None = None


@dataclass(frozen=True)
class Tried:
    """shots: a picture each. best: the best score of any box above 0.01, else 0; their mean.

    threshold: what a score is above. others: other preprocessing. odd: what no detector gives.
    """

    shots: tuple[Shot, ...]
    best: float
    others: tuple[Other, ...]
    odd: tuple[str, ...]
    threshold: float | None = None

    @property
    def found(self) -> Detections:
        """What is found on the first picture."""
        return self.shots[0].found

    @property
    def resize(self) -> Other | None:
        """The other way to bring a picture to the input's size, where pictures could tell."""
        return next((o for o in self.others if o.key == "resize"), None)

    def words(self, spec: Spec) -> Iterator[Line | Table]:
        """Say what was found, and whether something else would find more."""
        one = len(self.shots) == 1
        for shot in self.shots:
            n = len(shot.found)
            on = "on the picture" if one else f"on {shot.sample.name}"
            many = f"{n} detection{'s' * (n != 1)}"
            if not n:
                yield Line(f"{on}: {nothing_above(self.threshold, shot.below, spec.labels)}")
            elif spec.head.whole_picture:
                classes = (shot.found.said(i, spec.labels, boxes=False) for i in range(n))
                yield Line(f"{on}: {', '.join(classes)}")
            elif one:
                yield Line(f"{on}: {many}")
                some = shot.found.chosen(slice(_SHOWN))
                yield from some.words(spec.labels, spec.landmarks)
                if n > _SHOWN:
                    yield Line(f"  and {n - _SHOWN} more")
            else:
                best = shot.found.said(int(np.argmax(shot.found.scores)), spec.labels)
                yield Line(f"{on}: {many}, best {best}")
        empty = [s for s in self.shots if not s.found and s.below]
        if self.threshold is not None and 2 * len(empty) > len(self.shots):
            lower = self.threshold / 3
            said = f"above {self.threshold:g} is nothing on {len(empty)} of {len(self.shots)}: "
            said += f"to try another threshold: --set nms.score_threshold={lower:.1g}"
            yield Line(f"  {said}", "dim")
        if self.others:
            listed = ", ".join(other.said for other in self.others)
            mean = "" if one else ", the mean of the pictures"
            said = f"  best score {self.best:.3f}{mean}; with other preprocessing: {listed}"
            yield Line(said, "dim")
        for other in told_of(self.others):
            # Of the padding only what tells: it seldom does, and is asked of no file.
            silent = other.whose == BY_PICTURES or (other.key == "pad" and other.verdict == "close")
            if other.sound and not silent:
                better = other.verdict == "better"
                yield Line(f"    {other.sentence}", "yellow" if better else "dim")
        yield from (Line(f"  warning: {said}", "yellow") for said in self.odd)
        flooded = self.odd and not spec.head.whole_picture  # of classes the warning says as much
        if flooded and self.others and not any(o.sound for o in self.others):
            nor = "nor is other preprocessing better: is the network trained, and the head right?"
            yield Line(f"    {nor}", "yellow")

    def to_json(self, spec: Spec) -> dict[str, Any]:
        names = spec.labels, spec.landmarks
        return {
            "pictures": [
                {"picture": s.sample.name, "detections": s.found.to_json(*names)}
                for s in self.shots
            ],
            "others": [other.to_json() for other in self.others],
        }


def try_spec(
    network: ir.Model,
    spec: Spec,
    samples: Sequence[Sample],
    whose: Mapping[str, str] | None = None,
    family_range: tuple[float, float] = PIXEL_VALUES,
) -> Tried:
    """Run a spec's baked graph on pictures in onnxruntime.

    whose: why a key of [input] is as it is, where it is not the family's own. family_range: what
    the family trains on, tried where the spec has another.
    """
    assert spec.input is not None
    run = _opened(network, spec)
    nms = spec.effective_nms
    threshold = nms.score_threshold if nms is not None else None
    kept = [run(spec, sample.picture) for sample in samples]
    others = []
    resized: dict[int, Detections] = {}
    whole = dtype_of(image_input_of(network, spec.input)).kind in "iu"
    sizes = [s.picture.size for s in samples]
    for what, key, image in _variants(spec, whole, sizes, family_range):
        other = spec.model_copy(update={"input": spec.input.model_copy(update=image)})
        # How a picture is fitted is before the graph.
        fitting = key in _FITTING
        way = run if fitting else _opened(network, other)
        alike = [fitting and _alike(spec.input, s.picture.size) for s in samples]
        rows = [i for i, same in enumerate(alike) if not same]
        ran = {i: way(other, samples[i].picture) for i in rows}
        scores = tuple((_best(ran[i][0]), _best(kept[i][0])) for i in rows)
        odd = sum(bool(strange) for _, strange in ran.values())
        full = sum(best >= _SATURATED for best, _ in scores)
        overlaps: tuple[float, ...] = ()
        if key == "resize":
            resized = {i: found for i, (found, _) in ran.items()}
            if nms is not None:
                pairs = ((samples[i].picture, kept[i][0], ran[i][0]) for i in rows)
                by = (_overlap(run, spec, *each, threshold or 0) for each in pairs)
                overlaps = tuple(v for v in by if v is not None)
        sound = 2 * max(odd, full) < len(rows) or (odd == full == 0)
        # What the kept one does as well says nothing against the other.
        kept_odd = sum(bool(kept[i][1]) for i in rows), sum(b >= _SATURATED for _, b in scores)
        alike_odd = not sound and kept_odd[0] >= odd and kept_odd[1] >= full
        finds = float(np.mean([best for best, _ in scores])) > (threshold or _LEAST)
        kept_full = sound and finds and key != "resize" and 2 * kept_odd[1] > len(rows)
        as_is = _shown(spec.input, key), (whose or {}).get(key, "the family's own")
        others.append(
            Other(
                what,
                key,
                image[key],
                scores,
                overlaps,
                sound,
                *as_is,
                alike_odd,
                not spec.head.whole_picture,
                kept_full,
            )
        )
    shots = []
    for i, (sample, (every, _)) in enumerate(zip(samples, kept, strict=True)):
        elsewhere = _shown_of(resized[i], threshold) if i in resized else None
        shots.append(Shot(sample, *_shown_of(every, threshold), elsewhere))
    odd_ones = tuple(dict.fromkeys(said for _, strange in kept for said in strange))
    best = float(np.mean([_best(every) for every, _ in kept]))
    return Tried(tuple(shots), best, tuple(others), odd_ones, threshold)


def _shown_of(every: Detections, threshold: float | None) -> tuple[Detections, Detections | None]:
    """Return what is above the threshold, and where that is nothing, the best below."""
    found = every.chosen(every.scores > (-1 if threshold is None else threshold))
    if len(found) or not len(every):
        return found, None
    return found, every.chosen(np.array([int(every.scores.argmax())]))


def _overlap(
    run: Run, spec: Spec, picture: Image, kept: Detections, other: Detections, threshold: float
) -> float | None:
    """Return by how much IoU the other way's box is nearer to that of an undistorted cut-out."""
    pair = pair_of(kept, other, threshold)
    assert spec.input is not None
    cut = None if pair is None else cut_around(*pair, picture.size, spec.input.size)
    if pair is None or cut is None:
        return None
    left, top = cut[:2]
    found, _ = run(spec, picture.crop(cut))
    return nearer(*pair, found.placed(Affine.move(left, top)), threshold)


def _best(found: Detections) -> float:
    return float(found.scores.max(initial=0))


def _shown(image: ImageSpec, key: str) -> str:
    value = getattr(image, key)
    if isinstance(value, int):
        return f"{key} {value}"
    return value if isinstance(value, str) else f"{key} [{value[0]:g}, {value[1]:g}]"


def _alike(image: ImageSpec, picture_wh: tuple[int, int]) -> bool:
    """Whether a picture has the aspect of the input: each way fits it alike."""
    return picture_wh[0] * image.size[1] == picture_wh[1] * image.size[0]


def _variants(
    spec: Spec,
    whole: bool,
    sizes: Sequence[tuple[int, int]],
    family_range: tuple[float, float],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give other preprocessing: in words, its key, its values. whole: the network takes pixels as
    they are."""
    image = spec.input
    assert image is not None
    if swapped := {"RGB": "BGR", "BGR": "RGB"}.get(image.color):
        yield swapped, "color", {"color": swapped}
    plain = not any(image.per_channel(image.mean)) and set(image.per_channel(image.std)) == {1.0}
    if plain and not whole:
        for low, high in dict.fromkeys((family_range, *RANGES)):
            if (low, high) != tuple(image.range):
                yield f"range [{low:g}, {high:g}]", "range", {"range": (low, high)}
    if image.resize != "stretch" and not all(_alike(image, wh) for wh in sizes):
        pad = 0 if image.pad else YOLO_GREY
        yield f"pad {pad}", "pad", {"pad": pad}
    # A turned box cannot be stretched.
    if spec.head.kind != "obb" and not all(_alike(image, wh) for wh in sizes):
        fitted = "letterbox" if image.resize == "stretch" else "stretch"
        pad = image.pad if fitted == "letterbox" else 0
        yield fitted, "resize", {"resize": fitted, "pad": pad, "rounding": None}


def _opened(network: ir.Model, spec: Spec) -> Run:
    """Return what runs a picture: all boxes above 0.01, and what is odd about those above the
    spec's threshold."""
    import onnx_ir as ir

    nms = spec.effective_nms
    lower = spec
    if nms is not None:
        wide: NmsSpec = nms.model_copy(update={"score_threshold": _LEAST})
        lower = spec.model_copy(update={"nms": wide})
    model = bake(network, lower, "uint8").model
    session = quiet_onnxruntime().InferenceSession(
        ir.to_proto(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [o.name for o in session.get_outputs()]

    def run(spec: Spec, picture: Image) -> Ran:
        assert spec.input is not None
        pixels, plan = fit_picture(picture, spec.input)
        outputs = dict(zip(names, session.run(None, {"image": pixels[None]}), strict=True))
        every = decode_outputs(outputs, plan)
        kept = every.chosen(every.scores > (nms.score_threshold if nms is not None else -1))
        return every, odd_values(spec, kept, plan.model_from_image)

    return run
