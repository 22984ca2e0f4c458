"""Captures and detection files: what is read, what is refused, and the command's exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.cli.diagnose import diagnose as command
from mobilecat.diagnosis import diagnose
from mobilecat.diagnosis.answer import pairs_of
from mobilecat.diagnosis.capture import CapturedBox, json_schema, parse_capture
from mobilecat.diagnosis.scenes import norm_from, pair_boxes, scene_of, setting_of
from mobilecat.diagnosis.suspect import Suspect
from mobilecat.diagnosis.whole import diagnose_capture
from mobilecat.errors import MobileCatError
from mobilecat.geometry.views import VIEW_MODES

ROOT = Path(__file__).resolve().parents[2]
# A back camera held upright: the buffer lies on its side, the app said .up. Upright 720×1280.
TRUE = [[72, 256, 216, 768], [360, 128, 648, 384], [108, 896, 180, 1152]]


def frame(**changes: Any) -> dict[str, Any]:
    """Boxes are drawn in a 360×640 view that shows the 720×1280 picture at half its size."""
    lying = [[b[1] / 1280, 1 - b[2] / 720, b[3] / 1280, 1 - b[0] / 720] for b in TRUE]
    drawn = [[b[0] * 360, b[1] * 640, b[2] * 360, b[3] * 640] for b in lying]
    told = {
        "size_wh": [1280, 720],
        "pixel_format": "32BGRA",
        "bytes_per_row": [5120],
        "orientation": 1,
        "device": "portrait",
        "camera": "back",
        "crop_and_scale": "scaleFill",
        "model_wh": [416, 320],
        "view": {"size_wh": [360, 640], "mode": "resizeAspectFill", "scale": 3},
        "drawn": [{"box_xyxy": b} for b in drawn],
        "true": [{"box_xyxy": b} for b in TRUE],
    }
    return told | changes


def capture(*frames: dict[str, Any]) -> str:
    return json.dumps({"schema": 1, "frames": list(frames)})


def run(*args: object) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(a) for a in args])


def test_a_capture_names_the_frame_that_lies_on_its_side() -> None:
    setting = setting_of(parse_capture(capture(frame()), "here"))
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.ids == {"4"}
    assert any(".right (EXIF 6)" in note for note in setting.notes)


def test_model_outputs_stand_in_for_true_boxes() -> None:
    """scaleFill of 720×1280 into 416×320: x·416/720, y·320/1280."""
    outputs = [{"box_xyxy": [b[0] * 416 / 720, b[1] / 4, b[2] * 416 / 720, b[3] / 4]} for b in TRUE]
    told = frame(outputs=outputs)
    del told["true"]
    answer = diagnose(setting_of(parse_capture(capture(told), "here")).scenes)
    assert answer.first is not None and answer.first.ids == {"4"} and answer.first.rms_px < 1e-6


@pytest.mark.parametrize(
    ("space", "box"),
    [
        ("image", [72, 256, 216, 768]),
        ("normalized", [0.1, 0.2, 0.3, 0.6]),
        ("vision", [0.1, 0.4, 0.3, 0.8]),
        ("view", [36, 128, 108, 384]),
        ("model", [41.6, 64, 124.8, 192]),
        ("frame", [256, 504, 768, 648]),
    ],
)
def test_every_space_leads_to_the_same_normalised_box(space: Any, box: list[float]) -> None:
    facts = parse_capture(capture(frame()), "here").frames[0].facts
    got = norm_from(space, facts).boxes_xyxy(np.array([box]))
    np.testing.assert_allclose(got, [[0.1, 0.2, 0.3, 0.6]], atol=1e-9)


def test_all_problems_of_a_capture_are_told_at_once() -> None:
    bad = frame(
        orientation=9, crop_and_scale="cover", region_of_interest=[0.5, 0, 0.7, 1], colour=1
    )
    worse = frame(view=None, bytes_per_row=[100], extent=[0, 0, 0, 5])
    with pytest.raises(MobileCatError) as refused:
        parse_capture(capture(bad, worse), "capture.json")
    text = str(refused.value)
    for part in ("frames.0.orientation", "no key `colour`", "there is no view", "100", "extent"):
        assert part in text
    with pytest.raises(MobileCatError, match="not a capture"):
        parse_capture("{", "capture.json")
    with pytest.raises(MobileCatError):
        parse_capture('{"schema": 2, "frames": []}', "capture.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oriantation": 6}, "did you mean orientation?"),
        ({"crop_and_scale": "scalefit"}, "did you mean scaleFit?"),
        # By letters it is nearer to resizeAspectFill, which shows another part of the picture.
        ({"view": {"size_wh": [9, 9], "mode": "resizeAspectFit"}}, "did you mean resizeAspect?"),
        ({"view": {"size_wh": [9, 9], "mode": "cover"}}, "did you mean resizeAspectFill?"),
        ({"view": {"size_wh": [9, 9], "mode": "fitCenter"}}, "did you mean FIT_CENTER?"),
        ({"view": {"size_wh": [9, 9], "mode": "nothing"}}, "it is one of resize, "),
        ({"view": {"size_wh": [9, 9], "scal": 2}}, "did you mean scale?"),
        ({"true": [{"box_xyxy": [0, 0, 1, 1], "scor": 0.5}]}, "did you mean score?"),
    ],
)
def test_what_may_be_meant_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(MobileCatError) as refused:
        parse_capture(capture(frame(**changes)), "capture.json")
    assert said in str(refused.value), refused.value


def test_the_page_names_every_mode_of_a_view() -> None:
    page = (ROOT / "docs" / "capture.md").read_text("utf-8")
    assert all(f"`{mode}`" in page for mode in VIEW_MODES)


def test_the_frame_is_under_the_boxes_where_it_is_at_hand(tmp_path: Path) -> None:
    """A red frame of 20 × 10, stored upright: its middle is red where no box is drawn."""
    Image.new("RGB", (20, 10), "red").save(tmp_path / "f.png")
    box = {"box_xyxy": [1, 1, 4, 4]}
    told = {"size_wh": [20, 10], "model_wh": [20, 10], "true": [box], "drawn": [box]}
    for image, colour in (("f.png", (255, 0, 0)), ("gone.png", (0xDD, 0xDD, 0xDD))):
        one = told | {"image": image, "drawn_in": "image"}
        given = parse_capture(capture(one), "here")
        drawn = diagnose_capture(given, home=tmp_path).draw()
        assert drawn is not None and drawn.getpixel((13, 6)) == colour


def test_more_boxes_on_one_side_are_drawn_as_well(tmp_path: Path) -> None:
    """Two true boxes and one drawn: no pair is made of rows that only stand alike."""
    true = [{"box_xyxy": [1, 1, 4, 4]}, {"box_xyxy": [10, 2, 18, 8]}]
    one = {"size_wh": [20, 10], "model_wh": [20, 10], "true": true, "drawn": true[1:]}
    given = parse_capture(capture(one | {"drawn_in": "image"}), "here")
    found = diagnose_capture(given, home=tmp_path)
    assert found.setting is not None and found.draw() is not None
    assert pairs_of(found.setting.scenes[0], Suspect((), (), 0.0, 0.0)) == [(1, 0)]


def test_a_frame_without_true_boxes_says_what_to_write() -> None:
    told = frame()
    del told["true"]
    with pytest.raises(MobileCatError, match="outputs"):
        setting_of(parse_capture(capture(told), "here"))


def test_only_ids_pair_boxes_before_a_bug_is_known() -> None:
    def box(x: float, **more: Any) -> CapturedBox:
        return CapturedBox(box_xyxy=(x, 0, x + 1, 2), **more)

    by_id = pair_boxes([box(1, id="a"), box(2, id="b")], [box(9, id="b")])
    assert by_id is not None
    assert [(t.box_xyxy[0], o.box_xyxy[0]) for t, o in by_id] == [(2, 9)]
    assert pair_boxes([box(1, score=0.9), box(2, score=0.6)], [box(7, score=0.6)]) is None
    assert pair_boxes([box(1), box(2)], [box(1)]) is None
    assert pair_boxes([box(1)], [box(2)]) is not None  # one object alone


def test_classes_part_what_may_be_one_object_where_both_sides_tell_them() -> None:
    facts = parse_capture(capture(frame()), "here").frames[0].facts
    true = [CapturedBox(box_xyxy=(0, 0, 9, 9), class_id=c) for c in (0, 1, 2)]
    seen = [CapturedBox(box_xyxy=(0, 0, 9, 9), class_id=c) for c in (2, 1)]
    scene, _ = scene_of(facts, true, "image", seen, "image")
    assert scene.evidence.partners is not None
    assert scene.evidence.partners.tolist() == [[False, False], [False, True], [True, False]]
    untold, _ = scene_of(facts, true, "image", [seen[0].model_copy(update={"class_id": 0})], "view")
    assert untold.evidence.partners is not None and untold.evidence.partners.all()


def test_frames_in_motion_give_a_history() -> None:
    def at(t: int, drawn_from: int) -> dict[str, Any]:
        def box(k: int) -> list[float]:
            return [50 + 40 * k, 100 + 11 * k * k, 200 + 40 * k, 330 + 11 * k * k]

        late = [v / 2 for v in box(drawn_from)]
        return frame(true=[{"box_xyxy": box(t)}], drawn=[{"box_xyxy": late}], orientation=6)

    frames = [at(t, max(0, t - 2)) for t in range(8)]
    setting = setting_of(parse_capture(capture(*frames), "here"))
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.name == "stale frame (2 frames)"


def test_the_angle_that_the_system_reports_decides_over_the_table_of_devices() -> None:
    def needed(**changes: Any) -> int:
        (read,) = parse_capture(capture(frame(drawn=[], true=[], **changes)), "here").frames
        return int(read.needed or 0)

    assert needed() == 6  # a back camera held upright, by the table
    assert needed(upright_angle=0) == 1
    assert needed(upright_angle=270) == 8
    assert needed(upright_angle=90, applied_angle=90) == 1
    assert needed(upright_angle=90, upright=3) == 3  # who knows better says so
    assert needed(upright_angle=0, camera="front", mirrored=True) == 2
    # An iPad's front connection, which turns by 180 unless told otherwise.
    assert needed(upright_angle=180, applied_angle=180, camera="front") == 1


def test_a_front_camera_that_delivers_portrait_frames_needs_no_quarter_turn() -> None:
    """iPhone 17: by the table a front camera held upright needs .right; these are upright."""
    tall = frame(size_wh=[1080, 1920], bytes_per_row=[], camera="front", drawn=[], true=[])
    (read,) = parse_capture(capture(tall), "here").frames
    assert read.needed == 1 and read.contradictions == []
    (old,) = parse_capture(capture(tall | {"size_wh": [1920, 1080]}), "here").frames
    assert old.needed == 6
    assert "by a table of devices" in old.contradictions[0]


def test_the_schema_in_the_docs_is_the_code_s() -> None:
    stored = json.loads((ROOT / "docs" / "capture.schema.json").read_text("utf-8"))
    assert stored == json_schema()


def test_the_example_in_the_docs_is_read_and_named() -> None:
    page = (ROOT / "docs" / "capture.md").read_text("utf-8")
    example = page.split("```json")[1].split("```")[0]
    answer = diagnose(setting_of(parse_capture(example, "docs/capture.md")).scenes)
    assert answer.verdict == "named"


def test_the_command_on_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    path.write_text(capture(frame()))
    told = run(path, "--draw", tmp_path / "d.png")
    assert told.exit_code == 1, told.output
    assert "tell Vision the orientation is .right (EXIF 6)." in told.output.splitlines()[0]
    assert (tmp_path / "d.png").stat().st_size > 1000
    fine = frame(drawn=[{"box_xyxy": [v / 2 for v in b]} for b in TRUE], orientation=6)
    path.write_text(capture(fine))
    told = run(path, "--json", "-")
    assert told.exit_code == 0 and json.loads(told.output)["verdict"] == "nothing wrong"


def test_the_command_on_two_detection_files(tmp_path: Path) -> None:
    """Upside down in Vision's space: what is drawn as counted from the top."""
    rows = [
        {"box_xyxy": b, "score": s, "class_id": 0}
        for b, s in zip(TRUE, (0.9, 0.8, 0.7), strict=True)
    ]
    whole = {"schema": 1, "image": {"size_wh": [720, 1280]}, "results": [{"detections": rows}]}
    (tmp_path / "true.json").write_text(json.dumps(whole))
    seen = [
        r | {"box_xyxy": [b[0], 1280 - b[3], b[2], 1280 - b[1]]}
        for r, b in zip(rows, TRUE, strict=True)
    ]
    (tmp_path / "seen.json").write_text(json.dumps(seen[::-1]))
    args = ("--true", tmp_path / "true.json", "--observed", tmp_path / "seen.json")
    told = run(*args, "--json", "-")
    assert told.exit_code == 1 and json.loads(told.output)["first"]["ids"] == ["1"]


def test_boxes_as_four_numbers_each() -> None:
    """What a person types: rows of corners, here of a frame that was handed over lying.

    Upright 1080×1920 by EXIF 6: a point (x, y) lies at (y, 1080 − x) of the stored 1920×1080;
    the app scales that by 1080/1920 and 1920/1080.
    """
    true = [[216, 576, 378, 1152], [756, 960, 864, 1536], [400, 200, 560, 420]]
    drawn = [[y1 * 9 / 16, (1080 - x2) * 16 / 9, y2 * 9 / 16, (1080 - x1) * 16 / 9]
             for x1, y1, x2, y2 in true]  # fmt: skip
    found = mc.diagnose(true=true, observed=drawn, frame=(1920, 1080), upright=6)
    assert found.answer is not None and found.answer.first is not None
    assert found.answer.first.ids == {"4"}
    with pytest.raises(MobileCatError, match="Field required"):
        mc.diagnose(true=[[1, 2, 3]], observed=drawn, frame=(1920, 1080))


@pytest.mark.parametrize(
    "args", [(), ("--image", "x.png"), ("--true", "t.json"), ("--frame", "wide")]
)
def test_options_that_do_not_go_together_are_refused(args: tuple[str, ...]) -> None:
    told = run(*args)
    assert isinstance(told.exception, MobileCatError)


def test_a_capture_of_nothing_is_not_nothing_wrong(tmp_path: Path) -> None:
    empty = {**frame(), "drawn": [], "true": []}
    (tmp_path / "c.json").write_text(json.dumps({"schema": 1, "frames": [empty]}))
    told = run(tmp_path / "c.json")
    assert isinstance(told.exception, MobileCatError)
    assert "nothing can be said" in str(told.exception) and "--image" in str(told.exception)


@pytest.mark.parametrize("value", [1e300, -2e6, 10**400, "1e400", "NaN"])
def test_boxes_of_no_picture(value: Any, tmp_path: Path) -> None:
    told = {"schema": 1, "frames": [{**frame(), "drawn": [{"box_xyxy": [0, 0, "?", 10]}]}]}
    text = json.dumps(told).replace('"?"', str(value))
    with pytest.raises(MobileCatError, match=r"frames\.0\.drawn\.0\.box_xyxy|not a capture"):
        parse_capture(text, "c.json")


def test_a_still_subject_says_the_same_thing_once(tmp_path: Path) -> None:
    """Two per cent of one box, as a model's own jitter gives, twelve times over, is no bug."""
    one = [[300.0, 500.0, 420.0, 700.0]]
    off = [[b[0] / 2 * 1.008, b[1] / 2 * 1.008, b[2] / 2 * 1.008, b[3] / 2 * 1.008] for b in one]
    still = frame(
        orientation=6,
        true=[{"box_xyxy": b} for b in one],
        drawn=[{"box_xyxy": b} for b in off],
    )
    told = []
    for count in (1, 12):
        frames = [{**still, "time": k / 30} for k in range(count)]
        given = parse_capture(capture(*frames), "here")
        told.append(diagnose_capture(given, home=tmp_path))
    once, often = told
    assert once.answer is not None and often.answer is not None
    assert (often.answer.verdict, often.answer.boxes) == (once.answer.verdict, once.answer.boxes)
