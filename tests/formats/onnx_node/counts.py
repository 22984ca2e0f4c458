"""The committed counts of passed node cases: they may only grow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.formats.onnx_node.cases import NodeRow

STEP = 1 if os.environ.get("MOBILECAT_EVERY_CASE") else 3
"""Of the slower targets, every third case of an op is run; `make cases` runs them all."""

COUNTS = Path(__file__).resolve().parents[3] / "docs" / "onnx_node_tests.json"


def committed(target: str) -> Mapping[str, int] | None:
    """Return op → cases passed as the table in docs/ has them; None where it has no such target."""
    counts: dict[str, dict[str, int]] = json.loads(COUNTS.read_text())
    return counts.get(target)


def assert_not_fewer(target: str, rows: Sequence[NodeRow]) -> None:
    """Assert that no case fails, and that each op passes at least as many as the table says.

    What a sample left out counts as passed: one case that is refused now still turns it red.
    Run tools/onnx_node_table.py where a target has learnt more.
    """
    failed = {f"{r.op}: {case}": why for r in rows for case, why in r.failed.items()}
    assert not failed
    expected = committed(target)
    assert expected, f"docs/ has no counts of {target}"
    passed = {r.op: len(r.passed) + r.unasked for r in rows}
    fewer = {op: (passed.get(op, 0), n) for op, n in expected.items() if passed.get(op, 0) < n}
    assert not fewer, "op: (passed now, passed when the table was made)"
