"""Faults that float16's limits or kind goldens hide: `python -m tools.plant_faults.subtle`.

Two lists. Float16: one .mlpackage is wrong by less than rounding may be, half a pixel or a dead
channel. Untried: a wrong decode or suppression that shows on no golden picture. Each is planted in
one artifact and must be caught, at whatever stage. Writes docs/subtle_faults.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from tools.plant_faults.changes import Plant, graph, image, plus, through, times
from tools.plant_faults.edit import Editor
from tools.plant_faults.models import ROOT
from tools.plant_faults.workshop import Model, Mutant, make_models, stage_of, writable

MODELS = ("yunet", "mtcnn_onet", "onet_means", "yolox_nano")
PAGE = ROOT / "docs" / "subtle_faults.md"
BOXES, SCORES, POINTS = (f"decode/candidate_{n}" for n in ("boxes", "scores", "landmarks"))
Make = Callable[[Editor, ir.Value], ir.Value]


@dataclass(frozen=True)
class Subtle:
    kind: str
    name: str
    model: str
    format: str
    plant: Plant


def shifted(*by: float) -> Make:
    row = np.array(by, dtype=np.float32)
    return lambda e, v: e.op("Add", v, row)


def unary(op: str) -> Make:
    return lambda e, v: e.op(op, v)


def clip(low: float, high: float) -> Make:
    low_, high_ = np.array(low, dtype=np.float32), np.array(high, dtype=np.float32)
    return lambda e, v: e.op("Min", e.op("Max", v, low_), high_)


def top(k: int) -> Make:
    """Scores of all but the k best candidates become 0, as a top-k before the suppression does."""

    def make(e: Editor, v: ir.Value) -> ir.Value:
        best = e.op("ReduceMax", v, np.array([2], dtype=np.int64), keepdims=0)
        node = ir.node(
            "TopK",
            [best, e.const(np.array([k], dtype=np.int64))],
            {"axis": 1},
            outputs=[ir.Value(name="planted/top"), ir.Value(name="planted/top_at")],
            name="planted/top",
        )
        e.model.graph.append(node)
        last = e.op("ReduceMin", node.outputs[0], np.array([1], dtype=np.int64), keepdims=1)
        low = e.op("Less", best, last)
        kept = e.op("Where", low, np.array(0, dtype=np.float32), np.array(1, dtype=np.float32))
        return e.op("Mul", v, e.op("Unsqueeze", kept, np.array([2], dtype=np.int64)))

    return make


def channel(factor: float, which: int) -> Callable[[Array], Array]:
    def change(w: Array) -> Array:
        other = w.copy()
        other[which % len(w)] *= factor
        return other

    return change


def gain(factor: float) -> Callable[[Array], Array]:
    return lambda w: w * np.float32(factor)


def exponent(limit: float) -> Plant:
    """The argument of each Exp is cut off."""

    def edit(e: Editor) -> None:
        for node in e.of_type("Exp"):
            e.feed(node.name or "", 0, clip(-30.0, limit))

    return graph(edit)


def layers(model: str, count: int) -> Iterator[str]:
    """Yield convolutions spread over the network; which ones is settled when they are planted."""
    yield from (f"{k / max(count - 1, 1):.2f}" for k in range(count))


def in_layer(share: str, change: Callable[[Array], Array]) -> Plant:
    def edit(e: Editor) -> None:
        convs = [n for n in e.of_type("Conv") if n.inputs[1] is not None]
        e.set_const(convs[round(float(share) * (len(convs) - 1))].name or "", 1, change)

    return graph(edit)


def float16_faults() -> list[Subtle]:
    found: list[Subtle] = []

    def add(models: Sequence[str], name: str, plant: Plant) -> None:
        found.extend(Subtle("float16", name, m, "mlpackage", plant) for m in models)

    every, points = ("yunet", "mtcnn_onet", "yolox_nano"), ("yunet", "mtcnn_onet")
    grids = ("yunet", "yolox_nano")
    add(every, "boxes half a pixel to the right", through(BOXES, shifted(0.5, 0, 0.5, 0)))
    add(every, "boxes half a pixel down", through(BOXES, shifted(0, 0.5, 0, 0.5)))
    add(every, "boxes rounded down", through(BOXES, unary("Floor")))
    add(every, "boxes rounded", through(BOXES, unary("Round")))
    add(every, "width one too large", through(BOXES, shifted(0, 0, 1, 0)))
    add(every, "final boxes half a pixel up", through("boxes", plus(-0.5)))
    add(every, "scores times 0.99", through(SCORES, times(0.99)))
    add(every, "scores clamped to 0.01 to 0.99", through(SCORES, clip(0.01, 0.99)))
    add(grids, "final scores times 0.995", through("scores", times(0.995)))
    add(points, "landmarks half a pixel off", through(POINTS, plus(0.5)))
    for model in every:
        for share in layers(model, 4):
            add((model,), f"a dead channel, layer {share}", in_layer(share, channel(0.0, 3)))
            add((model,), f"1 % gain, layer {share}", in_layer(share, gain(1.01)))
    for model in every:
        for share in ("0.30", "0.70"):
            add((model,), f"8 bits, layer {share}", in_layer(share, eight_bits))
    add(("onet_means",), "means in RGB order for BGR", image(mean=(128.5, 127.5, 126.5)))
    add(("onet_means", "mtcnn_onet"), "1/128 for 1/127.5", image(std=_other_std))
    add(("mtcnn_onet",), "mean 126 for 127.5", image(mean=126.0))
    add(("yolox_nano", "yunet"), "a mean of 0.5 too many", image(mean=0.5))
    add(("yolox_nano", "yunet"), "scale off by 0.5 %", image(std=1.005))
    return found


_other_std = 127.5


def eight_bits(w: Array) -> Array:
    scale = float(np.abs(w).max()) / 127
    return np.rint(w / scale) * scale


def untried_faults() -> list[Subtle]:
    found: list[Subtle] = []

    def add(name: str, plant: Plant, *places: str) -> None:
        for place in places:
            model, format = place.split(".")
            found.append(Subtle("untried", name, model, format, plant))

    whole = ("yunet.tflite", "yolox_nano.mlmodel", "yunet.onnx")
    add("boxes rounded to whole pixels", through(BOXES, unary("Round")), *whole)
    add("final boxes rounded", through("boxes", unary("Round")), *whole)
    add("final boxes clipped to the picture", through("boxes", clip(0, 256)), *whole)
    add("candidates clipped at 0", through(BOXES, clip(0, 1e6)), "yunet.mlmodel")
    for k in (2, 100, 1000):
        add(f"a top-k of {k}", through(SCORES, top(k)), "yunet.mlpackage", "yolox_nano.onnx")
        add(f"a top-k of {k}", through(SCORES, top(k)), "yunet.tflite")
    add("exp cut off at 4", exponent(4.0), "yunet.mlmodel", "yolox_nano.tflite", "yunet.onnx")
    add("scores times 0.999", through(SCORES, times(0.999)), *whole)
    add("scores plus 0.001", through(SCORES, plus(0.001)), *whole)
    add("final scores times 0.999", through("scores", times(0.999)), "yunet.mlmodel")
    add("final scores plus 0.001", through("scores", plus(0.001)), "yolox_nano.tflite")
    add("boxes at least 8 px wide", through(BOXES, _wider), "yunet.mlmodel")
    return found


def _wider(e: Editor, v: ir.Value) -> ir.Value:
    low = e.op("Gather", v, np.array([0, 1], dtype=np.int64), axis=2)
    high = e.op("Gather", v, np.array([2, 3], dtype=np.int64), axis=2)
    least = e.op("Add", low, np.array(8, dtype=np.float32))
    return e.op("Concat", low, e.op("Max", high, least), axis=2)


def try_subtle(fault: Subtle, model: Model, folder: Path) -> tuple[str, str]:
    """Return where it was caught, "held" or "error", and what was said."""
    mutant = Mutant(model, fault.format, folder)
    try:
        fault.plant(mutant)
    except (MobileCatError, StopIteration, AssertionError) as e:
        return "error", str(e)[:200]
    mutant.finish()
    return stage_of(mutant)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="those with this in their name; writes no page")
    parser.add_argument("--model", action="append", choices=MODELS)
    args = parser.parse_args()
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "models").is_dir():
        print("NOT_RUN: no test data (models and photos); set MOBILECAT_SHARED_DATA")
        return 1
    names = tuple(args.model or MODELS)
    chosen = [f for f in (*float16_faults(), *untried_faults()) if f.model in names]
    chosen = [f for f in chosen if not args.only or args.only in f.name]
    lines, missed, began = [], 0, time.perf_counter()
    root = Path(tempfile.mkdtemp(prefix="subtle-"))
    try:
        with writable():
            models = {m.name: m for m in make_models(data, root, names)}
            for fault in chosen:
                stage, said = try_subtle(fault, models[fault.model], root / "mutant")
                caught = stage not in ("held", "short", "error")
                missed += not caught
                cells = (fault.kind, fault.name, f"{fault.model}.{fault.format}", stage)
                line = f"| {' | '.join(cells)} | {said[:110]} |"
                lines.append(line)
                print("" if caught else "MISSED ", line, flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    count = {k: sum(f.kind == k for f in chosen) for k in ("float16", "untried")}
    total = (
        f"{len(chosen) - missed} of {len(chosen)} caught: {count['float16']} in single float16 "
        f"artifacts, {count['untried']} that the goldens do not try; "
        f"{time.perf_counter() - began:.0f} s"
    )
    print(total)
    if not args.only and names == MODELS:
        PAGE.write_text(HEAD.format(total=total) + "\n".join(lines) + "\n", "utf-8")
    return int(missed > 0)


HEAD = """# Subtle faults: what float16's limits and kind goldens would hide

Made by `python -m tools.plant_faults.subtle`. Each fault is planted in one artifact of a true
bundle, and validated against goldens that its source gave; the true artifacts hold. Float16: wrong
by less than float16's rounding may be, caught by the program without its rounding. Untried: wrong
only where no golden picture leads, caught on made values ([validate.md](validate.md)).

{total}.

| kind | fault | artifact | stage | says |
|---|---|---|---|---|
"""


if __name__ == "__main__":
    sys.exit(main())
