"""How far rounding moves a network: its source, run again with its weights rounded.

No table can say what float16 or another order of summation costs a network: YuNet's raw outputs
move by 1.4e-2 in float16, YOLOX-nano's by 0.2. So the source itself is asked, on the same input:

float16: each weight rounded to float16, as an artifact stores it (preprocessing's factors too).
int8: each weight rounded to one of 255 steps of its channel; what calibrated values inside add to
    that is in the lanes' `times`.
float32: each weight times 1 ± 8 units in float32's last place, seeded: with that, YOLOX-nano moves
    four times as far as XNNPACK's order of summation moves it.

One way to round is one draw of many: an artifact that folds a scale into its weights first rounds
other numbers, by as much. Where a program is right without its rounding, and only then, DRAWS ways
are tried, and a value may be as far off as the farthest of them.

What the artifact gives has no part in it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import Check, as_floats
from mobilecat.compare.peaks import best_of_rows
from mobilecat.compare.tolerances import FLOORS, KEYS, QUANTISED, Kind, Limits, precision_of
from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.judge.moved_masks import masks_moved
from mobilecat.judge.observe import Inputs, Observed, gives_detections, observe, watched
from mobilecat.judge.ranked import Ordered, Ranks, in_order, moved_ranks, ranks_for
from mobilecat.lanes import Lane, NotRun, Runner
from mobilecat.lanes.source import SourceRunner, open_changed, open_source, source_in
from mobilecat.rows import in_pixels

if TYPE_CHECKING:
    import numpy.typing as npt

Rounding = Literal["float16", "float32", "int8"]
ROUNDINGS: tuple[Rounding, ...] = ("float16", "float32")
"""What goldens keep; int8 is measured where it is needed."""
UNITS = 8
DRAWS = 4
MARGIN = 0.1
"""A candidate whose score is this near to the threshold, or above it, can become a detection."""


def kind_of(lane: Lane) -> Rounding:
    """Return which rounding separates a lane from its source."""
    precision = precision_of(lane)
    if precision in QUANTISED:
        return "int8"
    return "float16" if precision == "float16" else "float32"


def change_of(kind: Rounding, draw: int = 0) -> Callable[[str, Array], Array]:
    """Return (name, weights) → rounded weights. draw: which way to round, from 0 to DRAWS − 1."""
    if kind == "float16":
        scale = 1 + draw / DRAWS  # float16's steps fall elsewhere on w · scale, as far apart

        def halved(_: str, values: Array) -> Array:
            with np.errstate(over="ignore"):
                return (values * scale).astype(np.float16).astype(np.float32) / np.float32(scale)

        return halved

    if kind == "int8":
        return _in_255_steps

    def shaken(name: str, values: Array) -> Array:
        rng = np.random.default_rng([zlib.crc32(name.encode()), values.size, draw])
        noise = rng.uniform(-UNITS, UNITS, values.shape) * 2.0**-23
        return np.asarray(values * (1 + noise), np.float32)

    return shaken


def _in_255_steps(_: str, values: Array) -> Array:
    """Round the weights of a layer as int8 holds them: 127 steps to each channel's largest.

    Channels of results are axis 0 of a convolution's weights, axis 1 of a matrix.
    """
    if values.ndim < 2 or values.dtype.kind != "f":
        return values
    axis = 1 if values.ndim == 2 else 0
    over = tuple(a for a in range(values.ndim) if a != axis)
    step = np.abs(values).max(axis=over, keepdims=True).astype(np.float64) / 127
    step[step == 0] = 1
    return np.asarray(np.round(values / step) * step, values.dtype)


@dataclass
class Shaker:
    """The source with rounded weights, opened when it is first asked for.

    reference: the source as it is, where it is open already.
    """

    folder: Path
    bundle: Bundle
    source: Path | None = None
    reference: Runner | Check | None = None

    def __post_init__(self) -> None:
        self._engines: dict[tuple[Rounding, int], Runner | None] = {}
        self._last: dict[tuple[Rounding, int], tuple[Inputs, Observed | None]] = {}
        self._ranks: tuple[Inputs, Ranks] | None = None

    def observe(
        self, kind: Rounding, inputs: Inputs, reference: Observed, draws: int = 1
    ) -> Observed | None:
        """Return what the rounded source gives; None where the source cannot run here.

        reference: what it gives as it is; where a TopK sorts rows, these come in its order.
        draws: how many ways of rounding; of several, each value is the farthest from the reference.
        The last answer of each is remembered: every lane asks for the same input.
        """
        found = [self._drawn(kind, draw, inputs, reference) for draw in range(draws)]
        return farthest(reference, [f for f in found if f is not None])

    def _drawn(
        self, kind: Rounding, draw: int, inputs: Inputs, reference: Observed
    ) -> Observed | None:
        asked, answer = self._last.get((kind, draw), (None, None))
        if asked is inputs:
            return answer
        answer = self._run(kind, draw, inputs, reference)
        self._last[kind, draw] = inputs, answer
        return answer

    def order(
        self,
        observed: Observed,
        reference: Observed,
        inputs: Inputs,
        limits: Limits,
        kind: Rounding,
    ) -> Ordered:
        """Return what was observed with rows that tie in the reference's order (`judge.ranked`)."""
        ranks = self._ranked(inputs)
        if not ranks:
            return Ordered(observed)
        engine = self._engine(kind, 0)
        shaken = engine.ranks(inputs.tensors) if isinstance(engine, SourceRunner) else {}
        moved = moved_ranks(ranks, ranks_for(self.bundle, shaken))
        return in_order(self.bundle, observed, reference, ranks, limits, moved)

    def _ranked(self, inputs: Inputs) -> Ranks:
        if self._ranks is None or self._ranks[0] is not inputs:
            engine = source_in(self.reference)
            found = engine.ranks(inputs.tensors) if engine is not None else {}
            self._ranks = inputs, ranks_for(self.bundle, found)
        return self._ranks[1]

    def _engine(self, kind: Rounding, draw: int) -> Runner | None:
        if (kind, draw) not in self._engines:
            self._engines[kind, draw] = self._open(kind, draw)
        return self._engines[kind, draw]

    def _run(
        self, kind: Rounding, draw: int, inputs: Inputs, reference: Observed
    ) -> Observed | None:
        engine = self._engine(kind, draw)
        if engine is None:
            return None
        if self.reference is None and isinstance(engine, SourceRunner) and engine.sorts:
            self.reference = open_source(self.folder, self.bundle, self.source)
        found = observe(engine, self.bundle, Lane("source"), inputs)
        if isinstance(found, Check):
            return None
        return self.order(found, reference, inputs, FLOORS[kind], kind).observed

    def _open(self, kind: Rounding, draw: int) -> Runner | None:
        if isinstance(self.bundle, CascadeBundle):
            return None
        try:
            return open_changed(self.folder, self.bundle, change_of(kind, draw), self.source)
        except (NotRun, MobileCatError, ImportError):
            return None


def farthest(reference: Observed, found: Sequence[Observed]) -> Observed | None:
    """Return one result of several, each value the one farthest from the reference's."""
    if len(found) < 2:
        return found[0] if found else None
    tensors = {}
    for name, first in found[0].tensors.items():
        those = [f.tensors[name] for f in found if name in f.tensors]
        e = reference.tensors.get(name)
        if e is None or first.dtype.kind != "f" or any(t.shape != e.shape for t in those):
            tensors[name] = first
            continue
        stacked = np.stack(those)
        with np.errstate(invalid="ignore"):  # inf − inf: no number, which counts as farthest
            which = np.abs(stacked - e).argmax(axis=0)
        tensors[name] = np.take_along_axis(stacked, which[None], axis=0)[0]
    return replace(found[0], tensors=tensors, draws=tuple(found))


def near_rows(
    bundle: Bundle, tensors: Mapping[str, Array], margin: float = MARGIN
) -> npt.NDArray[np.bool_] | None:
    """Return which candidates can become detections, [N]; None where none is told from another."""
    nms = bundle.spec.effective_nms
    if nms is None or not gives_detections(bundle):
        return None
    name = next((n for n, w in watched(bundle).items() if w.kind == "scores"), "")
    if name not in tensors or tensors[name].ndim != 3 or not tensors[name].shape[-1]:
        return None
    best = as_floats(best_of_rows(tensors[name][0]))
    near: npt.NDArray[np.bool_] = np.maximum(best, 0) >= nms.score_threshold - margin
    return near


MASKS = "masks"
DETECTIONS = "detections/"
"""In front of what detections move by, beside the tensors: boxes, scores, row values."""


def moves_of(bundle: Bundle, reference: Observed, shaken: Observed) -> dict[str, float]:
    """Return how far each watched tensor moves, and the detections that could become.

    A raw output: relative to max(1, max |value|). A candidate: in its own unit. `detections/boxes`,
    `…/scores`, `…/landmarks` and so on: of the candidates that can become detections, in pixels of
    the model input where they have such. `detections/masks`: 1 − IoU.
    """
    if shaken.draws:
        each = [moves_of(bundle, reference, drawn) for drawn in shaken.draws]
        return {name: max(m.get(name, 0.0) for m in each) for m in each for name in m}
    near = near_rows(bundle, reference.tensors)
    found: dict[str, float] = {}
    for name, w in watched(bundle).items():
        if name not in reference.tensors or name not in shaken.tensors:
            continue
        e, s = as_floats(reference.tensors[name]), as_floats(shaken.tensors[name])
        both = np.isfinite(e) & np.isfinite(s)
        if e.shape != s.shape or not both.any() or reference.tensors[name].dtype.kind != "f":
            continue
        moved = np.abs(np.subtract(s, e, out=np.zeros(e.shape), where=both))
        if w.kind == "tensor":
            found[name] = float(moved.max()) / max(1.0, float(np.abs(e[both]).max()))
            continue
        found[name] = float(moved.max())
        rows = moved[0] if near is None else moved[0][near]
        # A corner or point moves in two coordinates.
        part = float(rows.max(initial=0)) * (2**0.5 if in_pixels(w.kind) else 1)
        found[f"{DETECTIONS}{w.kind}"] = part
    moved = masks_moved(bundle, reference, shaken, FLOORS["float16"].scores)
    return found if moved is None else found | {f"{DETECTIONS}{MASKS}": moved}


def widest(bundle: Bundle, kind: str) -> float:
    """Return what rounding may widen the limit of a tensor to: in pixels the longer side of the
    model input, beyond which a limit holds nothing; inf of another unit."""
    image = bundle.spec.input
    return float(max(image.size)) if image is not None and in_pixels(kind) else math.inf


def widened(limits: Limits, moves: Mapping[str, float], bundle: Bundle) -> Limits:
    """Return the limits, each at least `times` what rounding moves; what a spec says stays.

    In pixels rounding makes none larger than `widest`.
    """
    outputs = dict(limits.outputs)
    for name, w in watched(bundle).items():
        bound = limits.bound(name, w.kind, np.dtype(w.contract.dtype))
        wide = min(bound.times * moves.get(name, 0.0), widest(bundle, w.kind))
        if wide > bound.limit > 0:
            outputs[name] = wide

    def part(key: str, kind: Kind) -> float:
        times = 0.0 if key in limits.said else limits.times
        moved = times * moves.get(f"{DETECTIONS}{kind}", 0.0)
        return max(limits.of(key), min(moved, widest(bundle, kind)))

    own: dict[str, Any] = {
        key: part(key, kind) for kind, key in KEYS.items() if key != KEYS["tensor"]
    } | {MASKS: part(MASKS, MASKS)}
    return replace(limits, **own, outputs=outputs)
