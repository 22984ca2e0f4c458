"""Decode and suppression tried on made values, fed where the picture's would arrive.

Goldens are kind: their boxes lie near whole pixels, few reach the suppression, none crosses the
border. So every artifact's end runs alone on what no picture gives: at the raw outputs, values
shuffled and stretched until exponents are large; at the candidates, boxes beyond the border and off
the pixels, more than max_detections, more than any top-k, ties, several classes, scores and IoUs
close to the thresholds. What should come out is worked out in numpy, from the same numbers: there
is no network between, so that the limits are float32's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import MADE, Check, as_floats, compare_tensor
from mobilecat.compare.masks import compare_masks
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Bound, Limits
from mobilecat.foreign import give_back_memory
from mobilecat.formats.base.facts import CLASS_MAP
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.table import FORMATS
from mobilecat.geometry.resize import plan_resize
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.heads.reference.masks import prototypes_of
from mobilecat.judge.observe import gives_detections, open_engine, shadowed
from mobilecat.lanes import Lane, decode_outputs
from mobilecat.lanes.base import as_tensors
from mobilecat.lanes.source import source_in, suppressed
from mobilecat.pictures.detections import Detections
from mobilecat.rows import ROWS, in_pixels, kinds_of
from mobilecat.spec import NmsSpec
from mobilecat.spec.heads import MasksHead

MOST = 6000
"""Candidates that are made at most; a top-k beyond it is no fault."""
LIMITS = Limits(1e-2, 1e-2, 2e-5, 1e-5, "float32's rounding of the decode alone")
"""Of the suppression's end: boxes are handed through, or brought to 0..1 and back."""

ROW = 2e-5
"""Of a row's largest coordinate: a corner is a difference of two, and has the larger's rounding."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """given: inner values by name. expected: what follows. taps: the decoded values among it."""

    what: str
    given: Mapping[str, Array]
    expected: Mapping[str, Array]
    taps: tuple[str, ...] = ()


def made_for(bundle: Bundle, source: Runner | None, raw: Mapping[str, Array]) -> list[Made]:
    """Return what the ends of a bundle's artifacts are tried on; the same every time.

    source: decodes raw outputs, where it is here. raw: outputs of the network, as an example.
    """
    if not _has_made(bundle):
        return []
    rng = np.random.default_rng(20)
    made = []
    if not any(t.name == CLASS_MAP for t in bundle.outputs):  # its rows follow from the map
        made = [_made_candidates(bundle, rng, crowd) for crowd in (False, True)]
        nms = bundle.spec.effective_nms
        if nms is not None and nms.selection != "nms":
            made.append(_few_candidates(bundle, rng, nms))
    names = [t.name for t in bundle.raw_outputs]
    original = source_in(source)
    if original is not None and not shadowed(bundle) and set(names) <= set(raw):
        taps = tuple(t.name for t in bundle.candidates)
        given = {n: _shuffled(rng, raw[n]) for n in names}
        made.append(Made("stretched raw outputs", given, original.results(given, taps), taps))
    return made


def _has_made(bundle: Bundle) -> bool:
    return gives_detections(bundle) and not isinstance(bundle, CascadeBundle)


def has_ends(lane: Lane, bundle: Bundle) -> bool:
    """Return whether the lane's artifact can be cut before its decode, and tried on made values."""
    record = lane.artifact
    cut = record is not None and not lane.apples and FORMATS[record.kind].has("cut")
    return cut and _has_made(bundle)


def try_made(folder: Path, bundle: Bundle, lane: Lane, made: Sequence[Made]) -> list[Check]:
    """Return the checks of one lane's end; NOT_RUN with the reason where it cannot be cut."""
    record = lane.artifact
    if record is None or lane.apples or not FORMATS[record.kind].has("cut"):
        return []
    checks: list[Check] = []
    engines: dict[tuple[str, ...], Runner | Check] = {}
    engine: Runner | Check | None = None
    for one in made:  # those of one key follow each other

        def opened(*_: object, given: Mapping[str, Array] = one.given) -> Runner:
            end: Runner = FORMATS[record.kind].cut(folder / record.file, record, given)
            return as_tensors(end, record, bundle)

        key = tuple(one.given)
        if key not in engines:
            engines.clear()  # an engine may hold the weights once more
            engine = None
            give_back_memory(record.bytes)
            engines[key] = open_engine(opened, folder, bundle, lane, None)
        engine = engines[key]
        if isinstance(engine, Check):
            # What cannot be cut is no fault of the file as a whole, which was loaded before.
            told = f"{one.what}: {engine.detail}"
            if engine.verdict == "NOT_RUN":
                told = _untried(engine.detail)
            check = replace(engine, stage="candidates", name=MADE, detail=told)
            checks += [check] if check not in checks else []  # of several values, one reason
            continue
        checks += _held(bundle, engine, one)
    return checks


def _untried(what: str) -> str:
    """Return what was not tried, and what that means for those who ship the file."""
    return (
        f"one test on made values, not on your pictures, which are judged all the same: {what}. "
        f"{_MADE_PAGE}"
    )


_MADE_PAGE = "docs/validate.md#made-values"


def _held(bundle: Bundle, engine: Runner, made: Made) -> list[Check]:
    try:
        got = engine.infer(made.given, made.taps)
    except NotRun as e:
        told = _untried(f"{made.what}: {e}")
        return [Check("candidates", MADE, "NOT_RUN", detail=told)]
    except Exception as e:  # engines share no error class
        text = " ".join(str(e).split())[:200]
        return [
            Check("candidates", MADE, "FAIL", detail=f"{made.what}: {type(e).__name__}: {text}")
        ]
    checks = []
    kinds = zip(made.taps, kinds_of(t.name for t in bundle.outputs), strict=False)
    plain = {name for name, kind in kinds if not in_pixels(kind)}
    for name in made.taps:
        if name in got:
            checks.append(_decoded(name, made.expected[name], got[name], name in plain))
    if bundle.spec.input is None:
        return []
    # Decoded values that the artifact does not give out are its results, or show in them.
    if len(checks) < len(made.taps) or not made.taps or bundle.spec.effective_nms is None:
        checks += _suppressed(bundle, made.expected, got)
    return [replace(c, detail=f"{made.what}: {c.detail}".rstrip(": ")) for c in checks]


def _decoded(name: str, expected: Array, got: Array, by_itself: bool) -> Check:
    """Hold decoded values to float32's rounding: of each, and of the input's size."""
    e = as_floats(expected)
    sane = np.isfinite(e) & (np.abs(e) < 1e6)
    if got.shape != e.shape:
        return compare_tensor("candidates", name, expected, got, Bound(0.0), MADE)
    # A corner is a difference of two: its rounding is that of the row's largest.
    unit = np.maximum(np.abs(e), 1.0)
    if not by_itself:
        unit = np.broadcast_to(unit.max(axis=-1, keepdims=True), e.shape)
    shown = np.where(sane, e / unit, 0), np.where(sane, as_floats(got) / unit, 0)
    del e, sane, unit  # each as large as all candidates, and an engine is open beside them
    check = compare_tensor("candidates", name, *shown, Bound(ROW, relative=False), MADE)
    if check.verdict == "PASS" or check.value is None:
        return check
    at = np.unravel_index(int(np.abs(shown[0] - shown[1]).argmax()), got.shape)
    where = f"[{', '.join(str(int(i)) for i in at)}]"
    detail = f"{float(got[at]):.6g} at {where}, expected {float(expected[at]):.6g}"
    return replace(check, detail=detail)


def _suppressed(
    bundle: Bundle, expected: Mapping[str, Array], got: Mapping[str, Array]
) -> list[Check]:
    size = bundle.spec.input.size if bundle.spec.input else (1, 1)
    same = plan_resize(size, size, "stretch")
    e, g = decode_outputs(expected, same), decode_outputs(got, same)
    if _row_by_row(e, g):
        detail = f"{len(e)} rows, each to float32's rounding of its own largest coordinate"
        return [Check("detections", "rows", "PASS", detail=detail, against=MADE)]
    return compare_detections(e, g, LIMITS, same.model_from_image, None, MADE)


def _row_by_row(e: Detections, g: Detections) -> bool:
    """Return whether the rows are the same in their order, however large their boxes are."""
    if len(e) != len(g) or not np.array_equal(e.class_ids, g.class_ids):
        return False
    if {k: v.shape for k, v in e.rows.items()} != {k: v.shape for k, v in g.rows.items()}:
        return False
    both = [(ROWS[name], e.rows[name], g.rows[name]) for name in e.rows]
    if any(
        bool((row.apart(a, b) > LIMITS.of(row.limit)).any()) for row, a, b in both if not row.pixels
    ):
        return False
    if not len(e):
        return True
    pairs = [(e.boxes_xyxy, g.boxes_xyxy), *((a, b) for row, a, b in both if row.pixels)]
    masks = compare_masks(e, g, [(i, i) for i in range(len(e))], LIMITS, MADE) if len(e) else []
    if any(c.verdict == "FAIL" for c in masks):
        return False
    n, sizes = len(e), np.zeros(len(e))
    for a, _ in pairs:
        sizes = np.maximum(sizes, np.abs(a).reshape(n, -1).max(axis=1, initial=0))
    near = np.maximum(LIMITS.boxes_px, ROW * sizes)[:, None]
    same = all(
        a.shape == b.shape and bool((np.abs(a - b).reshape(n, -1) <= near).all()) for a, b in pairs
    )
    return same and bool((np.abs(e.scores - g.scores) <= LIMITS.scores).all())


STRETCH, EXPONENT = 4.0, 6.0
"""How far values are stretched: so many times, and at least to so much, which e^x magnifies."""


def _shuffled(rng: np.random.Generator, values: Array) -> Array:
    """Return the values of each channel at other places; those of no probability, half of them
    stretched.

    Where a tensor's values all lie in 0..1 they are probabilities: others of 0..1 take their place.
    """
    flat = np.asarray(values, np.float32)
    if flat.size < 2:
        return flat
    if flat.min() >= 0 and flat.max() <= 1:
        return rng.random(flat.shape).astype(np.float32) ** 2
    mixed = flat.reshape(-1)[rng.permutation(flat.size)].reshape(flat.shape)
    if flat.ndim >= 3:  # each channel by itself, whichever end channels are at
        axis = 1 if flat.shape[1] < flat.shape[-1] else flat.ndim - 1
        rows = np.moveaxis(flat, axis, 0).reshape(flat.shape[axis], -1)
        rows = rng.permuted(rows, axis=1)
        other = np.delete(np.array(flat.shape), axis)
        mixed = np.moveaxis(rows.reshape(flat.shape[axis], *other), 0, axis)
    factor = np.maximum(1, rng.uniform(2 - STRETCH, STRETCH, flat.shape))
    factor *= np.where(rng.random(flat.shape) < 0.125, -1, 1)  # small exponents, too
    reach = np.maximum(1, EXPONENT / max(float(np.abs(flat).max()), 1e-3))
    factor *= np.where(rng.random(flat.shape) < 0.25, rng.uniform(1, reach, flat.shape), 1)
    noise = rng.normal(0, 1e-2 * float(np.abs(flat).max(initial=0) + 1e-3), flat.shape)
    within = (mixed >= 0) & (mixed <= 1)
    bent = np.where(within & _probabilities(flat), mixed, mixed * factor + noise)
    return np.ascontiguousarray(bent, np.float32)


def _probabilities(values: Array) -> npt.NDArray[np.bool_]:
    """Return which channels (last axis, or the second) hold values of 0..1 alone."""
    axis = 1 if values.ndim >= 3 and values.shape[1] < values.shape[-1] else values.ndim - 1
    others = tuple(i for i in range(values.ndim) if i != axis)
    low, high = values.min(axis=others, keepdims=True), values.max(axis=others, keepdims=True)
    return np.broadcast_to((low >= 0) & (high <= 1), values.shape)


def _made_candidates(bundle: Bundle, rng: np.random.Generator, crowd: bool) -> Made:
    """Return candidates and what the suppression should keep of them.

    crowd: as many as there can be lie on one spot, with the highest scores, and others that must be
    kept score lower: a top-k drops them. Else many lie apart.
    """
    assert bundle.spec.input is not None
    contracts = list(bundle.candidates)
    n, classes = contracts[0].shape[1], contracts[1].shape[2]
    boxes, best = _many(bundle, rng, n, crowd)
    ids = rng.integers(0, classes, n)
    nms = bundle.spec.effective_nms
    if nms is not None and crowd:
        ids[:] = ids[0]
    _pairs_of_classes(boxes, best, ids, classes)
    scores: Floats = rng.random((n, classes)) * 0.5 * best[:, None]
    scores[np.arange(n), ids] = best
    order = rng.permutation(n)
    what = "a crowd of candidates" if crowd else "many candidates"
    return _made_of(bundle, rng, boxes[order], scores[order], what)


def _few_candidates(bundle: Bundle, rng: np.random.Generator, nms: NmsSpec) -> Made:
    """Return candidates fewer of which are above the threshold than there is room for.

    Where nothing suppresses, many fill the list, and what ends it is no threshold. Two lie close
    to that, two score the same.
    """
    n, classes = (t.shape[i] for t, i in zip(bundle.candidates[:2], (1, 2), strict=True))
    boxes, _ = _many(bundle, rng, n, False)
    room, threshold = min(n * classes, nms.max_detections), nms.score_threshold
    above = threshold + (1 - threshold) * rng.uniform(0.02, 0.98, max(1, room * 3 // 4))
    above[2:4] = above[2:3]
    above[:2] = [max(threshold - 2e-3, 0), threshold + 2e-3][: len(above)]
    scores = rng.random(n * classes) * 0.98 * threshold
    scores[rng.permutation(n * classes)[: len(above)]] = above
    return _made_of(bundle, rng, boxes, scores.reshape(n, classes), "few candidates")


def _made_of(
    bundle: Bundle, rng: np.random.Generator, boxes: Floats, scores: Floats, what: str
) -> Made:
    """Return boxes [N,4] and scores [N,C] with row values of any kind, and what is kept of them."""
    assert bundle.spec.input is not None
    contracts, n = list(bundle.candidates), len(boxes)
    arrays: list[Array] = [boxes[None], scores[None]]
    kinds = kinds_of(t.name for t in bundle.outputs)
    for kind, contract in zip(kinds[2:], contracts[2:], strict=True):
        low, high = (-50.0, 1.2 * max(bundle.spec.input.size)) if in_pixels(kind) else (0.0, 1.0)
        arrays.append(rng.uniform(low, high, (1, n, contract.shape[2])))
    given = {c.name: a.astype(np.float32) for c, a in zip(contracts, arrays, strict=True)}
    wide = [a.astype(np.float64) for a in given.values()]
    rows = dict(zip(kinds[2:], wide[2:], strict=True))
    fed, maps = _made_maps(bundle, rng)
    expected = suppressed(bundle, Candidates(wide[0], wide[1], rows, maps))
    given |= fed
    return Made(what, given, expected)


def _made_maps(
    bundle: Bundle, rng: np.random.Generator
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return made raw outputs that pass by the suppression, and the maps that they are."""
    head = bundle.spec.head
    if not isinstance(head, MasksHead):
        return {}, {}
    fits = [t for t in bundle.raw_outputs if len(t.shape) == 4]
    raw = next(t for t in fits if head.prototypes in (None, t.name))
    values = rng.normal(0, 1, raw.shape).astype(np.float32)
    assert bundle.spec.input is not None
    grids = prototypes_of(values, bundle.spec.input.size)
    return {raw.name: values}, {"mask_prototypes": grids}


def _many(bundle: Bundle, rng: np.random.Generator, n: int, crowd: bool) -> tuple[Floats, Floats]:
    """Return boxes [N,4] and best scores [N]; those that are not made have a score of 0."""
    assert bundle.spec.input is not None
    width, height = bundle.spec.input.size
    nms = bundle.spec.effective_nms
    if nms is None:
        low = rng.uniform(-0.2, 0.5, (n, 2)) * (width, height)
        return np.concatenate([low, low + rng.uniform(3, width, (n, 2))], axis=1), rng.random(n)
    threshold, most = nms.score_threshold, nms.max_detections
    count = min(n, MOST)
    # Apart: a grid over the picture and a third beyond it, off whole pixels.
    apart = count - count * 2 // 3 if not crowd else min(count, max(8, most // 2))
    side = int(np.ceil(np.sqrt(apart)))
    step = np.array([width, height]) * 1.6 / side
    cells = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:apart]
    low = (cells + rng.uniform(0.02, 0.2, (apart, 2))) * step - 0.3 * np.array([width, height])
    spread = np.concatenate([low, low + step * rng.uniform(0.3, 0.75, (apart, 2))], axis=1)
    rest = count - apart
    # On top of others, or all on one spot: nearer to it than the IoU that is still allowed.
    near = 0.5 * (1 - max(nms.iou_threshold, 0.5)) * 0.25
    over = spread[np.zeros(rest, int) if crowd else np.arange(rest) % max(apart, 1)]
    sides = np.tile(over[:, 2:] - over[:, :2], 2)
    stacked = over + sides * rng.uniform(-near, near, over.shape)
    room = (1 - threshold) * 0.98
    falling = np.linspace(0.999, 0.4, apart) if crowd else np.linspace(1, 0.02, apart)
    first = threshold + room * (falling * (0.3 if crowd else 1.0))
    second = threshold + room * (
        np.linspace(1, 0.45, rest) if crowd else falling[np.arange(rest) % max(apart, 1)] - 0.004
    )
    boxes = np.zeros((n, 4))
    boxes[:, 2:] = 1
    best = np.zeros(n)
    boxes[:count] = np.concatenate([spread, stacked])
    best[:count] = np.concatenate([first, second])
    _close_calls(boxes, best, nms.iou_threshold, threshold, crowd)
    return boxes, np.clip(best, 0, 1)


def _close_calls(boxes: Floats, best: Floats, iou: float, threshold: float, crowd: bool) -> None:
    """Change the last rows: IoUs and scores close to the thresholds, ties that touch."""
    if len(boxes) < 24 or crowd:
        return
    w, h, x, y = 37.3, 21.7, 3000.25, 2000.75  # far from every other box
    for k, share in enumerate((iou - 0.01, iou + 0.01)):
        if not 0.02 < share < 0.98:
            continue
        away = w * (1 - share) / (1 + share)
        a, b = len(boxes) - 1 - 2 * k, len(boxes) - 2 - 2 * k
        boxes[a] = (x, y + 400 * k, x + w, y + 400 * k + h)
        boxes[b] = boxes[a] + (away, 0, away, 0)
        best[a], best[b] = 0.9 + 0.1 * threshold, 0.8 + 0.2 * threshold
    for k, off in enumerate((-2e-3, 2e-3)):
        a = len(boxes) - 6 - k
        boxes[a] = (x + 300, y + 300 * k, x + 300 + w, y + 300 * k + h)
        best[a] = threshold + off
    for k in range(2):  # two of one score, one on the other: the lower index stays
        a = len(boxes) - 9 - k
        boxes[a] = (x - 600 + 2 * k, y, x - 600 + 2 * k + 90, y + 90)
        best[a] = threshold + 0.5 * (1 - threshold)


def _pairs_of_classes(boxes: Floats, best: Floats, ids: npt.NDArray[np.int64], c: int) -> None:
    """Give both rows of each close call one class; and let one box be of two classes."""
    n = len(boxes)
    if n < 24:
        return
    for a in (1, 3, 9):
        ids[n - a - 1] = ids[n - a]
    if c > 1:
        ids[n - 2] = ids[n - 1]
        boxes[n - 12], best[n - 12] = boxes[n - 1] + (900, 0, 900, 0), 0.93
        boxes[n - 13], best[n - 13] = boxes[n - 12] + (1, 0, 1, 0), 0.91
        ids[n - 13] = (ids[n - 12] + 1) % c
