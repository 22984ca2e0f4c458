"""TopK of equal values: ONNX's order, however the engine's own topk orders them.

Core ML's documentation does not say which of equals comes first. Here it is the last, which is
nobody's order, so that a lowering that trusts it shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.formats.coreml.runtime.mil import slicing
from mobilecat.formats.coreml.runtime.mil import table as mil
from mobilecat.formats.coreml.runtime.nn import gather
from mobilecat.formats.coreml.runtime.nn import table as nn
from tests.formats.coreml.lower.harness import (
    Array,
    assert_same,
    case,
    compiled,
    frozen,
    proto_of,
    reference,
    run_artifact,
    runtime_inputs,
)


def _last_of_equals(g: Any, x: Any, k: int, axis: int, largest: int) -> tuple[Any, Any]:
    size = x.shape[axis]
    ends = (np.array([v], np.int64) for v in (-1, -size - 1, axis, -1))
    backwards = g("Slice", x, *ends)
    values, places = g.several(2, "TopK", backwards, np.array([k]), axis=axis, largest=largest)
    return values, g("Sub", np.array(size - 1, np.int64), places)


def _mil_topk(op: Any) -> tuple[Any, ...]:
    axis, k = op.axis(default=-1), op.integer("k", 1)
    largest = int(not op.flag("ascending", False))
    values, places = _last_of_equals(op.g, op["x"], k, axis, largest)
    return values, op.g("Cast", places, to=6)


def _nn_topk(layer: Any) -> tuple[Any, Any]:
    axis = layer.axis(int(layer.p.axis), layer.x.rank)
    largest = int(not layer.p.useBottomK)
    values, places = _last_of_equals(layer.g, layer.x, int(layer.p.K), axis, largest)
    return values, layer.blob(places)


@pytest.fixture
def adverse(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slicing.onnx_from_topk and gather.onnx_from_topK  # registered, before they are replaced
    monkeypatch.setitem(mil._rows, "topk", mil.Row(_mil_topk, moves=True))
    monkeypatch.setitem(nn._rows, "topK", _nn_topk)


def eighths(*shape: int) -> Array:
    """Return multiples of an eighth: among many values most are there several times."""
    return (np.random.default_rng(len(shape)).integers(0, 9, shape) / 8).astype(np.float32)


CASES = [
    case("TopK", eighths(1, 60), np.array([25], np.int64), const=[1], outputs=2),
    case("TopK", eighths(60), np.array([60], np.int64), const=[1], axis=0, outputs=2),
    case("TopK", eighths(2, 30, 3), np.array([7], np.int64), const=[1], axis=1, outputs=2),
    case("TopK", eighths(2, 3, 30), np.array([7], np.int64), const=[1], largest=0, outputs=2),
    case("TopK", np.zeros((1, 9), np.float32), np.array([4], np.int64), const=[1], outputs=2),
    case("TopK", eighths(1, 60).astype(np.int32), np.array([9], np.int64), const=[1], outputs=2),
]


@pytest.mark.parametrize("format", ["mlpackage", "mlmodel"])
@pytest.mark.parametrize("c", CASES, ids=str)
def test_equals_come_in_onnx_order(c: Any, format: str, adverse: None, tmp_path: Path) -> None:
    proto, inputs = proto_of(c), runtime_inputs(c)
    want = reference(proto, inputs)
    got = run_artifact(compiled(frozen(proto, want, tmp_path), tmp_path, format), inputs)
    for name, value in want.items():
        assert_same(got[name], value, where=name)


def test_the_engine_here_is_adverse(adverse: None, tmp_path: Path) -> None:
    """A k beyond the limit is left to the engine: there the last of equals comes first."""
    c = case("TopK", np.zeros((1, 2100), np.float32), np.array([2100], np.int64), const=[1],
             outputs=2)  # fmt: skip
    want = reference(proto_of(c), runtime_inputs(c))
    model = frozen(proto_of(c), want, tmp_path)
    got = run_artifact(compiled(model, tmp_path, "mlpackage"), runtime_inputs(c))
    assert got["out1"].ravel()[0] == 2099
