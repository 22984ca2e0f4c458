"""ai-edge-quantizer on our float32 .tflite, same calibration pictures, same mAP → docs/quantize.md.

Usage: python -m tools.quantize_peer --peer FOLDER [--model NAME]… [--least WEIGHT]

FOLDER: where `pip install --target FOLDER ai-edge-quantizer` put it, which wants other versions of
packages than ours. Its static int8 takes the place of our artifact in a bundle, which is sealed
again and evaluated as `quantize_table` does. A line of JSON a model and quantiser.

Its recipe makes outputs whole numbers, too, which our bundle says are floats: they are left float.
--least: what a channel that has no weights gets as one of them in the source, for both quantisers:
the peer takes the scale of such a channel's bias from its weights, 1e-14, in which no bias fits.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

import mobilecat as mc
from mobilecat.bundle import FILE
from mobilecat.bundle.seal import sealed
from mobilecat.compile.whole import calibrated
from mobilecat.disk import sha256_of
from mobilecat.formats.tflite.inspect import _op_name
from mobilecat.formats.tflite.read.file import read_tflite
from tools import quantize_sets as sets
from tools import quantize_table as table


def _row(by: str, bundle: Path, file: str, labels: Path, cache: Path) -> dict[str, Any]:
    found = mc.evaluate(bundle, labels, artifact=file, cache=cache)
    lane = next(r for r in found.lanes if r.lane.artifact is not None and r.scores is not None)
    loss, points = found.loss(lane), lane.scores.landmarks if lane.scores else None
    read = read_tflite((bundle / file).read_bytes(), file)
    codes = (read.operatorCodes[op.opcodeIndex] for op in read.subgraphs[0].operators)
    ops = Counter(map(_op_name, codes))
    return {
        "by": by,
        "pictures": found.pictures,
        "loss": loss and loss.ap,
        "loss50": loss and loss.ap50,
        "nme": points and points.nme,
        "bytes": (bundle / file).stat().st_size,
        "operators": ops.total(),
        "QUANTIZE": ops["QUANTIZE"],
        "DEQUANTIZE": ops["DEQUANTIZE"],
    }


_NOTHING = 1e-7
"""Of a weight: what float16 rounds to nothing."""
DECODE = ".*(decode|best|nms)/.*"
"""What our nodes behind the network are called: boxes in pixels, scores, suppression."""


def _peers(float32: Path, name: str, feeds: list[Any], out: Path, whole: bool) -> None:
    """Write its static int8 of a float32 .tflite. name: of the picture input. whole: as its recipe
    has it; else with `DECODE` left float, as ours."""
    peer = importlib.import_module("ai_edge_quantizer")
    recipe = importlib.import_module("ai_edge_quantizer.recipe")
    made = peer.Quantizer(str(float32), recipe.static_wi8_ai8())
    codes = importlib.import_module("ai_edge_quantizer.qtyping").TFLOperationName
    made.update_quantization_recipe(".*", codes.OUTPUT, algorithm_key="no_quantize")
    if not whole:
        made.update_quantization_recipe(DECODE, codes.ALL_SUPPORTED, algorithm_key="no_quantize")
    with contextlib.redirect_stderr(io.StringIO()):  # a line for each of thousands of steps
        result = made.calibrate({"serving_default": [{name: x} for x in feeds]})
    out.unlink()
    made.quantize(result).export_model(str(out))


def _with_least(source: Path, least: float, out: Path) -> int:
    """Write a copy of an ONNX file where each channel without weights has one, `least`; return how
    many there are. Weights may lie behind a Cast."""
    model = onnx.load(source)
    stored = {t.name: t for t in model.graph.initializer}
    casts = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Cast"}
    found = 0
    for node in model.graph.node:
        name = casts.get(node.input[1], node.input[1]) if node.op_type == "Conv" else ""
        if name not in stored:
            continue
        w = onnx.numpy_helper.to_array(stored[name]).copy()
        rows = w.reshape(w.shape[0], -1)
        empty = np.abs(rows).max(axis=1) <= _NOTHING
        rows[empty, 0] = least
        found += int(empty.sum())
        stored[name].CopyFrom(onnx.numpy_helper.from_array(w, name))
    onnx.save(model, out)
    return found


def compare(name: str, data: Path, work: Path, least: float) -> None:
    """Print the rows of a model."""
    model = table.MODELS[name]
    own = next(r for r in table.RECIPES if r.name == "int8, every layer")
    spec = table._spec(model, replace(own, target=dict(own.target)), data, work)
    if least:
        other = work / "least.onnx"
        count = _with_least(Path(spec.source), least, other)
        print(f"{count} channels without weights get one of {least:g}", file=sys.stderr)
        spec = spec.model_copy(update={"source": str(other.resolve())})
    bundle = work / "bundle"
    made = mc.export(spec, bundle)
    _, measured = model.pictures(data, work)
    labels = measured
    if model.own:
        labels = sets.own_labels(bundle, measured)
    float32, ours = made.bundle.artifacts
    cache = work / "cache"
    print(json.dumps({"model": name, **_row("mobilecat", bundle, ours.file, labels, cache)}))
    calibration = calibrated(spec)
    assert calibration is not None
    port = made.bundle.inputs[0]
    picture = ir.Value(
        name=port.name, shape=ir.Shape(port.shape), type=ir.TensorType(ir.DataType.UINT8)
    )
    feeds = list(calibration.feeds(picture))
    for whole in (True, False):
        _peers(bundle / float32.file, float32.inputs[port.name], feeds, bundle / ours.file, whole)
        _seal(bundle, ours.file)
        by = f"ai-edge-quantizer{'' if whole else ', decode float'}"
        row = _row(by, bundle, ours.file, labels, cache)
        print(json.dumps({"model": name, **row}), flush=True)


def _seal(bundle: Path, file: str) -> None:
    """Make bundle.json say what the file now is."""
    told = json.loads((bundle / FILE).read_text("utf-8"))
    for a in told["artifacts"]:
        if a["file"] == file:
            a |= {"sha256": sha256_of(bundle / file), "bytes": (bundle / file).stat().st_size}
    (bundle / FILE).write_text(json.dumps(sealed(told)), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=table.ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=table.ROOT / "build" / "quantize_peer")
    parser.add_argument("--model", action="append", choices=list(table.MODELS))
    parser.add_argument("--least", type=float, default=0.0)
    said = parser.parse_args()
    sys.path.append(str(said.peer))
    for name in said.model or table.MODELS:
        work = said.work / name
        work.mkdir(parents=True, exist_ok=True)
        compare(name, said.data, work, said.least)
    return 0


if __name__ == "__main__":
    sys.exit(main())
