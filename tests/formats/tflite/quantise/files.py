"""Small graphs made with a recipe, and executed in LiteRT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.inspect import _op_name
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.write import File, file_from_graph
from mobilecat.quantize import Range, Seen

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Known:
    """A calibration that knows: name → (low, high), or an array [2,C] of them a channel."""

    values: Mapping[str, Any]

    def ranges(self, model: ir.Model, names: Collection[str]) -> dict[str, Seen]:
        found = {}
        for name in names:
            if name in self.values:
                low, high = np.atleast_2d(np.array(self.values[name], float).T).T
                found[name] = Seen(Range(low.min(), high.max()), low, high, 1)
        return found


def made(
    model: ir.Model, precision: str, ranges: Mapping[str, Any] | None = None, **said: Any
) -> File:
    recipe = Recipe(precision, calibration=Known(ranges or {}), **said)  # type: ignore[arg-type]
    return file_from_graph(model, recipe)


def ops_of(data: bytes) -> Counter[str]:
    """Return the operators of a file, without those that only lay values out otherwise."""
    read = read_tflite(data, "")
    codes = [_op_name(read.operatorCodes[o.opcodeIndex]) for o in read.subgraphs[0].operators]
    return Counter(code for code in codes if code != "TRANSPOSE")


def tensor(data: bytes, name: str) -> Any:
    """Return a tensor of the file by its name, in whatever order it lies."""
    tensors = read_tflite(data, "").subgraphs[0].tensors
    return next(t for t in tensors if t.name.decode().removesuffix(":nhwc") == name)


def operand(data: bytes, code: str, at: int) -> tuple[Any, Array]:
    """Return input `at` of the file's first operator `code`, behind a DEQUANTIZE: the tensor, and
    what the file holds for it."""
    read = read_tflite(data, "")
    graph = read.subgraphs[0]
    names = [_op_name(read.operatorCodes[o.opcodeIndex]) for o in graph.operators]
    place = graph.operators[names.index(code)].inputs[at]
    for name, op in zip(names, graph.operators, strict=True):
        if name == "DEQUANTIZE" and op.outputs[0] == place:
            place = op.inputs[0]
    types = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64, 9: np.int8}
    found = graph.tensors[place]
    raw = bytes(read.buffers[found.buffer].data)
    return found, np.frombuffer(raw, types[found.type]).reshape(found.shape)
