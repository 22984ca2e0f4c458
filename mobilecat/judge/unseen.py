"""Candidates of a quantised file that nobody ever sees: no detection comes of them.

A file of int8 values moves every candidate: one whose score is far below the threshold by many
pixels, and one that a better box takes away as well. No user of the file can notice. So where a
quantised program is the source's but for its rounding (`judge.structure`), and only there,
candidates are held where they can become detections. Not held are

boxes and points: where the score of source and lane is below the threshold − MARGIN;
boxes, points and scores: where on both sides a better box takes the candidate away by far
    (`judge.behind`), so that it must stay behind that box, in place and score, to go unseen.

All others are held in full, to the live source, not at the golden's places alone. The scores of
faint candidates, all raw outputs, the mean over all candidates and every detection are held as
ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, as_floats
from mobilecat.compare.probe import Probe
from mobilecat.compare.tolerances import precision_of
from mobilecat.golden.store import Expected
from mobilecat.judge.behind import behind
from mobilecat.judge.judge import detections_of
from mobilecat.judge.observe import Observed, watched
from mobilecat.judge.rounding import near_rows
from mobilecat.rows import in_pixels

FAINT = "no detection can come of candidate"
"""How the detail of a check begins that does not hold such a candidate."""
_ALIKE = 1.01
"""How many times as far from the golden as from the live source is more than the digits that a
golden keeps: what is said is then of the golden."""
_SAME = 0.01
"""Pixels of the model input within which a detection is a candidate's box."""

Floats = npt.NDArray[np.float64]


def without_unseen(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    expected: Expected,
    checks: Sequence[Check],
) -> list[Check]:
    """Return the checks of a sound lane, its candidates held where they can be seen.

    A candidate beyond its limit is named, with its score and what becomes of it; the value of the
    check is then that candidate's, and the detail says of which side. Only a lane that
    rounds to integers is judged so: float16's limits follow the network already.
    """
    return [_seen(bundle, observed, reference, expected, c) for c in checks]


def _seen(
    bundle: Bundle, observed: Observed, reference: Observed, expected: Expected, check: Check
) -> Check:
    kind = watched(bundle)[check.name].kind if check.name in watched(bundle) else ""
    off_by_a_number = check.verdict == "FAIL" and check.value is not None and check.limit
    known = in_pixels(kind) or kind == "scores"
    if check.stage != "candidates" or not known or not off_by_a_number:
        return check
    stored = expected.tensors.get(check.name)
    e, g = (o.tensors.get(check.name) for o in (reference, observed))
    if e is None or g is None or stored is None or e.shape != g.shape or e.ndim < 2:
        return check
    quantised = precision_of(observed.lane) not in ("float32", "float16")
    which = _Rows.of(bundle, reference, observed, in_pixels(kind), every=not quantised)
    if which is None or which.near.size != e.shape[1]:
        return check
    apart = np.abs(as_floats(g) - as_floats(e))[0].reshape(e.shape[1], -1).max(axis=1)
    if not np.isfinite(apart).all():
        return check
    assert check.limit is not None
    unit = "" if kind == "scores" else " px of the model input"
    worst = int(np.where(which.held, apart, 0.0).argmax())
    live = float(apart[worst]) if which.held[worst] else 0.0
    kept = _at_places(stored, as_floats(g), which.held)
    told = partial(_what, bundle, observed, reference, which)
    if quantised and max(live, kept.off) <= check.limit:
        far = int(np.where(which.held, 0.0, apart).argmax())
        why = told(far).removeprefix("which is no detection: ")
        said = f"{FAINT} {far}, which moved by {apart[far]:.3g}{unit}: {why}. So it is not held"
        return replace(check, verdict="PASS", value=max(live, kept.off), detail=said)
    if kept.off > max(_ALIKE * live, check.limit):
        what = f"candidate {kept.row}, {told(kept.row)}, is" if kept.row >= 0 else "their mean is"
        said = f"{what} {kept.off:.3g}{unit} from the golden's: {kept.words}"
        return replace(check, value=kept.off, detail=said)
    if live > check.limit:
        said = f"candidate {worst}, {told(worst)}, is {live:.3g}{unit} from what the source gives"
        return replace(check, value=live, detail=f"{said} here")
    return check


@dataclass(frozen=True)
class _Rows:
    """Which candidates can become detections, [N] each.

    near: by their scores. behind: but a better box takes them away by far. held: those that are
    judged.
    """

    near: npt.NDArray[np.bool_]
    behind: npt.NDArray[np.bool_]
    held: npt.NDArray[np.bool_]

    @staticmethod
    def of(
        bundle: Bundle, reference: Observed, observed: Observed, faint: bool, every: bool
    ) -> _Rows | None:
        """faint: whether those with faint scores are let go. every: whether none is."""
        sides = [near_rows(bundle, o.tensors) for o in (reference, observed)]
        if sides[0] is None or sides[1] is None or sides[0].size != sides[1].size:
            return None
        near = np.asarray(sides[0] | sides[1])
        taken = behind(bundle, reference, observed)
        if taken is None or taken.size != near.size:
            taken = np.zeros(near.size, np.bool_)
        held = (near & ~taken) if faint else ~taken
        return _Rows(near, taken, np.ones_like(held) if every else held)


@dataclass(frozen=True)
class _Kept:
    """How far what a golden keeps is off at most. row: of which candidate; −1: the mean of all."""

    off: float
    row: int
    words: str


def _at_places(stored: Probe, got: Floats, held: npt.NDArray[np.bool_]) -> _Kept:
    """Return the worst of a golden's kept values of held rows, and of its mean over all rows."""
    flat, each = got.reshape(-1), got.size // held.size
    mean, was = float(flat.mean()), float(stored.mean or 0.0)
    found = [_Kept(abs(mean - was), -1, f"{mean:.6g}, expected {was:.6g}")]
    for place, value in zip(stored.positions, stored.values, strict=True):
        if held[place // each]:
            now, then = float(flat[place]), float(value)
            said = f"{now:.6g}, expected {then:.6g}"
            found.append(_Kept(abs(now - then), place // each, said))
    return max(found, key=lambda k: k.off)


def _score(bundle: Bundle, reference: Observed, observed: Observed, row: int) -> str:
    name = next((n for n, w in watched(bundle).items() if w.kind == "scores"), "")
    was, now = (float(o.tensors[name][0, row].max()) for o in (reference, observed))
    nms = bundle.spec.effective_nms
    needs = "" if nms is None else f"; a detection needs {nms.score_threshold:g}"
    return f"{was:.3f} in the source and {now:.3f} here{needs}"


def _what(bundle: Bundle, observed: Observed, reference: Observed, which: _Rows, row: int) -> str:
    """Say what becomes of a candidate: a detection, suppressed, or too faint to be one."""
    score = f"its score is {_score(bundle, reference, observed, row)}"
    if which.behind[row]:
        return f"which is no detection: a better box takes it away by far, and {score}"
    if any(_is_detection(bundle, o, row) for o in (observed, reference)):
        return f"which is a detection ({score})"
    if which.near[row]:
        return f"which is no detection, but near to one ({score})"
    return f"which is no detection: {score}"


def _is_detection(bundle: Bundle, observed: Observed, row: int) -> bool:
    name = next((n for n, w in watched(bundle).items() if w.kind == "boxes"), "")
    found = detections_of(observed)
    if name not in observed.tensors or isinstance(found, str) or observed.plan is None:
        return False
    if not len(found):
        return False
    boxes = found.placed(observed.plan.model_from_image).boxes_xyxy
    mine = as_floats(observed.tensors[name])[0, row, :4]
    return bool((np.abs(boxes - mine).max(axis=1) <= _SAME).any())
