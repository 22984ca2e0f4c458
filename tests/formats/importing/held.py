"""What an import is held to: onnxruntime on the file as it lies on disk, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.onnx.read import import_onnx


def refusal(path: Path, shapes: Mapping[str, Sequence[int]] | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        import_onnx(path, shapes)
    return str(caught.value)


def outputs(proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def assert_same(path: Path, imported: ir.Model, feeds: Mapping[str, np.ndarray]) -> None:
    want = outputs(onnx.load(path), feeds)
    got = outputs(ir.to_proto(imported), feeds)
    assert list(got) == list(want)
    for name in want:
        assert got[name].dtype == want[name].dtype
        np.testing.assert_allclose(got[name], want[name], rtol=1e-6, atol=1e-6)


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(0, 1, shape).astype(np.float32)


def op_types(imported: ir.Model) -> list[str]:
    return [n.op_type for n in imported.graph]
