"""How wide a spec's tolerances may be at all, and which are wider than the table's.

A limit so wide that a wrong result passes is no limit: at an eighth of the model input a box lies
beside what it marks, at a quarter a score of 0.5 and one of 0.3 are the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from mobilecat.bundle import Bundle
from mobilecat.compare.tolerances import DEFAULTS, KEYS, LIMITS, Limits, precision_of
from mobilecat.errors import Problem, SpecError
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import Lane
from mobilecat.rows import kinds_of
from mobilecat.spec import ImageSpec, Spec, Tolerance

SCORES, TENSORS, ANGLE, MASKS = 0.25, 0.5, math.pi / 8, 0.25
SIDE = 1 / 8
"""Of the shorter side of the model input; the table's own limits are always allowed."""
_FIX = "a lane that differs by more is wrong: find out where, with `mobilecat bisect`"


def require_sane_tolerances(bundle: Bundle) -> None:
    """Raise one SpecError naming each tolerance that would hold nearly anything, or infinity."""
    every = bundle.spec.tolerances.items()
    _raise([p for key, given in every for p in too_wide(key, given, bundle)])


def require_limits(spec: Spec) -> None:
    """Raise the same of a spec alone, before anything is made of it, where no precision of a file
    would allow so much. Single outputs are known by the bundle only."""
    ceilings = _ceilings(spec.input, max(x.boxes_px for x in DEFAULTS.values()))
    _raise(
        [
            p
            for key, given in spec.tolerances.items()
            for p in _problems(key, _named(given, ceilings))
        ]
    )


def _raise(problems: Sequence[Problem]) -> None:
    if problems:
        raise SpecError("The spec has tolerances that are no limits", problems)


def too_wide(key: str, given: Tolerance, bundle: Bundle) -> list[Problem]:
    """Return a problem for each limit of one table that would hold nearly anything."""
    return _problems(key, _values(key, given, bundle))


_Held = Iterable[tuple[str, float, float, str]]
"""Of each limit its name, its value, the most that it may be, and why no more."""


def _problems(key: str, limits: _Held) -> list[Problem]:
    return [
        Problem(
            f"{name} is {value:g}; more than {ceiling:g}, {why}, holds nearly anything",
            f"tolerances.{key}",
            _FIX,
        )
        for name, value, ceiling, why in limits
        if not value <= ceiling
    ]


def _values(key: str, given: Tolerance, bundle: Bundle) -> _Held:
    meant = {a.precision for a in bundle.artifacts if key in (a.file, *_runners(a.kind))}
    table = [x.boxes_px for (_, precision), x in DEFAULTS.items() if precision in meant]
    ceilings = _ceilings(bundle.spec.input, max(table, default=0.0))
    yield from _named(given, ceilings)
    kinds = kinds_of(t.name for t in bundle.outputs)
    candidates = {t.name: kind for t, kind in zip(bundle.candidates, kinds, strict=False)}
    for name, value in given.outputs.items():
        yield name, value, *ceilings[KEYS[candidates.get(name, "tensor")]]


def _named(given: Tolerance, ceilings: Mapping[str, tuple[float, str]]) -> _Held:
    for name, (ceiling, why) in ceilings.items():
        value = getattr(given, name)
        if value is not None:
            yield name, value, ceiling, why


def _ceilings(image: ImageSpec | None, widest: float) -> Mapping[str, tuple[float, str]]:
    """Return the most that each limit may be, and why. widest: in pixels, by the table."""
    pixels = max(widest, SIDE * min(image.size)) if image else widest
    px = (pixels, "an eighth of the model input's shorter side")
    return {
        "boxes_px": px,
        "landmarks_px": px,
        "scores": (SCORES, "a quarter of all scores"),
        "landmark_scores": (SCORES, "a quarter of all scores"),
        "masks": (MASKS, "a quarter of a mask"),
        "angles_rad": (ANGLE, "an eighth of half a turn"),
        "tensors": (TENSORS, "half of the largest value"),
    }


def _runners(kind: str) -> tuple[str, ...]:
    return tuple(e.runner for e in FORMATS[kind].engines)


def widened(lanes: Iterable[tuple[Lane, Limits]]) -> list[str]:
    """Return what the spec allows more of than the table: `coreml boxes_px 3 (table: 2)`."""
    said: dict[str, None] = {}
    for lane, limits in lanes:
        runner = lane.runner.partition("/")[0]  # a Mac's lanes say how they ran behind it
        table = DEFAULTS[(runner, precision_of(lane))]
        for name in LIMITS:
            now, usual = limits.of(name), table.of(name)
            if now > usual:
                said[f"{runner} {name} {now:g} (table: {usual:g})"] = None
        for name, now in limits.outputs.items():
            said[f"{runner} {name} {now:g}"] = None
    return list(said)
