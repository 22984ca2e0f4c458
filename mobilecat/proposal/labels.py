"""What classes and points are called: by the file, by the family, or by whom the file asks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from mobilecat.errors import Problem, SpecError
from mobilecat.heads import graph_head
from mobilecat.proposal.facts import Facts
from mobilecat.proposal.guess import Guess
from mobilecat.spec import RawHead, Spec
from mobilecat.value import unprintable

_COCO = 80
_SHOWN = 3


def names_of(
    facts: Facts, guess: Guess, spec: Spec, taken: list[str], said: Sequence[str] = ()
) -> tuple[dict[str, Any], int]:
    """Return labels and landmarks, where their numbers fit the head; how many classes have none.

    said: labels as the user has them. Errors: SpecError where these are not as many as the classes.
    """
    if isinstance(spec.head, RawHead):
        _require_as_many(said, 0)
        return {}, 0
    settled = graph_head(spec.head, facts.outputs, facts.size_wh, facts.anchors)
    top: dict[str, Any] = {}
    names = tuple(n for n in facts.names if n.strip() and len(n) <= 200 and not unprintable(n))
    if said:
        _require_as_many(said, settled.classes or len(said))
        top["labels"] = list(said)
    elif len(names) == settled.classes and names:
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


def _require_as_many(said: Sequence[str], classes: int) -> None:
    if said and len(said) != classes:
        many = f"{len(said)} label{'s' * (len(said) > 1)}"
        what = f"{many}, and the network has {classes} classes"
        fix = "one a class, in the network's order; commas part them: --labels cat,dog"
        if not classes:
            what = f"{many}, and head raw, which this is taken for, has no classes"
            fix = "name the head: --set head.kind=…"
        raise SpecError("These labels do not fit", [Problem(what, "--labels", fix)])


def blank_labels(classes: int) -> str:
    names = [f'"name of class {i}"' for i in range(min(classes, _SHOWN))]
    return f"labels = [{', '.join(names)}{', …' if classes > _SHOWN else ''}]"


def in_another_order(labels: Sequence[str]) -> tuple[str, ...]:
    """Warn of labels that are COCO's in another order than COCO's; () where they are not."""
    theirs, mine = ([name.casefold() for name in names] for names in (_coco(), labels))
    if mine == theirs or sorted(mine) != sorted(theirs):
        return ()
    at = next(i for i, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1])
    return (
        f"warning: the labels are COCO's in another order: class {at} is {labels[at]!r}, and "
        f"{_coco()[at]!r} in COCO. A network that was trained on COCO has COCO's order",
    )


def _coco() -> list[str]:
    return (files("mobilecat.proposal") / "coco80.txt").read_text("utf-8").split("\n")[:_COCO]
