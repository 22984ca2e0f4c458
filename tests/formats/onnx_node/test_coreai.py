"""ONNX's own node tests, compiled to Core AI and run in Apple's interpreter: none fails."""

from __future__ import annotations

import pytest

from mobilecat.formats.coreai.dialect import missing
from tests.formats.onnx_node.coreai_cases import coreai_rows
from tests.formats.onnx_node.counts import STEP, assert_not_fewer


def test_onnx_node_cases() -> None:
    if (reason := missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")
    assert_not_fewer("Core AI", coreai_rows(STEP))
