"""Top-1 and top-5 of a classifier, counted by hand; folders of pictures as a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.compile import export
from mobilecat.errors import MobileCatError
from mobilecat.measure.datasets import load_dataset
from mobilecat.measure.evaluate.run import evaluate
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network

LABELS = ["a", "b", "c", "d", "e", "f", "g"]


def pictures(folder: Path, counts: dict[str, int]) -> Path:
    k = 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            k += 1
            Image.new("RGB", (9 + k, 7), (k, 2 * k, 3 * k)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Always c, then a, f, b, e; g and d come last."""
    scores = {"p": np.array([[0.2, 0.1, 0.4, 0.01, 0.08, 0.15, 0.06]])}
    path = save_constant_network(tmp_path / "net.onnx", (8, 6), scores)
    spec = spec_from_text(
        f'name = "net"\nsource = "{path}"\nlabels = {LABELS}\n[input]\nsize = [8, 6]\n[head]\n'
        'kind = "classify"\nactivation = "none"\n[targets.onnx]\n[targets.tflite]\n'
    )
    export(spec, tmp_path / "out")
    return tmp_path / "out"


def test_shares_counted_by_hand(bundle: Path, tmp_path: Path) -> None:
    # 8 pictures: 2 of c are right at once, 3 of a and b among five, 3 of d and g never.
    data = pictures(tmp_path / "data", {"a": 2, "b": 1, "c": 2, "d": 1, "g": 2})
    report = evaluate(bundle, data, cache=tmp_path / "cache", max_drop=0.1)
    assert report.data.format == "class folders" and report.exit_code == 0
    for row in report.lanes:
        assert row.scores is not None and row.scores.classifier is not None
        found = row.scores.classifier
        assert (found.top1, found.top5, found.pictures) == (2 / 8, 5 / 8, 8)
        assert row.scores.ap is None
    told = report.to_json()["lanes"][0]
    assert told["classifier"] == {"top1": 0.25, "top5": 0.625, "pictures": 8}
    text = "\n".join(str(line) for line in report.words())
    assert "top-1" in text and "25.00" in text and "62.50" in text


def test_an_artifact_that_loses_top_1_is_told(bundle: Path, tmp_path: Path) -> None:
    from mobilecat.lanes import open_lane

    data = pictures(tmp_path / "data", {"c": 3, "d": 1})

    def worse(folder: Path, opened: object, lane: object, *rest: object) -> object:
        engine = open_lane(folder, opened, lane, *rest)  # type: ignore[arg-type]
        if lane.artifact is None:  # type: ignore[attr-defined]
            return engine

        class Worse:
            note = "classes 2 and 0 exchanged"

            def infer(self, inputs: object, taps: object = ()) -> object:
                found = dict(engine.infer(inputs, taps))  # type: ignore[arg-type]
                found["class_ids"] = found["class_ids"][:, [1, 0, 2, 3, 4]]
                return found

        return Worse()

    report = evaluate(bundle, data, cache=tmp_path / "c", max_drop=1.0, opener=worse)  # type: ignore[arg-type]
    assert report.exit_code == 1
    assert any("loses 75.00 points of top-1 and 0.00 of top-5" in s for s in report.shortfalls)


def test_folders_are_read_and_told_apart(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", {"dog": 1, "cat": 2})
    found = load_dataset(data)
    assert found.classes == ("cat", "dog") and len(found) == 3
    first = found.pictures[0]
    assert first.boxes_xyxy.tolist() == [[0, 0, *first.size_wh]]
    assert found.labels_of(found.pictures[2]) == ["dog"]
    for other in ({"images": 1, "labels": 1}, {"cat": 2}):
        folder = pictures(tmp_path / "-".join(other), other)
        with pytest.raises(MobileCatError, match="No labels"):
            load_dataset(folder)
    (data / "cat" / "9.png").write_bytes(b"no picture")
    with pytest.raises(MobileCatError, match="cannot be used"):
        load_dataset(data)
