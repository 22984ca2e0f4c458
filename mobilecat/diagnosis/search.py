"""Every suspect, alone and in pairs, applied to the true boxes and held to the observed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.catalogue import BUGS, BY_ID
from mobilecat.diagnosis.families import any_map
from mobilecat.diagnosis.fitting import Fitted, fit_family
from mobilecat.diagnosis.maps import Way
from mobilecat.diagnosis.pairing import Rows, nearest, squares
from mobilecat.diagnosis.suspect import (
    Key,
    Step,
    Suspect,
    apply,
    fit_of,
    predicted,
    standing,
    ways_of,
)
from mobilecat.diagnosis.turning import denied
from mobilecat.geometry.affine import F64

DELAYS = (1, 2, 3)
QUARTER_TURNS = ("4", "4b", "4c", "4d", "4e")
BEFORE_AN_OFFSET = ("1", "2", "3", *QUARTER_TURNS, "5", "16", "17", "18", "19", "20", "21")
"""What an overlay that lies elsewhere may have beside it: bugs that are no scale of their own."""
PER_BUG = 16.0
"""What a further bug must gain in −2 log likelihood: four sigmas, for the many that are tried."""
PER_NUMBER = 5.0
"""What a fitted number must gain on top: log(20) for twenty numbers compared, and a little."""
DENIED = 12.0
"""What a suspect must gain that the recorded facts deny: the record has to be wrong as well. Less
than a further bug costs, so that boxes still speak where nothing else explains them."""
SETTLED, WINDOW, _AT_ONCE = 240, 60.0, 2_000


def cost(s: Suspect) -> float:
    """Return what a suspect costs, itself and what it leaves unexplained."""
    itself = PER_BUG * float(len(s.bugs) ** 1.2) + PER_NUMBER * s.numbers
    return s.misfit + itself + (DENIED if s.denied else 0.0)


@dataclass
class _Ledger:
    """The best way and order of each set of bugs so far, by a bound on its misfit."""

    scenes: Sequence[Rows]
    noise_px: float
    best: dict[frozenset[str], Suspect] = field(default_factory=dict)
    least: float = np.inf

    def offer(self, chains: Sequence[tuple[Step, ...]], maps: Sequence[F64]) -> None:
        found = [nearest(s, squares(s, at)) for s, at in zip(self.scenes, maps, strict=True)]
        fit = fit_of(self.scenes, found, self.noise_px)
        self.least = min(self.least, float(fit.misfit.min(initial=np.inf)))
        worth = np.isfinite(fit.misfit) & (fit.misfit < self.least + 10 * WINDOW + 400)
        rms = fit.rms_px
        for k in np.nonzero(worth)[0]:
            ids = frozenset(step.key[0] for step in chains[k])
            before = self.best.get(ids)
            if before is None or fit.misfit[k] < before.misfit - 1e-9:
                labels = tuple(step.key[1] for step in chains[k])
                self.best[ids] = Suspect(chains[k], labels, float(fit.misfit[k]), float(rms[k]))

    def enter(self, chain: tuple[Step, ...], labels: tuple[str, ...], found: Fitted) -> None:
        s = found.standing
        new = Suspect(chain, labels, s.misfit, s.rms_px, s.worst_px, s.kept)
        before = self.best.get(new.ids)
        if before is None or cost(new) < cost(before) - 1e-9:
            self.best[new.ids] = new

    def settled(self) -> list[Suspect]:
        """Return the suspects with their pairs assigned once each, those far behind left out."""
        ranked = sorted(self.best.values(), key=cost)
        done: list[Suspect] = []
        least = np.inf
        for s in ranked[:SETTLED]:
            if cost(s) > least + WINDOW and len(done) > 8:
                break
            maps = [predicted(s.steps, r) for r in self.scenes]
            whole = [m for m in maps if m is not None]
            if len(whole) < len(maps):
                continue
            found = standing(self.scenes, whole, self.noise_px)
            if not np.isfinite(found.misfit):
                continue
            s = replace(
                s,
                misfit=found.misfit,
                rms_px=found.rms_px,
                worst_px=found.worst_px,
                kept=found.kept,
                denied=_denied(s, self.scenes),
            )
            least = min(least, cost(s))
            done.append(s)
        return done


def _denied(s: Suspect, scenes: Sequence[Rows]) -> str:
    """Return why the facts of any scene deny one of these bugs."""
    return next((why for r in scenes for b in s.bugs if (why := denied(b.id, r.facts))), "")


def suspects(rows: Sequence[Rows], noise_px: float) -> list[Suspect]:
    """Return nothing wrong, and the single bugs and pairs that come near to these boxes.

    Each set of bugs once, by its best-fitting way and order. Not ranked.
    """
    ledger = _Ledger(rows, noise_px)
    tables = [ways_of(s.facts) for s in rows]
    keys = list(dict.fromkeys(k for t in tables for k in t))
    ledger.offer([()], [s.start[None] for s in rows])
    singles = [
        np.stack([apply(t.get(k), s.start, s) for k in keys])
        for s, t in zip(rows, tables, strict=True)
    ]
    moves = _moves(rows, singles)
    keys = [k for k, m in zip(keys, moves, strict=True) if m]
    singles = [p[moves] for p in singles]
    if keys:
        ledger.offer([(Step(k),) for k in keys], singles)
        _offer_pairs(ledger, tables, keys, keys, singles, False)
    # After a quarter turn the rest of the chain may believe the frame as it was handed over.
    quarter = np.array([i in QUARTER_TURNS for i, _ in keys], dtype=bool)
    lying = [k for k, q in zip(keys, quarter, strict=True) if q]
    if lying:
        turned = [ways_of(s.facts.turned) for s in rows]
        _offer_pairs(ledger, turned, keys, lying, [p[quarter] for p in singles], True)
    _offer_delays(ledger, tables, keys)
    _offer_families(ledger, keys, singles)
    return ledger.settled()


def _moves(
    rows: Sequence[Rows], maps: Sequence[F64], before: Sequence[F64] | None = None
) -> npt.NDArray[np.bool_]:
    """Return which candidates move any box by more than 1e-6 px from where it was before."""
    moved = np.zeros(len(maps[0]), dtype=bool)
    starts = before if before is not None else [s.start for s in rows]
    for s, p, start in zip(rows, maps, starts, strict=True):
        moved |= (np.abs(p - start) * s.px).max(axis=(-1, -2), initial=0.0) > 1e-6
    return moved


def _offer_pairs(
    ledger: _Ledger,
    tables: Sequence[Mapping[Key, Way]],
    seconds: Sequence[Key],
    firsts: Sequence[Key],
    after_first: Sequence[F64],
    lying: bool,
) -> None:
    """Offer every second bug after each of the first ones.

    A pair that cancels out is none, and no second bug is one that changes nothing any more.
    """
    chains: list[tuple[Step, ...]] = []
    waiting: list[list[F64]] = [[] for _ in ledger.scenes]
    for second in seconds:
        other = np.array([k[0] != second[0] for k in firsts])
        after = [
            apply(t.get(second), p, s)
            for s, t, p in zip(ledger.scenes, tables, after_first, strict=True)
        ]
        moves = other & _moves(ledger.scenes, after) & _moves(ledger.scenes, after, after_first)
        if moves.any():
            last = Step(second, lying=lying)
            chains += [(Step(k), last) for k, m in zip(firsts, moves, strict=True) if m]
            for maps, p in zip(waiting, after, strict=True):
                maps.append(p[moves])
        # Many at once: a call costs more than what it compares.
        if len(chains) >= _AT_ONCE or (chains and second == seconds[-1]):
            ledger.offer(chains, [np.concatenate(maps) for maps in waiting])
            chains, waiting = [], [[] for _ in ledger.scenes]


def _offer_delays(
    ledger: _Ledger, tables: Sequence[Mapping[Key, Way]], keys: Sequence[Key]
) -> None:
    rows = ledger.scenes
    for d in DELAYS:
        if not all(d in s.delayed for s in rows):
            continue
        late = Step(("29", f"{d} frame{'s' if d > 1 else ''}"))
        start = [s.delayed[d] for s in rows]
        ledger.offer([(late,)], [s[None] for s in start])
        after = [
            np.stack([apply(t.get(k), x, s) for k in keys])
            for s, t, x in zip(rows, tables, start, strict=True)
        ]
        if keys:
            ledger.offer([(late, Step(k)) for k in keys], after)


def _offer_families(ledger: _Ledger, keys: Sequence[Key], singles: Sequence[F64]) -> None:
    rows = ledger.scenes
    start = [s.start for s in rows]
    for bug in BUGS:
        for family in bug.families(rows[0].facts):
            _offer_fitted(ledger, bug.id, family.key, (), start)
    for k, key in enumerate(keys):
        if key[0] in BEFORE_AN_OFFSET:
            _offer_fitted(ledger, "30", "xy", (Step(key),), [p[k] for p in singles])


def _offer_fitted(
    ledger: _Ledger, bug: str, key: str, before: tuple[Step, ...], starts: Sequence[F64]
) -> None:
    rows = ledger.scenes
    facts = [s.facts for s in rows]
    families = [{f.key: f for f in BY_ID[bug].families(x)} for x in facts]
    if not all(key in t for t in families):
        return
    worth = ledger.least + 2 * WINDOW
    found = fit_family(rows, facts, [t[key] for t in families], starts, ledger.noise_px, worth)
    if found is not None and np.isfinite(found.standing.misfit):
        step = Step((bug, key), tuple(float(v) for v in found.numbers))
        said = found.family.says(facts[0], found.numbers)
        labels = (*(s.key[1] for s in before), said)
        ledger.enter((*before, step), labels, found)


def best_map(rows: Sequence[Rows], noise_px: float) -> Fitted | None:
    """Return the scale and move along each axis, in one of eight turns, that come nearest."""
    facts = [s.facts for s in rows]
    start = [s.start for s in rows]
    found: list[Fitted] = []
    for k in range(8):
        families = [list(any_map(f))[k] for f in facts]
        worth = min((f.standing.misfit for f in found), default=np.inf) + 2 * WINDOW
        one = fit_family(rows, facts, families, start, noise_px, worth)
        if one is not None:
            found.append(one)
    return min(found, key=lambda f: f.standing.misfit, default=None)
