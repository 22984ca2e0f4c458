"""Candidates of a quantised file that nobody ever sees: no detection comes of them.

A file of int8 values moves every candidate, and one whose score is far below the threshold by many
pixels, which no user of the file can notice. So where a quantised program is the source's but for
its rounding (`judge.structure`), and only there, boxes and points of candidates are held where they
can become detections: where the score of the source or of the lane is above the threshold − MARGIN.
Those are held in full, to the live source, not at the golden's places alone. All scores, all raw
outputs, the mean over all candidates and every detection are held as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, as_floats
from mobilecat.compare.probe import Probe
from mobilecat.compare.tolerances import precision_of
from mobilecat.golden.store import Expected
from mobilecat.judge.judge import detections_of
from mobilecat.judge.observe import Observed, watched
from mobilecat.judge.rounding import near_rows
from mobilecat.rows import in_pixels

FAINT = "no detection can come of candidate"
"""How the detail of a check begins that does not hold such a candidate."""
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

    A candidate beyond its limit is named, with its score and what becomes of it. Only a lane that
    rounds to integers is judged so: float16's limits follow the network already.
    """
    return [_seen(bundle, observed, reference, expected, c) for c in checks]


def _seen(
    bundle: Bundle, observed: Observed, reference: Observed, expected: Expected, check: Check
) -> Check:
    kind = watched(bundle)[check.name].kind if check.name in watched(bundle) else ""
    off_by_a_number = check.verdict == "FAIL" and check.value is not None and check.limit
    if check.stage != "candidates" or not in_pixels(kind) or not off_by_a_number:
        return check
    sides = [near_rows(bundle, o.tensors) for o in (reference, observed)]
    stored = expected.tensors.get(check.name)
    tensors = [o.tensors.get(check.name) for o in (reference, observed)]
    e, g = tensors
    if e is None or g is None or stored is None or e.shape != g.shape or e.ndim < 2:
        return check
    if any(s is None or s.size != e.shape[1] for s in sides):
        return check
    near = np.asarray(sides[0]) | np.asarray(sides[1])
    apart = np.abs(as_floats(g) - as_floats(e))[0].reshape(e.shape[1], -1).max(axis=1)
    if not np.isfinite(apart).all():
        return check
    assert check.limit is not None
    held = np.where(near, apart, 0.0)
    worst = int(held.argmax())
    quantised = precision_of(observed.lane) not in ("float32", "float16")
    at_places = _at_places(stored, as_floats(g), near)
    if quantised and max(held[worst], at_places) <= check.limit:
        far = int(np.where(near, 0.0, apart).argmax())
        said = f"{FAINT} {far}, which moved by {apart[far]:.3g} px: its score is "
        said += f"{_score(bundle, reference, observed, far)}. So it is not held"
        value = float(max(held[worst], at_places))
        return replace(check, verdict="PASS", value=value, detail=said)
    row = worst if held[worst] > check.limit else int(apart.argmax())
    what = _what(bundle, observed, reference, row, bool(near[row]))
    said = f"candidate {row}, {what}, moved by {apart[row]:.3g} px of the model input"
    return replace(check, detail=f"{said} ({check.detail})")


def _at_places(stored: Probe, got: Floats, near: npt.NDArray[np.bool_]) -> float:
    """Return how far a golden's kept values of near rows, and its mean over all rows, are off."""
    flat, each = got.reshape(-1), got.size // near.size
    kept = [
        abs(float(flat[p]) - float(v))
        for p, v in zip(stored.positions, stored.values, strict=True)
        if near[p // each]
    ]
    mean = abs(float(flat.mean()) - float(stored.mean or 0.0))
    return max([*kept, mean])


def _score(bundle: Bundle, reference: Observed, observed: Observed, row: int) -> str:
    name = next((n for n, w in watched(bundle).items() if w.kind == "scores"), "")
    was, now = (float(o.tensors[name][0, row].max()) for o in (reference, observed))
    nms = bundle.spec.effective_nms
    needs = "" if nms is None else f"; a detection needs {nms.score_threshold:g}"
    return f"{was:.3f} in the source and {now:.3f} here{needs}"


def _what(
    bundle: Bundle, observed: Observed, reference: Observed, row: int, can_be_seen: bool
) -> str:
    """Say what becomes of a candidate: a detection, suppressed, or too faint to be one."""
    score = f"its score {_score(bundle, reference, observed, row)}"
    if any(_is_detection(bundle, o, row) for o in (observed, reference)):
        return f"which is a detection ({score})"
    if can_be_seen:
        return f"which is no detection, but near to one or suppressed by a better box ({score})"
    return f"which is no detection and cannot become one ({score})"


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
