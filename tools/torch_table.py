"""PyTorch networks through every target, each artifact against torch's own output → docs/torch.md.

Usage: python -m tools.torch_table [--only NAME] [--way pt2|script|python] [--store FILE] [--check]

Networks of torchvision and timm with seeded weights (`tools/torch_nets.py`), taken from a program
of torch.export, from TorchScript (traced) and from a Python function. Each is compiled to every
target in float32, and every artifact runs on one random input; the figure is the largest
difference from what torch gives, of any value of any output, by the output's largest value. A
process a network; each result is a line of the store as soon as it is there, and a run goes on
from it. `--check` writes no page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "torch.md"
BEGIN, END = "<!-- table: tools/torch_table.py -->", "<!-- end of the table -->"
WAYS = {"pt2": "`.pt2`", "script": "TorchScript", "python": "`python:`"}
BY_THREE_WAYS = ("ssdlite320", "fcos", "mobilenet_v3", "mobilenet_v4", "vit_tiny", "repvit")
LIMIT = 1e-4
SUFFIXES = ("mlpackage", "mlmodel", "tflite", "onnx", "aimodel")


def make(name: str, way: str, folder: Path) -> Path:
    """Write the network as a file of `way`, or the program that builds it."""
    from tools.torch_nets import NETS

    net = NETS[name]
    if way == "python":
        path = folder / f"{name}_net.py"
        path.write_text(
            "import sys\n"
            f"sys.path.insert(0, {str(HERE.parent)!r})\n"
            "import torch\n"
            "from tools.torch_nets import NETS\n"
            "def build():\n"
            f"    net = NETS[{name!r}]\n"
            "    return net.make(), (torch.zeros(1, 3, *net.size),)\n"
        )
        return folder / f"python:{name}_net:build"
    import torch

    module, example = net.make(), torch.zeros(1, 3, *net.size)
    with torch.no_grad():
        if way == "pt2":
            path = folder / f"{name}.pt2"
            torch.export.save(torch.export.export(module, (example,)), path)
        else:
            path = folder / f"{name}.pt"
            torch.jit.save(torch.jit.trace(module, example, strict=False), path)
    return path


def measure(path: Path, size: tuple[int, int], folder: Path) -> dict[str, Any]:
    """Compile the network, run every artifact, and return each one's difference from torch."""
    import numpy as np

    import mobilecat as mc
    from mobilecat.bundle.cascade import open_any
    from mobilecat.formats.base.runner import NotRun
    from mobilecat.lanes.base import lanes_of, open_lane

    started = perf_counter()
    if path.name.startswith("python:"):
        more: dict[str, Any] = {"trust": ("python",)}
    else:
        shape = (1, 3, *size)
        given = dict.fromkeys(names_of(path), shape) if path.suffix == ".pt" else None
        more = {"shapes": given}
    done = mc.export(path, folder / "bundle", **more)
    took = perf_counter() - started
    bundle = open_any(folder / "bundle")
    rng = np.random.default_rng(0)
    feeds = {t.name: rng.normal(size=t.shape).astype(t.dtype) for t in bundle.inputs}
    lanes = [x for x in lanes_of(bundle, slow=False) if not x.apples]
    wanted = open_lane(folder / "bundle", bundle, lanes[0]).infer(feeds)
    found: dict[str, float | str] = {}
    for lane in lanes[1:]:
        assert lane.artifact is not None
        try:
            given_ = open_lane(folder / "bundle", bundle, lane).infer(feeds)
        except NotRun as e:
            found[lane.name] = f"NOT_RUN: {e}"
            continue
        off = [np.abs(given_[n] - w).max() / np.abs(w).max() for n, w in wanted.items()]
        found[Path(lane.artifact.file).suffix[1:]] = float(max(off))
    left_out = [n for n in done.notes if "left out" in n]
    largest = [float(np.abs(w).max()) for w in wanted.values()]
    return {
        "off": found,
        "largest": largest,
        "seconds": round(took, 1),
        "notes": [*done.notes],
        "left_out": left_out,
    }


def names_of(path: Path) -> list[str]:
    from mobilecat.formats.importing import dims_of

    return list(dims_of(path))


def one(name: str, way: str) -> None:
    from tools.torch_nets import NETS

    size = NETS[name].size
    with tempfile.TemporaryDirectory(prefix="torch-table-") as folder:
        command = [sys.executable, "-m", "tools.torch_table", "--make", name, way, folder]
        subprocess.run(command, check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
        path = next(p for p in Path(folder).iterdir() if p.suffix in (".pt2", ".pt", ".py"))
        if path.suffix == ".py":
            path = path.with_name(f"python:{path.stem}:build")
        row = measure(path, size, Path(folder))
    print(json.dumps({"net": name, "way": way, **row}))


def rows_of(store: Path) -> dict[tuple[str, str], dict[str, Any]]:
    lines = store.read_text("utf-8").splitlines() if store.is_file() else []
    rows = [json.loads(line) for line in lines]
    return {(r["net"], r["way"]): r for r in rows}


def table(rows: dict[tuple[str, str], dict[str, Any]]) -> str:
    lines = [
        "| network | from | " + " | ".join(f".{s}" for s in SUFFIXES) + " | export, s |",
        "|---|---|" + "---|" * (len(SUFFIXES) + 1),
    ]
    for (name, way), row in rows.items():
        off = row["off"]
        cells = [_cell(off.get(s)) for s in SUFFIXES]
        lines.append(f"| {name} | {WAYS[way]} | {' | '.join(cells)} | {row['seconds']:g} |")
    return "\n".join(lines)


def _cell(value: float | str | None) -> str:
    if value is None:
        return "left out"
    return value if isinstance(value, str) else f"{value:.1e}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--only")
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--store", type=Path, default=HERE.parent / "build" / "torch_table.jsonl")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(options.make[0], options.make[1], Path(options.make[2]))
        return 0
    if options.one:
        one(*options.one)
        return 0
    from tools.torch_nets import NETS

    wanted = [(n, w) for w in WAYS for n in NETS if w == "pt2" or n in BY_THREE_WAYS]
    wanted = [(n, w) for n, w in wanted if options.only in (None, n) and options.way in (None, w)]
    options.store.parent.mkdir(parents=True, exist_ok=True)
    for name, way in wanted:
        if (name, way) in rows_of(options.store):
            continue
        command = [sys.executable, "-m", "tools.torch_table", "--one", name, way]
        done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
            print(f"{name} {way}: {said[-1][:300]}", flush=True)
            continue
        line = done.stdout.strip().splitlines()[-1]
        with options.store.open("a", encoding="utf-8") as f:
            f.write(line + "\n")
        print(f"{name} {way}: {json.loads(line)['off']}", flush=True)
    rows = rows_of(options.store)
    print(table(rows))
    if not options.check and PAGE.is_file():
        text = PAGE.read_text("utf-8")
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{tail}", encoding="utf-8")
    off = [v for r in rows.values() for v in r["off"].values()]
    bad = [v for v in off if isinstance(v, str) or v > LIMIT]
    missing = [w for w in wanted if w not in rows]
    print(
        f"{len(rows)} networks, {len(bad)} artifacts above {LIMIT:g}, {len(missing)} not compiled"
    )
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
