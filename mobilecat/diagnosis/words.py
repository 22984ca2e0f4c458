"""An answer in words: one sentence first, then the fix, then what else it could be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mobilecat.diagnosis.answer import Answer
from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.diagnosis.search import Suspect, suspects
from mobilecat.geometry.affine import Size

NO_BOXES = (
    "No box was drawn where some should be, so coordinates cannot say why: re-run the picture "
    "through each suspect chain with --image FILE --bundle DIR."
)

NOTHING = "There is no box to look at, drawn or true: nothing can be said of where boxes land."


def headline(answer: Answer, facts: Facts) -> str:
    """Return the one sentence that a tired person reads first."""
    if answer.verdict == "no boxes":
        return NO_BOXES if answer.missing or answer.extra else NOTHING
    if answer.verdict == "unexplained":
        return (
            "No known bug explains this: the boxes are off by "
            f"{answer.seen_px:.1f} px, and the nearest guess still by "
            f"{answer.closest[0].rms_px:.1f} px."
        )
    if answer.first is None or not answer.first.bugs:
        off = f"the boxes are where they should be, to within {answer.seen_px:.1f} px"
        return f"Nothing wrong found: {off}."
    said = [bug.sentence(facts) for bug in answer.first.bugs]
    return said[0] if len(said) == 1 else "Two things went wrong. " + " ".join(said)


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
        # Tolerance 1: chi2 is then in px, and distances between predictions are what we want.
        for s in others:
            if s.ids in told or _only_scores(s.ids ^ answer.first.ids):
                continue
            if _apart(probe, answer.first.ids, s.ids) > 4 * answer.noise_px:
                told[s.ids] = case
    for s in others:
        if s.ids not in told:
            told[s.ids] = (
                "the picture itself tells: --image FILE --bundle DIR"
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


def _apart(probe: Scene, a: frozenset[str], b: frozenset[str]) -> float:
    """Return how far apart two suspects' boxes would lie on a probe, in px, at most."""
    from mobilecat.diagnosis.search import predictions

    found = predictions(probe, (a, b))
    if a not in found or b not in found:
        return 0.0
    px = np.tile(probe.facts.pixels_from_norm, 2)
    return float(min((np.abs(p - q) * px).max() for p in found[a] for q in found[b]))


def to_json(answer: Answer, facts: Facts, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the answer as JSON values; docs/diagnose.md describes every key."""
    told = advice(answer, facts)
    return {
        "schema": 1,
        "verdict": answer.verdict,
        "sentence": headline(answer, facts),
        "first": None if answer.first is None else suspect_json(answer.first, facts),
        "inseparable": [
            suspect_json(s, facts) | {"told_apart_by": told.get(s.ids)} for s in answer.inseparable
        ],
        "closest": [suspect_json(s, facts) for s in answer.closest],
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
    return {
        "ids": [b.id for b in s.bugs],
        "name": s.name,
        "happened": [b.sentence(facts) for b in s.bugs],
        "fix": {"swift": [b.in_swift(facts) for b in s.bugs], "kotlin": [b.kotlin for b in s.bugs]},
        "rms_px": round(s.rms_px, 3),
        "worst_px": round(s.worst_px, 3),
    }


def lines(answer: Answer, facts: Facts, most: int = 6) -> list[str]:
    """Return what a terminal shows below the headline."""
    out = []
    first = answer.first
    if first is not None and first.bugs:
        for bug in first.bugs:
            out += [
                f"bug {bug.id}: {bug.name}",
                f"  Swift   {bug.in_swift(facts)}",
                f"  Kotlin  {bug.kotlin}",
            ]
        out.append(
            f"the boxes were off by {answer.seen_px:.1f} px; this explains all but "
            f"{first.rms_px:.1f} px (fits below {answer.gate_px:.1f})"
        )
    told = advice(answer, facts)
    others = also(answer)
    if others and first is not None:
        out.append("not to be told from it by these boxes:")
        for s in others[:most]:
            out.append(f"  {s.name}: {told.get(s.ids, '')}")
        if len(others) > most:
            out.append(f"  and {len(others) - most} more (--json lists them)")
    for s in answer.closest:
        out.append(f"nearest: {s.name}, off by {s.rms_px:.1f} px")
    if answer.missing or answer.extra:
        out.append(f"{answer.missing} true and {answer.extra} observed boxes found no partner")
    return out


__all__ = ["advice", "headline", "lines", "suspects", "to_json"]
