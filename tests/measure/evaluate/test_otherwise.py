"""What labels say of preprocessing: by hand, and of the demo's detector, set up wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.otherwise import (
    Preprocessing,
    Tried,
    sample_of,
    values_of,
)
from mobilecat.measure.evaluate.paired import Paired
from mobilecat.pictures.detections import Detections
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
    truths = [_truth([[0, 0, 1, 1]])] * pictures
    chosen = sample_of([*truths, _truth([])], lanes, 6)
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
    assert len(figures) == 3 and "RGB, as the spec has it, 0.500; BGR 0.500" in figures[0]


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
