"""Large networks: what an export takes of time and memory, to every target.

Usage: python benchmarks/large.py [--only NETWORK] [--doc] [--plot]

Networks are those of large_networks.py, written fresh. Each export is a whole process. Its memory
is the largest that it and its children held at one time, looked at 50 times a second: resident
pages, those of mapped files among them, and a page that two of them share once. It is at least what
the system says that the process itself held.
CPU time is that of the process and its children. One round: what is asked here is how figures grow.

Detectors end in decode and suppression of 25,200 candidates, the others in a classifier's softmax,
all with preprocessing inside. "all" is one export to five files. `--external` weights lie beside
the `.onnx`. Runs are kept in build/large/runs.json; --doc writes the tables into docs/speed.md,
--plot the picture of growth.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kept import keep, put
from large_networks import NETWORKS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

RUNS = ROOT / "build" / "large" / "runs.json"
DOC = ROOT / "docs" / "speed.md"
PLOT = ROOT / "docs" / "images" / "large.svg"
MARKS = ("<!-- large -->", "<!-- /large -->")
TIMES, PLUS = 3, 300e6
"""The limit: so many times the file, and so many bytes."""
LARGE = 100e6
"""Bytes of a file from which on the limit is asked for: libraries take most of a smaller one's."""

TARGETS = {
    "tflite": "[targets.tflite]",
    "mlpackage": '[[targets.coreml]]\nformat = "mlpackage"',
    "mlmodel": '[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"',
    "aimodel": "[targets.coreai]",
    "onnx": "[targets.onnx]",
}
ALL = "all"
GROWTH = tuple(n for n in NETWORKS if n.startswith("detector"))
APART = ("detector 1", "ResNet-152", "ViT-B/16")
"""Of these each target by itself, too."""
EXTERNAL = "ViT-B/16"
DETECTOR = """[input]
size = [640, 640]
range = [0, 1]
[head]
kind = "yolov5"
units = "normalised"
[nms]
score_threshold = 0.3
iou_threshold = 0.45
max_detections = 300
"""
CLASSIFIER = (
    '[input]\nsize = [224, 224]\nrange = [0, 1]\n[head]\nkind = "classify"\nactivation = "none"\n'
)
"""The networks end in a softmax of their own."""
_EVERY_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="a network, or all whose names contain this")
    parser.add_argument("--target", choices=(*TARGETS, ALL), action="append", help="repeatable")
    parser.add_argument("--told", action="store_true", help="measure nothing; what was measured")
    parser.add_argument("--doc", action="store_true", help="write the tables into docs/speed.md")
    parser.add_argument("--plot", action="store_true", help=f"write {PLOT.name}")
    args = parser.parse_args()
    told: dict[str, Any] = json.loads(RUNS.read_text("utf-8")) if RUNS.is_file() else {}
    for name, external in [(n, False) for n in NETWORKS] + [(EXTERNAL, True)]:
        if args.told or not (name == args.only if args.only in NETWORKS else args.only in name):
            continue
        key = f"{name}, external data" if external else name
        targets = args.target or ((*TARGETS, ALL) if name in APART and not external else (ALL,))
        with tempfile.TemporaryDirectory() as folder:
            path, weights = written(name, Path(folder), external)
            size = sum(f.stat().st_size for f in Path(folder).iterdir())
            row = told.setdefault(key, {})
            row |= {"weights": weights, "bytes": size}
            for target in targets:
                row[target] = measured(path, name, target, Path(folder))
                RUNS.parent.mkdir(parents=True, exist_ok=True)
                RUNS.write_text(json.dumps(told, indent=1), encoding="utf-8")
                print(key, target, row[target], flush=True)
    print("\n".join(["", *table(told)]))
    print("\n".join(["", *keep("large", ratios(told))]))
    if args.doc:
        write_between("\n".join(table(told)))
    if args.plot:
        plot(told)


def written(name: str, folder: Path, external: bool) -> tuple[Path, int]:
    """Write the network in a process of its own: its memory is none of the export's."""
    path = folder / "network.onnx"
    command = [sys.executable, str(Path(__file__).with_name("large_networks.py")), name, str(path)]
    done = subprocess.run([*command, *(["--external"] if external else [])], check=True,
                          capture_output=True, text=True)  # fmt: skip
    return path, int(done.stdout.split()[0].replace(",", ""))


def measured(model: Path, name: str, target: str, folder: Path) -> dict[str, Any]:
    """Return CPU seconds, wall seconds, peak bytes and bytes written of one export."""
    spec = folder / f"{target}.toml"
    head = DETECTOR if name in GROWTH else CLASSIFIER
    wanted = "\n".join(TARGETS.values()) if target == ALL else TARGETS[target]
    spec.write_text(f'name = "network"\nsource = "{model.name}"\n{head}{wanted}\n', "utf-8")
    command = [sys.executable, "-m", "mobilecat", "export", str(spec), "--no-cache"]
    out = folder / f"bundle_{target}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [*command, "-o", str(out)], stdout=log, stderr=log, env=environment
        )
        peak = 0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak = max(peak, resident(process.pid))
            time.sleep(_EVERY_S)
        log.seek(0)
        said = log.read()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return {"failed": said.strip().splitlines()[-1][:200] if said.strip() else "no word"}
    made = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    return {
        "cpu": round(used.ru_utime + used.ru_stime, 1),
        "wall": round(time.perf_counter() - start, 1),
        "peak": max(peak, used.ru_maxrss * 1024),
        "written": made,
    }


def resident(root: int) -> int:
    """Return the resident bytes of a process and all that it began."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text("ascii", "replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    family = {root}
    for _ in range(4):
        family |= {p for p, parent in parents.items() if parent in family}
    return sum(shared_out(pid) if len(family) > 1 else own(pid) for pid in family)


def own(pid: int) -> int:
    """Return the resident bytes of one process."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def shared_out(pid: int) -> int:
    """Return them with what others hold, too, divided among the holders."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def table(told: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    lines = [
        "| network | weights | file MB | target | CPU s | peak MB | limit MB | written MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in told.items():
        start = f"| {name} | {row['weights'] / 1e6:.1f} M | {row['bytes'] / 1e6:.0f} |"
        for target in (*TARGETS, ALL):
            found = row.get(target)
            if found is None:
                continue
            if "failed" in found:
                lines.append(f"{start} {target} | {found['failed']} | | | |")
                continue
            limit = TIMES * row["bytes"] + PLUS if row["bytes"] >= LARGE else float("inf")
            peak = f"{found['peak'] / 1e6:.0f}"
            peak = peak if found["peak"] <= limit else f"**{peak}**"
            most = f"{limit / 1e6:.0f}" if row["bytes"] >= LARGE else ""
            figures = (target, f"{found['cpu']:.1f}", peak, most,
                       f"{found['written'] / 1e6:.0f}")  # fmt: skip
            lines.append(f"{start} {' | '.join(figures)} |")
    return lines


def ratios(told: dict[str, Any]) -> dict[str, float]:
    """Return each peak ÷ its limit."""
    return {
        f"{name}, {target}: peak memory ÷ its limit": row[target]["peak"]
        / (TIMES * row["bytes"] + PLUS)
        for name, row in told.items()
        for target in (*TARGETS, ALL)
        if "peak" in row.get(target, {}) and row["bytes"] >= LARGE
    }


def plot(told: dict[str, Any]) -> None:
    """Draw CPU time and memory of one export to all targets over the size of the detector."""
    from mobilecat.pictures.chart import (
        BLACK,
        BLUE,
        VERMILION,
        Axis,
        Chart,
        Dots,
        Line,
        round_ticks,
        write_chart,
    )

    rows = [told[n] for n in GROWTH if "peak" in told.get(n, {}).get(ALL, {})]
    wide, sizes = round_ticks(max(r["bytes"] for r in rows) / 1e6)
    high, seconds = round_ticks(max(r[ALL]["cpu"] for r in rows))
    limits = [(TIMES * r["bytes"] + PLUS) / 1e6 for r in rows]
    full, _ = round_ticks(max(*limits, *(r[ALL]["peak"] / 1e6 for r in rows)))
    at = [r["bytes"] / 1e6 / wide for r in rows]
    cpu = tuple((x, r[ALL]["cpu"] / high) for x, r in zip(at, rows, strict=True))
    peak = tuple((x, r[ALL]["peak"] / 1e6 / full) for x, r in zip(at, rows, strict=True))
    limit = tuple((x, v / full) for x, v in zip(at, limits, strict=True))
    marks = (
        Line(cpu, BLUE, "CPU time, s"),
        Dots(cpu, BLUE),
        Line(peak, VERMILION, f"peak memory; the upper edge is {full:g} MB"),
        Dots(peak, VERMILION),
        Line(limit, BLACK, "the limit of memory: three times the file, and 300 MB", 1),
    )
    title = "One export of a detector to five targets, over its size"
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    write_chart(Chart(title, Axis("MB of the .onnx", sizes), Axis("CPU s", seconds), marks), PLOT)


def write_between(text: str) -> None:
    """Put the table between the marks of the page."""
    put(DOC, MARKS, text)


if __name__ == "__main__":
    main()
