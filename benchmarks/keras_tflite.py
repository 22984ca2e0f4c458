"""Keras networks as our .tflite ÷ as TensorFlow's own converter's, in LiteRT: latency, size.

Usage: python benchmarks/keras_tflite.py [--only NAME] [--rounds N] [--keep FOLDER]

The same weights in both, and both outputs are held to Keras first. By the clock with two
threads, and by CPU time with one, which other work on the machine touches less. Rounds alternate
between the files, so that the machine's drift falls on all; a figure is its fastest round. The
third is TensorFlow's once more: its ratio to itself is what the machine's noise makes of 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np

from mobilecat.compile import export
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tensorflow.worker import missing_extra
from mobilecat.spec import spec_from_text

SIDE = 224
WARM_UP = 2
REST_S = 0.02
AGREE = 1e-4
"""Of the largest output."""


def network(name: str) -> Any:
    """Return a seeded network, its batch normalisations measured on noise, so that outputs vary."""
    import keras

    keras.utils.set_random_seed(3)
    make, more = {
        "EfficientNetV2B0": (keras.applications.EfficientNetV2B0, {"include_preprocessing": False}),
        "ResNet50": (keras.applications.ResNet50, {}),
    }[name]
    picture = keras.Input(batch_shape=(1, SIDE, SIDE, 3), name="image")
    made = make(include_top=False, weights=None, input_tensor=picture, pooling="avg", **more)
    for layer in made.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.momentum = 0.0
    made(noise(), training=True)
    return made


def noise() -> Any:
    rng = np.random.default_rng(5)
    coarse = rng.normal(0, 1, (1, 14, 14, 3)).repeat(16, axis=1).repeat(16, axis=2)
    return (coarse + rng.normal(0, 0.3, (1, SIDE, SIDE, 3))).astype(np.float32)


def tensorflows(model: Any, folder: Path) -> Path:
    """Convert with TensorFlow; a SavedModel holds the weights, which a bare function would lose."""
    import tensorflow as tf

    model.export(folder / "saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    path = folder / "tensorflow.tflite"
    path.write_bytes(converter.convert())
    return path


def ours(model: Any, folder: Path) -> Path:
    model.save(folder / "net.keras")
    spec = spec_from_text('name = "ours"\nsource = "net.keras"\n[targets.tflite]\n')
    export(spec, folder / "bundle", source=folder / "net.keras")
    return folder / "bundle" / "ours.tflite"


def keras_output(folder: Path) -> Any:
    """Return what Keras itself makes of the noise."""
    import keras

    return np.asarray(keras.models.load_model(folder / "net.keras")(noise(), training=False))


def litert(path: Path, threads: int) -> Callable[[Any], Any]:
    from ai_edge_litert.interpreter import Interpreter

    engine = Interpreter(model_path=str(path), num_threads=threads)
    engine.allocate_tensors()
    index = engine.get_input_details()[0]["index"]
    outputs = [d["index"] for d in engine.get_output_details()]

    def call(x: Any) -> Any:
        engine.set_tensor(index, x)
        engine.invoke()
        return [engine.get_tensor(i) for i in outputs]

    return call


def fastest(
    paths: Sequence[Path], threads: int, clock: Callable[[], float], rounds: int
) -> list[float]:
    """Return each file's fastest call in ms, rounds alternating, each file first in its turn."""
    calls = [litert(p, threads) for p in paths]
    times: list[list[float]] = [[] for _ in paths]
    x = noise()
    for number in range(rounds + WARM_UP):
        for step in range(len(paths)):
            which = (number + step) % len(paths)
            sleep(REST_S)
            start = clock()
            calls[which](x)
            if number >= WARM_UP:
                times[which].append((clock() - start) * 1e3)
    return [min(t) for t in times]


def operators(path: Path) -> str:
    found = Counter(inspect_file(path).ops)
    return ", ".join(f"{n} {k}" for k, n in found.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", type=Path, help="folder for the files")
    args = parser.parse_args()
    if missing := missing_extra():
        print(f"NOT_RUN: {missing}")
        return 3
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    failed = False
    for name in ("EfficientNetV2B0", "ResNet50"):
        if args.only not in name:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = (args.keep or Path(temporary)) / name
            folder.mkdir(parents=True, exist_ok=True)
            paths = (folder / "bundle" / "ours.tflite", folder / "tensorflow.tflite")
            if not all(p.exists() for p in paths):
                model = network(name)
                paths = (ours(model, folder), tensorflows(model, folder))
            failed |= report(name, paths, keras_output(folder), args.rounds)
    return 1 if failed else 0


def report(name: str, paths: tuple[Path, Path], expected: Any, rounds: int) -> bool:
    """Print one network's figures; return whether outputs differ from Keras'."""
    made = [litert(p, 1)(noise())[0] for p in paths]
    offs = [float(np.abs(a - expected).max() / np.abs(expected).max()) for a in made]
    print(f"\n{name}: of the largest output {np.abs(expected).max():.2f}, ours differs from Keras' "
          f"by {offs[0]:.1e}, TensorFlow's by {offs[1]:.1e}")  # fmt: skip
    sizes = [p.stat().st_size for p in paths]
    for what, threads, clock in (
        ("by the clock, 2 threads", 2, perf_counter),
        ("CPU time, 1 thread", 1, process_time),
    ):
        a, b, again = fastest((*paths, paths[1]), threads, clock, rounds)
        print(f"  {what:24s} ours {a:8.2f} ms  TensorFlow's {b:8.2f} ms  ratio {a / b:.3f}; "
              f"TensorFlow's to itself {again / b:.3f}")  # fmt: skip
    print(f"  {'size':24s} ours {sizes[0]:8d} B   TensorFlow's {sizes[1]:8d} B   "
          f"ratio {sizes[0] / sizes[1]:.4f}")  # fmt: skip
    for who, path in zip(("ours", "TensorFlow's"), paths, strict=True):
        print(f"  {who}: {operators(path)}")
    return max(offs) > AGREE


if __name__ == "__main__":
    sys.exit(main())
