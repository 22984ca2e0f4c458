"""ONNX's own node tests, compiled to TFLite and run in LiteRT: none fails."""

from __future__ import annotations

from tests.formats.onnx_node.counts import assert_not_fewer
from tests.formats.onnx_node.tflite_cases import tflite_rows


def test_onnx_node_cases() -> None:
    assert_not_fewer("TFLite", tflite_rows())
