"""What labels say of preprocessing: by hand, and of the demo's detector, set up wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.lanes.source import SourceRunner
from mobilecat.measure.datasets import load_dataset
from mobilecat.measure.evaluate import otherwise as tried
from mobilecat.measure.evaluate import trial
from mobilecat.measure.evaluate.fit import FitByCutOuts, gains_of
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.otherwise import sample_of, spread_evenly, values_of
from mobilecat.measure.evaluate.paired import Paired
from mobilecat.measure.evaluate.preprocessing import Preprocessing, Tried
from mobilecat.pictures.detections import Detections
from mobilecat.spec.checks import OpenCheck
from mobilecat.spec.otherwise import otherwise
from mobilecat.spec.values import ImageSpec

IMAGE = ImageSpec(size=(64, 64), range=(0, 1), resize="letterbox", pad=114)


def _truth(boxes: list[list[float]], ignore: list[bool] | None = None) -> Truth:
    n = len(boxes)
    flags = np.array(ignore or [False] * n, np.bool_)
    ids, areas = np.zeros(n, np.int64), np.ones(n)
    return Truth(np.array(boxes, float).reshape(-1, 4), ids, areas, flags, np.zeros(n, np.bool_))


def test_the_value_of_an_object_by_hand() -> None:
    """Half of the object is in a box of score 0.8: IoU 0.5. A box elsewhere has 0.6, so of the
    squared scores 0.64 of 0.64 + 0.36 are on the object. Another class is none of its own."""
    found = Detections(
        np.array([[0.0, 0, 10, 5], [50, 50, 60, 60], [0, 0, 10, 10]]),
        np.array([0.8, 0.6, 0.0]),
        np.array([0, 0, 1]),
    )
    values = values_of(_truth([[0, 0, 10, 10]]), found)
    assert values == pytest.approx(np.array([[0.8 * 0.5 * 0.64, 0.5]]))


def test_nothing_found_and_objects_to_be_ignored() -> None:
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    two = _truth([[0, 0, 10, 10], [20, 20, 30, 30]], [False, True])
    assert values_of(two, none).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("pictures", "lanes", "many"),
    # Of 6 ways: all of 8; as often as 5 lanes on 66, 335 / 6; 34 at least; never more than 64.
    [(8, 5, 8), (66, 5, 55), (66, 2, 34), (1000, 5, 64)],
)
def test_how_many_pictures_are_tried(pictures: int, lanes: int, many: int) -> None:
    chosen = sample_of(range(pictures), pictures + 1, lanes, 6)
    assert len(chosen) == many == len(set(chosen)) and max(chosen) < pictures


def _said(**gains: float) -> list[str]:
    """Return what is said where each other way is so much better on 16 objects."""
    kept = np.full(16, 0.5)
    ways = list(otherwise(IMAGE))
    tried = tuple(Tried(w, Paired(kept, kept + gains.get(w.key, 0.0), len(ways))) for w in ways)
    return [f"{line.lead} {line.text}" for line in Preprocessing(IMAGE, tried, 16, 20).words()]


def test_what_is_said_of_a_wrong_key() -> None:
    first, then = _said(color=0.3, range=-0.3, resize=-0.3)
    assert first.startswith("LOOKS WRONG input.color: on 16 labelled objects the source's best")
    assert "0.500 with RGB as the spec has it, 0.800 with BGR (higher for 16 of 16" in first
    assert 'Write color = "BGR" under [input] of the spec, and export again' in first
    assert "evaluate again" in then


def test_what_is_said_of_several_ranges() -> None:
    said = _said(range=0.3)[0]
    assert "Write range = [-1, 1]" in said
    assert "[0, 255] and ImageNet's mean and std are about as good" in said


def test_what_is_said_of_a_fit() -> None:
    said = _said(resize=0.3)[0]
    assert 'Write resize = "stretch", and take pad and rounding away' in said and "have IoU" in said


def test_what_is_said_where_nothing_is_told_apart() -> None:
    first, *figures = _said()
    assert "colour, range and fit could not be told apart on 16 labelled pictures" in first
    assert len(figures) == 6 and "RGB, as the spec has it, 0.500; BGR 0.500" in figures[0]


def _open(
    aps: dict[str, float], fit: FitByCutOuts | None = None, unchecked: tuple[OpenCheck, ...] = ()
) -> list[str]:
    """Return what is said where all is open, mAP 0.685 with the spec and `aps` with others."""
    half = np.full(16, 0.5)
    tried = tuple(Tried(w, Paired(half, half, 5), aps.get(w.said, 0.685)) for w in otherwise(IMAGE))
    told = Preprocessing(IMAGE, tried, 16, 20, unchecked, 0.685, fit)
    return [line.text.strip() for line in told.words()]


def test_what_would_settle_each_key() -> None:
    """68.5 less 59.8 are 8.7 points. [0, 255] is 255 times [0, 1]; [-1, 1] is twice that."""
    said = _open({"BGR": 0.598, "[-1, 1]": 0.7, "[0, 255]": 0.2})
    assert "on 16 labelled pictures, taken evenly of the 20 with an object" in said[0]
    assert "RGB, as the spec has it, 0.500, mAP 68.5; BGR 0.500, mAP 59.8" in said[1]
    assert said[2] == (
        "The spec's own value, RGB, is ahead, by 8.7 points of mAP on 16 labelled pictures. More "
        "pictures seldom settle colours: ask who trained the network"
    )
    assert said[4] == (
        "[-1, 1] is ahead by 1.5 points of mAP on 16 labelled pictures, and the spec's own "
        "value, [0, 1], in score × IoU. Whether it is [0, 255], 16 labelled pictures usually "
        "settle. Between [0, 1], [-1, 1] and ImageNet's mean and std more pictures often do not "
        "settle it: ask who trained the network"
    )
    assert said[6].startswith("None is ahead, in IoU or in mAP.") and "five or more" in said[6]
    ranges = {"[-1, 1]": 0.675, "[0, 255]": 0.2, "ImageNet's mean and std": 0.6}
    assert "[0, 1], is ahead, by 1.0 to 48.5 points of mAP" in _open(ranges)[4]


@pytest.mark.parametrize(
    ("gains", "speaks", "words"),
    [
        # Of 4 pictures 0.25/√4 = 0.125 would tell; of none nothing does.
        ((0.2, 0.2, 0.1, 0.1), "stretch", 'Write resize = "stretch"'),
        ((-0.2, -0.2, -0.1, -0.1), "letterbox", "the spec has it so"),
        ((0.1, 0.1, 0.1, 0.1), None, "0.10 higher with stretch than with letterbox, and 0.12"),
        ((), None, "no wide or high picture has a box"),
    ],
)
def test_the_fit_without_labels(gains: tuple[float, ...], speaks: str | None, words: str) -> None:
    fit = FitByCutOuts("letterbox", "stretch", gains)
    assert fit.speaks_for == speaks
    said = _open({"stretch": 0.498}, fit)
    assert any(words in line for line in said)
    assert ("colour and range could" in said[0]) == (speaks is not None)
    if speaks == "stretch":
        assert "4 wide or high pictures speak for stretch" in said[-1]
        assert "IoU 0.15 higher than with letterbox" in said[-1]
        assert "mAP 68.5 with letterbox, 49.8 with stretch" in said[-1]


def test_cut_outs_of_a_wide_picture() -> None:
    """300×100 for 64×64: the cut-out around [90, 20, 110, 60] and [80, 20, 120, 60] begins at
    x = 50. The object is there at [30, 20, 70, 60]: the other's box itself, and of the kept one,
    half as wide, twice the area: 1 less 0.5. The square picture is the same either way."""

    def box(*xyxy: float) -> Detections:
        return Detections(np.array([xyxy]), np.array([0.9]), np.zeros(1, np.int64))

    asked = []

    def find_in(i: int, cut: tuple[int, int, int, int]) -> Detections:
        asked.append((i, cut))
        return box(30, 20, 70, 60)

    kept, other = [box(90, 20, 110, 60)] * 2, [box(80, 20, 120, 60)] * 2
    gains = gains_of([(100, 100), (300, 100)], kept, other, (64, 64), 0.3, find_in)
    assert gains == pytest.approx((0.5,)) and asked == [(1, (50, 0, 150, 100))]


def test_marks_that_nobody_looked_at_are_named_once() -> None:
    marks = (OpenCheck(key="input.color"), OpenCheck(key="head.boxes"))
    (line,) = (text for text in _open({}, None, marks) if "# CHECK" in text)
    assert line.startswith("input.color: still marked # CHECK at the export; take")  # head: a note


def test_what_is_said_where_all_looks_right() -> None:
    (said,) = _said(color=-0.3, range=-0.3, resize=-0.3)
    assert "colour, range and fit look right" in said and "of 20, spread evenly" in said


@pytest.mark.parametrize(
    ("line", "instead", "key", "write"),
    [
        ("mean = 127.5\nstd = 127.5", "range = [0, 255]", "range", "[-1, 1]"),
        ('resize = "letterbox"', 'resize = "stretch"', "resize", 'resize = "letterbox"'),
    ],
)
def test_evaluate_says_what_was_written_by_hand(
    line: str, instead: str, key: str, write: str, tmp_path: Path
) -> None:
    """No `# CHECK` is needed. Six faces are few: it may be no more than a word."""
    text = (FOLDER / "cat_faces.toml").read_text("utf-8").partition("[[targets")[0]
    text = "\n".join(part.partition("#")[0].rstrip() for part in text.splitlines())
    assert line in text
    text = text.replace(line, instead).replace("pad = 0", "")
    text = text.replace('source = "cat_faces.onnx"', f'source = "{FOLDER / "cat_faces.onnx"}"')
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(f"{text}\n[targets.onnx]\n", "utf-8")
    mc.export(spec, tmp_path / "bundle")
    told = mc.evaluate(tmp_path / "bundle", FOLDER / "pictures", cache=tmp_path / "kept")
    assert told.preprocessing is not None
    assert told.preprocessing.verdict(key) in ("wrong", "leaning")  # type: ignore[arg-type]
    said = "\n".join(str(getattr(part, "text", "")) for part in told.words())
    assert f"input.{key}" in said and write in said
    verdicts = told.to_json()["preprocessing"]["verdicts"]
    assert verdicts[f"input.{key}"] == told.preprocessing.verdict(key)  # type: ignore[arg-type]


def test_the_right_one_is_accused_of_nothing(tmp_path: Path) -> None:
    text = (FOLDER / "cat_faces.toml").read_text("utf-8").partition("[[targets")[0]
    text = text.replace('source = "cat_faces.onnx"', f'source = "{FOLDER / "cat_faces.onnx"}"')
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(f"{text}\n[targets.onnx]\n", "utf-8")
    mc.export(spec, tmp_path / "bundle")
    told = mc.evaluate(tmp_path / "bundle", FOLDER / "pictures", cache=tmp_path / "kept")
    assert told.preprocessing is not None
    found = {told.preprocessing.verdict(key) for key in told.preprocessing.keys}
    assert found <= {"open", "right"}


def _demo(folder: Path) -> Path:
    """Export the demo's detector of cats' faces as it is, for one target."""
    text = (FOLDER / "cat_faces.toml").read_text("utf-8").partition("[[targets")[0]
    text = text.replace('source = "cat_faces.onnx"', f'source = "{FOLDER / "cat_faces.onnx"}"')
    (folder / "mobilecat.toml").write_text(f"{text}\n[targets.onnx]\n", "utf-8")
    mc.export(folder / "mobilecat.toml", folder / "bundle")
    return folder / "bundle"


def test_the_first_few_are_spread_as_far_as_all() -> None:
    """Of 0 to 7 by bits turned round: 000, 100, 010, 110 … and of five what there is of these."""
    assert spread_evenly(range(8)) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert spread_evenly([10, 11, 12, 13, 14]) == [10, 14, 12, 11, 13]


def test_the_trial_reads_a_picture_once_and_runs_no_way_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec's own way comes with the source's lane: only the five others run."""
    read, ran = list[Path](), list[tuple[object, ...]]()
    reading, raw = trial.read_picture, SourceRunner.raw

    def noted(path: Path) -> object:
        read.append(path)
        return reading(path)

    def noted_raw(self: SourceRunner, inputs: object) -> object:
        image = self._bundle.spec.input
        assert image is not None
        ran.append((image.color, image.range, image.std, image.resize))
        return raw(self, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(trial, "read_picture", noted)
    monkeypatch.setattr(SourceRunner, "raw", noted_raw)
    monkeypatch.setattr(tried, "gains_of", lambda *_: ())
    bundle = _demo(tmp_path)
    told = mc.evaluate(bundle, FOLDER / "pictures", cache=tmp_path / "kept")
    found = told.preprocessing
    assert found is not None and len(found.tried) == 5
    assert len(read) == len(set(read)) == found.pictures
    assert len(ran) == 5 * found.pictures and len(set(ran)) == 5
    own = found.image
    assert (own.color, own.range, own.std, own.resize) not in ran
    again = mc.evaluate(bundle, FOLDER / "pictures", cache=tmp_path / "kept").preprocessing
    assert again is not None and again.to_json() == found.to_json()
    assert len(ran) == 5 * found.pictures  # what is kept does not run


def test_fresh_believes_what_this_run_found_and_nothing_older(tmp_path: Path) -> None:
    bundle, kept = _demo(tmp_path), tmp_path / "kept"
    first = mc.evaluate(bundle, FOLDER / "pictures", cache=kept).preprocessing
    for file in kept.rglob("*.json"):
        file.write_text("{}")
    again = mc.evaluate(bundle, FOLDER / "pictures", cache=kept, fresh=True).preprocessing
    assert first is not None and again is not None and first.to_json() == again.to_json()


def test_a_way_that_is_given_up_accuses_nobody_and_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance is that of five tries, whoever saw all pictures: no other looks better for it."""
    monkeypatch.setattr(tried, "LOOKS", (2,))
    monkeypatch.setattr(tried, "surely_worse", lambda pair: True)
    told = mc.evaluate(_demo(tmp_path), FOLDER / "pictures", cache=tmp_path / "kept")
    found = told.preprocessing
    with_objects = [len(p) for p in load_dataset(FOLDER / "pictures").pictures if len(p)]
    assert found is not None and found.pictures == len(with_objects) == 3
    seen = [t for t in found.tried if t.way.key != "resize"]
    # The first two of three, spread evenly, are the first and the last.
    assert {t.paired.objects for t in seen} == {with_objects[0] + with_objects[2]}
    assert {t.paired.tries for t in seen} == {len(found.tried)} and len(seen) == 4
    assert {t.ap for t in found.tried} == {None} and found.ap is not None
    assert not {"wrong", "leaning"} & set(map(found.verdict, found.keys))


def test_when_a_way_is_given_up() -> None:
    """It loses 0.6 on each of eight objects: spread 0.1 · √(4 / 11) / √8 = 0.0213, t = 27. A loss
    of 0.1 has t = 4.2, once in 1,400 of eleven degrees; five ways: that may be chance."""
    eight = np.full(8, 0.7)
    assert tried.surely_worse(Paired(eight, eight - 0.6, 5))
    assert not tried.surely_worse(Paired(eight, eight - 0.1, 5))
    assert not tried.surely_worse(Paired(eight, eight + 0.2, 5))
