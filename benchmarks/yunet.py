"""YuNet in one run: export as a whole process, and each engine's latency ÷ onnxruntime's.

Usage: python benchmarks/yunet.py [--models FOLDER] [--json FILE]

Ratios are kept in benchmarks/results.json and told beside those kept before: a report, no test.

Exports to four formats and to five (with Core AI) alternate; each has its fastest process, by the
clock and by CPU time of the process and its children, which other work on the machine hardly
touches. The ratio is of CPU times.

Latencies are medians over alternating rounds, two threads each, so that the machine's drift falls
on both sides of a ratio. The network alone is timed for the ratios (raw head, float32), the whole
baked artifact beside it. The lane `coreai` has one thread, as onnxruntime beside it then has, and
its ratio is of CPU times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from kept import keep

from mobilecat.formats.coreai.dialect import missing

ROOT = Path(__file__).resolve().parents[1]
MODEL = "face_detection_yunet_2023mar.onnx"
ROUNDS = 25
EXPORTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    model = args.models / MODEL
    if not model.is_file():
        print(f"NOT_RUN: {model} is not there (name its folder with --models)")
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = {**export_times(Path(folder), model), **latencies(Path(folder), model)}
    for name, value in figures.items():
        print(f"{name:58s} {value:8.2f}")
    ratios = {k: v for k, v in figures.items() if "÷" in k}
    print("\n".join(["", *keep("yunet", ratios)]))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def export_times(folder: Path, model: Path) -> dict[str, float]:
    """Return seconds of `mobilecat export` to four formats and to all five, as whole processes."""
    example = ROOT / "examples" / "yunet" / "mobilecat.toml"
    specs = {"four": folder / "four.toml"}
    specs["four"].write_text(example.read_text("utf-8"), encoding="utf-8")
    if reason := missing():
        print(f"export to five formats NOT_RUN: {reason}")
    else:
        specs["five"] = folder / "five.toml"
        text = specs["four"].read_text("utf-8") + "\n[targets.coreai]\n"
        specs["five"].write_text(text, encoding="utf-8")
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in specs}
    # Modules compiled once, as they are where they are installed.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for _ in range(EXPORTS):
        for name, spec in specs.items():
            command = [sys.executable, "-m", "mobilecat", "export", str(spec), "--no-cache"]
            command += ["--source", str(model), "-o", str(folder / name)]
            before, start = os.times(), perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            clock, after = perf_counter() - start, os.times()
            cpu = after.children_user + after.children_system
            spent[name].append((clock, cpu - before.children_user - before.children_system))
    figures = {}
    for name, runs in spent.items():
        figures[f"export to {name} formats, fastest process, s"] = min(r[0] for r in runs)
        figures[f"export to {name} formats, least CPU time, s"] = min(r[1] for r in runs)
    if "five" in spent:
        five, four = (min(r[1] for r in spent[name]) for name in ("five", "four"))
        figures["export to five ÷ four formats, CPU time"] = five / four
    return figures


def latencies(folder: Path, model: Path) -> dict[str, float]:
    """Return milliseconds and ratios of the network alone and of the baked artifacts."""
    import onnxruntime as ort
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    from mobilecat.compile import export
    from mobilecat.formats.coreml import runtime
    from mobilecat.spec import spec_from_model_file

    export(spec_from_model_file(model), folder / "raw")
    x = np.random.default_rng(0).random((1, 3, 640, 640), dtype=np.float32) * 255

    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    source = ort.InferenceSession(str(model), options, ["CPUExecutionProvider"])

    raw_tflite = litert(folder / "raw" / f"{model.stem}.tflite", Interpreter)
    raw_package = runtime.load(folder / "raw" / f"{model.stem}.mlpackage", threads=2)
    raw_mlmodel = runtime.load(folder / "raw" / f"{model.stem}.mlmodel", threads=2)
    baked_tflite = litert(folder / "four" / "yunet.tflite", Interpreter)
    baked_package = runtime.load(folder / "four" / "yunet.mlpackage", threads=2)
    pixels = x[0].transpose(1, 2, 0).astype(np.uint8)
    image = Image.fromarray(pixels)
    engines: dict[str, Callable[[], object]] = {
        "onnxruntime, source network": lambda: source.run(None, {"input": x}),
        "LiteRT, our .tflite of the network": lambda: raw_tflite(x),
        "our runtime, .mlpackage of the network": lambda: raw_package.predict({"input": x}),
        "our runtime, .mlmodel of the network": lambda: raw_mlmodel.predict({"input": x}),
        "LiteRT, baked .tflite": lambda: baked_tflite(pixels[None]),
        "our runtime, baked .mlpackage": lambda: baked_package.predict({"image": image}),
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    for round_number in range(ROUNDS + 3):
        for name, call in engines.items():
            start = perf_counter()
            call()
            if round_number >= 3:
                times[name].append((perf_counter() - start) * 1e3)
    medians = {name: median(values) for name, values in times.items()}
    reference, *rest = engines
    figures = {f"{name}, ms": value for name, value in medians.items()}
    for name in rest:
        ratios = [a / b for a, b in zip(times[name], times[reference], strict=True)]
        figures[f"{name} ÷ onnxruntime"] = median(ratios)
    if reason := missing():
        print(f"lane coreai NOT_RUN: {reason}")
        return figures
    label = "lane coreai, .aimodel of the network ÷ onnxruntime, CPU time"
    figures[label] = coreai_ratio(folder / "raw" / f"{model.stem}.aimodel", model, x)
    return figures


def coreai_ratio(aimodel: Path, model: Path, x: np.ndarray) -> float:
    """Return CPU time of the lane `coreai` ÷ that of onnxruntime on the source, one thread each."""
    import onnxruntime as ort

    from mobilecat.formats.coreai.read import decode
    from mobilecat.formats.coreai.run import Executable

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    source = ort.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    lane = Executable(decode(aimodel), 1)
    ratios = []
    for round_number in range(ROUNDS + 3):
        times = []
        for call in (lambda: lane.run({"input": x}), lambda: source.run(None, {"input": x})):
            start = process_time()
            call()
            times.append(process_time() - start)
        if round_number >= 3:
            ratios.append(times[0] / times[1])
    return median(ratios)


def litert(path: Path, interpreter: type) -> Callable[[np.ndarray], None]:
    """Return a call that runs the model on one input and reads every output."""
    engine = interpreter(model_path=str(path), num_threads=2)
    engine.allocate_tensors()
    index = engine.get_input_details()[0]["index"]
    outputs = [d["index"] for d in engine.get_output_details()]

    def call(x: np.ndarray) -> None:
        engine.set_tensor(index, x)
        engine.invoke()
        for output in outputs:
            engine.get_tensor(output)

    return call


if __name__ == "__main__":
    main()
