"""What an app drew on a clip: planted faults are named; `make streams` plants all of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.pictures.detections import Detections
from mobilecat.streams.times import ROW_FAULTS, Shown, emptied, rhythm, stale, stale_at
from tests.command import mobilecat
from tests.test_cli import refused
from tools.plant_faults.streams import FAULTS, clip_for, plant, rows_of, write_rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@pytest.mark.parametrize("name", ["none", "BGR", "one frame late", "times counted"])
def test_a_planted_fault_is_named(cats: Path, home: Path, name: str) -> None:
    wanted, found = plant(name, home, cats)
    assert [s.name for s in found.named] == ([wanted] if wanted else [])
    assert found.wrong == bool(wanted) and found.exit_code == int(bool(wanted))


def test_a_clip_that_is_to_be_turned_and_an_app_that_does_not(cats: Path, home: Path) -> None:
    clip = clip_for("none", home)
    words = ["diagnose", cats, "--clip", clip, "--runner", "onnx"]
    told = mobilecat(*words)
    assert told.returncode == 0 and "to be turned: .right, EXIF 6" in told.stdout, told.stderr
    assert "No rows were given, so no fault is looked for" in told.stdout
    rows = home / "app.csv"
    write_rows(rows, rows_of(FAULTS["rotation ignored"][1], clip, cats))
    told = mobilecat(*words, "--observed", rows)
    assert told.returncode == 1 and "preferredTransform" in told.stdout
    told = mobilecat(*words, "--observed", rows, "--json")
    assert json.loads(told.stdout)["named"][0]["name"] == "rotation ignored"


def test_rows_that_are_none_are_refused(cats: Path, home: Path) -> None:
    clip, rows = clip_for("none", home), home / "bad.csv"
    for text, says in (
        ("a,b\n1,2\n", "no column frame"),
        ("frame,x1,y1,x2,y2\nx,1,2,3,4\n1,1,2,3\n", "bad.csv, line 2"),
        ("frame,x1,y1,x2,y2\n99999,1,2,3,4\n", "not one frame of the rows is in the clip"),
    ):
        rows.write_text(text)
        refused(mobilecat("diagnose", cats, "--clip", clip, "--observed", rows), says)
    with pytest.raises(mc.MobileCatError, match="a clip needs the bundle"):
        mc.diagnose(clip=clip)


def test_a_rhythm_is_what_the_frames_say() -> None:
    """Every seventh from 4 on, of 30; unknown where nothing moved; none where one is missing."""
    hits: list[bool | None] = [k % 7 == 4 for k in range(30)]
    assert rhythm(hits) == (7, 4)
    hits[11] = None
    assert rhythm(hits) == (7, 4)
    hits[18] = False
    assert rhythm(hits) is None
    assert rhythm([False] * 30) is None and rhythm([True] * 30) is None
    assert rhythm([k in (4, 5, 11, 18, 19, 20) for k in range(30)]) is None  # dropped at random


def test_what_faults_of_order_draw_by_hand() -> None:
    """Five frames with one box each, at x = 0, 10, 20, 30, 40."""

    def at(k: int) -> Detections:
        box = np.array([[10.0 * k, 0, 10 * k + 8, 8]])
        return Detections(box, np.array([0.9]), np.zeros(1, np.int64))

    from mobilecat.geometry.affine import Affine

    shown = Shown({f: at(f) for f in range(5)}, Affine.scale_then_move(2, 2, 0, 12), (40, 28))
    drawn = {
        f.name: [round(float(d.boxes_xyxy[0, 0]), 3) for d in f.predict(shown).values() if len(d)]
        for f in (*reversed(ROW_FAULTS), stale(3, 1), emptied(5, 2), stale_at([3]))
    }
    assert drawn["boxes of the frame before"] == [0, 0, 10, 20, 30]
    assert drawn["boxes two frames late"] == [0, 0, 0, 10, 20]
    assert drawn["every second frame twice"] == [0, 0, 20, 20, 40]
    assert drawn["frames out of order"] == [0, 20, 10, 40, 30]
    assert drawn["a frozen stream"] == [0] * 5
    assert drawn["boxes rounded to 8 pixels"] == [0, 8, 16, 32, 40]
    assert drawn["boxes in pixels of the model's input"] == [0, 20, 40, 60, 80]
    assert drawn["boxes mirrored"] == [32, 22, 12, 2, -8]
    assert drawn["a stale frame every third"] == [0, 0, 20, 30, 30]
    assert drawn["a stale frame now and then"] == [0, 10, 20, 20, 40]
    assert drawn["no boxes in every 5th frame"] == [0, 10, 30, 40]
    forgotten = next(f for f in ROW_FAULTS if f.name == "the bars are forgotten").predict(shown)
    assert forgotten[1].boxes_xyxy.tolist() == [[10, 6, 18, 14]]
