"""An export whose decode or suppression is wrong is refused, and what was there stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import mobilecat as mc
from mobilecat.compile import making
from mobilecat.errors import ArtifactError
from tests.test_export import EVERY_TARGET
from tests.tiny import save_yunet_like, yunet_like_spec
from tools.plant_faults.edit import Editor
from tools.plant_faults.subtle import BOXES, SCORES, Make, clip, top


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "mobilecat.toml"
    path.write_text(yunet_like_spec(save_yunet_like(tmp_path / "tiny.onnx"), EVERY_TARGET))
    return path


def planted(monkeypatch: pytest.MonkeyPatch, suffix: str, value: str, make: Make) -> None:
    """Change the graph of one target on its way to the file."""
    true = making.emit

    def emit(target: Any, baked: Any, spec: Any, path: Path) -> Any:
        if path.name.endswith(suffix):
            copy = ir.serde.deserialize_model(ir.serde.serialize_model(baked.model))
            editor = Editor(copy)
            editor.through(value, make)
            editor.finish()
            baked = replace(baked, model=copy)
        return true(target, baked, spec, path)

    monkeypatch.setattr(making, "emit", emit)


def test_an_export_says_what_it_tried(spec: Path, tmp_path: Path) -> None:
    (said,) = [n for n in mc.export(spec, tmp_path / "b").notes if "made values" in n]
    assert said.startswith("tried on made values, decode and suppression: ")
    assert {".mlpackage", ".mlmodel", ".tflite", ".onnx"} <= {
        f".{name.rpartition('.')[2]}" for name in said.partition(": ")[2].split(", ")
    }


MOVED = np.array(1.0, np.float32)


@pytest.mark.parametrize(
    "suffix,value,make",
    [
        (".mlpackage", BOXES, clip(0, 96)),
        (".mlmodel", SCORES, top(20)),
        (".tflite", BOXES, lambda e, v: e.op("Round", v)),
        (".onnx", "boxes", lambda e, v: e.op("Add", v, MOVED)),
        (".mlpackage", SCORES, top(20)),
        (".mlmodel", "boxes", lambda e, v: e.op("Add", v, MOVED)),
    ],
)
def test_a_wrong_end_is_refused_and_the_old_bundle_stays(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, value: str, make: Make
) -> None:
    out = tmp_path / "b"
    mc.export(spec, out)
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    planted(monkeypatch, suffix, value, make)
    with pytest.raises(ArtifactError, match="wrong on made values") as caught:
        mc.export(spec, out)
    assert {p.where.rpartition(".")[2] for p in caught.value.problems} == {suffix[1:]}
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
