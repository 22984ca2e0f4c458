"""What classes and points are called: by the file, by the family, or by whom the file asks."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from mobilecat.heads import graph_head
from mobilecat.proposal.facts import Facts
from mobilecat.proposal.guess import Guess
from mobilecat.spec import RawHead, Spec
from mobilecat.value import unprintable

_COCO = 80
_SHOWN = 3


def names_of(
    facts: Facts, guess: Guess, spec: Spec, taken: list[str]
) -> tuple[dict[str, Any], int]:
    """Return labels and landmarks, where their numbers fit the head; how many classes have none."""
    if isinstance(spec.head, RawHead):
        return {}, 0
    settled = graph_head(spec.head, facts.outputs, facts.size_wh, facts.anchors)
    top: dict[str, Any] = {}
    names = tuple(n for n in facts.names if n.strip() and len(n) <= 200 and not unprintable(n))
    if len(names) == settled.classes and names:
        top["labels"] = list(names)
        taken.append(f"{len(names)} labels, from the file's metadata")
    elif len(guess.labels) == settled.classes:
        top["labels"] = list(guess.labels)
    elif settled.classes == _COCO:
        top["labels"] = _coco()
        taken.append("COCO's 80 labels, since there are 80 classes and the file names none")
    if guess.landmarks and len(guess.landmarks) == settled.points:
        top["landmarks"] = list(guess.landmarks)
    return top, 0 if "labels" in top else settled.classes or 0


def blank_labels(classes: int) -> str:
    names = [f'"name of class {i}"' for i in range(min(classes, _SHOWN))]
    return f"labels = [{', '.join(names)}{', …' if classes > _SHOWN else ''}]"


def _coco() -> list[str]:
    return (files("mobilecat.proposal") / "coco80.txt").read_text("utf-8").split("\n")[:_COCO]
