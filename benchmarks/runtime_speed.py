"""The Core ML runtime, and Core AI's rebuilt bytes, beside onnxruntime on the source network;
the runtime's start-up. All in one run.

Usage: python -m benchmarks.runtime_speed [--models FOLDER] [--cache FOLDER] [--only NAME]
                                          [--rounds N] [--threads N …]

Each source network is exported as it is (raw head), and in every round all engines take one turn
on the same random input, in an order that rotates, so that the machine's drift falls on all of
them. A ratio is the median over rounds of runtime ÷ source: by the clock, and with one thread by
CPU time too, which other work on the machine hardly touches. Outputs are held to the source's
first. Start-up is a whole process that loads a 25 MB package and predicts once.

SSDLite (a TF1 frozen graph) and the Keras networks are frozen to ONNX once, into --cache; where
they are not there and TensorFlow is not installed, their rows are NOT_RUN.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import Any, Literal

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REST_S = 0.01  # until onnxruntime's idle threads stop spinning
WARM_UP = 2
SSDLITE = "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb"


@dataclass(frozen=True)
class Network:
    """file: among the test models; keras: a name that keras_tflite.network knows."""

    name: str
    file: str = ""
    keras: str = ""


NETWORKS = (
    Network("YuNet", "face_detection_yunet_2023mar.onnx"),
    Network("SSDLite MobileNetV2", SSDLITE),
    Network("YOLOv3-tiny", "yolov3_tiny.onnx"),
    Network("EfficientNetV2B0", keras="EfficientNetV2B0"),
    Network("ResNet50", keras="ResNet50"),
)
Format = Literal["mlpackage", "mlmodel"]
Precision = Literal["float32", "float16"]
ARTIFACTS: tuple[tuple[Format, Precision, tuple[str | None, ...]], ...] = (
    ("mlpackage", "float32", (None,)),
    ("mlpackage", "float16", ("float16-fast", "float16-exact")),
    ("mlmodel", "float32", (None,)),
)
AGREE = {"float32": 1e-4, "float16-fast": 0.05, "float16-exact": 0.1}
"""Of the largest output: wide for halves, where only another network would be further off."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    print(f"{'network':20s} {'artifact':24s} threads {'source ms':>10s} {'ours ms':>9s}"
          f" {'ratio':>6s} {'by CPU time':>11s}")  # fmt: skip
    for network in NETWORKS:
        if args.only.lower() not in network.name.lower():
            continue
        try:
            source = source_of(network, args.models, args.cache)
        except NotRun as e:
            print(f"{network.name:20s} NOT_RUN: {e}", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            compare(network.name, source, Path(folder), args)
    with tempfile.TemporaryDirectory() as folder:
        start_up(Path(folder))
    return 0


class NotRun(Exception):
    """Why a row cannot be measured here."""


def source_of(network: Network, models: Path, cache: Path) -> Path:
    """Return the source network as ONNX, frozen by TensorFlow where need be; or raise NotRun."""
    file = models / network.file
    if file.suffix == ".onnx":
        if not file.is_file():
            raise NotRun(f"there is no {file.name}")
        return file
    frozen = cache / f"{network.keras or file.stem}.onnx"
    if frozen.is_file():
        return frozen
    from mobilecat.formats.tensorflow.worker import missing_extra

    if missing := missing_extra():
        raise NotRun(f"not installed: {missing}; and there is no {frozen.name} in {cache.name}/")
    if network.file and not file.is_file():
        raise NotRun(f"there is no {file.name}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        if network.keras:
            from benchmarks.keras_tflite import network as keras_network

            file = Path(folder) / "net.keras"
            keras_network(network.keras).save(file)
        raw, whole = Path(folder) / "raw.onnx", Path(folder) / frozen.name
        freeze(file, raw, whole)
        whole.replace(frozen)
    return frozen


def freeze(file: Path, raw: Path, target: Path) -> None:
    """Write what TensorFlow and tf2onnx make of `file`, before our passes; `raw` is scratch."""
    import onnx

    from mobilecat.formats.base.source import Source
    from mobilecat.formats.importing import ImportOptions, dims_of, format_of
    from mobilecat.formats.onnx.read import onnx_with_shapes
    from mobilecat.formats.tensorflow.read import frozen_onnx

    shapes = {}
    for name, dims in dims_of(file).items():
        sides = [300 if d is None else d for d in dims[1:3]]
        shapes[name] = (1, *sides, *(d or 3 for d in dims[3:]))
    proto = frozen_onnx(Source(file, format_of(file), ImportOptions()), shapes)
    onnx.save(proto, raw)
    onnx.save(onnx_with_shapes(raw, shapes), target)


def compare(name: str, source: Path, folder: Path, args: argparse.Namespace) -> None:
    """Print one line for each artifact and number of threads of one network."""
    import onnxruntime as ort

    from mobilecat.formats.coreai import write_coreai
    from mobilecat.formats.coreai.read import decode
    from mobilecat.formats.coreai.read.package import missing
    from mobilecat.formats.coreai.run import Executable
    from mobilecat.formats.coreml import runtime, write_coreml
    from mobilecat.formats.importing import import_model

    aimodel = None
    if (reason := missing()) is None:
        aimodel = folder / "float32.aimodel"
        write_coreai(import_model(source, {}), aimodel)
    else:
        print(f"{name:20s} .aimodel NOT_RUN: {reason}")
    artifacts = {}
    for suffix, precision, modes in ARTIFACTS:
        path = folder / f"{precision}.{suffix}"
        target: Literal["iOS15", "iOS14"] = "iOS15" if suffix == "mlpackage" else "iOS14"
        made = write_coreml(
            import_model(source, {}),
            path, format=suffix, precision=precision, deployment_target=target,
        )  # fmt: skip
        artifacts.update({(path, mode): made for mode in modes})
    for threads in args.threads:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = ort.InferenceSession(str(source), options, ["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        feeds = {i.name: rng.random(i.shape, dtype=np.float32) for i in session.get_inputs()}
        expected = dict(
            zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True)
        )

        def reference(s: Any = session, f: Any = feeds) -> object:
            return s.run(None, f)

        calls: dict[str, Callable[[], object]] = {"source": reference}
        for (path, mode), made in artifacts.items():
            model = runtime.load(path, threads=threads, precision=mode)
            given = {made.inputs.get(n, n): v for n, v in feeds.items()}
            found = model.predict(given)
            renamed = {n: found[made.outputs.get(n, n)] for n in expected}
            hold(f"{name} {path.name}", expected, renamed, AGREE[model.precision])
            label = f"{path.suffix} {model.precision}"
            calls[label] = lambda m=model, g=given: m.predict(g)  # type: ignore[misc]
        if aimodel is not None:
            rebuilt = Executable(decode(aimodel), threads)
            hold(f"{name} {aimodel.name}", expected, rebuilt.run(feeds), AGREE["float32"])
            calls[".aimodel float32"] = lambda m=rebuilt, f=feeds: m.run(f)  # type: ignore[misc]
        print_rows(name, threads, measure(calls, args.rounds))


def hold(what: str, expected: Mapping[str, Any], found: Mapping[str, Any], limit: float) -> None:
    """Stop where two networks are not the same: their times would mean nothing."""
    for name, a in expected.items():
        off = float(np.abs(a - np.reshape(found[name], a.shape)).max() / np.abs(a).max())
        if not off <= limit:
            raise SystemExit(f"{what}: {name} differs by {off:.1e} of its largest value")


def measure(
    calls: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Return each call's (seconds by the clock, seconds of CPU time), round by round."""
    times: dict[str, list[tuple[float, float]]] = {label: [] for label in calls}
    labels = list(calls)
    for number in range(rounds + WARM_UP):
        first = number % len(labels)
        for label in labels[first:] + labels[:first]:
            sleep(REST_S)
            clock, cpu = perf_counter(), process_time()
            calls[label]()
            spent = perf_counter() - clock, process_time() - cpu
            if number >= WARM_UP:
                times[label].append(spent)
    return times


def print_rows(name: str, threads: int, times: Mapping[str, list[tuple[float, float]]]) -> None:
    source = times["source"]
    for label, spent in times.items():
        if label == "source":
            continue
        clock, cpu = (
            median(b[k] / a[k] for a, b in zip(source, spent, strict=True)) for k in (0, 1)
        )
        left, right = (1000 * median(t[0] for t in which) for which in (source, spent))
        by_cpu = f"{cpu:11.2f}" if threads == 1 else f"{'-':>11s}"
        print(f"{name:20s} {label:24s} {threads:7d} {left:10.2f} {right:9.2f}"
              f" {clock:6.2f} {by_cpu}", flush=True)  # fmt: skip


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
        before, start = os.times(), perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        clock, after = perf_counter() - start, os.times()
        cpu = after.children_user + after.children_system
        spent.append((clock, cpu - before.children_user - before.children_system))
    clock, cpu = (min(s[k] for s in spent) for k in (0, 1))
    print(f"start-up, whole process, {size:.1f} MB package, fastest of 5: {clock:.2f} s,"
          f" {cpu:.2f} s of CPU time (aim: under 1)")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
