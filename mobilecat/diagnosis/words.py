"""An answer in words: one sentence first, then the fix, then what else it could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mobilecat.diagnosis.answer import Answer
from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.diagnosis.fixes import Fix
from mobilecat.diagnosis.pairing import in_order, rows_of
from mobilecat.diagnosis.suspect import Suspect, predicted
from mobilecat.geometry.affine import Size

NO_BOXES = (
    "No box was drawn where some should be, so coordinates cannot say why: re-run the picture "
    "through each suspect chain with DIR --image FILE."
)

NOTHING = "There is no box to look at, drawn or true: nothing can be said of where boxes land."


_TIE = 1e-6
"""In −2 log likelihood: the same boxes to within rounding."""
LANGUAGES = ("Swift", "Kotlin", "Dart", "JavaScript")


def headline(answer: Answer, facts: Facts) -> str:
    """Return the one sentence that a tired person reads first."""
    if answer.verdict == "no boxes":
        return NO_BOXES if answer.missing or answer.extra else NOTHING
    if answer.verdict == "unexplained":
        return f"No known bug explains this: {_unexplained(answer)}."
    if answer.first is None or not answer.first.bugs:
        off = f"the boxes are where they should be, to within {answer.seen_px:.1f} px"
        return f"Nothing wrong found: {off}."
    said, twins = _said(answer.first, facts), _alike(answer)
    if len(twins) > 1:
        return f"{said} {len(twins)} other explanations fit these boxes alike: they stand below."
    if not twins:
        return said
    tells = advice(answer, facts)[twins[0].ids]
    return (
        f"One of two things happened, and these boxes cannot tell which. Either: {said} "
        f"Or: {_said(twins[0], facts)} {tells[0].upper()}{tells[1:]}."
    )


def _by_another_model(answer: Answer) -> str:
    """Return what to ask next where a bug is near and only the scatter of boxes is too large.

    Boxes of one object from two models, or a person's, differ by several pixels with no bug at all.
    """
    if answer.verdict != "unexplained" or answer.left_over or not answer.closest:
        return ""
    near = answer.closest[0]
    # Three standard deviations in place of the gate's 7.5: more would let any bug fit.
    if near.rms_px > min(3 * answer.gate_px, answer.seen_px / 4):
        return ""
    noise = int(np.ceil(near.rms_px / 3))
    return (
        f"the nearest leaves {near.rms_px:.1f} px of {answer.seen_px:.1f}: boxes of two models, or "
        f"drawn by hand, may differ by that much of themselves; then ask again with --noise {noise}"
    )


def _said(s: Suspect, facts: Facts) -> str:
    said = [bug.sentence(facts, label) for bug, label in zip(s.bugs, s.labels, strict=True)]
    return said[0] if len(said) == 1 else "Two things went wrong. " + " ".join(said)


def _alike(answer: Answer) -> list[Suspect]:
    """Return single bugs that predict the very same boxes as the first, one that is not denied."""
    first = answer.first
    if first is None or len(first.bugs) > 1 or first.denied:
        return []
    return [
        s
        for s in also(answer)
        if not s.denied
        and len(s.bugs) == 1
        and s.numbers == first.numbers
        and abs(s.misfit - first.misfit) < _TIE
    ]


def _unexplained(answer: Answer) -> str:
    moved, seen = answer.motion, f"the boxes are off by {answer.seen_px:.1f} px"
    if moved is not None and moved.holds and (moved.turn or answer.left_over):
        return f"{seen}; in numbers, everything is {_drawn(moved.words)}"
    if moved is not None and moved.holds:
        return f"{seen}; in numbers, everything is {_drawn(moved.words)}"
    nearest = f", and the nearest guess still by {answer.closest[0].rms_px:.1f} px"
    return seen + (nearest if answer.closest else "")


def _drawn(words: str) -> str:
    """`drawn 24 points too low`: the map's words as the end of a sentence."""
    return words.removeprefix("everything is ") if "drawn" in words else f"drawn {words}"


def also(answer: Answer) -> list[Suspect]:
    """Return what is worth listing beside the first: other explanations as simple as it is."""
    size = len(answer.first.bugs) if answer.first else 0
    return [s for s in answer.inseparable if len(s.bugs) <= max(1, size)]


def advice(answer: Answer, facts: Facts) -> dict[frozenset[str], str]:
    """Return, for each listed alternative, what extra case would tell it from the first."""
    if answer.first is None:
        return {}
    others = also(answer)
    told: dict[frozenset[str], str] = {}
    for case, probe in _probes(facts):
        for s in others:
            if s.ids in told or _only_scores(s.ids ^ answer.first.ids):
                continue
            if _apart(probe, answer.first, s) > 4 * answer.noise_px:
                told[s.ids] = case
    for s in others:
        if s.ids not in told:
            told[s.ids] = (
                "the picture itself tells: DIR --image FILE"
                if _only_scores(s.ids ^ answer.first.ids) or _turns(s, answer.first)
                else "no box can tell them apart at this noise: read both places in the code"
            )
    return told


def _only_scores(ids: frozenset[str]) -> bool:
    return ids <= {"27", "28"}


def _turns(a: Suspect, b: Suspect) -> bool:
    turning = {"1", "3", "4", "4b", "4c", "4d", "5", "16"}
    return bool((a.ids ^ b.ids) & turning)


def _probes(facts: Facts) -> list[tuple[str, Scene]]:
    """Return cases that an app could run next, the simplest first."""
    corner = np.array([[0.06, 0.11, 0.29, 0.2], [0.52, 0.6, 0.7, 0.96], [0.7, 0.08, 0.93, 0.22]])
    one = Evidence(corner[:1], corner[:1])
    marks = np.stack([corner[:, :2] + (corner[:, 2:] - corner[:, :2]) * s for s in (0.2, 0.7)], 1)
    w, h = facts.frame_wh
    other = replace(facts, frame_wh=Size(round(h * 1.31) + 1, round(w * 0.87) + 1))
    return [
        ("a box in the upper left, wider than high, tells them apart", Scene(facts, one)),
        ("boxes in several corners of the picture tell them apart", _still(facts, corner)),
        ("a frame of another aspect ratio tells them apart", _still(other, corner)),
        (
            "landmarks beside the boxes tell them apart",
            Scene(facts, Evidence(corner, corner, marks, marks)),
        ),
    ]


def _still(facts: Facts, boxes: Any) -> Scene:
    return Scene(facts, Evidence(boxes, boxes))


def _apart(probe: Scene, a: Suspect, b: Suspect) -> float:
    """Return how far apart two suspects' boxes would lie on a probe, in px, at most."""
    rows = rows_of(probe)
    p, q = predicted(a.steps, rows), predicted(b.steps, rows)
    if p is None or q is None:
        return 0.0
    return float((np.abs(in_order(p) - in_order(q)) * rows.px).max())


def _called(s: Suspect, facts: Facts) -> str:
    """Return a suspect's name, a turn's with the orientation that its sentence says."""
    parts = zip(s.bugs, s.labels, strict=True)
    return " + ".join(b.called(facts) + (f" ({label})" if label else "") for b, label in parts)


def to_json(answer: Answer, facts: Facts, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the answer as JSON values; docs/diagnosis.md describes every key."""
    told = advice(answer, facts)
    return {
        "schema": 1,
        "verdict": answer.verdict,
        "sentence": headline(answer, facts),
        "first": None if answer.first is None else suspect_json(answer.first, facts),
        "inseparable": [
            suspect_json(s, facts) | {"told_apart_by": told.get(s.ids), "denied": s.denied}
            for s in answer.inseparable
        ],
        "closest": [suspect_json(s, facts) for s in answer.closest],
        "map": None if answer.motion is None else answer.motion.to_json(),
        "boxes": answer.boxes,
        "missing": answer.missing,
        "extra": answer.extra,
        "noise_px": answer.noise_px,
        "gate_px": round(answer.gate_px, 3),
        "seen_px": round(answer.seen_px, 3),
        "notes": list(notes),
    }


def suspect_json(s: Suspect, facts: Facts) -> dict[str, Any]:
    """Return a suspect with the words for it."""
    fixes = [b.fix(facts) for b in s.bugs]
    said = zip(s.bugs, s.labels, strict=True)
    return {
        "ids": [b.id for b in s.bugs],
        "name": s.name,
        "happened": [b.sentence(facts, label) for b, label in said],
        "fix": {language: [getattr(f, language) for f in fixes] for language in Fix._fields},
        "rms_px": round(s.rms_px, 3),
        "worst_px": round(s.worst_px, 3),
    }


def lines(answer: Answer, facts: Facts, most: int = 6) -> list[str]:
    """Return what a terminal shows below the headline."""
    out = []
    first = answer.first
    if first is not None and first.bugs:
        for bug in first.bugs:
            out.append(f"bug {bug.id}: {bug.called(facts)}")
            for language, fix in zip(LANGUAGES, bug.fix(facts), strict=True):
                out.append(f"  {language:10s}  {fix}")
        out.append(
            f"the boxes were off by {answer.seen_px:.1f} px; this explains all but "
            f"{first.rms_px:.1f} px (fits below {answer.gate_px:.1f})"
        )
    if answer.motion is not None:
        left = f" (to within {answer.motion.rms_px:.1f} px)" if answer.motion.holds else ""
        out.append(f"as one map: {answer.motion.words}{left}")
    if answer.left_over:
        out.append(f"what the nearest leaves over is no noise: {answer.left_over}")
    told = advice(answer, facts)
    believed = first is not None and not first.denied
    others = [s for s in also(answer) if not (believed and s.denied)]
    if others and first is not None:
        out.append("not to be told from it by these boxes:")
        for s in others[:most]:
            out.append(f"  {_called(s, facts)}: {told.get(s.ids, '')}")
        if len(others) > most:
            out.append(f"  and {len(others) - most} more (--json lists them)")
    for s in (s for s in also(answer) if believed and s.denied):
        out.append(f"not this, though these boxes would fit it: {_called(s, facts)}; {s.denied}")
    for s in answer.closest:
        out.append(f"nearest: {s.name}, off by {s.rms_px:.1f} px")
    if hint := _by_another_model(answer):
        out.append(hint)
    if answer.missing or answer.extra:
        out.append(f"{answer.missing} true and {answer.extra} observed boxes found no partner")
    return out
