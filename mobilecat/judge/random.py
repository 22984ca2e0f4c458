"""Raw outputs on seeded random inputs, against the source's: no golden needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, Verdict, compare_tensors
from mobilecat.compare.tolerances import Limits
from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.judge.judge import bound_of, judge_results
from mobilecat.judge.observe import Inputs, Observed, gives_detections, offered, watched
from mobilecat.judge.report import LaneReport, RandomRow


@dataclass(frozen=True)
class Range:
    """What float inputs are drawn from. why: who says so; "" where nobody does."""

    low: float = 0.0
    high: float = 1.0
    why: str = ""

    @property
    def words(self) -> str:
        said = f", {self.why}" if self.why else ""
        return f"[{self.low:g}, {self.high:g}){said}"


def range_of(
    folder: Path, bundle: Bundle, given: tuple[float, float] | None, source: Path | None
) -> Range:
    """Return what a bare network's floats are drawn from: what is given, or its first layer says.

    A network of pictures takes 0 to 255 or 0 to 1; the other is near-black noise, or saturates.
    """
    if given is not None:
        return Range(*given, "as asked")
    path = source or folder / bundle.source.path
    if bundle.spec.input is not None or not path.exists():
        return Range()
    pictures = [
        t.name
        for t in bundle.inputs
        if len(t.shape) == 4 and {t.shape[1], t.shape[3]} & {1, 3} and t.dtype == "float32"
    ]
    if not pictures:
        return Range()
    from mobilecat.compile import import_options
    from mobilecat.formats.importing import import_model
    from mobilecat.graph.first_layer import first_layer

    try:
        network = import_model(path, bundle.source.shapes, import_options(bundle.spec))
    except MobileCatError:
        return Range()
    first = first_layer(network, pictures[0])
    if first is None or first.wants == (0.0, 1.0):
        return Range()
    return Range(*first.wants, "as its first layer wants them; --range LO,HI says another")


def describe(bundle: Bundle, values: Range | None = None) -> str:
    """Return what the random inputs are, in words for the report."""
    if bundle.spec.input is not None:
        return "pictures of the model's input size, every byte uniform in 0 to 255"
    words = (values or Range()).words
    return f"tensors: floats uniform in {words}; bytes 0 to 255, other whole numbers 0 or 1"


def random_inputs(bundle: Bundle, seed: int, index: int, values: Range | None = None) -> Inputs:
    """Return random input number `index`; the same on every machine."""
    values = values or Range()
    rng = np.random.default_rng([seed, index])
    if bundle.spec.input is not None:
        width, height = bundle.spec.input.size
        shape = (height, width, bundle.spec.input.channels)
        picture = {"image": rng.integers(0, 256, shape, dtype=np.uint8)}
        others = [t for t in bundle.inputs if t.name != "image"]
    else:
        picture, others = {}, list(bundle.inputs)
    tensors = {t.name: _tensor(rng, t.shape, np.dtype(t.dtype), values) for t in others}
    return Inputs({**picture, **tensors})


def _tensor(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic], values: Range
) -> Array:
    if dtype.kind == "f":
        return (values.low + (values.high - values.low) * rng.random(shape)).astype(dtype)
    if dtype == np.uint8:
        return rng.integers(0, 256, shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def raw_checks(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    limits: Limits,
    shaken: Callable[[], Observed | None] = lambda: None,
) -> list[Check]:
    """Return one check a raw output that this lane can give, against the source's.

    shaken: gives what the source gives with its weights rounded, on the same input.
    """
    names = [n for n in offered(observed.lane, bundle) if watched(bundle)[n].stage == "raw"]

    def chosen(tensors: Mapping[str, Array]) -> dict[str, Array]:
        return {n: tensors[n] for n in names if n in tensors}

    if not names:
        if not gives_detections(bundle):
            return []
        return judge_results(bundle, observed, reference, limits, shaken)

    def moved(name: str) -> Array | None:
        found = shaken()
        return found.tensors.get(name) if found else None

    expected, got = chosen(reference.tensors), chosen(observed.tensors)
    return compare_tensors("raw", expected, got, bound_of(bundle, limits), shaken=moved)


def rows_of(
    bundle: Bundle, report: LaneReport, rounds: list[list[Check]], count: int, reason: str
) -> list[RandomRow]:
    """Return one row a raw output, the worst of `count` rounds; a round missed is no PASS.

    reason: why the lane gave nothing, in any round.
    """
    rows = []
    can = offered(report.lane, bundle)
    inner = [n for n in can if watched(bundle)[n].stage == "raw"]
    if gives_detections(bundle) and not inner:
        # No raw output is given out: the results are compared.
        for name in dict.fromkeys(c.name for checks in rounds for c in checks):
            found = [c for checks in rounds for c in checks if c.name == name]
            worst = [c for c in found if c.limit is not None]
            limit = worst[0].limit if worst and worst[0].limit is not None else 0.0
            rows.append(_row(report, name, found, limit, reason, len(found)))
        if rows:
            return rows
    for name, w in watched(bundle).items():
        if w.stage != "raw":
            continue
        found = [c for checks in rounds for c in checks if c.name == name]
        missed = reason or ("this artifact does not give it out" if name not in can else "")
        limit = report.limits.bound(name, w.kind, np.dtype(w.contract.dtype)).limit
        rows.append(_row(report, name, found, limit, missed, count))
    return rows


def _row(
    report: LaneReport, name: str, found: list[Check], limit: float, missed: str, count: int
) -> RandomRow:
    if not found:
        return RandomRow(
            report.lane, name, "NOT_RUN", None, None, limit, missed or "nothing was compared"
        )
    worst = max(found, key=lambda c: (c.verdict == "FAIL", _share(c)))
    verdict: Verdict = worst.verdict
    detail = worst.detail
    if verdict == "PASS" and (len(found) != count or missed):
        verdict, detail = "FAIL", missed or f"only {len(found)} of {count} inputs were compared"
    if worst.limit is not None:
        limit = worst.limit
    told = (worst.max_abs, worst.max_rel, limit, detail, worst.value)
    return RandomRow(report.lane, name, verdict, *told)


def _share(check: Check) -> float:
    """Return how much of its limit a check used."""
    return check.value / check.limit if check.value is not None and check.limit else 0.0
