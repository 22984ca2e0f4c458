"""An evaluation from label file to report, with lanes whose every result was chosen by hand."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mobilecat.errors import MobileCatError
from mobilecat.measure.evaluate import Evaluation, evaluate
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap, PointMap
from mobilecat.measure.evaluate.report import LaneScores
from mobilecat.measure.evaluate.run import few_objects
from mobilecat.measure.evaluate.scores import score
from mobilecat.pictures.detections import Detections
from tests.measure.evaluate import fake


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluate")
    fake.bundle(root)
    fake.data(root / "data")
    return root


def run(place: Path, given: fake.Lanes, cache: Path, **more: object) -> Evaluation:
    return evaluate(
        place / "made" / "bundle",
        place / "data",
        opener=given.open,  # type: ignore[arg-type]
        cache=cache,
        **more,  # type: ignore[arg-type]
    )


def lane(report: Evaluation, runner: str) -> LaneScores:
    return next(r for r in report.lanes if r.lane.runner == runner)


# onnx, cats by falling score: .9 (IoU 300/400 = .75), .85 wrong, .8 right, .6 wrong; 2 objects.
# At IoU .5 to .75: precision 1 up to recall 1/2, then 2/3: (51 + 50·2/3)/101 = 253/303.
# At .8 to .95 the first is wrong too: 1/3 up to recall 1/2: 17/101. The dog: 0.
CAT50 = 253 / 303
CAT = (6 * 253 / 303 + 4 * 17 / 101) / 10


def test_every_figure_by_hand(place: Path, tmp_path: Path) -> None:
    report = run(place, fake.lanes(), tmp_path)
    assert report.classes == ("cat", "dog")
    whole, worse, same = (lane(report, n).scores for n in ("source", "onnx", "tflite"))
    assert whole is not None and worse is not None and same is not None
    assert (whole.ap, whole.ap50, whole.voc07) == pytest.approx((1, 1, 1))
    assert (whole.recall, whole.precision, whole.wrong, whole.mean_iou) == (1, 1, 0, 1)
    assert whole == same
    assert worse.ap == pytest.approx(CAT / 2)
    assert worse.ap50 == pytest.approx(CAT50 / 2)
    assert worse.voc07 == pytest.approx(28 / 33 / 2)  # (6 + 5·2/3)/11, and the dog's 0
    assert (worse.objects, worse.found, worse.wrong) == (3, 2, 2)
    assert worse.recall == pytest.approx(2 / 3)
    assert worse.wrong_a_picture == pytest.approx(2 / 3)
    assert (worse.empty_pictures, worse.wrong_in_empty) == (1, 1)
    assert worse.mean_iou == pytest.approx((0.75 + 1) / 2)
    cat, dog = worse.by_class
    assert (cat.name, cat.objects, cat.found, cat.wrong) == ("cat", 2, 2, 2)
    assert (dog.name, dog.objects, dog.found, dog.wrong, dog.ap) == ("dog", 1, 0, 0, 0)
    # Cats are 400 px², small; the dog is 900, small too.
    assert [(z.name, z.objects, z.found) for z in worse.by_size] == [
        ("small", 3, 2),
        ("medium", 0, 0),
        ("large", 0, 0),
    ]
    assert worse.by_size[0].ap == pytest.approx(CAT / 2) and worse.by_size[1].ap is None
    marks = worse.landmarks
    assert marks is not None
    assert marks.nme == pytest.approx((4 / 8 + 0) / 2)  # 4 away, eyes 8 apart; and exact
    assert (marks.measured, marks.objects, marks.points) == (2, 2, 2)
    assert marks.unit == "inter-ocular distance"
    loss = report.loss(lane(report, "onnx"))
    assert loss is not None
    assert (loss.ap, loss.ap50) == pytest.approx((100 * (1 - CAT / 2), 100 * (1 - CAT50 / 2)))
    assert report.loss(lane(report, "source")) is None
    assert report.exit_code == 0 and not report.shortfalls


def test_json_holds_what_the_report_does(place: Path, tmp_path: Path) -> None:
    told = json.loads(json.dumps(run(place, fake.lanes(), tmp_path).to_json(), allow_nan=False))
    rows = {r["lane"]: r for r in told["lanes"]}
    assert rows.keys() == {"source", "onnx:fake.onnx", "tflite:fake.tflite"}
    worse = rows["onnx:fake.onnx"]
    assert worse["map50"] == pytest.approx(CAT50 / 2)
    assert worse["loss_points"]["map"] == pytest.approx(100 * (1 - CAT / 2))
    assert rows["source"]["loss_points"] is None
    assert worse["empty_pictures"] == {"pictures": 1, "false_positives": 1}
    assert worse["landmarks"]["divided_by"] == "inter-ocular distance"
    assert len(worse["precision_at_recall"]) == 101
    assert (worse["inferred"], worse["kept"]) == (3, 0)
    assert told["bundle"]["nms"]["score_threshold"] == 0.3
    assert told["data"]["format"] == "COCO JSON"
    # Of the file, and of what it finds: two keys.
    assert worse["artifact_precision"] == "float32"
    assert worse["detection_precision"] == 0.5  # two right, two wrong


@pytest.mark.parametrize(
    ("points", "code"),
    [(None, 0), (100.0, 0), (71.6, 0), (71.5, 1), (0.0, 1)],
)
def test_max_drop(place: Path, tmp_path: Path, points: float | None, code: int) -> None:
    loss = 100 * (1 - CAT / 2)  # 71.58
    report = run(place, fake.lanes(), tmp_path, max_drop=points)
    assert report.exit_code == code
    assert len(report.shortfalls) == code
    if code:
        assert report.shortfalls[0].startswith(f"onnx:fake.onnx loses {loss:.2f} points")


def test_max_drop_is_also_of_map50(place: Path, tmp_path: Path) -> None:
    """Better in mAP, worse at .5: an object less, the other exact."""
    loose = {**fake.RIGHT, 10: [(fake.CAT, 0.9, (4, 4, 24, 15), fake.EYES)]}  # IoU .55: .5, .55
    exact = {**fake.RIGHT, 10: []}
    given = fake.lanes(source=loose, onnx=exact, tflite=loose)
    report = run(place, given, tmp_path, max_drop=1.0)
    loss = report.loss(lane(report, "onnx"))
    # cat: source 1 at two thresholds, elsewhere a wrong one first: 1/2 up to recall 1/2: 51/202.
    # onnx: 51/101 at all. In points of the mean of two classes.
    assert loss is not None
    assert loss.ap == pytest.approx(100 * ((2 + 8 * 51 / 202) / 10 - 51 / 101) / 2)
    assert loss.ap < 0 < loss.ap50 == pytest.approx(100 * (1 - 51 / 101) / 2)
    assert loss.worst == loss.ap50
    assert report.exit_code == 1


def test_what_did_not_run_is_no_success(place: Path, tmp_path: Path) -> None:
    gone = fake.lanes()
    gone.not_run = {"source": "the source model is not there"}
    report = run(place, gone, tmp_path / "a", max_drop=100)
    assert report.shortfalls == (
        "the source did not run, so no loss is known: the source model is not there",
    )
    assert lane(report, "source").not_run and report.loss(lane(report, "onnx")) is None
    assert run(place, gone, tmp_path / "a").exit_code == 0  # only told, when nothing is to hold
    gone.not_run = {"tflite": "no LiteRT"}
    report = run(place, gone, tmp_path / "b", max_drop=100)
    assert report.shortfalls == ("tflite:fake.tflite did not run: no LiteRT",)
    gone.not_run = dict.fromkeys(("source", "onnx", "tflite"), "no")
    with pytest.raises(MobileCatError, match="Nothing ran"):
        run(place, gone, tmp_path / "c")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_lane_that_gives_up_on_the_way(place: Path, tmp_path: Path, threads: int) -> None:
    given = fake.lanes()
    given.fails_at = {"onnx": 20}
    report = run(place, given, tmp_path, threads=threads)
    assert lane(report, "onnx").not_run == "20.png: out of memory"
    assert lane(report, "tflite").scores == lane(report, "source").scores is not None


def test_threads_change_nothing(place: Path, tmp_path: Path) -> None:
    one, three = (run(place, fake.lanes(), tmp_path / str(n), threads=n) for n in (1, 3))
    assert [r.scores for r in one.lanes] == [r.scores for r in three.lanes]


def test_a_runner_alone_has_the_source_besides(place: Path, tmp_path: Path) -> None:
    report = run(place, fake.lanes(), tmp_path, runner="tflite")
    assert [r.lane.name for r in report.lanes] == ["source", "tflite:fake.tflite"]
    report = run(place, fake.lanes(), tmp_path, artifact="fake.onnx")
    assert [r.lane.name for r in report.lanes] == ["source", "onnx:fake.onnx"]


def test_limit_spreads(place: Path, tmp_path: Path) -> None:
    given = fake.lanes()
    report = run(place, given, tmp_path, limit=2, threads=1, runner="source")
    assert given.calls == [("source", 10), ("source", 20)]  # places 0 and 3·1/2 = 1
    assert report.pictures == 2


def test_results_that_are_not_finite_are_counted_and_find_nothing(
    place: Path, tmp_path: Path
) -> None:
    broken = {**fake.RIGHT, 10: [(fake.CAT, 0.9, (4, 4, float("nan"), 24), fake.EYES)],
              30: [(fake.CAT, float("inf"), fake.A, fake.EYES)]}  # fmt: skip
    report = run(place, fake.lanes(onnx=broken), tmp_path)
    scores = lane(report, "onnx").scores
    assert scores is not None
    assert (scores.not_finite, scores.found, scores.wrong) == (2, 2, 0)
    again = lane(run(place, fake.lanes(onnx=broken), tmp_path), "onnx")
    assert again.kept == 3 and again.scores == scores


def test_the_upright_picture_is_what_is_run(place: Path, tmp_path: Path) -> None:
    """Stored lying (48×64, EXIF 6), its labels for the upright 64×48: the same figures."""
    data = fake.data(tmp_path / "turned")
    first = data / "10.png"
    upright = np.asarray(Image.open(first)).copy()
    upright[:, -1] = (77, 0, 0)  # the far edge: the first pixel of a picture left lying is on it
    tags = Image.Exif()
    tags[0x0112] = 6  # upright = stored turned clockwise, so stored = upright turned back
    Image.fromarray(np.rot90(upright).copy()).save(first, exif=tags)
    given = fake.lanes()
    report = evaluate(
        place / "made" / "bundle", data, opener=given.open, cache=tmp_path / "c"  # type: ignore[arg-type]
    )  # fmt: skip
    scores = lane(report, "source").scores
    assert scores is not None and (scores.ap, scores.recall, scores.wrong) == (1, 1, 0)


def test_notes_say_what_ap_is_of(place: Path, tmp_path: Path) -> None:
    report = run(place, fake.lanes(), tmp_path)
    assert any("score_threshold 0.3 is baked in" in n for n in report.notes)
    objects = lane(report, "source").scores.objects
    assert any(n.startswith(f"only {objects} objects are measured") for n in report.notes)


@pytest.mark.parametrize(("count", "said"), [(0, False), (1, True), (29, True), (30, False)])
def test_few_objects_say_little(count: int, said: bool) -> None:
    none = np.zeros((0, 4))
    boxes = np.tile([0.0, 0, 1, 1], (count, 1)) if count else none
    flags = np.zeros(count, bool)
    truth = Truth(boxes, np.zeros(count, np.int64), np.ones(count), flags, flags)
    crowd = np.ones(40, bool)
    crowds = Truth(np.tile(boxes[:1], (40, 1)) if count else none, np.zeros(40, np.int64),
                   np.ones(40), crowd, crowd)  # fmt: skip
    notes = few_objects([truth, crowds])
    assert len(notes) == said
    if count == 1:
        assert notes[0].startswith("only 1 object is measured: one more or less found moves")


def test_plot_has_a_line_for_each_lane(place: Path, tmp_path: Path) -> None:
    report = run(place, fake.lanes(), tmp_path)
    report.plot(tmp_path / "pr.svg")
    svg = "{http://www.w3.org/2000/svg}"
    lines = list(ElementTree.parse(tmp_path / "pr.svg").iter(f"{svg}polyline"))
    assert [x.get("stroke") for x in lines] == ["#1D2126", "#E69F00", "#56B4E9"]
    names = [(x.findtext(f"{svg}title") or "").partition(": mAP")[0] for x in lines]
    assert names == [r.lane.name for r in report.lanes]


def test_no_curve_to_draw(place: Path, tmp_path: Path) -> None:
    report = run(place, fake.lanes(), tmp_path, limit=3)
    empty = Evaluation(
        report.bundle, report.folder, report.data, 3, report.classes, (), None, None, ()
    )
    with pytest.raises(MobileCatError, match="no curve"):
        empty.plot(tmp_path / "pr.svg")


def test_a_raw_head_is_refused(tmp_path: Path) -> None:
    from mobilecat.compile import export
    from mobilecat.spec import spec_from_text
    from tests.tiny import save_yunet_like

    source = save_yunet_like(tmp_path / "net.onnx")
    text = 'source = "net.onnx"\nname = "raw"\n[input]\nsize = [96, 64]\n[targets.onnx]\n'
    export(spec_from_text(text), tmp_path / "raw", source=source)
    with pytest.raises(MobileCatError, match="its head is raw"):
        evaluate(tmp_path / "raw", fake.data(tmp_path / "data"))


# One box a picture: IoU .5 (half), and no overlap. The third picture has two objects, the fourth
# none: left out. Mean (.5 + 0)/2. Landmarks are measured whatever the overlap: eyes 8 apart, moved
# by 2 and by 6: (2/8 + 6/8)/2.
def test_heads_of_one_box() -> None:
    def truth(*boxes: tuple[float, ...]) -> Truth:
        n, no = len(boxes), np.zeros(len(boxes), np.bool_)
        points = np.array([fake.EYES] * n, np.float64).reshape(n, 2, 2)
        values = np.array(boxes, np.float64).reshape(n, 4)
        return Truth(values, np.zeros(n, np.int64), np.ones(n), no, no, points)

    def one(box: tuple[float, ...], by: float) -> Detections:
        points = np.add([fake.EYES], [by, 0]).astype(np.float64)
        return Detections(
            np.array([box], np.float64), np.ones(1), np.zeros(1, np.int64), {"landmarks": points}
        )

    box = (4, 4, 24, 24)
    truths = [truth(box), truth(box), truth(box, (30, 30, 40, 40)), truth()]
    given = [one((4, 4, 24, 14), 2), one((40, 40, 50, 50), 6), one(box, 0), one(box, 0)]
    classes = ClassMap(("cat",), {0: 0}, {0: 0})
    points = PointMap(((0, 0), (1, 1)), (0, 1))
    found = score(truths, given, classes, points, single=True, own_boxes=False)
    assert (found.single_iou, found.single_pictures) == (0.25, 2)
    assert found.landmarks is not None
    # and the third's first object, which was found, exactly: (2/8 + 6/8 + 0)/3
    assert found.landmarks.nme == pytest.approx(1 / 3)
    assert (found.landmarks.measured, found.landmarks.objects) == (3, 4)
    assert (found.found, found.wrong) == (2, 2)


def test_boxes_of_the_labels_own_have_no_ap() -> None:
    t = Truth(np.array([[0.0, 0, 3, 5]]), np.zeros(1, np.int64), np.ones(1),
              np.zeros(1, np.bool_), np.zeros(1, np.bool_))  # fmt: skip
    d = Detections(np.array([[0.0, 0, 3, 5]]), np.ones(1), np.zeros(1, np.int64))
    classes = ClassMap(("cat",), {0: 0}, {0: 0})
    found = score([t], [d], classes, None, single=False, own_boxes=True)
    assert found.ap is found.ap50 is found.voc07 is found.curve is None
    assert found.recall == 1
