"""Raw outputs on seeded random inputs, against the source's: no golden needed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, Verdict, compare_tensors
from mobilecat.graph import Array
from mobilecat.judge.judge import bound_of
from mobilecat.judge.observe import Inputs, Observed, offered, watched
from mobilecat.judge.report import LaneReport, RandomRow


def describe(bundle: Bundle) -> str:
    """Return what the random inputs are, in words for the report."""
    if bundle.spec.input is not None:
        return "pictures of the model's input size, every byte uniform in 0 to 255"
    return "tensors: floats uniform in [0, 1), whole numbers and booleans 0 or 1"


def random_inputs(bundle: Bundle, seed: int, index: int) -> Inputs:
    """Return random input number `index`; the same on every machine."""
    rng = np.random.default_rng([seed, index])
    if bundle.spec.input is not None:
        width, height = bundle.spec.input.size
        shape = (height, width, bundle.spec.input.channels)
        picture = {"image": rng.integers(0, 256, shape, dtype=np.uint8)}
        others = [t for t in bundle.inputs if t.name != "image"]
    else:
        picture, others = {}, list(bundle.inputs)
    tensors = {t.name: _tensor(rng, t.shape, np.dtype(t.dtype)) for t in others}
    return Inputs({**picture, **tensors})


def _tensor(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)


def raw_checks(
    bundle: Bundle, observed: Observed, reference: Observed, report: LaneReport
) -> list[Check]:
    """Return one check a raw output that this lane can give, against the source's."""
    names = [n for n in offered(observed.lane, bundle) if watched(bundle)[n].stage == "raw"]

    def chosen(tensors: Mapping[str, Array]) -> dict[str, Array]:
        return {n: tensors[n] for n in names if n in tensors}

    if not names:
        return []
    bound = bound_of(bundle, report.limits)
    return compare_tensors("raw", chosen(reference.tensors), chosen(observed.tensors), bound)


def rows_of(
    bundle: Bundle, report: LaneReport, rounds: list[list[Check]], count: int, reason: str
) -> list[RandomRow]:
    """Return one row a raw output, the worst of `count` rounds; a round missed is no PASS.

    reason: why the lane gave nothing, in any round.
    """
    rows = []
    can = offered(report.lane, bundle)
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
    worst = max(found, key=lambda c: (c.verdict == "FAIL", c.max_rel if c.max_rel else 0.0))
    verdict: Verdict = worst.verdict
    detail = worst.detail
    if verdict == "PASS" and (len(found) != count or missed):
        verdict, detail = "FAIL", missed or f"only {len(found)} of {count} inputs were compared"
    return RandomRow(report.lane, name, verdict, worst.max_abs, worst.max_rel, limit, detail)
