"""What suppression costs: a .tflite with NMS one call a class, one call in all, and without.

Usage: python benchmarks/nms_latency.py SPEC [--rounds N] [--pictures FOLDER] [--json FILE]

The same graph is compiled in each way, and each file runs on the same pictures in turn, so that the
machine's drift falls on all of them. A figure is a file's median over rounds, CPU time of one
thread. Ratios are to the file as it is written today.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from mobilecat.bake import bake
from mobilecat.compile.whole import import_options, settled_shapes
from mobilecat.formats.importing import dims_of, import_model
from mobilecat.formats.tflite import tflite_from_graph
from mobilecat.pictures.reading import fit_picture
from mobilecat.spec import Spec, load_spec

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 3
FEW = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    cats = ROOT.parent / "shared" / "data" / "cats"
    parser.add_argument("--pictures", type=Path, default=cats)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    spec = load_spec(args.spec)
    found = sorted(p for p in args.pictures.rglob("*.jpg"))[:6]
    if not found or spec.input is None:
        print(f"NOT_RUN: no pictures in {args.pictures}, or a spec without [input]")
        return
    pictures = [fit_picture(Image.open(p).convert("RGB"), spec.input)[0] for p in found]
    files = written(spec)
    runs = {name: engine(data) for name, data in files.items()}
    for one in runs.values():
        for _ in range(WARM_UP):
            one(pictures[0])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(args.rounds * len(pictures)):
        for name, one in runs.items():
            clock, cpu = perf_counter(), process_time()
            one(pictures[number % len(pictures)])
            times[name].append((perf_counter() - clock, process_time() - cpu))
    medians = {n: np.median(np.array(t) * 1e3, axis=0) for n, t in times.items()}
    base = medians["one call"][1]
    print(f"{len(pictures)} pictures, {args.rounds} rounds, one thread")
    print(f"{'suppression':28s}{'clock':>12s}{'CPU':>12s}{'CPU ratio':>12s}{'bytes':>14s}")
    for name, (clock, cpu) in medians.items():
        size = f"{len(files[name]):,}"
        print(f"{name:28s}{clock:9.2f} ms{cpu:9.2f} ms{cpu / base:12.3f}{size:>14s}")
    if args.json:
        rows = {n: {"clock_ms": float(c), "cpu_ms": float(p)} for n, (c, p) in medians.items()}
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def written(spec: Spec) -> dict[str, bytes]:
    """Return the .tflite files of one spec, by how they suppress."""
    path = spec.folder / spec.source
    options = import_options(spec)
    shapes, _ = settled_shapes(spec, dims_of(path, options, lambda _: None), path)
    network = import_model(path, shapes, options, lambda _: None)

    def each_alone(classes: int, _: float) -> tuple[tuple[range, None], ...]:
        return tuple((range(c, c + 1), None) for c in range(classes))

    plain = bake(network, spec, "uint8", "tensor").model
    with mock.patch("mobilecat.formats.tflite.lower.nms.groups_of", each_alone):
        before = tflite_from_graph(plain)
    raw = bake(network, spec, "uint8", "candidates").model
    nms = spec.effective_nms
    assert nms is not None
    few = spec.model_copy(update={"nms": nms.model_copy(update={"candidates": FEW})})
    best = bake(network, few, "uint8", "candidates").model
    return {
        "one call a class": before,
        "one call": tflite_from_graph(plain),
        'where = "app"': tflite_from_graph(raw),
        f"the same, candidates = {FEW}": tflite_from_graph(best),
    }


def engine(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(model_content=data, num_threads=1)
    made.allocate_tensors()
    at = made.get_input_details()[0]["index"]

    def once(picture: Any) -> None:
        made.set_tensor(at, picture[None])
        made.invoke()

    return once


if __name__ == "__main__":
    main()
