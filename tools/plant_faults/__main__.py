"""`python -m tools.plant_faults`: every fault, every harmless change; docs/planted_faults.md.

Exit code 1 where a fault was missed, or named at another stage, or a harmless change raised alarm.
3 where a model could not be made here (the SSD needs TensorFlow): the rest was tried, and the page
is left as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tools.plant_faults.everything import KINDS, all_of
from tools.plant_faults.models import ROOT, SOURCES, missing
from tools.plant_faults.page import page, summary


def main() -> int:
    args = _arguments()
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "models").is_dir():
        print("NOT_RUN: no test data (models and photos); set MOBILECAT_SHARED_DATA")
        return 1
    asked = tuple(args.model or SOURCES)
    reasons = {name: missing(name) for name in asked}
    for name, reason in reasons.items():
        if reason:
            print(f"NOT_RUN: {name}: {reason}")
    names = tuple(name for name in asked if not reasons[name])
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        done = list(
            pool.map(partial(all_of, args.only or "", args.verbose, data, args.keep), names)
        )
    rows, calm, named = ([r for part in done for r in part[k]] for k in range(len(KINDS)))
    seconds = sum(r.seconds for r in (*rows, *calm, *named))
    print(summary(rows, calm, named, seconds))
    whole = not args.only and names == tuple(SOURCES)
    if whole or args.out:
        target = args.out or ROOT / "docs" / "planted_faults.md"
        target.write_text(page(rows, calm, named, seconds), "utf-8")
    if not all(r.ok for r in (*rows, *calm, *named)):
        return 1
    return 0 if names == asked else 3


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="those with this in their name; writes no page but --out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page of what ran here")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep each row; what is there is not tried again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes, one a model")
    parser.add_argument("--model", action="append", choices=list(SOURCES))
    parser.add_argument(
        "--verbose", action="store_true", help="a line for each, not only for misses"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
