"""Activations as int8."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx_ir as ir

from mobilecat.formats.coreml.program import Program

Measure = Callable[[ir.Model], Mapping[str, tuple[float, float]]]
"""A graph → the range of each of its values that was measured."""


def quantise_activations(program: Program, ranges: Mapping[str, tuple[float, float]]) -> list[str]:
    raise NotImplementedError
