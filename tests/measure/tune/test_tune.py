"""Sweeps end to end: rows by hand, the source's own NMS, COCO's AP, one inference a picture."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.compile import export
from mobilecat.errors import ArtifactError, MobileCatError
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.geometry.resize import plan_resize
from mobilecat.lanes import Lane, detect, open_lane
from mobilecat.measure import kept
from mobilecat.measure.datasets import load_dataset
from mobilecat.measure.evaluate.names import match_classes
from mobilecat.measure.evaluate.scores import detections_of, truth_of
from mobilecat.measure.tune.candidates import Engine, lane_to_tune
from mobilecat.measure.tune.grid import Grid, Setting, grid_of
from mobilecat.measure.tune.measure import Judged, Row
from mobilecat.measure.tune.objective import best_of, edges, objective_of, settled
from mobilecat.measure.tune.ranked import suppress_at
from mobilecat.measure.tune.run import Tuned, tune
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import load_spec
from tests.measure.tune.scenes import SPEC, export_detector, save_pictures
from tests.tiny import save_yunet_like, yunet_like_spec

GRID = grid_of("0.2,0.5", "0.5,0.7", "1,10")
F1 = objective_of("f1")

# Kept in the white picture (two cats) and the half white one (none), scores halved there:
#   IoU 0.5  boxes 0 and 2       IoU 0.7  all four
# Box 0 is the first cat (IoU 1), box 2 overlaps the second by 8 of 12 columns' worth: 80/120.
# Columns: TP, FP, missed, mean IoU, AP as a sum of 101 precisions, boxes mean, most, cut.
T, P = 2 / 3, 5 / 6
ROWS: dict[Setting, tuple[float, ...]] = {
    Setting(0.2, 0.5, 1): (1, 1, 1, 1, 51, 1, 1, 2),
    Setting(0.2, 0.5, 10): (2, 2, 0, P, 101, 2, 2, 0),
    Setting(0.2, 0.7, 1): (1, 1, 1, 1, 51, 1, 1, 2),
    Setting(0.2, 0.7, 10): (2, 5, 0, P, 51 + 50 * T, 3.5, 4, 0),
    Setting(0.5, 0.5, 1): (1, 0, 1, 1, 51, 0.5, 1, 1),
    Setting(0.5, 0.5, 10): (2, 0, 0, P, 101, 1, 2, 0),
    Setting(0.5, 0.7, 1): (1, 0, 1, 1, 51, 0.5, 1, 1),
    Setting(0.5, 0.7, 10): (2, 1, 0, P, 51 + 50 * T, 1.5, 3, 0),
}


@pytest.fixture
def swept(tmp_path: Path) -> Tuned:
    folder, _ = export_detector(tmp_path)
    data = save_pictures(tmp_path / "data")
    return tune(folder, data, GRID, F1, cache=tmp_path / "cache")


def test_rows_by_hand(swept: Tuned) -> None:
    assert [row.setting for row in swept.rows] == sorted(ROWS)
    for row in swept.rows:
        tp, fp, missed, mean_iou, ap, mean, most, cut = ROWS[row.setting]
        assert (row.true_positives, row.false_positives, row.missed) == (tp, fp, missed)
        assert row.precision == tp / (tp + fp)
        assert row.recall == tp / 2
        assert row.f1 == pytest.approx(2 * tp / (2 * tp + fp + missed))
        assert row.false_positives_a_picture == fp / 2
        assert row.mean_iou == pytest.approx(mean_iou, abs=1e-6)
        assert row.map50 == pytest.approx(ap / 101, abs=1e-12)
        assert (row.detections_mean, row.detections_max, row.cut) == (mean, most, cut)
        # Above 0.2: 4 and 3 candidates; above 0.5: 3 and none.
        assert row.candidates == (3.5 if row.setting.score_threshold == 0.2 else 1.5)


@pytest.mark.parametrize(("most", "cut"), [(2, 2), (3, 1), (4, 0)])
def test_a_cut_of_the_largest_max_detections_shows(tmp_path: Path, most: int, cut: int) -> None:
    """Four boxes are left in the white picture, three in the other."""
    folder, _ = export_detector(tmp_path)
    data = save_pictures(tmp_path / "data")
    (row,) = tune(folder, data, grid_of("0.2", "0.7", str(most)), F1, cache=tmp_path / "c").rows
    assert (row.cut, row.detections_max) == (cut, min(most, 4))


@pytest.mark.parametrize(("score", "most", "left"), [(0.25, 9, 2), (0.2, 9, 4), (0.2, 3, 3)])
def test_a_score_at_the_threshold_is_out(score: float, most: int, left: int) -> None:
    scores = np.array([0.75, 0.5, 0.25, 0.25])
    judged = Judged(scores, np.zeros(4, np.int64), np.zeros(4), np.ones(4, bool))
    assert judged.head(Setting(score, 0.5, most)).scores.tolist() == scores[:left].tolist()


OBJECTIVES = [
    # f1 is 1 there alone.
    ("f1", Setting(0.5, 0.5, 10)),
    # AP is 1 at 0.2 and at 0.5: the higher score threshold.
    ("map", Setting(0.5, 0.5, 10)),
    # Recall 1 with at most half a false positive at IoU 0.5 and 0.7: the lower IoU threshold.
    ("recall@fp=0.5", Setting(0.5, 0.5, 10)),
    ("recall@fp=0", Setting(0.5, 0.5, 10)),
]


@pytest.mark.parametrize(("name", "best"), OBJECTIVES, ids=[n for n, _ in OBJECTIVES])
def test_objectives(swept: Tuned, name: str, best: Setting) -> None:
    found = best_of(swept.rows, objective_of(name))
    assert found is not None and found.setting == best


def _row(setting: Setting, **figures: Any) -> Row:
    zero: dict[str, Any] = {f.name: 0 for f in dataclasses.fields(Row)}
    return Row(**{**zero, "setting": setting, **figures})


TIES = [
    ("score, the higher", [(0.1, 0.3, 9), (0.4, 0.6, 300)], (0.4, 0.6, 300)),
    ("IoU, the lower", [(0.4, 0.6, 9), (0.4, 0.3, 300)], (0.4, 0.3, 300)),
    ("fewer detections", [(0.4, 0.3, 3000), (0.4, 0.3, 300)], (0.4, 0.3, 300)),
]


@pytest.mark.parametrize(("rows", "best"), [t[1:] for t in TIES], ids=[t[0] for t in TIES])
def test_ties(rows: list[tuple[float, float, int]], best: tuple[float, float, int]) -> None:
    for order in (rows, rows[::-1]):
        found = best_of([_row(Setting(*r), f1=0.75) for r in order], F1)
        assert found is not None and found.setting == Setting(*best)


def test_what_is_baked_stays_where_nothing_is_better() -> None:
    low, high = Setting(0.1, 0.5, 300), Setting(0.9, 0.5, 300)
    rows = [_row(low, f1=0.75), _row(high, f1=0.75)]
    assert best_of(rows, F1, low) is rows[0] and best_of(rows, F1) is rows[1]
    better = [_row(low, f1=0.75), _row(high, f1=0.76)]
    assert best_of(better, F1, low) is better[1]


def test_a_key_that_is_as_good_stays_where_another_changes() -> None:
    """0.4/0.45 is as good as 0.4/0.3, and only the score of the 0.2/0.45 that is baked changes."""
    now = Setting(0.2, 0.45, 50)
    rows = [_row(now, f1=0.75)]
    rows += [_row(Setting(0.4, iou, 50), f1=0.9) for iou in (0.3, 0.45, 0.55)]
    rows += [_row(Setting(0.6, 0.3, 50), f1=0.9)]
    for order in (rows, rows[::-1]):
        assert best_of(order, F1, now) is rows[2]


def test_a_tie_is_said_with_what_decided_it(swept: Tuned) -> None:
    baked = swept.baked
    now = Setting(baked.score_threshold, baked.iou_threshold, baked.max_detections)
    higher, lower = (dataclasses.replace(now, score_threshold=s) for s in (0.9, 0.05))
    rows = tuple(_row(s, f1=0.75, map50=0.25) for s in (lower, now, higher))
    moved = (dataclasses.replace(higher, iou_threshold=iou) for iou in (0.3, now.iou_threshold))
    apart = tuple(_row(s, f1=0.75, map50=0.25) for s in moved)
    cases = (
        (rows, rows[1], f"0.05/{now.iou_threshold:g}, 0.9/{now.iou_threshold:g}; what is baked"),
        (
            rows[::2],
            rows[2],
            f"0.05/{now.iou_threshold:g}; of equals the middle of the score thresholds",
        ),
        (rows[1:2], rows[1], ""),
        (apart, apart[1], "0.9/0.3; of equals the one that changes the fewest keys is taken"),
    )
    for swept_rows, best, said in cases:
        assert best_of(swept_rows, F1, now) is best
        text = str(dataclasses.replace(swept, rows=swept_rows, best=best, objective=F1))
        assert (f"as good by f1: {said}" in text) if said else ("as good by" not in text)
        assert " 25.00 " in text


def test_a_better_row_beats_every_tie_break() -> None:
    rows = [_row(Setting(0.1, 0.9, 3000), f1=0.76), _row(Setting(0.9, 0.1, 1), f1=0.75)]
    assert best_of(rows, F1) is rows[0]


def test_no_row_within_the_false_positives() -> None:
    rows = [_row(Setting(0.1, 0.5, 9), recall=1.0, false_positives_a_picture=0.21)]
    assert best_of(rows, objective_of("recall@fp=0.2")) is None


@pytest.mark.parametrize("name", ["", "F1", "recall", "recall@fp=", "recall@fp=-1", "map@.5"])
def test_unknown_objectives(name: str) -> None:
    with pytest.raises(MobileCatError, match="No such objective"):
        objective_of(name)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A YuNet-like network in a folder, and a picture for which it finds many boxes."""
    folder = tmp_path_factory.mktemp("faces")
    save_yunet_like(folder / "tiny.onnx")
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = folder / "picture.png"
    Image.fromarray(noise).resize((120, 90)).save(picture)
    yield folder, picture


@pytest.mark.parametrize("score", [0.45, 0.5, 0.55])
@pytest.mark.parametrize("iou", [0.1, 0.4])
def test_a_setting_gives_what_the_source_lane_gives_when_it_is_baked(
    faces: tuple[Path, Path], tmp_path: Path, score: float, iou: float
) -> None:
    """Equal to the last bit: boxes, scores, classes, landmarks, in picture pixels."""
    folder, picture = faces
    text = yunet_like_spec(Path("tiny.onnx")).split("[nms]")[0]
    compared = set()
    for most in (3, 40):
        spec = folder / f"{score}-{iou}-{most}.toml"
        nms = f"score_threshold = {score}\niou_threshold = {iou}\nmax_detections = {most}\n"
        spec.write_text(f"{text}[nms]\n{nms}[targets.onnx]\n")
        done = export(load_spec(spec), tmp_path / str(most), spec_folder=folder)
        lane = Lane("source")
        expected = detect(
            open_lane(done.folder, done.bundle, lane), done.bundle, read_picture(picture)
        )
        ranked = Engine(done.folder, done.bundle, lane, None).ranked(picture, 0.3)
        rows = suppress_at(ranked, [0.1, 0.4], 41, True)[[0.1, 0.4].index(iou)]
        n = min(int((ranked.scores[rows] > score).sum()), most)
        plan = plan_resize((120, 90), (96, 64), "letterbox")
        got = ranked.detections(rows[:n], plan.image_from_model)
        assert got.rows.keys() == expected.rows.keys()
        for name in ("boxes_xyxy", "scores", "class_ids", "landmarks_xy"):
            a, b = getattr(got, name), getattr(expected, name)
            np.testing.assert_array_equal(a, b, err_msg=name)
        compared.add(len(expected))
    assert min(compared) > 0


def test_rows_as_evaluated_after_an_export(tmp_path: Path) -> None:
    """Two classes, each setting exported and run; COCO's own AP of what comes out."""
    pytest.importorskip("pycocotools", reason="NOT_RUN: pycocotools is not installed")
    from mobilecat.measure.evaluate.coco import coco_scores

    text = SPEC.replace('["cat"]', '["dog", "Cat"]')
    folder, bundle = export_detector(tmp_path, text, classes=2)
    data = save_pictures(tmp_path / "data")
    found = tune(folder, data, GRID, F1, cache=tmp_path / "cache")
    labels = load_dataset(data)
    classes = match_classes(labels, bundle.spec.labels)
    truths = [truth_of(p, classes, None) for p in labels.pictures]
    aps = set()
    for row in found.rows:
        s = row.setting
        nms = f"score_threshold = {s.score_threshold}\niou_threshold = {s.iou_threshold}\n"
        nms += f"max_detections = {s.max_detections}\n"
        head, _, tail = text.partition("[nms]")
        baked = f"{head}[nms]\n{nms}\n[targets.onnx]" + tail.partition("[targets.onnx]")[2]
        out, of = export_detector(tmp_path, baked, classes=2, out="baked")
        engine = open_lane(out, of, Lane("source"))
        ran = [detect(engine, of, read_picture(p.path)) for p in labels.pictures]
        assert row.detections_max == max(map(len, ran))
        judged = [detections_of(d, classes, None)[0] for d in ran]
        assert row.map50 == pytest.approx(coco_scores(truths, judged, 1).ap50, abs=1e-9)
        aps.add(row.map50)
    assert len(aps) > 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every run of a network in onnxruntime."""
    runs: list[int] = []
    real = OrtModel.run

    def run(self: OrtModel, *args: Any, **kwargs: Any) -> Any:
        runs.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(OrtModel, "run", run)
    return runs


def many_pictures(folder: Path, count: int) -> Path:
    """Write `count` pictures that differ, with YOLO labels."""
    folder.mkdir()
    rng = np.random.default_rng(3)
    for i in range(count):
        pixels = rng.integers(0, 256, (9, 14, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
        (folder / f"{i:02}.txt").write_text("0 0.175 0.29 0.25 0.4\n")
    (folder / "classes.txt").write_text("cat\n")
    return folder


def test_fifty_settings_cost_one_inference_a_picture(tmp_path: Path, counted: list[int]) -> None:
    folder, _ = export_detector(tmp_path)
    data = many_pictures(tmp_path / "data", 66)
    grid = grid_of("0.1:0.5:0.1", "0.3:0.7:0.1", "300,3000")
    assert len(grid.settings) == 50
    found = tune(folder, data, grid, F1, cache=tmp_path / "cache")
    assert (len(found.rows), len(counted), found.inferences) == (50, 66, 66)
    again = tune(folder, data, grid, F1, cache=tmp_path / "cache")
    assert (len(counted), again.inferences) == (66, 0)
    for a, b in zip(found.rows, again.rows, strict=True):
        assert dataclasses.replace(a, nms_ms=0) == dataclasses.replace(b, nms_ms=0)


def _two(path: Path, scores: str, cache: Path, data: Path) -> Tuned:
    return tune(path, data, grid_of(scores, "0.5", "10"), F1, cache=cache)


def test_the_cache_goes_on_where_it_was(tmp_path: Path, counted: list[int]) -> None:
    folder, _ = export_detector(tmp_path)
    data, cache = save_pictures(tmp_path / "data"), tmp_path / "cache"
    full = _two(folder, "0.2", cache, data)
    assert len(counted) == 2
    kept = sorted(cache.rglob("*.npz"))
    assert len(kept) == 2
    kept[0].unlink()  # stopped before this picture
    assert _two(folder, "0.2", cache, data).inferences == 1
    kept[1].write_bytes(kept[1].read_bytes()[:-40])  # damaged
    assert _two(folder, "0.2", cache, data).inferences == 1
    assert _two(folder, "0.4", cache, data).inferences == 0  # higher: there already
    assert _two(folder, "0.1", cache, data).inferences == 2  # lower: not there
    again = _two(folder, "0.2", cache, data)
    assert again.inferences == 0
    assert [r.map50 for r in again.rows] == [r.map50 for r in full.rows]


def test_what_candidates_follow_from_is_in_the_key(tmp_path: Path, counted: list[int]) -> None:
    data, cache = save_pictures(tmp_path / "data"), tmp_path / "cache"
    folder, _ = export_detector(tmp_path)
    _two(folder, "0.2", cache, data)
    nms = SPEC.replace("iou_threshold = 0.45", "iou_threshold = 0.6")
    assert _two(export_detector(tmp_path, nms)[0], "0.2", cache, data).inferences == 0
    darker = SPEC.replace("range = [0, 1]", "range = [0, 0.5]")
    assert _two(export_detector(tmp_path, darker)[0], "0.2", cache, data).inferences == 2
    (data / "half.png").write_bytes((data / "white.png").read_bytes())
    assert _two(export_detector(tmp_path)[0], "0.2", cache, data).inferences == 0  # known bytes
    Image.new("RGB", (40, 24), (1, 2, 3)).save(data / "half.png")
    assert _two(export_detector(tmp_path)[0], "0.2", cache, data).inferences == 1


def test_after_an_engine_changed_nothing_old_is_believed(
    tmp_path: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, cache = save_pictures(tmp_path / "data"), tmp_path / "cache"
    folder, _ = export_detector(tmp_path)
    _two(folder, "0.2", cache, data)
    monkeypatch.setattr(kept, "version_of", lambda package: "another")
    assert _two(folder, "0.2", cache, data).inferences == 2


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    folder, _ = export_detector(tmp_path)
    cache = tmp_path / "file"
    cache.write_text("no folder")
    found = _two(folder, "0.2", cache, save_pictures(tmp_path / "data"))
    assert any("cannot be written" in note for note in found.notes)


def test_an_artifact_can_stand_in_for_the_source(tmp_path: Path) -> None:
    folder, bundle = export_detector(tmp_path)
    data = save_pictures(tmp_path / "data")
    by_source = tune(folder, data, GRID, F1, cache=tmp_path / "cache")
    (tmp_path / "known.onnx").unlink()
    found = tune(folder, data, GRID, F1, artifact="known.onnx", cache=tmp_path / "cache")
    assert found.lane == "onnx:known.onnx" and found.inferences == 2
    for a, b in zip(found.rows, by_source.rows, strict=True):
        assert dataclasses.replace(a, nms_ms=0, mean_iou=0) == dataclasses.replace(
            b, nms_ms=0, mean_iou=0
        )
    assert lane_to_tune(bundle, None, None) == Lane("source")


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    folder, _ = export_detector(tmp_path)
    data = save_pictures(tmp_path / "data")
    moved = tmp_path / "elsewhere" / "known.onnx"
    moved.parent.mkdir()
    shutil.move(tmp_path / "known.onnx", moved)
    with pytest.raises(MobileCatError) as caught:
        tune(folder, data, GRID, F1, cache=tmp_path / "cache")
    words = str(caught.value)
    assert "--source FILE" in words and "--artifact known.onnx" in words
    assert tune(folder, data, GRID, F1, cache=tmp_path / "cache", source=moved).inferences == 2


def test_an_artifact_that_shows_no_candidates(tmp_path: Path) -> None:
    _, bundle = export_detector(tmp_path)
    blind = bundle.artifacts[0].model_copy(update={"taps": {}})
    with pytest.raises(ArtifactError, match="does not show its candidates") as caught:
        lane_to_tune(bundle.model_copy(update={"artifacts": (blind,)}), None, "known.onnx")
    assert "source" in str(caught.value)


def test_the_edge_of_the_sweep_is_said(tmp_path: Path, swept: Tuned) -> None:
    assert [n for n in swept.notes if "sweep beyond" in n] == [
        "the best score_threshold, 0.5, is the highest swept: sweep beyond it",
        "the best iou_threshold, 0.5, is the lowest swept: sweep beyond it",
    ]


def test_an_edge_that_only_a_tie_chose_is_not(swept: Tuned) -> None:
    """Recall is 1 at both IoU thresholds; at score 0.2 there are too many false positives."""
    goal = objective_of("recall@fp=0.5")
    best = best_of(swept.rows, goal)
    assert best is not None
    assert [words.split(",")[0] for words in edges(best, swept.rows, goal)] == [
        "the best score_threshold"
    ]


def test_other_classes_are_not_judged(tmp_path: Path) -> None:
    """Boxes 0 and 2 are dogs, which nobody labelled; 1 and 3 are cats."""
    folder, _ = export_detector(tmp_path, SPEC.replace('["cat"]', '["dog", "cat"]'), classes=2)
    data = save_pictures(tmp_path / "data")
    found = tune(folder, data, grid_of("0.2", "0.5", "10"), F1, cache=tmp_path / "cache")
    (row,) = found.rows
    # Box 1 has 2/3 with the first cat, box 3 is the second; half as bright: box 1 again, alone.
    assert (row.true_positives, row.false_positives, row.missed) == (2, 1, 0)
    assert row.mean_iou == pytest.approx(P, abs=1e-6)
    assert (row.detections_mean, row.detections_max) == (3.5, 4)
    assert "1 of the model's classes are not labelled: not judged" in found.notes


def test_class_map(tmp_path: Path) -> None:
    folder, _ = export_detector(tmp_path, SPEC.replace('["cat"]', '["dog", "tom"]'), classes=2)
    data = save_pictures(tmp_path / "data")
    with pytest.raises(MobileCatError, match="no class in common"):
        tune(folder, data, GRID, F1, cache=tmp_path / "cache")
    found = tune(folder, data, GRID, F1, cache=tmp_path / "cache", class_map={"cat": "tom"})
    assert max(r.recall for r in found.rows) == 1


def test_labels_without_objects(tmp_path: Path) -> None:
    folder, _ = export_detector(tmp_path)
    data = many_pictures(tmp_path / "data", 2)
    for file in data.glob("0*.txt"):
        file.write_text("")
    with pytest.raises(MobileCatError, match="Nothing is to be found"):
        tune(folder, data, GRID, F1, cache=tmp_path / "cache")


def test_nothing_to_tune(tmp_path: Path) -> None:
    raw = SPEC.split("[head]")[0] + "[targets.onnx]\n"
    folder, _ = export_detector(tmp_path, raw)
    with pytest.raises(MobileCatError, match="no NMS to tune"):
        tune(folder, save_pictures(tmp_path / "data"), Grid((0.2,), (0.5,), (3,)), F1)


def _swept_scores(*f1: float) -> list[Row]:
    """Return rows at 0.1, 0.2, …; 40 objects, so that one moves recall by 0.025."""
    return [
        _row(Setting(round(0.1 * (i + 1), 1), 0.5, 50), f1=v, true_positives=30, missed=10)
        for i, v in enumerate(f1)
    ]


def test_the_middle_of_a_plateau_is_taken_and_its_cliff_said() -> None:
    """0.2 to 0.6 differ by less than one object; the highest of them stands beside a cliff."""
    rows = _swept_scores(0.5, 0.8, 0.81, 0.8, 0.8, 0.82, 0.4)
    best, plateau = settled(rows, F1)
    assert best is rows[3] and plateau is not None
    assert plateau.words(F1) == (
        "score_threshold 0.2 to 0.6 are as good within one object, which moves it by 0.025; "
        "at 0.1 it falls to 0.500, at 0.7 it falls to 0.400"
    )


def test_a_row_that_is_better_by_more_than_an_object_stands_alone() -> None:
    rows = _swept_scores(0.5, 0.9, 0.8)
    best, plateau = settled(rows, F1)
    assert best is rows[1] and plateau is not None and plateau.rows == (rows[1],)
    assert plateau.words(F1).startswith("score_threshold 0.2 stands alone")


def test_a_plateau_ends_where_there_are_too_many_false_positives() -> None:
    rows = [
        _row(s.setting, recall=0.8, true_positives=32, missed=8, false_positives_a_picture=fp)
        for s, fp in zip(_swept_scores(0, 0, 0), (0.5, 0.1, 0.1), strict=True)
    ]
    best, plateau = settled(rows, objective_of("recall@fp=0.2"))
    assert best is rows[2] and plateau is not None
    assert "at 0.1 there are 0.50 false positives" in plateau.words(objective_of("recall@fp=0.2"))


def test_what_is_baked_stays_on_its_plateau() -> None:
    rows = _swept_scores(0.8, 0.8, 0.8)
    assert settled(rows, F1, Setting(0.3, 0.5, 50))[0] is rows[2]
