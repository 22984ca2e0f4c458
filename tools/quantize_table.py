"""Measure each quantised recipe: size, accuracy, time → the tables of quantize.md and of
quantize_coreml.md.

Usage: python -m tools.quantize_table [--model NAME]… [--recipe NAME]… [--format F] [--write]

Rows are kept in a store and only what is missing is measured: it may be stopped at any time. A row
that is on a page and not in the store stays as it is there.
For each model and recipe a bundle is exported that has the recipe's artifact beside the float32 one
of its format; score_threshold is 0.01, so that mAP sees the whole curve. Time is the median of runs
that take turns with the float32 artifact's, in one process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mobilecat as mc
from benchmarks.kept import put
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import Lane, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import NmsSpec, QuantizeSpec, Spec, load_spec, spec_from_text
from tools import quantize_sets as sets

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "quantize.md"
PAGES = {PAGE: ("tflite",), PAGE.with_name("quantize_coreml.md"): ("coreai", "coreml")}
"""Which formats' rows are on which page."""
MARKS = "<!-- table -->", "<!-- end of table -->"
LISTS = "<!-- lists -->", "<!-- end of lists -->"
FOUND = Path(__file__).with_name("quantize_floats.json")
"""What `quantize_floats` found."""
EARLIER = " †"
"""Behind a recipe that a person marked as measured at an earlier commit."""
LOW = 0.01
RUNS = 15


@dataclass(frozen=True)
class Recipe:
    """target: keys of [targets.<format>]. quantize: of [quantize], besides the pictures."""

    name: str
    format: str
    target: dict[str, Any]
    quantize: dict[str, Any] | None = None
    models: tuple[str, ...] = ()
    """Only for these; by default for all."""


@dataclass(frozen=True)
class Model:
    """spec: of the network. pictures: makes its two sets. own: whether its source's own detections
    are the labels."""

    spec: Callable[[Path], Spec]
    pictures: Callable[[Path, Path], tuple[Path, Path]]
    own: bool


SSDLITE = """
name = "ssdlite"
source = "{source}"
labels = ["person"]
input = {{ size = [300, 300], mean = 127.5, std = 127.5, resize = "stretch" }}
head = {{ kind = "ssd" }}
[nms]
score_threshold = 0.01
iou_threshold = 0.6
"""


def _example(name: str) -> Callable[[Path], Spec]:
    return lambda _: load_spec(ROOT / "examples" / name / "mobilecat.toml")


def _demo(name: str) -> Callable[[Path], Spec]:
    return lambda _: load_spec(ROOT / "mobilecat" / "demo" / f"{name}.toml")


def _ssdlite(data: Path) -> Spec:
    file = data / "models" / "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb"
    return spec_from_text(SSDLITE.format(source=file), folder=ROOT)


MODELS = {
    "cat_faces": Model(_demo("cat_faces"), sets.cats, own=False),
    "cat_landmarks": Model(_demo("cat_landmarks"), sets.crops, own=False),
    "yunet": Model(_example("yunet"), sets.scenes, own=True),
    "yolox_nano": Model(_example("yolox_nano"), sets.scenes, own=True),
    "yolov5n": Model(_example("yolov5n"), sets.scenes, own=True),
    "ssdlite": Model(_ssdlite, sets.scenes, own=True),
}
MINMAX: dict[str, Any] = {"method": "minmax"}
_EVERY: dict[str, Any] = {"precision": "int8", "keep_float": ()}
_WITHIN = {
    "int8": "int8, a point on the calibration pictures",
    "int8-weights": "int8-weights, what moves most float",
}


def _rows_found() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FOUND.read_text("utf-8")) if FOUND.is_file() else {}
    return found


def _found() -> Iterator[Recipe]:
    """Yield the recipes whose layers `quantize_floats` named."""
    for key, row in _rows_found().items():
        own = (key.split()[0],)
        method = {"method": row["method"]}
        if "one_scale" in row:
            target = {**_EVERY, "one_scale": tuple(row["one_scale"])}
            yield Recipe(
                "int8, one scale a layer where it does least", "tflite", target, method, own
            )
        elif row["float"]:
            target = {
                "precision": row["recipe"],
                "keep_float": tuple(row["float"]),
                "float_weights": row["float_weights"],
            }
            yield Recipe(_WITHIN[row["recipe"]], "tflite", target, method, own)


RECIPES = (
    Recipe("float32", "tflite", {"precision": "float32"}),
    Recipe("float16", "tflite", {"precision": "float16"}),
    Recipe("int8-weights", "tflite", {"precision": "int8-weights"}, MINMAX),
    Recipe("int8-weights, nearest", "tflite", {"precision": "int8-weights"}),
    Recipe("int8-dynamic", "tflite", {"precision": "int8-dynamic"}),
    Recipe("int8", "tflite", {"precision": "int8"}, MINMAX),
    Recipe("int8, every layer", "tflite", _EVERY, MINMAX),
    Recipe("int8, percentile", "tflite", _EVERY, {"method": "percentile"}),
    Recipe("int8, mse", "tflite", _EVERY, {"method": "mse"}),
    *_found(),
    Recipe("int16x8", "tflite", {"precision": "int16x8"}, MINMAX),
    Recipe("float16", "coreml", {}),
    Recipe("int8", "coreml", {"weights": "int8"}),
    Recipe("int8, mlmodel", "coreml", {"format": "mlmodel", "weights": "int8"}),
    Recipe("palette8", "coreml", {"weights": "palette8"}),
    Recipe("palette6", "coreml", {"weights": "palette6"}),
    Recipe("palette4", "coreml", {"weights": "palette4"}),
    Recipe("palette4 of 16 channels", "coreml", {"weights": "palette4", "block": 16}),
    Recipe("int4", "coreml", {"weights": "int4"}),
    Recipe("sparse, zeros as trained", "coreml", {"weights": "sparse"}),
    Recipe("sparse, half of each weight 0", "coreml", {"weights": "sparse", "sparsity": 0.5}),
    Recipe("int8 activations", "coreml", {"activations": "int8"}, MINMAX),
    Recipe("int8", "coreai", {"weights": "int8"}),
)


def _spec(model: Model, recipe: Recipe, data: Path, work: Path) -> Spec:
    """Return the model's spec with the recipe's target, and the float32 one beside it."""
    spec = model.spec(data)
    kind = FORMATS[recipe.format].target
    assert kind is not None
    base = {} if recipe.format == "coreai" else {"precision": "float32"}
    if recipe.format == "coreml":
        base |= {"format": recipe.target.get("format", "mlpackage")}
    targets = (kind(name="float32", **base), kind(name="recipe", **recipe.target))
    changed: dict[str, Any] = {"targets": type(spec.targets)(**{recipe.format: targets})}
    changed["source"] = str((spec.folder / spec.source).resolve())
    if spec.effective_nms is not None:
        nms = {**spec.effective_nms.model_dump(), "score_threshold": LOW}
        changed["nms"] = NmsSpec(**nms)
    calibration, _ = model.pictures(data, work)
    if recipe.quantize is not None:
        changed["quantize"] = QuantizeSpec(
            calibration=str(calibration.resolve()), number=32, **recipe.quantize
        )
    return spec.model_copy(update=changed)


def measure(name: str, recipe: Recipe, data: Path, work: Path) -> dict[str, Any]:
    """Return the row of one model and recipe."""
    model = MODELS[name]
    spec = _spec(model, recipe, data, work)
    bundle = work / "bundle"
    made = mc.export(spec, bundle)
    _, measured = model.pictures(data, work)
    labels = measured
    if model.own:
        labels = sets.own_labels(bundle, measured)
    own = made.bundle.artifacts[-1]
    found = mc.evaluate(bundle, labels, artifact=own.file, cache=work / "cache")
    row = next(r for r in found.lanes if r.lane.artifact is not None and r.scores is not None)
    source, scores = found.source.scores, row.scores
    assert source is not None and scores is not None
    loss = found.loss(row)
    picture = sorted(p for p in measured.iterdir() if p.suffix == ".png")[0]
    ours, theirs = _times(bundle, made.bundle, picture)
    base = made.bundle.artifacts[0]
    return {
        "model": name,
        "recipe": recipe.name,
        "format": recipe.format,
        "pictures": found.pictures,
        "bytes": own.bytes,
        "share": own.bytes / base.bytes,
        "map": None if scores.ap is None else 100 * scores.ap,
        "loss": None if loss is None else loss.ap,
        "loss50": None if loss is None else loss.ap50,
        "nme": scores.landmarks.nme if scores.landmarks else None,
        "nme_source": source.landmarks.nme if source.landmarks else None,
        "ms": 1000 * ours,
        "time": ours / theirs,
        "lints": [x for x in own.lints if "GPU delegate" not in x],
    }


def _times(folder: Path, bundle: Any, picture: Path) -> tuple[float, float]:
    """Return the seconds of a run of the recipe's artifact, and of the float32 one."""
    inputs, _ = picture_inputs(bundle, read_picture(picture))
    runner = FORMATS[bundle.artifacts[0].kind].engines[0].runner
    lanes = [open_lane(folder, bundle, Lane(runner, a)) for a in bundle.artifacts[::-1]]
    taken: list[list[float]] = [[], []]
    for i in range(RUNS + 2):
        for lane, times in zip(lanes, taken, strict=True):
            start = time.perf_counter()
            lane.infer(inputs)
            if i >= 2:
                times.append(time.perf_counter() - start)
    return statistics.median(taken[0]), statistics.median(taken[1])


def table(rows: list[dict[str, Any]], earlier: str = "", formats: Sequence[str] = ()) -> str:
    """Return the rows in Markdown, in the order of models and recipes; of `formats`, if any.

    earlier: the page's table: a row of it that is not measured anew stays.
    """
    own = [r for r in RECIPES if not formats or r.format in formats]
    order = dict.fromkeys((m, r.name, r.format) for m in MODELS for r in own)
    kept = {(r["model"], r["recipe"], r["format"]): r for r in rows}
    old = _rows_of(earlier)
    lines = [
        "| model | format | recipe | size | of float32 | mAP lost | NME | time, of float32 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key in order:
        if (r := kept.get(key)) is None:
            lines += [old[key]] if key in old else []
            continue
        whole = r["loss"] is None or r["nme"] is not None  # its boxes follow from its points
        lost = "–" if whole else f"{round(r['loss'], 2) + 0.0:.2f}"
        if not whole and r["loss50"] is not None:
            lost += f" ({round(r['loss50'], 2) + 0.0:.2f})"
        nme = "–" if r["nme"] is None else f"{r['nme']:.4f} ({r['nme'] - r['nme_source']:+.4f})"
        lines.append(
            f"| {r['model']} | {r['format']} | {r['recipe']} | {r['bytes'] / 1e6:.2f} MB "
            f"| {r['share']:.3f} | {lost} | {nme} | {r['time']:.2f} |"
        )
    return "\n".join(lines)


def lists() -> str:
    """Return which layers stay float in the rows that `quantize_floats` found, in Markdown."""
    lines = []
    for key, row in _rows_found().items():
        if row["recipe"] == "noise":
            off = f"**{key.split()[0]}**, float, each value of the pictures off by a level at most"
            lines.append(f"- {off}: {row['lost'][0]:.2f} points lost ({row['lost'][1]:.2f}).")
        names = row.get("one_scale", row.get("float"))
        if not names:
            continue
        if "one_scale" in row:
            what = "one scale in"
            then = f", {row['outputs'][0]:,} of {row['outputs'][1]:,} outputs"
        else:
            what = "float" if row["recipe"] == "int8" else "weights not in int8"
            then = f", their weights stored as {row['float_weights']}"
            then += f"; ranges by {row['method']}" if row["recipe"] == "int8" else ""
            then += f"; movement let pass: {row['limit']}" if "limit" in row else ""
        listed = ", ".join(f"`{n}`" for n in names)
        count = f"{len(names)} of {row['layers']} layers"
        lines.append(f"- **{key.split()[0]}**, {row['recipe']}: {what} {count}{then}: {listed}.")
    return "\n".join(lines)


def _rows_of(earlier: str) -> dict[tuple[str, str, str], str]:
    """Return the rows of a table by model, recipe and format."""
    found = {}
    for line in earlier.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 8 and cells[0] in MODELS:
            found[cells[0], cells[2].removesuffix(EARLIER), cells[1]] = line
    return found


def _read(store: Path) -> list[dict[str, Any]]:
    if not store.is_file():
        return []
    return [json.loads(x) for x in store.read_text("utf-8").splitlines() if x.strip()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "quantize_table")
    parser.add_argument("--model", action="append", choices=list(MODELS))
    parser.add_argument("--recipe", action="append", choices=[r.name for r in RECIPES])
    parser.add_argument("--format", choices=sorted({r.format for r in RECIPES}))
    parser.add_argument("--fresh", action="store_true", help="measure again what is there")
    parser.add_argument("--write", action="store_true", help="put the tables into their pages")
    said = parser.parse_args()
    said.work.mkdir(parents=True, exist_ok=True)
    store = said.work / "rows.jsonl"
    for name in said.model or MODELS:
        for recipe in RECIPES:
            wanted = said.recipe is None or recipe.name in said.recipe
            wanted &= said.format in (None, recipe.format)
            if not wanted or (recipe.models and name not in recipe.models):
                continue
            key = (name, recipe.name, recipe.format)
            there = any((r["model"], r["recipe"], r["format"]) == key for r in _read(store))
            if there and not said.fresh:
                continue
            try:
                row = measure(name, recipe, said.data, said.work)
            except mc.MobileCatError as e:
                print(f"{name}, {recipe.name}: NOT_RUN: {e}", file=sys.stderr)
                continue
            with store.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(table([row]).splitlines()[-1], *row["lints"], sep="\n    ", flush=True)
    if said.write:
        for page, formats in PAGES.items():
            earlier = page.read_text("utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]
            put(page, MARKS, table(_read(store), earlier, formats))
        put(PAGE, LISTS, lists())
    return 0


if __name__ == "__main__":
    sys.exit(main())
