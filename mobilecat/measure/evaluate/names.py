"""Which of the labels' classes and landmarks are which of the model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mobilecat.errors import MobileCatError, Problem
from mobilecat.measure.datasets import Dataset
from mobilecat.measure.datasets.crawford import FIVE, ORDER


@dataclass(frozen=True)
class ClassMap:
    """names: what is evaluated, in order. data, model: class ids of either → index into names."""

    names: tuple[str, ...]
    data: Mapping[int, int]
    model: Mapping[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PointMap:
    """Landmarks that both have, as (index of the labels', index of the model's).

    eyes: their two eyes, by the labels' indices; None where no names tell.
    """

    pairs: tuple[tuple[int, int], ...]
    eyes: tuple[int, int] | None
    note: str = ""


def match_classes(
    data: Dataset, labels: Sequence[str], given: Mapping[str, str] | None = None
) -> ClassMap:
    """Return the classes in common, by name, whatever the case and with _ and - as spaces.

    given: a class of the labels → the model's name for it. One class on either side is taken for
    the same, and said. Errors: MobileCatError where nothing is in common.
    """
    given = dict(given or {})
    _require_known(data, labels, given)
    theirs = {_plain(n): i for i, n in reversed(list(enumerate(labels)))}
    if not labels and len(data.classes) == 1:
        note = f"the bundle names no classes: its class 0 is taken for {data.classes[0]!r}"
        return ClassMap(data.classes, {0: 0}, {0: 0}, (note,))
    if not data.classes:  # no picture has an object: whatever is found is wrong
        return ClassMap(tuple(labels), {}, {i: i for i in range(len(labels))})
    both = [
        (i, theirs[_plain(given.get(name, name))])
        for i, name in enumerate(data.classes)
        if _plain(given.get(name, name)) in theirs
    ]
    if both:
        return ClassMap(
            tuple(labels[j] for _, j in both),
            {i: k for k, (i, _) in enumerate(both)},
            {j: k for k, (_, j) in enumerate(both)},
            tuple(_left_out(data, {i for i, _ in both})),
        )
    if len(data.classes) == len(labels) == 1:
        note = f"{data.classes[0]!r} of the labels is taken for {labels[0]!r}, the only class"
        return ClassMap(tuple(labels), {0: 0}, {0: 0}, (note,))
    its = _word(labels[0]) if len(labels) == 1 else "CLASS"
    fix = f"say which of the model's each is: --class-map {_word(data.classes[0])}={its}"
    if not labels:
        fix = "write `labels` into the spec and export again"
    raise MobileCatError(
        "The labels and the model have no class in common",
        [
            Problem(f"the labels have {_listed(data.classes)}", str(data.path)),
            Problem(f"the model has {_listed(labels)}", "labels.txt", fix),
        ],
    )


def _require_known(data: Dataset, labels: Sequence[str], given: Mapping[str, str]) -> None:
    problems = []
    for mine, its in given.items():
        where = f"--class-map {mine}={its}"
        if mine not in data.classes:
            said = f"the labels have no class {mine!r}"
            problems.append(Problem(said, where, f"they have {_listed(data.classes)}"))
        if _plain(its) not in map(_plain, labels):
            said = f"the model has no class {its!r}"
            problems.append(Problem(said, where, f"it has {_listed(labels)}"))
    if problems:
        raise MobileCatError("These classes cannot be mapped", problems)


def _left_out(data: Dataset, known: set[int]) -> list[str]:
    counts = [0] * len(data.classes)
    for picture in data.pictures:
        for i in picture.class_ids:
            counts[i] += 1
    rest = [f"{name} {counts[i]}" for i, name in enumerate(data.classes) if i not in known]
    if not rest:
        return []
    objects = sum(n for i, n in enumerate(counts) if i not in known)
    said = f"{len(rest)} classes that the model does not know, {objects} objects, are left out: "
    return [said + _listed(rest)]


def match_landmarks(data: Sequence[str], model: Sequence[str], count: int | None) -> PointMap | str:
    """Return the landmarks in common, or why there are none.

    By name where any name is in both; else in order, where there are as many (or, of the Crawford
    nine, the usual five). count: how many points the model gives, None for none.
    """
    if not data:
        return "the labels have no landmarks"
    if count is None:
        return "the model gives no landmarks"
    theirs = {_plain(n): j for j, n in enumerate(model)}
    pairs = tuple((i, theirs[_plain(n)]) for i, n in enumerate(data) if _plain(n) in theirs)
    note = ""
    if pairs and len(pairs) < max(len(data), count):
        note = f"landmarks: {len(pairs)} have a name in both, of {len(data)} and {count}"
    elif not pairs and len(data) == count:
        pairs = tuple((i, i) for i in range(count))
        note = "landmarks: no names in common, so taken in the labels' order"
    elif not pairs and tuple(data) == ORDER and count == len(FIVE):
        pairs = tuple(zip(FIVE, range(count), strict=True))
        note = "landmarks: taken for eyes, mouth and ear tips, in the labels' order"
    if not pairs:
        return f"the labels have {len(data)} landmarks, the model {count}, with no name in common"
    eyes = tuple(i for i, _ in pairs if "eye" in _plain(data[i]).split())
    return PointMap(pairs, (eyes[0], eyes[1]) if len(eyes) == 2 else None, note)


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _word(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _listed(names: Sequence[str], most: int = 8) -> str:
    if not names:
        return "none"
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
