"""Files of whole numbers that stand for real ones: made, then told their scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.program import Program
from mobilecat.formats.tflite.read.file import read_tflite, text
from tests.formats.tflite.lower.engines import Array

Scales = Mapping[str, tuple[Array, Array, int]]
"""Tensor → scales, zero points, the axis that they lie along."""


def told(data: bytes, scales: Scales) -> Any:
    """Return the model with quantisation written into its tensors."""
    model = read_tflite(data, "")
    for tensor in model.subgraphs[0].tensors:
        if text(tensor.name) in scales:
            scale, zero, axis = scales[text(tensor.name)]
            said = schema.QuantizationParametersT()
            said.scale, said.zeroPoint = np.asarray(scale, np.float32), np.asarray(zero, np.int64)
            said.quantizedDimension = axis
            tensor.quantization = said
    return model


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def quantised(program: Program, scales: Scales) -> bytes:
    return packed(told(bytes_from_program(program), scales))


def one(scale: float, zero: int) -> tuple[Array, Array, int]:
    return np.array([scale]), np.array([zero]), 0
