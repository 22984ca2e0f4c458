"""What to do about a file that is right but for its rounding: exact keys, values and commands."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.bundle.older import SPEC
from mobilecat.compare.ceilings import too_wide
from mobilecat.compare.compare import Check
from mobilecat.compare.tolerances import KEYS
from mobilecat.golden.again import record_again
from mobilecat.golden.store import Case
from mobilecat.judge.lost import lost_ways
from mobilecat.judge.observe import watched
from mobilecat.judge.report import Result
from mobilecat.spec import Tolerance


def limits_needed(bundle: Bundle, failed: Sequence[Check]) -> dict[str, float]:
    """Return the keys of [tolerances] that let these checks pass, each in two digits, rounded up.

    Empty where no limit would: an object that is missing or new is no matter of a limit.
    """
    found: dict[str, float] = {}
    for c in failed:
        kind = watched(bundle)[c.name].kind if c.name in watched(bundle) else c.name
        key = KEYS.get(kind)
        if key is None or c.value is None or not c.limit or not math.isfinite(c.value):
            return {}
        found[key] = max(found.get(key, 0.0), _above(c.value))
    return found


def _above(value: float) -> float:
    """Return a number of two digits that is at least `value`."""
    digits = 1 - math.floor(math.log10(value)) if value > 0 else 0
    return float(f"{math.ceil(value * 10**digits - 1e-9) / 10**digits:.6g}")


def accept(
    folder: Path,
    bundle: Bundle,
    record: ArtifactRecord,
    failed: Sequence[Check],
    cases: Sequence[Case],
    off: Sequence[Result] = (),
) -> str:
    """Say how to accept what a file's rounding costs; where no limit does, what does.

    off: what failed of its lane, with the cases.
    """
    table = f'[tolerances."{record.file}"]'
    needed = limits_needed(bundle, failed)
    if not needed:
        ways = lost_ways(folder, bundle, record, off, cases)
        return f"no limit of {table} lets an object pass that is missing or new. {ways}"
    if wide := too_wide(record.file, Tolerance.model_validate(needed), bundle):
        return f"no limit of {table} is for that: {'; '.join(p.what for p in wide)}"
    keys = ", ".join(f"{key} = {value:g}" for key, value in needed.items())
    name = bundle.spec_file or SPEC
    export = "mobilecat export" + ("" if name == SPEC else f" {shlex.quote(name)}")
    golden = cases[0].folder.parent.parent if cases else None
    names = [c.name for c in cases]
    again = record_again(folder, golden, bundle, names) if golden is not None else []
    then = "; then ".join([export, *again])
    anew = " (goldens are approved anew for a wider limit)" if again else ""
    return f"write {keys} under {table} in {name}, then {then}{anew}"


def weights_alone(record: ArtifactRecord) -> str:
    """Name the recipe whose values stay floats, and what it costs; "" where it is none."""
    if record.kind != "tflite" or not record.ranges:
        return ""
    return (
        'write precision = "int8-weights" at this target: its file is about as large, and rounds '
        "the weights alone; a CPU runs it, a unit that takes only whole numbers does not"
    )
