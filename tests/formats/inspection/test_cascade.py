"""A cascade shows its chain, its crop rule and both of its models."""

from __future__ import annotations

from pathlib import Path

from mobilecat.compile.cascade import export_cascade
from mobilecat.demo import CASCADE
from mobilecat.formats.inspection import inspect_file


def test_a_cascade_shows_its_chain_and_both_models(tmp_path: Path) -> None:
    export_cascade(CASCADE, tmp_path / "cats")
    found = inspect_file(tmp_path / "cats")
    assert found.format == "cascade"
    assert found.metadata["chain"] == "boxes of detector/ → at most 20 crops → landmarks/"
    assert "grow 0.25" in found.metadata["crop"] and "edge pad" in found.metadata["crop"]
    assert [o.name for o in found.outputs] == [
        "boxes",
        "scores",
        "class_ids",
        "landmarks",
        "count",
    ]
    assert [p.metadata["name"] for p in found.parts] == ["cat_faces", "cat_landmarks"]
    files = [[Path(a.file).suffix for a in part.parts] for part in found.parts]
    assert files == [[".mlpackage", ".mlmodel", ".tflite", ".onnx"]] * 2
