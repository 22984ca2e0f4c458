"""On the demo's detector and picture: the frame handed over lying, and phones simulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mobilecat.cli.diagnose import diagnose as command
from mobilecat.compile import export
from mobilecat.coordinates.belongs import Engine, held_through, in_view
from mobilecat.coordinates.chains import check_coordinates
from mobilecat.coordinates.report import GRAVITIES, OPTIONS, chains
from mobilecat.diagnosis.memory import misread
from mobilecat.diagnosis.rerun import rerun
from mobilecat.diagnosis.told import _fitted_otherwise
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.orientation import Orientation, apply_orientation, inverse_orientation
from mobilecat.lanes import Lane
from mobilecat.review.approve import approve, record
from mobilecat.spec import ImageSpec
from tests.cat_faces import ONE, SOURCE, cat_faces_spec
from tests.conftest import the_shared_data


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("diagnose") / "bundle"
    export(cat_faces_spec(), out, source=SOURCE)
    return out


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A cat, 300×500: not square."""
    return np.asarray(Image.open(ONE).convert("RGB"))


def run(*args: object) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(a) for a in args])


def test_a_frame_at_90_degrees_is_named_in_one_sentence(
    bundle: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    lying = Image.fromarray(photo).transpose(Image.Transpose.ROTATE_90)  # counter-clockwise
    lying.save(tmp_path / "frame.png")
    told = run("--image", tmp_path / "frame.png", bundle)
    assert told.exit_code == 1, told.output
    assert told.output.splitlines()[0] == (
        "The frame was handed over lying on its side: tell Vision the orientation is "
        ".right (EXIF 6)."
    )


@pytest.mark.parametrize("needed", [Orientation.LEFT, Orientation.DOWN])
def test_other_turns(bundle: Path, photo: np.ndarray, needed: Orientation) -> None:
    stored = apply_orientation(photo, inverse_orientation(needed))
    found = rerun(bundle, stored)
    assert found.restored.chain.orientation == needed and found.wrong
    assert f".{needed.cg_name} (EXIF {int(needed)})" in found.sentence


def test_the_upright_photo_is_fine(bundle: Path, photo: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(photo).save(tmp_path / "frame.png")
    told = run("--image", tmp_path / "frame.png", bundle)
    assert told.exit_code == 0 and told.output.startswith("Nothing wrong with the frame")
    assert "finds more than chance gives" in told.output
    assert ".up (EXIF 1), as handed over" in told.output


def test_values_that_were_divided_already_and_sheared_rows_are_restored(
    bundle: Path, photo: np.ndarray
) -> None:
    dark = np.rint(photo / 255.0).astype(np.uint8)  # 0 and 1: what is left of [0, 1] in bytes
    assert "28" in rerun(bundle, dark).ids
    h, w = photo.shape[:2]
    padded = np.zeros((h, w + 4, 3), np.uint8)  # 304·4 bytes: rows of whole 64 bytes, as on devices
    padded[:, :w] = photo
    sheared = padded.reshape(-1, 3)[: h * w].reshape(h, w, 3)
    found = rerun(bundle, sheared)
    assert found.ids == ("26",) and "bytesPerRow" in found.sentence


PLANAR = (
    lambda a: np.ascontiguousarray(a.transpose(2, 0, 1)).reshape(a.shape),
    lambda a: np.ascontiguousarray(a.reshape(3, *a.shape[:2]).transpose(1, 2, 0)),
    lambda a: np.dstack([a, np.full_like(a[..., :1], 255)]).reshape(-1)[: a.size].reshape(a.shape),
    lambda a: np.asarray(Image.fromarray(a).convert("YCbCr")),
)


@pytest.mark.parametrize("misread", PLANAR)
def test_bytes_in_another_layout_are_named_without_a_second_bug(bundle: Path, misread: Any) -> None:
    """A real photo's rows: drawn pictures are too flat for their bytes to say much."""
    cat = np.asarray(Image.open(the_shared_data() / "chelsea.png").convert("RGB"))
    found = rerun(bundle, misread(cat))
    assert found.ids == ("37",), found.sentence
    assert found.mended is not None


def test_a_photo_s_own_bytes_are_left_alone() -> None:
    for name in ("chelsea.png", "astronaut.png"):
        picture = np.asarray(Image.open(the_shared_data() / name).convert("RGB"))
        for turn in range(4):
            assert misread(np.ascontiguousarray(np.rot90(picture, turn))) is None


def test_a_net_that_hardly_sees_colour_says_so(bundle: Path, photo: np.ndarray) -> None:
    found = rerun(bundle, np.ascontiguousarray(photo[..., ::-1]))
    assert "27" in found.ids or "cannot be told with this model" in found.sentence
    assert found.colour is not None


def test_swapped_colours_beside_a_turn_are_not_passed_over(bundle: Path, photo: np.ndarray) -> None:
    lying = np.ascontiguousarray(np.rot90(photo)[..., ::-1])
    found = rerun(bundle, lying)
    assert "4" in found.ids
    assert "27" in found.ids or any("cannot be told" in note for note in found.notes)


def test_the_better_fit_is_named_the_right_way_round() -> None:
    for right, used, said in (
        ("letterbox", "centerCrop", "saw only the middle"),
        ("centerCrop", "letterbox", "was made for the middle"),
        ("letterbox", "scaleFill", "was stretched"),
    ):
        _, sentence = _fitted_otherwise(right, used)
        assert said in sentence and sentence.endswith(f"{right} finds what {used} loses.")


def test_nothing_to_find_is_said(bundle: Path) -> None:
    found = rerun(bundle, np.full((60, 100, 3), 128, np.uint8))
    assert found.wrong and "finds nothing" in found.sentence


def test_a_picture_gives_the_true_boxes_for_what_was_drawn(
    bundle: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    """The app's own letterbox of 300×500 into 224: g = .448, 44.8 columns of padding not undone."""
    Image.fromarray(photo).save(tmp_path / "frame.png")
    found = rerun(bundle, photo).restored.found
    fx = 0.448 * 300 / 224
    x1, y1, x2, y2 = found.boxes_xyxy[0] / [300, 500, 300, 500]
    drawn = [0.5 + (x1 - 0.5) * fx, y1, 0.5 + (x2 - 0.5) * fx, y2]
    box = {"box_xyxy": [float(v) for v in drawn], "score": float(found.scores[0])}
    (tmp_path / "seen.json").write_text(json.dumps([box]))
    told = run(
        "--image", tmp_path / "frame.png", bundle,
        "--observed", tmp_path / "seen.json", "--in", "normalized", "--draw", tmp_path / "d.png",
    )  # fmt: skip
    assert told.exit_code == 1, told.output
    assert "bug 8: scaleFit's padding not undone" in told.output
    assert (tmp_path / "d.png").is_file()


def test_a_capture_without_a_box_is_told_what_would_leave_none(
    bundle: Path, photo: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "frame.png")
    frame = {"size_wh": [300, 500], "model_wh": [224, 224], "image": "frame.png", "drawn": []}
    frame |= {"crop_and_scale": "letterbox", "view": {"size_wh": [390, 844]}}
    (tmp_path / "c.json").write_text(json.dumps({"schema": 1, "frames": [frame]}))
    told = run(tmp_path / "c.json", bundle, "--json", "-")
    said = json.loads(told.output)
    assert told.exit_code == 1 and said["verdict"] == "no boxes" and said["missing"] == 1
    assert "the app drew none" in said["sentence"] and "divided by 255" in said["sentence"]


@pytest.fixture(scope="module")
def golden(bundle: Path, photo: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("golden")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    Image.fromarray(photo[:, 3:]).save(root / "tall.png")  # 297×500
    record(bundle, root / "golden", root / "tall.png", link=True)
    approve(bundle, root / "golden", every=True)
    patch.undo()
    return root / "golden"


def test_boxes_land_where_they_belong_through_every_small_chain(bundle: Path, golden: Path) -> None:
    report = check_coordinates(bundle, golden, runner="onnx")
    assert report.held, [r for r in report.rows if r.verdict != "PASS"]
    assert {r.chain.option for r in report.rows} == set(OPTIONS)
    assert report.model_runs < len(report.rows)
    assert max(r.max_px or 0 for r in report.rows) < 1.5
    assert len(report.grid()) == 1 + len(OPTIONS)
    assert report.to_json()["verdict"] == "HELD"


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("mobilecat.camera.request.image_from_vision", lambda wh: Affine.scale_then_move(*wh)),
        (
            "mobilecat.camera.request.upright_from_stored",
            None,  # 6 and 8 taken for each other
        ),
        (
            "mobilecat.camera.request.View.view_from_image",
            lambda self, wh: Affine.scale_then_move(self.size.w / wh.w, self.size.h / wh.h),
        ),
    ],
)
def test_a_planted_fault_of_coordinates_falls_short(
    bundle: Path, golden: Path, monkeypatch: pytest.MonkeyPatch, where: str, fault: Any
) -> None:
    from mobilecat.geometry.orientation import upright_from_stored

    swapped = {6: 8, 8: 6}
    planted = fault or (lambda o, wh: upright_from_stored(swapped.get(int(o), o), wh))
    monkeypatch.setattr(where, planted)
    report = check_coordinates(bundle, golden, runner="onnx")
    assert not report.held and report.failed and "FAIL" in str(report.grid())


def test_boxes_that_noise_moves_measure_nothing_but_must_be_in_their_place(
    bundle: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilecat.coordinates.belongs.MEASURES_PX", -1.0)  # none is steady
    report = check_coordinates(bundle, golden, runner="onnx")
    assert report.verdict == "NOT_MEASURABLE" and report.held  # of the pictures, not of the app
    assert {r.verdict for r in report.rows} == {"NOT_RUN"}
    assert len(report.unmeasured) == 1 and "28 of 28 chains" in report.unmeasured[0]
    assert "that another drawing of the same picture moves" in report.unmeasured[0]
    mirrored = Affine(-390 / 297, 0.0, 390.0, 0.0, 844 / 500, 0.0)
    where = "mobilecat.camera.request.View.view_from_image"
    monkeypatch.setattr(where, lambda self, wh: mirrored)
    assert check_coordinates(bundle, golden, runner="onnx").failed


class NoisyRunner:
    """Two boxes of one class; the second moves right by the number of pixels that changed."""

    note = "a fake"

    def __init__(self, base: np.ndarray) -> None:
        self.base = base

    def infer(self, inputs: Any, taps: Any = ()) -> dict[str, np.ndarray]:
        changed = float((inputs["image"] != self.base).sum())
        boxes = [[2, 3, 12, 9], [20 + 0.01 * changed, 3, 30 + 0.01 * changed, 9]]
        return {
            "boxes": np.array([boxes], np.float32),
            "scores": np.array([[0.9, 0.8]], np.float32),
            "class_ids": np.zeros((1, 2), np.int32),
            "count": np.array([2], np.int32),
        }


def test_steady_is_what_noise_of_one_level_leaves_in_place() -> None:
    """Some two thirds of 20·40·3 values change: 16 px for the second box."""
    pixels = np.full((20, 40, 3), 100, np.uint8)
    spec = ImageSpec(size=(40, 20))
    engine = Engine(Lane("source"), NoisyRunner(pixels), spec)
    held = held_through(engine.model_boxes(pixels), engine.noisy(pixels, 2), 0.3)
    np.testing.assert_allclose(held.found.boxes_xyxy, [[2, 3, 12, 9], [20, 3, 30, 9]])
    assert held.steady.tolist() == held.lasting.tolist() == [True, False]
    assert not held.settled  # it is another box, 16 px further on
    assert engine.runs == 3


def test_the_small_set_has_every_value_and_the_full_one_every_combination() -> None:
    formats = ("32BGRA", "420f", "420v", "YUV_420_888")
    small, full = chains(False, formats), chains(True, formats)
    assert len(full) == 8 * len(OPTIONS) * 3 * 4 and set(small) < set(full)
    assert {c.orientation for c in small} == set(Orientation)
    assert {c.format for c in small} == set(formats) and {c.gravity for c in small} == set(
        GRAVITIES
    )


def test_places_in_the_view_worked_by_hand() -> None:
    """360×500 fills 390×844 at 1.688: 607.68 points wide, so 108.84 are cut off on each side."""
    placed, _ = in_view(
        np.array([[90.0, 50.0, 180.0, 250.0]]), (360, 500), "resizeAspectFill", False
    )
    np.testing.assert_allclose(placed, [[43.08, 84.4, 195.0, 422.0]])
    turned, _ = in_view(np.array([[90.0, 50.0, 180.0, 250.0]]), (360, 500), "resize", True)
    np.testing.assert_allclose(turned, [[195.0, 211.0, 351.0, 422.0]])
