"""Faults of the heads' families, in every artifact and precision, one at a time.

    python -m tools.plant_faults.heads [--only WORD] [--format FORMAT …] [--out FILE] [--verbose]

docs/planted_faults_heads.md, where everything ran; --out writes what ran. Exit code 1 where one was
missed, or named at another stage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mobilecat.formats.coreai.dialect import missing
from tools.plant_faults import families
from tools.plant_faults.built import built, formats_here
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import ROOT
from tools.plant_faults.run import Row, try_fault
from tools.plant_faults.workshop import Model, writable

PAGE = ROOT / "docs" / "planted_faults_heads.md"
TEXT = """# Planted faults of the heads

Made by `python -m tools.plant_faults.heads`. Each fault is planted in one artifact alone; the
bundle is validated against goldens approved from the source, whose head is decoded in numpy. The
networks are seeded: the families' published heads on a small stem (tools/systems_nets.py,
tools/systems_dense.py). `half.mlpackage` is float16, the others float32. Every true artifact was
validated first, and held. One in each family: `tests/planted/test_heads.py`.

{summary}

| family | fault | expected stage | {formats} |
|---|---|---|{rule}
{rows}
"""


def faults_of_heads() -> dict[str, tuple[Fault, ...]]:
    """Return every family's faults by the builder of its network."""
    found: dict[str, tuple[Fault, ...]] = {}
    for module in iter_modules(families.__path__):
        found |= import_module(f"{families.__name__}.{module.name}").FAULTS
    return found


def try_all(
    model: Model, faults: Sequence[Fault], formats: Sequence[str], folder: Path, verbose: bool
) -> list[Row]:
    """Plant every fault in every format; prints what is missed."""
    rows = []
    for fault in faults:
        for format in formats:
            row = try_fault(fault, model, format, folder)
            rows.append(row)
            if verbose or not row.ok:
                said = f"expected {row.expected}, found {row.found}; {row.detail[:160]}"
                print(f"{row.artifact}: {row.name}: {row.verdict}; {said}", flush=True)
    return rows


def page(rows: Sequence[Row], formats: Sequence[str]) -> str:
    by_fault: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        model, _, format = row.artifact.partition(".")
        by_fault.setdefault((model, row.name), {})[format] = row
    lines = []
    for (model, name), found in by_fault.items():
        cells = " | ".join(found[f].verdict if f in found else "–" for f in formats)
        expected = next(iter(found.values())).expected
        lines.append(f"| {model} | {name} | {expected} | {cells} |")
    return TEXT.format(
        summary=summary(rows),
        formats=" | ".join(f".{f}" for f in formats),
        rule="---|" * len(formats),
        rows="\n".join(lines),
    )


def summary(rows: Sequence[Row]) -> str:
    kinds = {(r.artifact.partition(".")[0], r.name) for r in rows}
    caught = sum(r.ok for r in rows)
    return f"{caught} of {len(rows)} caught at the stage foretold: {len(kinds)} faults."


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="families with this in their name; no page")
    parser.add_argument("--format", action="append", choices=formats_here(), help="no page")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page of what ran here")
    parser.add_argument("--verbose", action="store_true", help="a line for each")
    args = parser.parse_args()
    formats = tuple(args.format or formats_here())
    rows: list[Row] = []
    with writable():
        for builder, faults in faults_of_heads().items():
            if args.only not in builder:
                continue
            with tempfile.TemporaryDirectory(prefix="planted-") as folder:
                model = built(builder, Path(folder), formats)
                rows += try_all(model, faults, formats, Path(folder) / "mutant", args.verbose)
            print(f"{builder}: {summary([r for r in rows if r.artifact.startswith(builder)])}")
    print(summary(rows))
    if reason := missing():
        print(f"NOT_RUN: .aimodel: {reason}; {PAGE.name} stays as it is")
    elif args.out or (not args.only and not args.format):
        (args.out or PAGE).write_text(page(rows, formats), "utf-8")
    return 0 if all(r.ok for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
