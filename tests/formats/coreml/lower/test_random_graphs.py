"""Random small graphs, every kind of neighbour after every other, in both formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from tests.formats.coreml.lower.harness import (
    FORMATS,
    assert_same,
    compiled,
    reference,
    run_artifact,
)
from tests.formats.tflite.lower.random_graphs import random_graph


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(24))
def test_random_graph(seed: int, format: str, tmp_path: Path) -> None:
    model = random_graph(seed)
    rng = np.random.default_rng(seed)
    inputs = {
        v.name or "": rng.standard_normal([int(d) for d in v.shape or ()]).astype(np.float32)
        for v in model.graph.inputs
    }
    want = reference(ir.to_proto(model), inputs)
    got = run_artifact(compiled(model, tmp_path, format), inputs)
    for name, expected in want.items():
        # Values grow along the graph, and with them what one rounding is worth.
        assert_same(got[name], expected, 1e-4, 1e-5 * max(1, np.abs(expected).max()), name)
