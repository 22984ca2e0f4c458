"""What labelled pictures say of a spec's preprocessing, as values and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.measure.evaluate.fit import FitByCutOuts
from mobilecat.measure.evaluate.paired import LEANING, LEAST, Paired, Verdict
from mobilecat.shown import Line
from mobilecat.spec import ImageSpec
from mobilecat.spec.checks import OpenCheck
from mobilecat.spec.otherwise import WORDS, Key, Otherwise, said_of

_OVERLAP, _BOTH = "IoU", "score × IoU"
_FAR = 20
"""By how many times the span of two ranges differs of which 16 pictures usually tell one: [0, 255]
from any other, where [0, 1], [-1, 1] and ImageNet's are within 5."""
_NO_POINTS = 0.05
"""Of mAP: less is written as 0.0."""


@dataclass(frozen=True)
class Tried:
    """One other way, on the same objects."""

    way: Otherwise
    paired: Paired
    ap: float | None = None
    """mAP of the source on the same pictures at the spec's own thresholds, 0 to 1; None of a way
    that was given up on the first of them."""

    @property
    def measure(self) -> str:
        """What is compared: a network may be surer of a fit that its training never had."""
        return _OVERLAP if self.way.key == "resize" else _BOTH

    @property
    def verdict(self) -> Verdict:
        return self.paired.verdict


@dataclass(frozen=True)
class Preprocessing:
    """What labelled pictures say of [input]. image: as the spec has it. pictures: how many were
    tried, `of` those with an object. unchecked: what the spec marks `# CHECK`. ap: as `Tried` has
    it, of the spec's own. by_cut_outs: what the same pictures say of the fit without labels, where
    the labels leave it open."""

    image: ImageSpec
    tried: tuple[Tried, ...]
    pictures: int
    of: int
    unchecked: tuple[OpenCheck, ...] = ()
    ap: float | None = None
    by_cut_outs: FitByCutOuts | None = None

    def best(self, key: Key, *verdicts: Verdict) -> Tried | None:
        """Return the way of a key that chance explains least, of those with such a verdict."""
        there = [t for t in self.tried if t.way.key == key and t.verdict in verdicts]
        return min(there, key=lambda t: (t.paired.chance(), -t.paired.gain), default=None)

    def verdict(self, key: Key) -> str:
        """`wrong`, `leaning` to another, `right` (every other way is worse), `open`, or "" where no
        other way was tried."""
        there = {t.verdict for t in self.tried if t.way.key == key}
        if not there:
            return ""
        if "better" in there:
            return "wrong"
        if "leaning" in there:
            return "leaning"
        return "right" if there == {"worse"} else "open"

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(dict.fromkeys(t.way.key for t in self.tried))

    @property
    def settled(self) -> bool:
        """Whether every key looks right."""
        return bool(self.tried) and all(self.verdict(key) == "right" for key in self.keys)

    def words(self) -> Iterator[Line]:
        """Say first what looks wrong, then what cannot be told apart, then what looks right."""
        found = {key: self.verdict(key) for key in self.keys}
        for key in self.keys:
            if found[key] == "wrong" and (tried := self.best(key, "better")) is not None:
                yield Line(self._wrong(tried), "bold yellow", "LOOKS WRONG")
            if found[key] == "leaning" and (tried := self.best(key, "leaning")) is not None:
                yield Line(self._leaning(tried), "yellow", "note")
        right = [key for key in self.keys if found[key] == "right"]
        if "wrong" in found.values():
            what = "after that export, evaluate again: one wrong key can hide another"
            yield Line(what, "yellow", "note")
            right = []
        else:
            fit = self.by_cut_outs
            told = fit is not None and fit.speaks_for is not None
            yield from self._open(
                [k for k in self.keys if found[k] == "open" and not (told and k == "resize")]
            )
            if fit is not None and found.get("resize") == "open":
                yield self._fit(fit)
            if right:
                yield Line(self._right(right), "dim", "note")
        if marked := [k for k in self._marked(self.keys) if k not in self._marked(right)]:
            what = f"{', '.join(marked)}: still marked # CHECK at the export"
            yield Line(f"{what}; take each mark away when you have looked", "yellow", "note")

    def _marked(self, keys: Sequence[Key]) -> list[str]:
        return [c.key for c in self.unchecked if c.key in {f"input.{k}" for k in keys}]

    def _compared(self, tried: Tried) -> str:
        """Say both figures, and how many objects speak for it."""
        pair, key = tried.paired, tried.way.key
        return (
            f"on {_objects(pair.objects)} the source's best boxes have {tried.measure} "
            f"{pair.kept.mean():.3f} with {said_of(self.image, key)} as the spec has it, "
            f"{pair.other.mean():.3f} with {tried.way.said} (higher for {pair.higher} of "
            f"{pair.objects}; {_chance(pair.chance())})"
        )

    def _wrong(self, tried: Tried) -> str:
        write = tried.way.to_write(self.image)
        return (
            f"input.{tried.way.key}: {self._compared(tried)}. Write {write} under [input] of the "
            f"spec, and export again{self._also(tried)}"
        )

    def _also(self, best: Tried) -> str:
        alike = [t.way.said for t in self.tried if t is not best and self._as_good(t, best)]
        if not alike:
            return ""
        return f"; {_listed(alike)} {'is' if len(alike) == 1 else 'are'} about as good"

    def _as_good(self, tried: Tried, best: Tried) -> bool:
        """Whether these objects do not tell another way of the same key from the best."""
        if tried.way.key != best.way.key or tried.verdict not in ("better", "leaning"):
            return False
        return Paired(tried.paired.other, best.paired.other).verdict != "better"

    @property
    def _few(self) -> str:
        """Say why not every picture with an object was tried; "" where each was."""
        if self.pictures == self.of:
            return ""
        return (
            f", taken evenly of the {self.of} with an object, as to try every way on more of them "
            "would take longer than evaluate itself"
        )

    def _leaning(self, tried: Tried) -> str:
        write = tried.way.to_write(self.image)
        return (
            f"input.{tried.way.key} is not settled, and leans to another: {self._compared(tried)}. "
            f"More labelled pictures may settle it; or try it: {write} under [input], export, "
            f"evaluate"
            f"{self._also(tried)}"
        )

    def _open(self, keys: Sequence[Key]) -> Iterator[Line]:
        """Say what is not told apart, with the figures of each way: which is ahead, and by what."""
        if not keys:
            return
        yield Line(
            f"{_listed([WORDS[key] for key in keys])} could not be told apart on "
            f"{_pictures(self.pictures)}{self._few}. The figures, whose differences may be chance:",
            "yellow",
            "note",
        )
        for key in keys:
            yield Line(f"      {self._figures(key)}", "dim")
            yield Line(f"        {self._ahead(key)}. {self._what_settles(key)}", "dim")

    def _figures(self, key: Key) -> str:
        """Say what is measured of each way of a key that is open."""
        there = [t for t in self.tried if t.way.key == key]
        # One that was given up has not seen all of the objects.
        pair = max((t.paired for t in there), key=lambda p: p.objects)
        measure = there[0].measure
        ways = [
            f"{t.way.said} {_ahead(t.paired)}{_ap(t.ap)}" for t in there if t.verdict == "close"
        ]
        worse = [t.way.said for t in there if t.verdict == "worse"]
        ruled_out = (
            f"; {_listed(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else ""
        )
        own = f"{said_of(self.image, key)}, as the spec has it, {pair.kept.mean():.3f}"
        return (
            f"{WORDS[key]}, {measure} of {_objects(pair.objects)}: {own}{_ap(self.ap)}; "
            f"{'; '.join(ways)}{ruled_out}"
        )

    def _ahead(self, key: Key) -> str:
        """Say which value is ahead, by mAP, which is what a wrong one costs, and by the measure."""
        close = [t for t in self.tried if t.way.key == key and t.verdict == "close"]
        own = f"the spec's own value, {said_of(self.image, key)},"
        # A tie is the spec's.
        first = max(close, key=lambda t: t.paired.gain)
        by_pairs = first.way.said if first.paired.gain > 0 else own
        aps = [(t.ap, t.way.said) for t in close if t.ap is not None]
        if self.ap is None or not aps:
            return f"{_capital(by_pairs)} is ahead in {first.measure}"
        best = max(aps, key=lambda a: a[0])
        by_ap, most = (best[1], best[0]) if best[0] > self.ap else (own, self.ap)
        losses = sorted(100 * (most - ap) for ap, _ in aps)
        losses = losses if by_ap == own else [100 * (most - self.ap)]
        if losses[-1] < _NO_POINTS:
            if abs(first.paired.gain) < LEAST:
                return f"None is ahead, in {first.measure} or in mAP"
            return f"{_capital(by_pairs)} is ahead in {first.measure}, and mAP is the same"
        points = f"{losses[0]:.1f}" + (f" to {losses[-1]:.1f}" if len(losses) > 1 else "")
        price = f"by {points} points of mAP on {_pictures(self.pictures)}"
        if by_ap == by_pairs:
            return f"{_capital(by_ap)} is ahead, {price}"
        return f"{_capital(by_ap)} is ahead {price}, and {by_pairs} in {first.measure}"

    def _what_settles(self, key: Key) -> str:
        """Say truly what more pictures would do; see docs/evaluate.md, How often it tells."""
        if key == "color":
            return "More pictures seldom settle colours: ask who trained the network"
        if key == "resize":
            return (
                "Pictures much wider or higher than the input, five or more, may settle it; or ask "
                "who trained the network"
            )
        close = [t.way for t in self.tried if t.way.key == key and t.verdict == "close"]
        own = _span(self.image)
        far = [w.said for w in close if _span(w.of(self.image)) / own > _FAR]
        far += [w.said for w in close if _span(w.of(self.image)) / own < 1 / _FAR]
        near = [w.said for w in close if w.said not in far]
        said = []
        if far:
            said.append(f"Whether it is {_either(far)}, 16 labelled pictures usually settle")
        if near:
            said.append(
                f"Between {_listed([said_of(self.image, key), *near])} more pictures often do not "
                "settle it: ask who trained the network"
            )
        return ". ".join(said)

    def _fit(self, fit: FitByCutOuts) -> Line:
        """Say what the pictures say of the fit without labels, and what to write."""
        if fit.speaks_for is None:
            return Line(fit.said, "yellow", "note")
        if fit.speaks_for == fit.kept:
            return Line(f"{fit.said}; the spec has it so", "dim", "note")
        tried = next(t for t in self.tried if t.way.key == "resize")
        ap = ""
        if self.ap is not None and tried.ap is not None:
            ap = f"; mAP {100 * self.ap:.1f} with {fit.kept}, {100 * tried.ap:.1f} with {fit.other}"
        write = tried.way.to_write(self.image)
        return Line(
            f"input.resize: the labels leave it open; {fit.said}{ap}. Write {write} under [input] "
            "of the spec, and export again",
            "bold yellow",
            "note",
        )

    def _right(self, keys: Sequence[Key]) -> str:
        looks = "looks" if len(keys) == 1 else "look"
        marked = self._marked(keys)
        away = f". Take the # CHECK of {_listed(marked)} away" if marked else ""
        few = "" if self.pictures == self.of else f" of {self.of}, spread evenly"
        return (
            f"{_listed([WORDS[key] for key in keys])} {looks} right: with every other usual one "
            f"the source is worse on {_pictures(self.pictures)}{few}{away}"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "pictures": self.pictures,
            "of_pictures": self.of,
            "verdicts": {f"input.{key}": self.verdict(key) for key in self.keys},
            "map": self.ap,
            "fit_by_cut_outs": None if self.by_cut_outs is None else self.by_cut_outs.to_json(),
            "tried": [
                {
                    "key": f"input.{t.way.key}",
                    "other": t.way.said,
                    "write": t.way.to_write(self.image),
                    "measure": t.measure,
                    "kept_mean": float(t.paired.kept.mean()) if t.paired.objects else None,
                    "other_mean": float(t.paired.other.mean()) if t.paired.objects else None,
                    "objects": t.paired.objects,
                    "higher_for": t.paired.higher,
                    "chance": t.paired.chance(),
                    "map": t.ap,
                    "verdict": t.verdict,
                }
                for t in self.tried
            ],
        }


def _ahead(pair: Paired) -> str:
    """Say the other's mean, and where it is ahead of how many objects: a word of which to try."""
    ahead = f" (higher for {pair.higher} of {pair.objects})" if pair.gain > LEAST else ""
    if pair.chance(-1) < LEANING:
        ahead = " (probably worse)"
    return f"{pair.other.mean():.3f}{ahead}"


def _ap(ap: float | None) -> str:
    return "" if ap is None else f", mAP {100 * ap:.1f}"


def _span(image: ImageSpec) -> float:
    """Return how far apart the pixel values 0 and 255 come, of the first channel."""
    low, high = image.range
    return abs(high - low) / image.per_channel(image.std)[0]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _chance(chance: float) -> str:
    if chance < 0.001:
        return "by chance less than once in 1000"
    return f"by chance once in {1 / chance:.0f}" if chance < 0.5 else "as chance may have it"


def _objects(n: int) -> str:
    return f"{n} labelled object{'s' * (n != 1)}"


def _pictures(n: int) -> str:
    return f"{n} labelled picture{'s' * (n != 1)}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
