"""What the TensorFlow tests share. TensorFlow's loaders run in the test's own process, to be quick;
`test_tf_child.py` goes through the real child."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.importing import ImportOptions, format_of
from mobilecat.formats.onnx.input_shapes import settle
from mobilecat.formats.onnx.read import import_proto, read_onnx
from mobilecat.formats.tensorflow.read import _is_dynamic, require_onnx_forms
from mobilecat.formats.tensorflow.worker import EXTRA
from mobilecat.graph.passes.affine import fold_affine

needs_tensorflow = pytest.mark.skipif(
    any(find_spec(name) is None for name in EXTRA),
    reason="NOT_RUN: the extra `tensorflow` is not installed",
)

RTOL = 1e-4
"""Of the largest value of an output: float32 sums in another order, through up to 100 layers."""


def open_network(path: Path, options: ImportOptions | None = None) -> Any:
    """Return the `Network` of a file, opened in this process."""
    from mobilecat.formats.tensorflow.child.__main__ import _open

    return _open(path, format_of(path), options or ImportOptions(), lambda _: None)


def refusal(path: Path, options: ImportOptions | None = None) -> str:
    """Return what is said of a file that cannot be opened, or not be frozen."""
    with pytest.raises(ModelError) as caught:
        freeze(open_network(path, options), path.parent)
    return str(caught.value)


def freeze(network: Any, folder: Path, shapes: Mapping[str, Any] | None = None) -> ir.Model:
    """Return the frozen graph of an open network."""
    from mobilecat.formats.tensorflow.child.to_onnx import loops_in, write_onnx

    out = folder / "frozen.onnx"
    settled = settle(network.inputs, shapes or {}, Path("model"))
    dynamic = {k: settled[k] for k, dims in network.inputs.items() if _is_dynamic(dims)}
    frozen = network.freeze(dynamic)
    write_onnx(network, frozen, "model", out)
    proto = read_onnx(out)
    require_onnx_forms(proto, Path("model"), loops_in(frozen.graph_def))
    imported = import_proto(proto, shapes or {}, Path("model"))
    fold_affine(imported)
    return imported


def outputs(imported: ir.Model, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what onnxruntime makes of a frozen graph."""
    data = ir.to_proto(imported).SerializeToString()
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def feeds_for(imported: ir.Model, low: float = -1, high: float = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    return {
        v.name or "": rng.uniform(low, high, tuple(v.shape or ())).astype(np.float32)
        for v in imported.graph.inputs
    }


def assert_close(got: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray]) -> None:
    """Hold outputs to each other: names and order, shapes, types, values; and that they vary."""
    assert list(got) == list(want)
    for name, w in want.items():
        g = got[name]
        assert (g.shape, g.dtype) == (w.shape, w.dtype)
        assert np.ptp(w) > 0.01 * np.abs(w).max(), f"{name} is nearly constant: it shows nothing"
        np.testing.assert_allclose(g, w, rtol=0, atol=RTOL * np.abs(w).max())


def assert_import_computes_the_same(
    path: Path, folder: Path, options: ImportOptions | None = None, **shapes: tuple[int, ...]
) -> ir.Model:
    """Freeze a file, and hold it in onnxruntime to the original in TensorFlow."""
    network = open_network(path, options)
    imported = freeze(network, folder, shapes)
    feeds = feeds_for(imported)
    assert_close(outputs(imported, feeds), network.run(feeds))
    return imported
