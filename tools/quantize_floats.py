"""Which layers stay float for int8 to lose a given share of mAP → tools/quantize_floats.json.

Usage: python -m tools.quantize_floats [--model NAME]… [--recipe NAME]… [--limit L] [--fresh]

Layers are ordered by how far each alone, rounded, moves detections on eight calibration pictures.
How many of them stay float, the worst first, is found by halving: the network is run in onnxruntime
on the calibration pictures with all others rounded, and its mAP taken against what its float self
finds there with a score of 0.3 or more, of classes that it finds ten times or more. The smallest
number that loses half of the limit is taken, and a twentieth of all layers besides where that keeps
to it as well: docs/quantize.md measures on other pictures. int8-weights: what
`keep_float = "auto"` finds at export, which lets detections move by `WEIGHTS_LIMIT`, or by
--limit where a network loses too much with that. one-scale: which layers bear one scale
for the weights of all outputs best, until four fifths of all outputs have none of their own. noise:
what the float network itself loses where each value of the pictures is off by one level. Each
figure is stored as it comes: it may be stopped at any time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnx_ir as ir

import mobilecat as mc
from mobilecat.formats.tflite.quantise import fitting, islands
from mobilecat.formats.tflite.quantise.weights import FEW, SMALL
from mobilecat.graph import Array
from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.pictures.detections import Detections
from mobilecat.quantize.calibrate import session_of
from mobilecat.quantize.moments import outputs_axis
from mobilecat.quantize.sensitivity import WEIGHTS_LIMIT, Found
from mobilecat.quantize.simulate import Layer, simulated
from mobilecat.quantize.trial import Trial
from tools import quantize_sets as sets
from tools import quantize_table as table

OUT = Path(__file__).with_suffix(".json")
LIMITS = {"int8": 1.0}
"""Points of mAP that may be lost."""
WEIGHTS = "int8-weights"
METHODS = ("minmax", "mse")
ONE, NOISE = "one-scale", "noise"
SEEDS = 3
_MARGIN = 0.5
SHARE = 0.8
"""Of all outputs that shall not have a scale of their own, which takes 8 bytes of a file."""
_ABOVE = 20


class _Recording(Trial):
    """Stands in for the search at export: nothing stays float, and what was asked is kept."""

    asked: tuple[_Recording, Sequence[Layer]] | None = None

    costs: Mapping[str, float] | None = None

    def found(
        self,
        layers: Sequence[Layer],
        limit: float = 0,
        costs: Mapping[str, float] | None = None,
    ) -> Found:
        _Recording.asked, self.costs = (self, layers), costs
        return Found(0.0, 0.0, (), {})


@dataclass
class Judge:
    """A network and the calibration pictures: what it loses with some layers rounded."""

    trial: Trial
    layers: Sequence[Layer]
    classes: int
    pictures: tuple[Path, ...]
    method: str

    def __post_init__(self) -> None:
        self.whole = ir.to_proto(self.trial.model)
        value = self.trial.model.graph.inputs[0]
        self.input = value.name or ""
        every = replace(self.trial.calibration, pictures=self.pictures)
        self.feeds: list[Array] = list(every.feeds(value))
        self.before = self._run(self.whole, self.feeds)
        sure = [d.class_ids[d.scores >= sets.SURE] for d in self.before]
        counts = np.bincount(np.concatenate(sure), minlength=self.classes)
        self.truths = [_truth(d, counts >= sets.FEWEST) for d in self.before]
        self.objects = sum(t.wanted for t in self.truths)
        self.stored = _in_halves(self.trial.model) if self.trial.fitted else self.whole

    def lost(self, layers: Sequence[Layer]) -> tuple[float, float]:
        """Return the points of mAP and of mAP@.5 lost with `layers` rounded."""
        made = simulated(self.stored, layers, self.trial.steps, self.trial.fitted)
        return self._lost(self._run(made, self.feeds))

    def lost_to_noise(self) -> tuple[float, float]:
        """Return what the float network itself loses where each value of the pictures is one more,
        one less or as it is, by chance; the mean of `SEEDS` draws."""
        every = []
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            moved = (x.astype(np.int16) + rng.integers(-1, 2, x.shape) for x in self.feeds)
            every.append(self._lost(self._run(self.whole, [_bytes(x) for x in moved])))
        return float(np.mean([a for a, _ in every])), float(np.mean([b for _, b in every]))

    def _lost(self, found: Sequence[Detections]) -> tuple[float, float]:
        a, b = (coco_scores(self.truths, d, self.classes) for d in (self.before, found))
        pairs = (a.ap, b.ap), (a.ap50, b.ap50)
        ap, ap50 = (100 * ((x or 0.0) - (y or 0.0)) for x, y in pairs)
        return ap, ap50

    def _run(self, proto: onnx.ModelProto, feeds: Sequence[Array]) -> list[Detections]:
        names = ["boxes", "scores", "class_ids", "count"]
        session = session_of(proto, names)
        found = []
        for fed in feeds:
            boxes, scores, ids, count = session.run(names, {self.input: fed})
            n = int(np.asarray(count).reshape(-1)[0])
            rows = boxes.reshape(-1, 4)[:n], scores.reshape(-1)[:n], ids.reshape(-1)[:n]
            found.append(Detections(*rows[:2], rows[2].astype(np.int64)))
        return found


def _in_halves(model: ir.Model) -> onnx.ModelProto:
    """Return the graph with weights as `int8-weights` stores those that are not int8."""
    copy = model.clone()
    for node in copy.graph:
        value = node.inputs[1] if outputs_axis(node) is not None else None
        if value is not None and value.const_value is not None:
            half = value.const_value.numpy().astype(np.float16)
            value.const_value = ir.tensor(half.astype(np.float32), name=value.name)
    return ir.to_proto(copy)


def _bytes(values: Array) -> Array:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _truth(found: Detections, counted: Array) -> Truth:
    sure = (found.scores >= sets.SURE) & counted[found.class_ids]
    boxes = np.asarray(found.boxes_xyxy[sure], np.float64)
    no = np.zeros(len(boxes), bool)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return Truth(boxes, found.class_ids[sure], areas, no, no)


def judge_of(name: str, method: str, data: Path, work: Path, precision: str = "int8") -> Judge:
    """Return a judge of a model in a precision, every layer of which may be rounded."""
    model = table.MODELS[name]
    target = {"precision": precision, "keep_float": "auto"}
    spec = table._spec(
        model, table.Recipe(precision, "tflite", target, {"method": method}), data, work
    )
    _Recording.asked = None
    with (
        mock.patch.object(islands, "Trial", _Recording),
        mock.patch.object(fitting, "Trial", _Recording),
    ):
        mc.export(spec, work / "bundle")
    assert _Recording.asked is not None
    trial, layers = _Recording.asked
    calibration, _ = model.pictures(data, work)
    pictures = tuple(sorted(p for p in calibration.iterdir() if p.suffix == ".png"))
    classes = max(len(spec.labels), 1)
    return Judge(trial, layers, classes, pictures, method)


def weights_alone(judge: Judge) -> list[Layer]:
    """Return the layers with only those weights rounded that int8-weights rounds."""
    stored = {c.name: c for c in judge.whole.graph.initializer}
    few = set()
    for node in judge.whole.graph.node:
        if node.op_type == "Conv" and node.input[1] in stored:
            dims = stored[node.input[1]].dims
            small = np.prod(dims) < SMALL or np.prod(dims[1:]) <= FEW
            few |= {node.name} if small else set()
    bare = (replace(x, takes=(), gives=()) for x in judge.layers)
    made = (replace(x, weights=tuple(n for n in x.weights if n not in few)) for x in bare)
    return [x for x in made if x.weights]


class Store:
    """Figures by what they are of, in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.kept: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}

    def put(self, key: str, made: Callable[[], Any]) -> Any:
        if key not in self.kept:
            self.kept[key] = made()
            self.file.write_text(json.dumps(self.kept), encoding="utf-8")
        return self.kept[key]


def search(judges: Sequence[Judge], recipe: str, store: Store) -> dict[str, Any]:
    """Return the row of a model and recipe. judges: one a method of ranges, the best is taken."""
    limit = LIMITS[recipe] * _MARGIN
    every = {
        j.method: store.put(f"{j.method} {recipe} all", lambda j=j: j.lost(list(j.layers)))
        for j in judges
    }
    print(f"  every layer rounded: {every}", flush=True)
    judge = min(judges, key=lambda j: every[j.method][0])
    bare, layers = weights_alone(judge), list(judge.layers)
    here = f"{judge.method} {recipe}"

    def put(key: str, made: Callable[[], Any]) -> Any:
        return store.put(f"{here} {key}", made)

    own = {x.name: put(x.name, lambda x=x: judge.trial.moved([x])) for x in layers}
    order = sorted(layers, key=lambda x: -own[x.name])
    stored = "float16"
    if put("weights", lambda: judge.lost(bare))[0] <= limit / 2:
        stored = "int8"

    def lost(number: int) -> list[float]:
        names = {x.name for x in order[:number]}
        rounded = [x for x in layers if x.name not in names]
        if stored == "int8":
            rounded += [x for x in bare if x.name in names]
        found = put(f"{stored} {number}", lambda: judge.lost(rounded))
        print(f"  {number} of {len(layers)} float: {found[0]:.2f} ({found[1]:.2f})", flush=True)
        return [float(v) for v in found]

    def above(number: int) -> int:
        return min(number + -(-len(order) // _ABOVE), len(order)) if number else 0

    def fits(number: int) -> bool:
        return lost(number)[0] <= limit and lost(above(number))[0] <= limit

    low, high = -1, 0 if lost(0)[0] <= limit else len(order)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    high = above(high)
    return {
        "recipe": recipe,
        "method": judge.method,
        "layers": len(layers),
        "float": [x.name for x in order[:high]],
        "float_weights": stored,
        "objects": judge.objects,
        "pictures": len(judge.feeds),
        "lost": lost(high),
        "lost_with_none_float": lost(0),
    }


def weights(judge: Judge, limit: float = WEIGHTS_LIMIT) -> dict[str, Any]:
    """Return the row of what export finds by itself for int8 weights, or would with a `limit` of
    the movement other than its own."""
    trial = judge.trial
    assert isinstance(trial, _Recording)
    found = Trial.found(trial, judge.layers, limit, trial.costs)
    kept = {x.name for x in found.kept}
    return {
        "recipe": WEIGHTS,
        "method": judge.method,
        "layers": len(judge.layers),
        "float": [x.name for x in found.kept],
        "float_weights": "float16",
        "moved": [found.whole, found.left],
        "limit": limit,
        "objects": judge.objects,
        "pictures": len(judge.feeds),
        "lost": judge.lost([x for x in judge.layers if x.name not in kept]),
        "lost_with_none_float": judge.lost(judge.layers),
    }


def one_scale(judge: Judge, store: Store) -> dict[str, Any]:
    """Return the layers that bear one scale of all outputs best, as many as have most of them."""
    bare = [replace(x, takes=(), gives=()) for x in judge.layers]
    outputs = _outputs(judge.whole)

    def moved(one: Layer | None) -> float:
        made = [replace(x, shared=x.weights) if x is one else x for x in bare]
        return judge.trial.moved(made)

    before = store.put("one scale: none", lambda: moved(None))
    own = {x.name: store.put(f"one scale: {x.name}", lambda x=x: moved(x)) for x in bare}
    order = sorted(bare, key=lambda x: (own[x.name] - before) / outputs[x.name])
    every, have, shared = sum(outputs[x.name] for x in bare), 0, []
    for x in order:
        if have >= SHARE * every:
            break
        have += outputs[x.name]
        shared.append(x.name)
    made = [replace(x, shared=x.weights if x.name in shared else ()) for x in judge.layers]
    return {
        "recipe": "one scale",
        "method": judge.method,
        "layers": len(bare),
        "one_scale": shared,
        "outputs": [have, every],
        "lost": store.put("one scale", lambda: judge.lost(made)),
    }


def _outputs(proto: onnx.ModelProto) -> dict[str, int]:
    """Return how many outputs each convolution has."""
    stored = {c.name: c for c in proto.graph.initializer}
    nodes = [n for n in proto.graph.node if n.op_type == "Conv" and n.input[1] in stored]
    return {n.name: int(stored[n.input[1]].dims[0]) for n in nodes}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=table.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=table.ROOT / "build" / "quantize_floats")
    parser.add_argument("--model", action="append", choices=list(table.MODELS))
    parser.add_argument("--recipe", action="append", choices=[*LIMITS, WEIGHTS, ONE, NOISE])
    parser.add_argument("--fresh", action="store_true", help="measure again what is there")
    about = "how far int8-weights may move detections, 0.007 by default"
    parser.add_argument("--limit", type=float, default=WEIGHTS_LIMIT, help=about)
    said = parser.parse_args()
    for name in said.model or [m for m in table.MODELS if m != "cat_landmarks"]:
        work = said.work / name
        work.mkdir(parents=True, exist_ok=True)
        file = work / "figures.json"
        if said.fresh:
            file.unlink(missing_ok=True)
        for recipe in said.recipe or (*LIMITS, WEIGHTS):
            methods = METHODS if recipe == "int8" else METHODS[:1]
            kind = WEIGHTS if recipe == WEIGHTS else "int8"
            judges = [judge_of(name, m, said.data, work, kind) for m in methods]
            print(f"{name}, {recipe}: {judges[0].objects} objects", flush=True)
            figures = Store(file)
            if recipe == NOISE:
                lost = figures.put(NOISE, judges[0].lost_to_noise)
                row = {"recipe": NOISE, "method": "", "lost": lost, "float": []}
            elif recipe == WEIGHTS:
                row = weights(judges[0], said.limit)
            elif recipe == ONE:
                row = one_scale(judges[0], figures)
            else:
                row = search(judges, recipe, figures)
            rows = json.loads(OUT.read_text("utf-8")) if OUT.is_file() else {}
            rows[f"{name} {recipe}"] = row
            OUT.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", "utf-8")
            print(f"  {json.dumps(row)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
