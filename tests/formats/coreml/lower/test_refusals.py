"""Refusals: everything at once, with names, and nothing left on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import SpecError, UnsupportedError
from mobilecat.formats.coreml import LOWERINGS, write_coreml
from tests.formats.coreml.lower.graphs import graph
from tests.formats.coreml.lower.harness import FORMATS, compiled
from tests.formats.coreml.lower.test_artifact import SMALL, SMALL_WEIGHTS


def test_every_gap_is_listed_and_nothing_written(tmp_path: Path) -> None:
    text = """g (uint64[1,3] a, float[1,2,5,7] x)
      => (float[2,3] y, float[1,2,2,3] p, int64[1,2,2,3] i) {
      b = Cast <to = 1> (a)
      r = Reshape (b, six)
      s = Tile (r, twice)
      y = Reshape (s, back)
      p, i = MaxPool <kernel_shape = [3,3], strides = [2,2]> (x)
    }"""
    weights = {
        "six": np.array([1, 1, 1, 1, 1, 3]),
        "twice": np.array([2, 1, 1, 1, 1, 1]),
        "back": np.array([2, 3]),
    }
    model = graph(text, tmp_path, **weights)
    for format in FORMATS:
        with pytest.raises(UnsupportedError) as e:
            compiled(model, tmp_path, format)
        told = str(e.value)
        for part in ("input 'a'", "no multiarray of uint64", "Reshape_1", "rank 6", "MaxPool_4"):
            assert part in told, told
        assert not (tmp_path / f"model.{format}").exists()


@pytest.mark.parametrize(
    ("format", "target", "fix"),
    [("mlmodel", "iOS15", "use iOS14"), ("mlpackage", "iOS14", "use format mlmodel"),
     ("mlpackage", "iOS99", "use one of")],
)  # fmt: skip
def test_deployment_target(format: str, target: str, fix: str, tmp_path: Path) -> None:
    model = graph("g (float[2] x) => (float[2] y) { y = Relu (x) }", tmp_path)
    with pytest.raises(SpecError, match=fix):
        write_coreml(model, tmp_path / "m", format=format, deployment_target=target)  # type: ignore[arg-type]


def test_layers_newer_than_the_target_are_refused(tmp_path: Path) -> None:
    text = "g (float[2,3] x) => (float[2,3] y) { y = CumSum (x, axis) }"
    model = graph(text, tmp_path, axis=np.int64(1))
    with pytest.raises(UnsupportedError, match="needs a newer Core ML than iOS13"):
        compiled(model, tmp_path, "mlmodel", deployment_target="iOS13")
    assert not (tmp_path / "model.mlmodel").exists()
    compiled(model, tmp_path, "mlmodel", deployment_target="iOS14")


def test_what_coremltools_throws_names_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lowering that asks coremltools for nonsense ends in a refusal, not in a traceback."""
    from mobilecat.formats.base.lowering import Lowering
    from mobilecat.formats.coreml.lower import activation as ops_activation

    def wrong(_: object) -> object:
        return ops_activation.mb.relu(x="no tensor")

    monkeypatch.setitem(LOWERINGS._rows, "Relu", Lowering(wrong))
    model = graph("g (float[2] x) => (float[2] y) { y = Relu (x) }", tmp_path)
    with pytest.raises(UnsupportedError, match="Relu 'Relu_0': coremltools refuses it"):
        compiled(model, tmp_path, "mlpackage")
    assert not (tmp_path / "model.mlpackage").exists()


def test_a_package_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coremltools.converters.mil.backend.mil import load as backend

    def fails(*_: object, **__: object) -> None:
        raise ValueError("no form for this")

    model = graph(SMALL, tmp_path, **SMALL_WEIGHTS)
    monkeypatch.setattr(backend, "load", fails)
    with pytest.raises(UnsupportedError, match="no form for this"):
        compiled(model, tmp_path, "mlpackage")
    assert not (tmp_path / "model.mlpackage").exists()
