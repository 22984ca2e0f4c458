"""ONNX's own node tests, compiled to Core ML and run from the bytes: none fails."""

from __future__ import annotations

import pytest

from tests.onnx_node.coreml_cases import coreml_rows

# What passed when this was last raised. A refusal is counted in neither.
FLOORS = {"mlpackage": 676, "mlmodel": 665}


@pytest.mark.parametrize("format", FLOORS)
def test_onnx_node_cases(format: str) -> None:
    rows = coreml_rows(format)
    assert {name: why for row in rows for name, why in row.failed.items()} == {}
    assert sum(len(row.passed) for row in rows) >= FLOORS[format]
