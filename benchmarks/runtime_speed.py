"""The Core ML runtime beside onnxruntime on the source network, and its start-up, in one run.

Usage: python benchmarks/runtime_speed.py [--models FOLDER] [--rounds N] [--threads N]

Each source network is exported as it is (raw head, float32 and float16), and the two engines take
turns on the same random input, so that the machine's drift falls on both sides of the ratio: the
median over rounds of runtime ÷ source. Start-up is a whole Python process that loads a 25 MB
package and predicts once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MODELS = (
    "face_detection_yunet_2023mar.onnx",
    "ultraface_version-slim-320_without_postprocessing.onnx",
    "yolov3_tiny.onnx",
    "yolox_nano.onnx",
    "yolov5n.onnx",
)
FORMATS: tuple[tuple[Literal["mlpackage", "mlmodel"], Literal["float32", "float16"]], ...] = (
    ("mlpackage", "float32"),
    ("mlpackage", "float16"),
    ("mlmodel", "float32"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(f"{'network':46s} {'artifact':20s} {'source ms':>10s} {'runtime ms':>10s} {'ratio':>6s}")
    for name in MODELS:
        if not (args.models / name).is_file():
            print(f"{name:46s} NOT_RUN: the file is not there")
            continue
        with tempfile.TemporaryDirectory() as folder:
            compare(args.models / name, Path(folder), args)
    with tempfile.TemporaryDirectory() as folder:
        start_up(Path(folder))


def compare(source: Path, folder: Path, args: argparse.Namespace) -> None:
    """Print one line for each format of one network."""
    import onnxruntime as ort

    from mobilecat import runtime
    from mobilecat.importers import import_model
    from mobilecat.targets.coreml import write_coreml

    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.log_severity_level = 3
    session = ort.InferenceSession(str(source), options, ["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feeds = {i.name: rng.random(i.shape, dtype=np.float32) for i in session.get_inputs()}
    for suffix, precision in FORMATS:
        path = folder / f"{precision}.{suffix}"
        graph = import_model(source, {})
        artifact = write_coreml(
            graph,
            path,
            format=suffix,
            precision=precision,
            deployment_target="iOS15" if suffix == "mlpackage" else "iOS14",
        )
        model = runtime.load(path, threads=args.threads)
        given = {artifact.inputs.get(n, n): v for n, v in feeds.items()}

        def reference(s: Any = session) -> object:
            return s.run(None, feeds)

        def ours(m: Any = model, g: Any = given) -> object:
            return m.predict(g)

        left, right, ratio = paired(reference, ours, args.rounds)
        label = f"{suffix} {model.precision}"
        print(f"{source.name:46s} {label:20s} {left:10.2f} {right:10.2f} {ratio:6.2f}", flush=True)


def paired(
    a: Callable[[], object], b: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """Return the median milliseconds of each, and the median of their ratios round by round."""
    for f in (a, b, a, b):
        f()
    times: list[tuple[float, float]] = []
    for i in range(rounds):
        order = (a, b) if i % 2 else (b, a)
        spent = {}
        for f in order:
            start = perf_counter()
            f()
            spent[f is a] = perf_counter() - start
        times.append((spent[True], spent[False]))
    left, right = (1000 * median(t[k] for t in times) for k in (0, 1))
    return left, right, median(y / x for x, y in times)


def start_up(folder: Path) -> None:
    """Print the seconds of a process that loads 25 MB of weights and predicts once."""
    import logging

    logging.getLogger("coremltools").setLevel(logging.CRITICAL)
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    weight = np.random.default_rng(0).standard_normal((2500, 2500)).astype(np.float32)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 2500))], opset_version=ct.target.iOS15)
    def program(x: Any) -> Any:
        return mb.linear(x=x, weight=weight)

    path = folder / "large.mlpackage"
    ct.convert(program, compute_precision=ct.precision.FLOAT32).save(str(path))
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6
    code = (
        "import numpy as np; from mobilecat import runtime;"
        f"m = runtime.load({str(path)!r}); f = m.inputs[0];"
        "m.predict({f.name: np.ones(f.shape, np.float32)})"
    )
    spent = []
    for _ in range(5):
        start = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        spent.append(perf_counter() - start)
    print(f"start-up, whole process, {size:.1f} MB package: {median(spent):.2f} s (aim: under 1)")


if __name__ == "__main__":
    main()
