"""What suppression costs: a .tflite with NMS one call a class, one call in all, and without.

Usage: python benchmarks/nms_latency.py SPEC [--rounds N] [--pictures FOLDER] [--json FILE]
       python benchmarks/nms_latency.py --dense [SPEC …] [--rounds N] [--doc]

The same graph is compiled in each way, and each file runs on the same pictures in turn, so that the
machine's drift falls on all of them. A figure is a file's median over rounds, CPU time of one
thread. Ratios are to the file as it is written today.

--dense: every target with 3,000 candidates above the score threshold, which is set to the score of
a photo's 3,000th. Each file runs whole, and cut before its suppression (`where = "app"`), in turn.
A target that the spec does not ask for, Core AI, is added where its library is installed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any
from unittest import mock

import numpy as np
from kept import keep, put
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

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
    default = ROOT / "examples" / "yolov5n" / "mobilecat.toml"
    parser.add_argument("spec", type=Path, nargs="*", default=[default])
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    parser.add_argument("--rounds", type=int, default=15)
    cats = ROOT.parent / "shared" / "data" / "cats"
    parser.add_argument("--pictures", type=Path, default=cats)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = sorted(p for p in args.pictures.rglob("*.jpg"))[:6]
    specs = [load_spec(path) for path in args.spec]
    if not found or any(spec.input is None for spec in specs):
        print(f"NOT_RUN: no pictures in {args.pictures}, or a spec without [input]")
        return
    if args.dense:
        dense_of_all(specs, found[0], args.rounds, args.doc)
        return
    spec = specs[0]
    assert spec.input is not None
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


DENSE = 3000
_SOURCE = re.compile(r'(?m)^source = "(.*)"$')
_LABELS = re.compile(r'(?m)^labels = "(.*)"$')
MARKS = ("<!-- dense -->", "<!-- /dense -->")


def dense_of_all(specs: Sequence[Spec], picture: Path, rounds: int, doc: bool) -> None:
    """Time each network, tell it, keep its ratios, and write one table into the page."""
    table, ratios = [], {}
    for spec in specs:
        if not (source := spec.folder / spec.source).is_file():
            print(f"NOT_RUN: {source} is not there")
            continue
        threshold, times, refused = dense(spec, picture, rounds)
        head = f"{spec.name}, {DENSE:,} above {threshold:.2g}"
        for name in dict.fromkeys(lane for lane, _ in times):
            alone = float(np.min(times[name, "app"]))
            row = [head, name, f"{alone:.1f}", refused.get(name, ""), ""]
            if name not in refused:
                whole = float(np.min(times[name, "graph"]))
                ratios[f"{name}: with suppression ÷ without"] = whole / alone
                row[3:] = [f"{whole:.1f}", f"{whole / alone:.2f}"]
            table.append(f"| {' | '.join(row)} |")
            head = ""
    if not table:
        return
    names = ["network", "lane", "without suppression, ms", "with it, ms", "÷ without"]
    table = [f"| {' | '.join(names)} |", "|---|---|---|---|---|", *table]
    print("\n".join([*table, "", *keep("dense", ratios)]))
    if doc:
        put(ROOT / "docs" / "speed.md", MARKS, "\n".join(table))


def dense(
    spec: Spec, path: Path, rounds: int
) -> tuple[float, dict[tuple[str, str], list[float]], dict[str, str]]:
    """Time every target whole and without its suppression, on a photo with DENSE candidates.

    Return the score threshold that so many are above, CPU milliseconds of each round by lane and
    `graph` or `app`, and why lanes gave nothing.
    """
    import mobilecat as mc
    from mobilecat.bundle.cascade import open_any
    from mobilecat.foreign import engines_of
    from mobilecat.formats.base.candidates import CandidatesAsTensors
    from mobilecat.formats.base.runner import NotRun
    from mobilecat.formats.coreai.dialect import missing
    from mobilecat.lanes import lanes_of, open_lane
    from mobilecat.lanes.source import source_in

    source = spec.folder / spec.source
    assert spec.input is not None and spec.nms is not None
    picture = fit_picture(Image.open(path).convert("RGB"), spec.input)[0]
    own = (spec.folder / "mobilecat.toml").read_text("utf-8")
    own = _SOURCE.sub(f'source = "{source.resolve()}"', own)
    own = _LABELS.sub('labels = "labels.txt"', own)
    if missing():
        print(f"Core AI NOT_RUN: {missing()}")
    elif "[targets.coreai]" not in own:
        own += "\n[targets.coreai]\n"
    times: dict[tuple[str, str], list[float]] = {}
    with TemporaryDirectory() as home:
        (Path(home) / "labels.txt").write_text("\n".join(spec.labels) + "\n", "utf-8")
        runs: dict[tuple[str, str], Any] = {}
        refused: dict[tuple[str, str], str] = {}

        def opened(where: str, threshold: str) -> None:
            words = rf'score_threshold = {threshold}\nwhere = "{where}"'
            file, bundle = Path(home) / f"{where}.toml", Path(home) / where
            file.write_text(re.sub(r"score_threshold = \S+", words, own), "utf-8")
            mc.export(file, bundle, source=source)
            contract = open_any(bundle)
            for lane in lanes_of(contract, slow=False):
                if lane.artifact is None or lane.apples:
                    continue
                try:
                    with engines_of(1):
                        runner: Any = open_lane(bundle, contract, lane, source)
                except NotRun as reason:
                    print(f"{lane.name} NOT_RUN: {reason}")
                    continue
                if where == "app":  # what suppresses in the app's place is not the file's
                    while not isinstance(runner, CandidatesAsTensors):
                        runner = runner._runner
                    runner = runner._runner
                runs[lane.name, where] = runner

        plain = Path(home) / "plain"
        mc.export(spec.folder / "mobilecat.toml", plain, source=source)
        whole = open_any(plain)
        model = source_in(open_lane(plain, whole, lanes_of(whole)[0], source))
        assert model is not None
        best = np.sort(model.candidates(picture).scores.reshape(-1, len(spec.labels)).max(axis=1))
        threshold = float(best[-DENSE - 1])
        for where in ("graph", "app"):
            opened(where, repr(threshold))
        for number in range(WARM_UP + rounds):
            for key, one in runs.items():
                if key in refused:
                    continue
                start = process_time()
                try:
                    one.infer({"image": picture})
                except mc.MobileCatError as e:
                    refused[key] = e.summary
                    print(f"{key[0]}: {e}")
                    continue
                if number >= WARM_UP:
                    times.setdefault(key, []).append((process_time() - start) * 1e3)
    return threshold, times, {lane: why for (lane, _), why in refused.items()}


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
