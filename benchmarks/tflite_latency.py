"""LiteRT latency of our .tflite files ÷ onnxruntime's on the same networks.

Usage: python benchmarks/tflite_latency.py [--models FOLDER] [--only NAME] [--json FILE]

By the clock with two threads each, and by CPU time with one, which other work on the machine hardly
touches; XNNPACK in LiteRT. Rounds alternate between the engines, so that the machine's drift falls
on both; a figure is its fastest round. onnxruntime's threads go on spinning after a run and would
take the cores from LiteRT: each call waits until they have stopped. The first rows are bare
convolutions: how the engines compare where a compiler can do nothing better or worse.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.formats.onnx.read import import_onnx
from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.write import program_from_graph
from mobilecat.graph import shape_of
from mobilecat.graph.passes import freeze

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {"yunet_n_dynamic": {"input": (1, 3, 640, 640)}}
# Name, channels, side, kernel, groups.
CHAINS = (
    ("1×1, 64 channels, 80×80", 64, 80, 1, 1),
    ("3×3 depthwise, 64 channels, 160×160", 64, 160, 3, 64),
    ("3×3, 128 channels, 26×26", 128, 26, 3, 1),
)
WARM_UP = 3
THREADS = 2
REST_S = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    paths = sorted(p for p in args.models.glob("*.onnx") if args.only in p.name)
    if not paths:
        print(f"NOT_RUN: no models in {args.models} (name their folder with --models)")
        return
    heads = ("onnxruntime", "LiteRT", "ratio", "CPU", "CPU", "ratio")
    print(f"{'network':58s}" + "".join(f"{h:>12s}" for h in heads) + "  operators")
    figures = {}
    networks = [
        *(("six convolutions " + name, model) for name, model in bare_convolutions()),
        *((path.stem, import_onnx(path, SHAPES.get(path.stem))) for path in paths),
    ]
    for name, model in networks:
        figures[name] = row = measure(model, args.rounds)
        keys = ("onnxruntime_ms", "litert_ms", "ratio")
        keys += ("onnxruntime_cpu_ms", "litert_cpu_ms", "cpu_ratio")
        cells = "".join(f"{row[k]:9.2f}{'   ' if 'ratio' in k else ' ms'}" for k in keys)
        print(f"{name:58s}{cells}  {row['operators']}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def bare_convolutions() -> Iterator[tuple[str, ir.Model]]:
    """Yield chains of six equal convolutions, NCHW in and out."""
    for name, channels, side, kernel, groups in CHAINS:
        rng = np.random.default_rng(0)
        shape = (channels, channels // groups, kernel, kernel)
        nodes, constants = [], []
        for i in range(6):
            w = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
            constants.append(onnx.numpy_helper.from_array(w.astype(np.float32), f"w{i}"))
            nodes.append(
                onnx.helper.make_node(
                    "Conv", [f"v{i}", f"w{i}"], [f"v{i + 1}"], pads=[kernel // 2] * 4, group=groups
                )
            )
        ports = [
            onnx.helper.make_tensor_value_info(v, onnx.TensorProto.FLOAT, (1, channels, side, side))
            for v in ("v0", "v6")
        ]
        body = onnx.helper.make_graph(nodes, "chain", ports[:1], ports[1:], constants)
        opset = onnx.helper.make_opsetid("", 18)
        proto = onnx.helper.make_model(body, opset_imports=[opset], ir_version=10)
        yield name, freeze(ir.from_proto(proto))


def measure(model: ir.Model, rounds: int) -> dict[str, object]:
    """Return latencies in ms and their ratio, by the clock and by CPU time of one thread."""
    program = program_from_graph(model)
    (value,) = model.graph.inputs
    name = value.name or ""
    x = np.random.default_rng(0).random(shape_of(value), dtype=np.float32)
    onnx_data, tflite_data = ir.to_proto(model).SerializeToString(), bytes_from_program(program)

    def fastest(threads: int, clock: Callable[[], float]) -> list[float]:
        engines = (_onnxruntime(onnx_data, name, threads), _litert(tflite_data, threads))
        times: list[list[float]] = [[], []]
        for round_number in range(rounds + WARM_UP):
            for call, found in zip(engines, times, strict=True):
                sleep(REST_S)
                start = clock()
                call(x)
                if round_number >= WARM_UP:
                    found.append((clock() - start) * 1e3)
        return [min(found) for found in times]

    ort_ms, lite_ms = fastest(THREADS, perf_counter)
    ort_cpu_ms, lite_cpu_ms = fastest(1, process_time)
    codes = Counter(op.code for op in program.ops)
    return {
        "onnxruntime_ms": ort_ms,
        "litert_ms": lite_ms,
        "ratio": lite_ms / ort_ms,
        "onnxruntime_cpu_ms": ort_cpu_ms,
        "litert_cpu_ms": lite_cpu_ms,
        "cpu_ratio": lite_cpu_ms / ort_cpu_ms,
        "operators": ", ".join(f"{n} {code}" for code, n in codes.most_common(4)),
    }


def _onnxruntime(data: bytes, name: str, threads: int) -> Callable[[np.ndarray], object]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(data, options, ["CPUExecutionProvider"])
    return lambda x: session.run(None, {name: x})


def _litert(data: bytes, threads: int) -> Callable[[np.ndarray], object]:
    from ai_edge_litert.interpreter import Interpreter

    engine = Interpreter(model_content=data, num_threads=threads)
    engine.allocate_tensors()
    index = engine.get_input_details()[0]["index"]
    outputs = [d["index"] for d in engine.get_output_details()]

    def call(x: np.ndarray) -> object:
        engine.set_tensor(index, x)
        engine.invoke()
        return [engine.get_tensor(i) for i in outputs]

    return call


if __name__ == "__main__":
    main()
