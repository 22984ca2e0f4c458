"""Rows in the order of a TopK: those that tie, but for rounding, are matched as a set.

A query detector keeps the best N of its tokens, in the order of their scores. Where two scores lie
nearer together than the limits tell apart, which row comes first is decided by rounding, and with
it the order of every output. So a lane's rows are brought into the source's order before they are
compared, each row only to a place whose score ties with its own: all its outputs go together, and
every value is then held to the same limits. At the end of the ranking another row may be kept than
the source's: rows that tie with the last one are left out where they match none, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, as_floats, unit_scale
from mobilecat.compare.tolerances import Limits
from mobilecat.graph import Array
from mobilecat.judge.observe import Observed, watched

OTHERS = 8
"""At most one row in so many may be another at the end of the ranking."""

Floats = npt.NDArray[np.float64]
Ranks = Mapping[str, Array]
"""A watched tensor's name → what its rows [1,N,…] are sorted by in the source, falling, [N]."""


@dataclass(frozen=True)
class Ordered:
    """What a lane gave, in the source's order. moved: rows at another place. other: left out."""

    observed: Observed
    moved: int = 0
    other: int = 0

    def checks(self, against: str) -> list[Check]:
        """Return what is said of it: nothing where every row was in its place."""
        if not self.moved and not self.other:
            return []
        said = []
        if self.moved:
            said.append(f"rows that tie in the ranking at another place: {self.moved}")
        if self.other:
            said.append(f"others than the source's where they tie with the last row: {self.other}")
        return [Check("raw", "ties", "PASS", detail="; ".join(said), against=against)]


def ranks_for(bundle: Bundle, raw: Mapping[str, Array]) -> Ranks:
    """Return the ranks of every watched tensor; decoded values have those of the outputs they are
    decoded from, where these share one."""
    here = watched(bundle)
    ranks = {n: v for n, v in raw.items() if n in here and np.isfinite(v).all()}
    first = next(iter(ranks.values()), None)
    own = [n for n, w in here.items() if w.stage == "raw"]
    if first is not None and all(n in ranks and np.array_equal(ranks[n], first) for n in own):
        ranks |= {n: first for n, w in here.items() if w.stage == "candidates"}
    return ranks


def in_order(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    ranks: Ranks,
    limits: Limits,
    moved: float = 0.0,
) -> Ordered:
    """Return what was observed with its rows in the reference's order, where they tie.

    moved: how far rounding moves the ranks themselves.
    """
    groups: dict[bytes, list[str]] = {}
    for name, key in ranks.items():
        e, g = reference.tensors.get(name), observed.tensors.get(name)
        if e is None or g is None or e.shape != g.shape:
            continue
        if e.ndim >= 2 and e.shape[:2] == (1, len(key)):
            groups.setdefault(key.tobytes(), []).append(name)
    tensors = dict(observed.tensors)
    turned = left_out = 0
    for names in groups.values():
        key = as_floats(ranks[names[0]])
        near = max(limits.tensors * max(1.0, float(np.abs(key).max())), limits.times * moved)
        apart = _apart(bundle, observed, reference, names, limits)
        places, other = _matched(apart, key, 2 * near)
        for name in names:
            rows = tensors[name][:, places]
            rows[:, other] = reference.tensors[name][:, other]
            tensors[name] = rows
        turned += sum(int(j) != i for i, j in enumerate(places) if i not in other)
        left_out += len(other)
    if not turned and not left_out:
        return Ordered(observed)
    return Ordered(replace(observed, tensors=tensors), turned, left_out)


def moved_ranks(ranks: Ranks, shaken: Ranks) -> float:
    """Return how far rounding moves the ranks, place by place."""
    moved = [0.0]
    for name, key in ranks.items():
        if name in shaken and shaken[name].size == key.size:
            off = np.abs(as_floats(key) - as_floats(shaken[name]))
            moved.append(float(off.max(initial=0)))
    return max(moved)


def _apart(
    bundle: Bundle, observed: Observed, reference: Observed, names: list[str], limits: Limits
) -> Callable[[int, int], float]:
    """Return (source's row, lane's row) → how far they are apart, in limits."""
    kinds = watched(bundle)
    pairs = []
    for name in names:
        e, g = as_floats(reference.tensors[name])[0], as_floats(observed.tensors[name])[0]
        n = len(e)
        contract = kinds[name].contract
        bound = limits.bound(name, kinds[name].kind, np.dtype(contract.dtype))
        scale = unit_scale(np.abs(e[None]))[0] if bound.relative and e.size else np.ones(1)
        unit = np.broadcast_to(np.maximum(bound.limit * scale, 1e-12), e.shape)
        shown = [np.nan_to_num(x / unit).reshape(n, -1) for x in (e, g)]
        pairs.append(shown)

    def apart(i: int, j: int) -> float:
        return max(float(np.abs(e[i] - g[j]).max(initial=0)) for e, g in pairs)

    return apart


def _matched(
    apart: Callable[[int, int], float], key: Floats, near: float
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Return the lane's row for each place, and the places at the end that another row took.

    A row that is right where it stands stays; the others go, nearest first, to places that tie.
    """
    n = len(key)
    places = np.arange(n)
    wrong = [i for i in range(n) if apart(i, i) > 1]
    free = set(wrong)
    waiting = sorted(
        (apart(i, j), abs(i - j), i, j)
        for i in wrong
        for j in wrong
        if i != j and abs(key[i] - key[j]) <= near
    )
    open_places = set(wrong)
    for far, _, i, j in waiting:
        if i in open_places and j in free and far <= max(1.0, 0.25 * min(apart(i, i), apart(j, j))):
            places[i] = j
            open_places.discard(i)
            free.discard(j)
    # What is left stands where it stood, if that is free, or at the places that are.
    for i in sorted(open_places & free):
        free.discard(i)
        open_places.discard(i)
        places[i] = i
    for i, j in zip(sorted(open_places), sorted(free), strict=True):
        places[i] = j
    ends = [i for i in wrong if apart(i, int(places[i])) > 1 and key[i] - key[-1] <= near]
    return places, ends if len(ends) <= max(1, n // OTHERS) else []
