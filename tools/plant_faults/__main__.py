"""`python -m tools.plant_faults`: every fault, every harmless change; docs/planted_faults.md.

Exit code 1 where a fault was missed, or named at another stage, or a harmless change raised alarm.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tools.plant_faults.run import Row, plan, try_fault
from tools.plant_faults.workshop import ROOT, SOURCES, make_models, writable


def main() -> int:
    args = _arguments()
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "models").is_dir():
        print("NOT_RUN: no test data (models and photos); set MOBILECAT_SHARED_DATA")
        return 1
    began = time.perf_counter()
    root = Path(tempfile.mkdtemp(prefix="planted-"))
    try:
        with writable():
            rows, calm, named = _all(args, data, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    seconds = time.perf_counter() - began
    from tools.plant_faults.page import page, summary

    print(summary(rows, calm, named, seconds))
    if not args.only:
        (ROOT / "docs" / "planted_faults.md").write_text(page(rows, calm, named), "utf-8")
    return 0 if all(r.ok for r in (*rows, *calm, *named)) else 1


def _all(
    args: argparse.Namespace, data: Path, root: Path
) -> tuple[list[Row], list[Row], list[Row]]:
    from tools.plant_faults.harmless import plan_harmless, try_harmless
    from tools.plant_faults.layers import plan_layers, try_layer

    models = make_models(data, root, tuple(args.model or SOURCES))
    word = args.only or ""
    mutants = [p for p in plan(models) if word in p[0].name]
    calm = [p for p in plan_harmless(models) if word in p[0].name]
    layers = [p for p in plan_layers(models) if word in p[0].name]
    jobs = [
        *(("fault", lambda p=p: try_fault(*p, root / "mutant")) for p in mutants),
        *(("harmless", lambda p=p: try_harmless(*p, root / "mutant")) for p in calm),
        *(("bisect", lambda p=p: try_layer(*p, root / "mutant")) for p in layers),
    ]
    done: dict[str, list[Row]] = {"fault": [], "harmless": [], "bisect": []}
    for i, (kind, job) in enumerate(jobs):
        row = job()
        done[kind].append(row)
        if args.verbose or not row.ok:
            said = f"expected {row.expected}, found {row.found}; {row.detail[:160]}"
            place = f"{i + 1}/{len(jobs)} {kind} {row.artifact}"
            print(f"{place}: {row.name}: {row.verdict}; {said}", flush=True)
        elif sys.stdout.isatty():
            print(f"\r{i + 1}/{len(jobs)}", end="", flush=True)
    return done["fault"], done["harmless"], done["bisect"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="those with this in their name; writes no page")
    parser.add_argument("--model", action="append", choices=list(SOURCES))
    parser.add_argument(
        "--verbose", action="store_true", help="a line for each, not only for misses"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
