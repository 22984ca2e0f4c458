"""What the demo's cascade reaches on photos that its training never saw, in every artifact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilecat.measure.evaluate import Evaluation, evaluate
from tools.train_demo.pictures import HELD_BACK_COUNT, is_held_back


@pytest.fixture(scope="module")
def report(cats: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Evaluate the held-back photos, and the astronaut, who is no cat."""
    folder = tmp_path_factory.mktemp("held-back")
    labels = json.loads((shared_data / "cats" / "labels.json").read_text("utf-8"))
    names = [Path(e["file"]).name for e in labels["images"]]
    kept = [
        e | {"file": name}
        for e, name in zip(labels["images"], names, strict=True)
        if is_held_back(name, names)
    ]
    assert len(kept) == HELD_BACK_COUNT
    for entry in kept:
        (folder / entry["file"]).symlink_to((shared_data / "cats" / entry["file"]).resolve())
    (folder / "astronaut.png").symlink_to((shared_data / "astronaut.png").resolve())
    kept.append({"file": "astronaut.png", "width": 512, "height": 512, "landmarks9": []})
    (folder / "labels.json").write_text(json.dumps(labels | {"images": kept}), "utf-8")
    return evaluate(cats, folder, cache=folder / "cache")


def test_every_artifact_finds_the_cats_and_no_other(report: Evaluation) -> None:
    ran = [row.scores for row in report.lanes if row.scores is not None]
    assert len(ran) == 5  # the source and four artifacts
    for scores in ran:
        assert scores.objects == HELD_BACK_COUNT and scores.found >= 0.9 * HELD_BACK_COUNT
        assert scores.wrong <= 0.2 * HELD_BACK_COUNT and scores.wrong_in_empty == 0
        assert scores.mean_iou is not None and scores.mean_iou >= 0.75


def test_landmarks_are_where_people_put_them(report: Evaluation) -> None:
    for row in report.lanes:
        if row.scores is not None:
            marks = row.scores.landmarks
            assert marks is not None and marks.points == 9
            assert marks.nme is not None and marks.nme <= 0.08


def test_no_artifact_loses_what_the_source_reaches(report: Evaluation) -> None:
    """Float32 within 0.2 points of the source's mAP, float16 within 0.5."""
    precisions = []
    for row in report.lanes:
        if row.scores is None or row.lane.artifact is None:
            continue
        loss = report.loss(row)
        limit = 0.5 if row.lane.artifact.precision == "float16" else 0.2
        assert loss is not None and abs(loss.ap) <= limit and abs(loss.ap50) <= limit
        precisions.append(row.lane.artifact.precision)
    assert sorted(precisions) == ["float16", "float32", "float32", "float32"]
