"""Files of phones, changed, as sources: .tflite and .mlmodel."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from tools.fuzz_inputs.mutate import NASTY_TEXTS, flip
from tools.fuzz_inputs.texts import Words

_SIDES = (-1, 0, 1, 2, 3, 7, 2**15, 2**20, 2**31 - 1)


def tflite_file(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Change a file of one operator; export or inspect it."""
    from tests.formats.tflite.read.made import CASES, built
    from tests.formats.tflite.read.quantised import packed, told

    case = rng.choice(CASES)
    data = built(case, rng.random() < 0.4 and case.behind_conv)
    try:
        model = told(data, {"x": (np.array([0.1]), np.array([3]), 0)} if rng.random() < 0.2 else {})
        for _ in range(rng.randint(1, 3)):
            _change(rng, model)
        data = packed(model)
    except (AttributeError, TypeError, ValueError, OverflowError):  # what cannot be written
        data = flip(data, rng)
    if rng.random() < 0.3:
        data = flip(data, rng)
    return _words(rng, folder, "m.tflite", data)


def _change(rng: random.Random, model: Any) -> None:
    graph = model.subgraphs[0]
    tensor, op = rng.choice(graph.tensors), rng.choice(graph.operators)
    what = rng.randrange(9)
    if what == 0:
        tensor.shape = np.array([rng.choice(_SIDES) for _ in range(rng.randrange(6))], np.int32)
    elif what == 1:
        tensor.type = rng.randrange(24)
    elif what == 2:
        tensor.buffer = rng.randrange(len(model.buffers) + 1)
    elif what == 3:
        held = rng.choice(model.buffers)
        values = [rng.choice(_SIDES) for _ in range(rng.randrange(1, 6))]
        held.data = np.frombuffer(np.array(values, np.int32).tobytes(), np.uint8)
    elif what == 4 and len(op.inputs):
        op.inputs = np.array(
            [rng.randrange(-1, len(graph.tensors) + 1) for _ in op.inputs], np.int32
        )
    elif what == 5:
        code = rng.choice(model.operatorCodes)
        code.builtinCode = code.deprecatedBuiltinCode = rng.randrange(127)
    elif what == 6 and op.builtinOptions is not None and vars(op.builtinOptions):
        name = rng.choice(list(vars(op.builtinOptions)))
        if isinstance(getattr(op.builtinOptions, name), int):
            setattr(op.builtinOptions, name, rng.choice((0, 1, 2, 3, 100, 2**30)))
    elif what == 7:
        tensor.name = rng.choice(NASTY_TEXTS[:6]).encode("utf-8", "ignore")
    else:
        graph.outputs = np.array([rng.randrange(len(graph.tensors))], np.int32)


def core_ml_file(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Change a small NeuralNetwork; export or inspect it."""
    from tests.formats.coreml.runtime.builders import layer, network

    spec = network({"x": (3, 4)}, {"y": (3, 4)})
    kinds = ("activation", "softmaxND", "transpose", "reshapeStatic", "tile", "concatND", "slice")
    before = "x"
    for i in range(rng.randint(1, 3)):
        kind = rng.choice(kinds)
        made = layer(spec.neuralNetwork, kind, [before], [f"v{i}"])
        for field in made.DESCRIPTOR.fields:
            if rng.random() < 0.6 and field.cpp_type in (1, 2, 3, 4):
                values = [abs(rng.choice(_SIDES)) for _ in range(rng.randrange(4))]
                repeated = hasattr(getattr(made, field.name), "extend")
                if repeated:
                    getattr(made, field.name).extend(values)
                elif values:
                    setattr(made, field.name, values[0])
        before = f"v{i}"
    layer(spec.neuralNetwork, "activation", [before], ["y"]).ReLU.SetInParent()
    if rng.random() < 0.3:
        spec.description.input[0].type.multiArrayType.shape[0] = rng.choice(_SIDES)
    data = spec.SerializeToString()
    return _words(rng, folder, "m.mlmodel", flip(data, rng) if rng.random() < 0.4 else data)


def _words(rng: random.Random, folder: Path, name: str, data: bytes) -> Words:
    (folder / name).write_bytes(data)
    if rng.random() < 0.3:
        return ("inspect", str(folder / name))
    (folder / "mobilecat.toml").write_text(f'source = "{name}"\n[targets.onnx]\n')
    return ("export", str(folder / "mobilecat.toml"), "-o", str(folder / "out"))
