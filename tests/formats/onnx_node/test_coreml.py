"""ONNX's own node tests, compiled to Core ML and run from the bytes: none fails."""

from __future__ import annotations

import pytest

from tests.formats.onnx_node.coreml_cases import TARGETS, coreml_rows
from tests.formats.onnx_node.counts import STEP, assert_not_fewer


@pytest.mark.parametrize("format", TARGETS)
def test_onnx_node_cases(format: str) -> None:
    assert_not_fewer(f"Core ML {format}", coreml_rows(format, STEP))
