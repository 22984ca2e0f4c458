"""Feed damaged Core ML or Core AI models to what runs them, and count what happens.

    python tools/fuzz_runtime.py [--format coreml] [--count 10000] [--seed 0] [--megabytes 3000]
        [--seconds 20]

Every file must end in a result or in an error that the user can read. A traceback, a crash of the
process, a run past the time limit or past the memory limit is a failure: exit code 1. Models are
mutated as bytes (flips, runs, truncations, splices, large integers), as protobuf messages (fields
changed, dropped, repeated) and as packages (manifest, weight file, links). The Core AI part is
fuzz_coreai.py.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

BAD = ("traceback", "crash", "timeout", "memory")
HARD_LIMIT = 90  # seconds without a line from the worker


# models to damage -------------------------------------------------------------------------------


def make_seeds(folder: Path) -> list[Path]:
    """Write small models of every kind that the runtime reads; return their paths."""
    import logging

    logging.getLogger("coremltools").setLevel(logging.CRITICAL)
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    rng = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 10, 14))], opset_version=ct.target.iOS15)
    def detector(x: Any) -> Any:
        y = mb.conv(x=x, weight=weight(8, 3, 3, 3), bias=weight(8), strides=[2, 1], pad_type="same")
        y = mb.leaky_relu(x=y, alpha=0.1)
        y = mb.max_pool(x=y, kernel_sizes=[2, 2], strides=[1, 2], pad_type="valid")
        y = mb.upsample_bilinear(x=y, scale_factor_height=2, scale_factor_width=2)
        y = mb.transpose(x=y, perm=[0, 2, 3, 1])
        y = mb.reshape(x=y, shape=[1, -1, 8])
        boxes = mb.slice_by_index(x=y, begin=[0, 0, 0], end=[1, 0, 4], end_mask=[True, True, False])
        scores = mb.sigmoid(x=mb.slice_by_size(x=y, begin=[0, 0, 4], size=[1, -1, 4]))
        return mb.non_maximum_suppression(
            boxes=boxes, scores=scores, iou_threshold=0.5, score_threshold=0.5, max_boxes=7
        )

    @mb.program(input_specs=[mb.TensorSpec(shape=(2, 12))], opset_version=ct.target.iOS17)
    def loops(x: Any) -> Any:
        y = mb.linear(x=x, weight=weight(40, 12), bias=weight(40))
        y = mb.topk(x=mb.softmax(x=y, axis=-1), k=5, axis=-1)[0]
        total, _ = mb.while_loop(
            _cond=lambda a, n: mb.less(x=n, y=3.0),
            _body=lambda a, n: (mb.add(x=a, y=a), mb.add(x=n, y=1.0)),
            loop_vars=(y, 0.0),
        )
        return mb.cond(
            pred=mb.greater(x=mb.reduce_sum(x=total), y=0.0),
            _true_fn=lambda: mb.concat(values=[total, y], axis=1),
            _false_fn=lambda: mb.concat(values=[y, y], axis=1),
        )

    paths = []
    for name, program, precision in (
        ("detector", detector, ct.precision.FLOAT16),
        ("loops", loops, ct.precision.FLOAT32),
    ):
        model = ct.convert(
            program,
            convert_to="mlprogram",
            compute_precision=precision,
            minimum_deployment_target=ct.target.iOS17 if name == "loops" else ct.target.iOS15,
        )
        model.save(str(folder / f"{name}.mlpackage"))
        paths.append(folder / f"{name}.mlpackage")
    image = ct.ImageType(name="x", shape=(1, 3, 10, 14), scale=1 / 255, bias=[-1, 0, 1])
    network = ct.convert(
        detector,
        convert_to="neuralnetwork",
        inputs=[image],
        minimum_deployment_target=ct.target.iOS14,
    )
    network.save(str(folder / "network.mlmodel"))
    paths.append(folder / "network.mlmodel")
    paths.append(_pipeline(folder))
    return paths


def _pipeline(folder: Path) -> Path:
    """Write two stages by hand: an activation, then the NonMaximumSuppression model."""
    from mobilecat.formats.coreml.runtime.proto import model_pb2

    spec = model_pb2().Model()
    spec.specificationVersion = 4
    double = 65600

    def array(feature: Any, name: str, *shape: int) -> None:
        feature.name = name
        feature.type.multiArrayType.shape.extend(shape)
        feature.type.multiArrayType.dataType = double

    def features(model: Any, inputs: Any, outputs: Any) -> None:
        for name, shape in inputs:
            array(model.description.input.add(), name, *shape)
        for name, shape in outputs:
            array(model.description.output.add(), name, *shape)

    boxes, scores = ("boxes", (9, 4)), ("scores", (9, 3))
    features(spec, [boxes, ("raw", (9, 3))], [("coordinates", (5, 4)), ("confidence", (5, 3))])
    first = spec.pipeline.models.add()
    first.specificationVersion = 4
    features(first, [("raw", (9, 3))], [scores])
    first.neuralNetwork.arrayInputShapeMapping = 1
    layer = first.neuralNetwork.layers.add()
    layer.name = "sigmoid"
    layer.activation.sigmoid.SetInParent()
    layer.input.append("raw")
    layer.output.append("scores")
    last = spec.pipeline.models.add()
    last.specificationVersion = 4
    features(last, [boxes, scores], [("coordinates", (5, 4)), ("confidence", (5, 3))])
    nms = last.nonMaximumSuppression
    nms.pickTop.perClass = True
    nms.stringClassLabels.vector.extend(["cat", "dog", "bird"])
    nms.iouThreshold, nms.confidenceThreshold = 0.5, 0.4
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = "scores", "boxes"
    nms.confidenceOutputFeatureName = "confidence"
    nms.coordinatesOutputFeatureName = "coordinates"
    path = folder / "pipeline.mlmodel"
    path.write_bytes(spec.SerializeToString())
    return path


# damage -----------------------------------------------------------------------------------------

LARGE = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1)


def flip(data: bytearray, r: random.Random) -> None:
    for _ in range(r.randint(1, 8)):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)


def overwrite(data: bytearray, r: random.Random) -> None:
    at = r.randrange(len(data))
    data[at : at + r.randint(1, 16)] = r.randbytes(r.randint(1, 16))


def truncate(data: bytearray, r: random.Random) -> None:
    del data[r.randrange(len(data)) :]


def splice(data: bytearray, r: random.Random) -> None:
    a, b = r.randrange(len(data)), r.randrange(len(data))
    data[a:a] = data[b : b + r.randint(1, 200)]


def plant(data: bytearray, r: random.Random) -> None:
    at = r.randrange(len(data))
    data[at : at + 8] = (r.choice(LARGE) & (1 << 64) - 1).to_bytes(8, "little")


BYTE_DAMAGE: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip,
    overwrite,
    truncate,
    splice,
    plant,
)


def damage_bytes(data: bytes, r: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(r.randint(1, 3)):
        if found:
            r.choice(BYTE_DAMAGE)(found, r)
    return bytes(found)


def damage_message(data: bytes, r: random.Random) -> bytes:
    """Change a few fields of the parsed specification."""
    from mobilecat.formats.coreml.runtime.proto import model_pb2

    spec = model_pb2().Model()
    spec.ParseFromString(data)
    messages = list(_messages(spec))
    for _ in range(r.randint(1, 3)):
        message = r.choice(messages)
        fields = message.ListFields()
        if fields:
            _damage_field(message, *r.choice(fields), r)
    return bytes(spec.SerializeToString())


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            values = value.values() if hasattr(value, "values") else []
            for v in values:
                if hasattr(v, "ListFields"):
                    yield from _messages(v)
        elif field.is_repeated:
            for v in value:
                yield from _messages(v)
        else:
            yield from _messages(value)


def _damage_field(message: Any, field: Any, value: Any, r: random.Random) -> None:
    if r.random() < 0.15:
        message.ClearField(field.name)
        return
    if field.type == field.TYPE_MESSAGE:
        if field.is_repeated and not field.message_type.GetOptions().map_entry and value:
            i = r.randrange(len(value))
            if r.random() < 0.5:
                del value[i]
            else:
                value.add().CopyFrom(value[i])
        return
    new = _other(field, r)
    try:
        if field.is_repeated:
            value[r.randrange(len(value))] = new
        else:
            setattr(message, field.name, new)
    except (ValueError, TypeError):
        message.ClearField(field.name)


def _other(field: Any, r: random.Random) -> Any:
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return r.choice((0.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), r.random()))
    if field.cpp_type == field.CPPTYPE_BOOL:
        return r.random() < 0.5
    if field.cpp_type == field.CPPTYPE_STRING:
        names = ("x", "", "../../etc/passwd", "@model_path/../x", "conv_0", "a" * 300)
        return r.choice(names) if field.type == field.TYPE_STRING else r.randbytes(r.randint(0, 40))
    signed = field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64, field.CPPTYPE_ENUM)
    choices = [0, 1, 2, 3, 5, 7, 16, 100, 65536, 0x7FFFFFFF] + ([-1, -2, -100] if signed else [])
    return r.choice(choices)


def damaged_copy(seed: Path, target: Path, r: random.Random) -> Path:
    """Write a damaged copy of `seed` under `target`; return its path."""
    if seed.suffix == ".aimodel":
        import fuzz_coreai

        return fuzz_coreai.damaged_copy(seed, target, r, damage_bytes)
    copy = target / seed.name
    if seed.is_file():
        kind = damage_message if r.random() < 0.6 else damage_bytes
        copy.write_bytes(kind(seed.read_bytes(), r))
        return copy
    shutil.copytree(seed, copy)
    spec = next(copy.rglob("model.mlmodel"))
    draw = r.random()
    if draw < 0.5:
        spec.write_bytes(damage_message(spec.read_bytes(), r))
    elif draw < 0.75:
        spec.write_bytes(damage_bytes(spec.read_bytes(), r))
    elif draw < 0.9:
        weights = next(copy.rglob("weight.bin"), spec)
        weights.write_bytes(damage_bytes(weights.read_bytes(), r))
    else:
        manifest = copy / "Manifest.json"
        text = manifest.read_bytes()
        tricks = (b"../../../../etc/passwd", b"/etc/passwd", b"com.apple.CoreML/..", b"\\u0000")
        if r.random() < 0.5:
            text = text.replace(b"com.apple.CoreML/model.mlmodel", r.choice(tricks))
        else:
            text = damage_bytes(text, r)
        manifest.write_bytes(text)
    return copy


# one worker -------------------------------------------------------------------------------------


class OverTime(BaseException):
    """The alarm rang."""


def _ring(*_: Any) -> None:
    raise OverTime


def attempt(path: Path) -> str:
    """Load and run one file; return what happened in a word."""
    from mobilecat.errors import MobileCatError

    try:
        return _run_coreai(path) if path.suffix == ".aimodel" else _run_coreml(path)
    except MobileCatError:
        return "error"
    except OverTime:
        return "timeout"
    except MemoryError:
        return "memory"
    except Exception as e:
        trace = e.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        return f"traceback {type(e).__name__} {at} {' '.join(str(e).split())[:120]}"


def _run_coreml(path: Path) -> str:
    from mobilecat.runtime import UnsupportedOp, load

    try:
        model = load(path, threads=1)
        model.predict({f.name: _input(f) for f in model.inputs})
    except UnsupportedOp:
        return "refused"
    return "ran"


def _run_coreai(path: Path) -> str:
    import fuzz_coreai

    return str(fuzz_coreai.attempt(path))


def _input(f: Any) -> Any:
    rng = np.random.default_rng(1)
    if f.kind == "image":
        height, width = f.size_wh[1], f.size_wh[0]
        channels = (3,) if f.color in ("RGB", "BGR") else ()
        if height * width > 1 << 22:
            return np.zeros((1, 1), np.uint8)
        return rng.integers(0, 256, (height, width, *channels), dtype=np.uint8)
    if f.kind == "multiarray":
        shape = f.shape if np.prod(f.shape, dtype=float) < 1 << 22 else (1,)
        return rng.random(shape).astype(f.dtype)
    return 0


def worker(seeds: list[Path], start: int, end: int, options: argparse.Namespace) -> None:
    """Print one line per file: its number and what happened."""
    limit = options.megabytes << 20
    import onnx
    import onnxruntime  # before the limit: its libraries are not the file's doing

    del onnx, onnxruntime
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGPROF, _ring)
    for number in range(start, end):
        r = random.Random(f"{options.seed}:{number}")
        with tempfile.TemporaryDirectory() as scratch:
            path = damaged_copy(r.choice(seeds), Path(scratch), r)
            print(f"{number} begun", flush=True)
            # of CPU time: other work on the machine must not time a file out
            signal.setitimer(signal.ITIMER_PROF, options.seconds)
            try:
                outcome = attempt(path)
            except OverTime:
                outcome = "timeout"
            signal.setitimer(signal.ITIMER_PROF, 0)
            if options.keep and outcome.split()[0] in BAD:
                kept = options.keep / str(number) / path.name
                kept.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, kept)
        print(f"{number} {outcome}", flush=True)


# the parent -------------------------------------------------------------------------------------


def run(count: int, options: argparse.Namespace, seeds_at: Path) -> Counter[str]:
    """Run `count` files through workers; return how often each outcome came."""
    totals: Counter[str] = Counter()
    done = 0
    while done < count:
        command = [
            *(sys.executable, __file__, "--worker", str(done), "--count", str(count)),
            *("--seed", str(options.seed), "--seconds", str(options.seconds)),
            *("--megabytes", str(options.megabytes), "--seeds-at", str(seeds_at)),
            *(["--keep", str(options.keep)] if options.keep else []),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        current = done
        assert process.stdout is not None
        signal.signal(signal.SIGALRM, lambda *_, p=process: p.kill())
        signal.alarm(HARD_LIMIT)
        for line in process.stdout:
            signal.alarm(HARD_LIMIT)
            number, _, outcome = line.decode(errors="replace").strip().partition(" ")
            current = int(number)
            if outcome == "begun":
                continue
            totals[outcome.split()[0]] += 1
            if outcome.split()[0] in BAD:
                print(f"file {current}: {outcome}", flush=True)
            done = current + 1
        signal.alarm(0)
        code = process.wait()
        if done < count:
            killed = code == -signal.SIGKILL
            totals["timeout" if killed else "crash"] += 1
            print(f"file {current}: {'no answer' if killed else f'crash, exit {code}'}", flush=True)
            done = current + 1
    return totals


def _seeds_of(format: str, folder: Path) -> list[Path]:
    if format == "coreml":
        return make_seeds(folder)
    import fuzz_coreai

    return fuzz_coreai.make_seeds(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=("coreml", "coreai"), default="coreml")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=20, help="CPU time for one file")
    parser.add_argument("--megabytes", type=int, default=3000)
    parser.add_argument("--keep", type=Path, help="copy the files that fail into this folder")
    parser.add_argument("--worker", type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument("--seeds-at", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker >= 0:
        wanted = (".mlmodel", ".mlpackage", ".aimodel")
        seeds = sorted(p for p in options.seeds_at.iterdir() if p.suffix in wanted)
        worker(seeds, options.worker, options.count, options)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        seeds = _seeds_of(options.format, Path(folder))
        totals = run(options.count, options, Path(folder))
        print(f"{options.count} damaged files from {len(seeds)} models:")
    for outcome in ("ran", "error", "refused", *BAD):
        print(f"  {outcome:10} {totals[outcome]}")
    return 1 if any(totals[b] for b in BAD) else 0


if __name__ == "__main__":
    raise SystemExit(main())
