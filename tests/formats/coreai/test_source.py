"""A .aimodel as a source: what it gives, to other targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.formats.base.source import Source
from mobilecat.formats.coreai.read.package import missing
from mobilecat.formats.coreai.source import reference
from mobilecat.formats.importing import format_of, import_model
from mobilecat.spec import spec_from_text
from tests.formats.tflite.lower.engines import assert_agrees, run_ort

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"NOT_RUN: {missing()}")

_NET = """<ir_version: 8, opset_import: ["" : 18]>
g (float[1,3,4,6] x) => (float[1,2] y) {
  scale = Constant <value = float {2}> ()
  a = Mul(x, scale)
  b = ReduceMax <keepdims=0> (a, axes)
  y = Slice(b, from, to, one)
}"""


def _file(tmp_path: Path) -> Path:
    """A picture 6×4, BGR → twice the largest blue and green, as a .aimodel."""
    proto = onnx.parser.parse_model(_NET)
    for name, values in (("axes", [2, 3]), ("from", [0]), ("to", [2]), ("one", [1])):
        proto.graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(values, np.int64), name)
        )
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    text = (
        'source = "m.onnx"\nname = "m"\n[input]\nsize = [6, 4]\ncolor = "BGR"\n'
        '[head]\nkind = "raw"\n[targets.coreai]\n'
    )
    done = export(spec_from_text(text, "m.toml", folder=tmp_path), tmp_path / "b")
    return done.folder / open_bundle(done.folder).artifacts[0].file


def test_a_picture_in_rgb(tmp_path: Path) -> None:
    path = _file(tmp_path)
    picture = np.zeros((1, 4, 6, 3), np.uint8)
    picture[0, 1, 2] = [10, 20, 30]
    picture[0, 3, 5] = [90, 5, 7]
    model = import_model(path, {})
    name = model.graph.inputs[0].name or ""
    have = run_ort(model, {name: picture})
    np.testing.assert_allclose(next(iter(have.values())).reshape(-1), [60, 40])
    want = reference(Source(path, format_of(path)), {}).network.run({name: picture})
    assert_agrees(have, want, 1e-6)
