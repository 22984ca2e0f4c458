"""Compress the demo's cats within half a point: the frontier → docs/compress.md.

Usage: python -m tools.compress_table [--model NAME]… [--artifact FILE]… [--write]

What is measured is kept in --work, beside a page for each file: it may be stopped at any time. 32
photos calibrate, 34 others choose (`quantize_sets`); they are too few to hold any out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import mobilecat as mc
from tools import quantize_sets as sets

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "compress.md"
START, END = "<!-- frontier -->", "<!-- end of frontier -->"
MODELS = {"cat_faces": sets.cats, "cat_landmarks": sets.crops}
FILES = ("mlpackage", "tflite")


def compressed(name: str, file: str, data: Path, work: Path) -> mc.Compressed:
    """Return what `mobilecat compress` finds for one artifact of a model of the demo."""
    calibration, measured = MODELS[name](data, work)
    for kind in ("toml", "onnx"):
        shutil.copy(ROOT / "mobilecat" / "demo" / f"{name}.{kind}", work)
    spec = work / f"{name}.toml"
    said = f'\n[quantize]\ncalibration = "{calibration.name}"\nnumber = 32\n'
    spec.write_text(spec.read_text("utf-8") + said, "utf-8")
    return mc.compress(
        spec,
        measured,
        artifact=f"{name}.{file}",
        cache=work / "cache",
        dry_run=True,
        html=work / f"{name}.{file}.html",
        progress=lambda text: print(f"\r{text:<100.100}", end="", file=sys.stderr),
    )


def rows_of(found: mc.Compressed) -> list[str]:
    """Return the rows in Markdown, the largest file first."""
    lines = []
    for r in found.rows:
        said = "**chosen**" if r.chosen else "frontier" if r.frontier else ""
        lines.append(
            f"| {r.file} | {r.recipe} | {r.bytes / 1e6:.2f} MB | {r.share:.3f} "
            f"| {round(r.loss, 2) + 0.0:.2f} ± {r.spread:.2f} | {said} |"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "compress_table")
    parser.add_argument("--model", action="append", choices=list(MODELS))
    parser.add_argument("--artifact", action="append", choices=FILES)
    parser.add_argument("--write", action="store_true", help="put the table into docs/compress.md")
    said = parser.parse_args()
    said.work.mkdir(parents=True, exist_ok=True)
    lines = [
        "| file | recipe | size | of float32 | points lost | |",
        "|---|---|---|---|---|---|",
    ]
    for name in said.model or MODELS:
        for file in said.artifact or FILES:
            start = time.process_time()
            found = compressed(name, file, said.data, said.work)
            lines += rows_of(found)
            spent = time.process_time() - start
            told = f"\n{name}.{file}: {found.seconds:.0f} s, {spent:.0f} s of CPU, "
            told += f"{found.measured} measured"
            print(told, *found.notes, sep="\n    ", file=sys.stderr)
    table = "\n".join(lines)
    print(table)
    if said.write:
        before, _, rest = PAGE.read_text("utf-8").partition(START)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{START}\n{table}\n{END}{after}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
