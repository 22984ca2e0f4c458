"""Detections against detections: matched by class and IoU, then boxes, scores, row values.

Matching is greedy: of all pairs of one class that touch, the one with the highest IoU first (then
the nearest corners, then the nearest score). After NMS boxes of a class overlap little, so this is
the optimal assignment wherever the two results are close at all; where they are not, both fail.

Borderline: a detection whose score lies within the score tolerance of the threshold may be on one
side only, because rounding alone decides there. It is never dropped in silence: each is a check of
its own, named `borderline`, with its distance to the threshold as the value.

Ties: of two candidates that score the same and overlap, suppression keeps one; which, rounding
alone decides (padding makes whole cells score the same). Where the other was there with that very
score, they are matched as a set, and a check named `ties` says so. What else an exact suppression
makes of candidates within the limits is said there too (`judge.ties`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mobilecat.compare.compare import Check, passed
from mobilecat.compare.masks import compare_masks
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.boxes import area_xyxy
from mobilecat.geometry.turned import corners_apart
from mobilecat.pictures.detections import Detections, overlaps
from mobilecat.pictures.similarity import oks
from mobilecat.rows import SHOWN, RowValue

Floats = npt.NDArray[np.float64]

MIN_IOU = 0.1
"""Pairs that overlap less are two objects. Low on purpose: a displaced box then reads as moved by
so many pixels, not as one missing and one extra."""

BORDERLINE = "borderline"
"""The name of a check of one detection that only one side has, its score at the threshold."""
NEXT_TO = "next to the threshold"
"""What is said of an object that is missing or new, whose score is no farther than _NEAR from it,
and farther than its limit."""
_NEAR = 0.1
_FEW = 4
"""Detections of one side alone that are named, each by its place."""


@dataclass(frozen=True)
class Ties:
    """What rounding alone decides; by default nothing.

    pair(i, j): whether expected row i and got row j were candidates that tie, so that either may be
    kept. lost(i), new(j): whether a row that is not there, or should not be, is what an exact
    suppression makes of candidates that are within the limits.
    """

    pair: Callable[[int, int], bool] = lambda i, j: False
    lost: Callable[[int], bool] = lambda i: False
    new: Callable[[int], bool] = lambda j: False


@dataclass(frozen=True)
class Matches:
    """Pairs (expected row, got row), and the rows that found none."""

    pairs: tuple[tuple[int, int], ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]


def corner_distances(a_xyxy: Floats, b_xyxy: Floats) -> Floats:
    """Return the distance of the corner that moved most. Shapes: (…, 4), (…, 4) → (…)."""
    d = np.abs(a_xyxy - b_xyxy)
    dx, dy = np.maximum(d[..., 0], d[..., 2]), np.maximum(d[..., 1], d[..., 3])
    out: Floats = np.hypot(dx, dy)
    return out


def distances(a: Detections, b: Detections) -> Floats:
    """Return the distance of the corner that moved most, [len(a), len(b)]. A turned box that is
    turned by π, or by π/2 with its sides exchanged, has not moved."""
    p, q = a.corners_xy, b.corners_xy
    if p is None or q is None:
        return corner_distances(a.boxes_xyxy[:, None], b.boxes_xyxy[None])
    return corners_apart(p[:, None], q[None])


def match(expected: Detections, got: Detections, near: float) -> Matches:
    """Pair rows of one class that overlap, or whose corners all lie within `near`."""
    iou, far = overlaps(expected, got), distances(expected, got)
    off = np.abs(expected.scores[:, None] - got.scores[None])
    same = expected.class_ids[:, None] == got.class_ids[None]
    options = np.argwhere(same & ((iou >= MIN_IOU) | (far <= near)))
    ranked = sorted((-iou[i, j], far[i, j], off[i, j], int(i), int(j)) for i, j in options)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for *_, i, j in ranked:
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return Matches(
        tuple(sorted(pairs.items())),
        tuple(i for i in range(len(expected)) if i not in pairs),
        tuple(j for j in range(len(got)) if j not in taken),
    )


def compare_detections(
    expected: Detections,
    got: Detections,
    limits: Limits,
    model_from_image: Affine,
    score_threshold: float | None,
    against: str = "golden",
    tied: Ties = Ties(),
    sigmas: Floats | None = None,
    whole: bool = False,
) -> list[Check]:
    """Return checks `count`, `boxes`, `scores`, each row value by its name (`landmarks` …), and
    `borderline` where there are such.

    Frame: both in image pixels; distances are measured in pixels of the model input, so that a
    large photo is not judged harder than a small one. The detail gives image pixels too.
    score_threshold: None for a head without NMS, where nothing can be borderline.
    whole: whether classes are of the picture as a whole, so that the words have no boxes.
    sigmas: of the landmarks, for the figure of their similarity beside the pixels (`oks`).
    """
    if not _finite(got):
        return [Check("detections", "finite", "FAIL", detail="NaN or inf", against=against)]
    e, g = expected.placed(model_from_image), got.placed(model_from_image)
    found, ties = _without_ties(match(e, g, limits.boxes_px), e, g, limits, tied)
    checks = _count(expected, got, found, limits, score_threshold, against, whole)
    if ties.pairs:
        said = ", ".join(_words(expected, i) for i, _ in ties.pairs[:3])
        detail = f"{len(ties.pairs)} of {len(expected)} tie with another candidate: {said}"
        checks.append(Check("detections", "ties", "PASS", detail=detail, against=against))
    if ties.missing or ties.extra:
        words = [f"without {_words(expected, i)}" for i in ties.missing[:2]]
        words += [f"with {_words(got, j)}" for j in ties.extra[:2]]
        detail = f"{len(ties.missing)} missing, {len(ties.extra)} extra: each a candidate within "
        detail += f"the limits, and the suppression exact: {', '.join(words)}"
        checks.append(Check("detections", "ties", "PASS", detail=detail, against=against))
    if not found.pairs:
        return checks
    i, j = (list(x) for x in zip(*found.pairs, strict=True))
    moved, moved_image = distances(e, g)[i, j], distances(expected, got)[i, j]
    off = np.abs(expected.scores[i] - got.scores[j])
    checks.append(_values("boxes", moved, limits.boxes_px, moved_image, expected, i, against))
    checks.append(_values("scores", off, limits.scores, None, expected, i, against, whole))
    for row in SHOWN:
        if row.name in expected.rows or row.name in got.rows:
            check = _row(row, (expected, got), (e, g), (i, j), limits, against)
            alike = _alike(row, e, g, (i, j), sigmas)
            checks.append(replace(check, detail=check.detail + alike))
    return checks + compare_masks(expected, got, found.pairs, limits, against)


def _without_ties(
    found: Matches, e: Detections, g: Detections, limits: Limits, tied: Ties
) -> tuple[Matches, Matches]:
    """Return the matches without what rounding decides, and what it does."""
    pairs = list(found.pairs)
    missing, extra = list(found.missing), list(found.extra)
    ties: list[tuple[int, int]] = []
    apart = distances(e, g)
    for i, j in found.pairs:
        far = apart[i, j] > limits.boxes_px
        if far and tied.pair(i, j):
            ties.append((i, j))
            pairs.remove((i, j))
            continue
        off = far or abs(e.scores[i] - g.scores[j]) > limits.scores
        off |= any(_row_apart(row, e, g, i, j) > limits.of(row.limit) for row in SHOWN)
        if off and tied.lost(i) and tied.new(j):  # rows of two candidates
            missing.append(i)
            extra.append(j)
            pairs.remove((i, j))
    for i in found.missing:
        other = next((j for j in found.extra if j in extra and tied.pair(i, j)), None)
        if other is not None:
            ties.append((i, other))
            missing.remove(i)
            extra.remove(other)
    lost = tuple(i for i in missing if tied.lost(i))
    new = tuple(j for j in extra if tied.new(j))
    left = Matches(
        tuple(pairs),
        tuple(i for i in missing if i not in lost),
        tuple(j for j in extra if j not in new),
    )
    return left, Matches(tuple(ties), lost, new)


def _row_apart(row: RowValue, e: Detections, g: Detections, i: int, j: int) -> float:
    """Return how far apart a row value of a pair is; 0 where they cannot be compared."""
    both = [d.rows[row.name][k : k + 1] for d, k in ((e, i), (g, j)) if row.name in d.rows]
    if len(both) < 2 or both[0].shape != both[1].shape:
        return 0.0
    return float(row.apart(*both)[0])


def _count(
    expected: Detections,
    got: Detections,
    found: Matches,
    limits: Limits,
    threshold: float | None,
    against: str,
    whole: bool,
) -> list[Check]:
    checks, unexplained = [], []
    sides = (("missing", found.missing, expected), ("extra", found.extra, got))
    for word, rows, side in sides:
        for k in rows:
            margin = math.inf if threshold is None else abs(float(side.scores[k]) - threshold)
            text = f"{word}: {_words(side, k, whole)}"
            if margin <= limits.scores:
                detail = f"{text}; its score is {margin:.2g} from the threshold {threshold:g}"
                args = margin, limits.scores, detail, against
                checks.append(Check("detections", BORDERLINE, "PASS", *args))
            else:
                near = f", {margin:.2g} off: {NEXT_TO}, {threshold:g}" if margin <= _NEAR else ""
                near += _other_class(word, side, k, expected, got, found, whole)
                unexplained.append(text + near)
    numbers = f"{len(got)} found, {len(expected)} expected"
    value = float(len(unexplained))
    detail = "; ".join([numbers, *_some(unexplained)])
    return [
        Check("detections", "count", passed(not unexplained), value, 0.0, detail, against),
        *checks,
    ]


def _some(texts: Sequence[str]) -> list[str]:
    """Return the first sentences of each word, and how many more there are: a flood is no list."""
    said = []
    for word in ("missing", "extra"):
        mine = [t for t in texts if t.startswith(f"{word}: ")]
        said += mine[:_FEW]
        said += [f"and {len(mine) - _FEW} more {word}"] if len(mine) > _FEW else []
    return said


def _other_class(
    word: str,
    side: Detections,
    k: int,
    expected: Detections,
    got: Detections,
    found: Matches,
    whole: bool,
) -> str:
    other, rows = (got, found.extra) if word == "missing" else (expected, found.missing)
    ious = overlaps(side, other)
    for r in rows:
        iou = ious[k, r]
        if whole:
            return f" ({_words(other, r, whole)}, in its place)"
        if iou >= 0.5 and other.class_ids[r] != side.class_ids[k]:
            return f" (a box of class {other.class_ids[r]} is there, IoU {iou:.2f})"
    return ""


def _values(
    name: str,
    values: Floats,
    limit: float,
    in_image: Floats | None,
    expected: Detections,
    rows: list[int],
    against: str,
    whole: bool = False,
) -> Check:
    worst = int(values.argmax())
    value = float(values[worst])
    detail = _words(expected, rows[worst], whole)
    if in_image is not None:
        detail += f" moved by {value:.3g} px of the model input, {in_image[worst]:.3g} of the image"
    else:
        detail += f" is off by {value:.3g}"
    return Check("detections", name, passed(value <= limit), value, limit, detail, against, value)


def _row(
    row: RowValue,
    image: tuple[Detections, Detections],
    model: tuple[Detections, Detections],
    pairs: tuple[list[int], list[int]],
    limits: Limits,
    against: str,
) -> Check:
    """Hold one row value of the pairs. image, model: expected and got, in either frame."""
    shapes = [d.rows[row.name].shape[1:] if row.name in d.rows else None for d in model]
    limit = limits.of(row.limit)
    if shapes[0] != shapes[1]:
        said = f"{_shape(shapes[1])} a box, expected {_shape(shapes[0])}"
        return Check("detections", row.name, "FAIL", None, limit, said, against)
    apart, in_image = (
        row.apart(e.rows[row.name][pairs[0]], g.rows[row.name][pairs[1]]) for e, g in (model, image)
    )
    shown = in_image if row.pixels else None
    return _values(row.name, apart, limit, shown, image[0], pairs[0], against)


def _alike(
    row: RowValue,
    e: Detections,
    g: Detections,
    pairs: tuple[list[int], list[int]],
    sigmas: Floats | None,
) -> str:
    """Return the lowest object keypoint similarity in words, over the golden boxes' areas."""
    points = [d.landmarks_xy for d in (e, g)]
    if row.name != "landmarks" or sigmas is None or points[0] is None or points[1] is None:
        return ""
    if not points[0].shape[1] == points[1].shape[1] == len(sigmas):
        return ""
    areas = area_xyxy(e.boxes_xyxy[pairs[0]])
    values = oks(points[0][pairs[0]], points[1][pairs[1]], areas, sigmas)
    known = values[np.isfinite(values)]
    return f"; OKS {known.min():.6f} at least, mean {known.mean():.6f}" if known.size else ""


def _shape(shape: tuple[int, ...] | None) -> str:
    """Return what a row has, in words: so many points or numbers."""
    if shape is None:
        return "none"
    return f"{shape[0] if shape else 1} value{'s' if shape != () else ''}"


def _finite(found: Detections) -> bool:
    parts = [found.boxes_xyxy, found.scores, *found.rows.values()]
    whole = found.masks is None or bool(np.isfinite(found.masks.values).all())
    return whole and all(bool(np.isfinite(p).all()) for p in parts)


def _words(found: Detections, k: int, whole: bool = False) -> str:
    """Say a detection; of a whole picture, its class and how probable it is."""
    if whole:
        return f"class {found.class_ids[k]}, probability {found.scores[k]:.3f}"
    box = " ".join(f"{v:.1f}" for v in found.boxes_xyxy[k])
    return f"class {found.class_ids[k]} at {box}, score {found.scores[k]:.3f}"
