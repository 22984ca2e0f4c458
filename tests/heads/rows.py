"""What the tests of heads are told about a kind, and where a family says it.

A family of heads has a file in `tests/heads/families` with any of these tuples (dicts for the last
two): SUPPRESSED and SINGLE, networks for the cases that every kind goes through (`Case`); WORKED,
candidates worked by hand (`Worked`); INVERTED, networks whose own numbers can turn a box inside
out (`Case`, for `test_inverted`); SETTLED and ASKED, what is inferred and what is asked for
(`test_settling`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from mobilecat.spec.heads import HEADS
from tests.heads import families
from tests.heads.networks import Array, Range

P = (0.05, 0.95)
LOGIT = (-3.0, 3.0)


@dataclass(frozen=True)
class Case:
    """A head in TOML and outputs that fit it. n: candidates, c: classes, points: landmarks;
    carries: the D of its other row values, by name."""

    name: str
    head: str
    size_wh: tuple[int, int]
    outputs: dict[str, Range]
    n: int
    c: int
    points: int = 0
    carries: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Worked:
    """Row `row` of the candidates must be box, scores, points and `carries`, its other row values
    by name; the rest of the network is 0."""

    name: str
    head: str
    size_wh: tuple[int, int]
    outputs: Callable[[], dict[str, Array]]
    row: int
    box: tuple[float, float, float, float]
    scores: tuple[float, ...]
    points: tuple[float, ...] = ()
    carries: dict[str, tuple[float, ...]] = field(default_factory=dict)


def filled(shape: tuple[int, ...], *places: tuple[Any, Any]) -> Array:
    array = np.zeros(shape)
    for index, values in places:
        array[index] = values
    return array


def toml(case: Case, source: object, nms: str = "") -> str:
    """Return the spec of a case, its network at `source`.

    Every head is tried with suppression, those that do without by themselves too.
    """
    if "iou_threshold" in nms and "selection" not in nms:
        nms = nms.replace("nms = {", 'nms = { selection = "nms",')
    turned = HEADS[case.head.split('"')[1]].turned
    resize = 'resize = "letterbox"' if turned else ""  # stretched, such a box is no rectangle
    return f"""
name = "case"
source = "{source}"
{nms}
[input]
size = [{case.size_wh[0]}, {case.size_wh[1]}]
{resize}
[targets.onnx]
[head]
{case.head}
"""


def of_families(rows: str) -> tuple[Any, ...]:
    """Return what the families' files say under this name, in the order of the files."""
    modules = (
        import_module(f"{families.__name__}.{m.name}") for m in iter_modules(families.__path__)
    )
    return tuple(row for module in modules for row in getattr(module, rows, ()))


def said_by_families(rows: str) -> dict[str, Any]:
    """Return the same for dicts."""
    modules = (
        import_module(f"{families.__name__}.{m.name}") for m in iter_modules(families.__path__)
    )
    return {k: v for module in modules for k, v in getattr(module, rows, {}).items()}
