"""Which way up a frame is: as odds, with what cannot be told said as such."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mobilecat.bundle import open_bundle
from mobilecat.cli.diagnose import diagnose as command
from mobilecat.compile import export
from mobilecat.diagnosis.bench import Bench
from mobilecat.diagnosis.directions import (
    Direction,
    Directions,
    agreement,
    probabilities,
    sureness,
)
from mobilecat.diagnosis.looks import CENTRED
from mobilecat.diagnosis.machine import Chain, Machine
from mobilecat.diagnosis.rerun import fit_of, rerun
from mobilecat.geometry.orientation import Orientation
from mobilecat.spec import load_spec
from tests.cat_faces import ONE, PICTURES, SOURCE, cat_faces_spec
from tests.conftest import the_shared_data

Pixels = np.ndarray


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("directions") / "bundle"
    export(cat_faces_spec(), out, source=SOURCE)
    return out


def pixels(name: str) -> Pixels:
    return np.asarray(Image.open(PICTURES / name).convert("RGB"))


# ---- the odds, worked by hand


def test_without_evidence_the_prior_is_left_which_tells_nothing() -> None:
    np.testing.assert_allclose(probabilities([3.0] * 4), [1 / 2, 1 / 6, 1 / 6, 1 / 6])
    assert not directions([0.9] * 4, probabilities([3.0] * 4)).told


def test_evidence_of_twelve_to_one_outweighs_the_prior() -> None:
    """1/2 : 12/6 : 1/6 : 1/6, of 17/6."""
    shares = probabilities([0.0, log(12), 0.0, 0.0])
    np.testing.assert_allclose(shares, [3 / 17, 12 / 17, 1 / 17, 1 / 17])


def test_sureness_is_log_odds_less_half_their_spread() -> None:
    """(.95 + .05) / (.05 + .05) = 10, (.5 + .05) / (.5 + .05) = 1: the mean and half the spread of
    log 10 and log 1 are both log(10) / 2.
    """
    assert sureness([0.5, 0.5]) == pytest.approx(0.0)
    assert sureness([0.95]) == pytest.approx(log(10))
    assert sureness([0.95, 0.5]) == pytest.approx(log(10) / 2 - log(10) / 4)
    assert sureness([0.0, 0.0], floor=0.5) == pytest.approx(0.0)


def test_boxes_that_wander_agree_less() -> None:
    """Half a box further on: IoU 50 / 150."""
    here, there = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10]])
    assert agreement([here, here, here]) == pytest.approx(1.0)
    assert agreement([here, there]) == pytest.approx(1 / 3)
    assert agreement([here, np.concatenate([there, here])]) == pytest.approx((1 + 1 / 3) / 2)
    assert agreement([here, np.zeros((0, 4))]) == 0.0


def directions(scores: Sequence[float], shares: Sequence[float] | np.ndarray) -> Directions:
    turns = (Orientation.UP, Orientation.RIGHT, Orientation.DOWN, Orientation.LEFT)
    each = tuple(
        Direction(o, score, 1.0, 0.0, float(share))
        for o, score, share in zip(turns, scores, shares, strict=True)
    )
    return Directions(each, 8, 0.3)


@pytest.mark.parametrize(
    ("scores", "shares", "told", "turned"),
    [
        ([0.9, 0.2, 0.1, 0.2], [0.95, 0.02, 0.01, 0.02], True, None),
        ([0.9, 0.9, 0.1, 0.2], [0.55, 0.40, 0.02, 0.03], False, None),
        ([0.2, 0.1, 0.9, 0.2], [0.05, 0.05, 0.85, 0.05], True, Orientation.DOWN),
        ([0.2, 0.1, 0.9, 0.2], [0.15, 0.05, 0.75, 0.05], False, None),
        # Scores that lie about the threshold come and go by chance.
        ([0.2, 0.1, 0.33, 0.2], [0.05, 0.05, 0.85, 0.05], False, None),
        ([0.2, 0.1, 0.1, 0.2], [0.95, 0.02, 0.01, 0.02], False, None),
    ],
)
def test_a_direction_is_named_only_where_it_is_probable_and_found_clearly(
    scores: list[float], shares: list[float], told: bool, turned: Orientation | None
) -> None:
    found = directions(scores, shares)
    assert found.told is told
    assert (found.turned.orientation if found.turned else None) == turned


# ---- on the demo's detector


@pytest.mark.parametrize("bigger", [1, 3])
def test_boxes_from_the_centre_are_the_same_through_looks_that_move_nothing(
    bundle: Path, bigger: int
) -> None:
    """The face as it was drawn, x 79 to 186, y 224 to 314 of 300×500, from the centre."""
    picture = Image.open(ONE).convert("RGB")
    frame = np.asarray(picture.resize((300 * bigger, 500 * bigger)))
    machine = Machine(bundle, open_bundle(bundle), None, None)
    bench = Bench(machine, frame, None, lambda _: None)
    chain = Chain(Orientation.UP, fit_of(machine.spec))
    for look in CENTRED:
        best = bench.candidates(chain, look)[0] / bigger
        np.testing.assert_allclose(best, [-71, -26, 36, 64], atol=14)


NAMES = ("two_on_a_sofa.png", "three_in_a_meadow.png")


@pytest.mark.parametrize("name", NAMES)
def test_right_pictures_are_not_accused_and_turned_ones_are_named(bundle: Path, name: str) -> None:
    right = rerun(bundle, pixels(name))
    assert right.verdict == "nothing wrong" and right.ids == (), right.sentence
    assert any("mirror image" in note for note in right.notes)
    lying = rerun(bundle, np.ascontiguousarray(np.rot90(pixels(name))))
    assert lying.ids == ("4",), lying.sentence


def test_a_picture_without_an_object_says_nothing_of_directions(bundle: Path) -> None:
    empty = rerun(bundle, pixels("nobody_home.png"))
    assert empty.verdict == "nothing found" and "whichever way" in empty.sentence


class Blind:
    """Finds the same thing at the same place, whatever it is shown. score: how sure it is of it.

    bright: how sure of bright pictures.
    """

    note = "a fake"

    def __init__(self, score: float, bright: float | None = None) -> None:
        self.score = score
        self.bright = score if bright is None else bright

    def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> dict[str, np.ndarray]:
        boxes = np.tile(np.array([90, 90, 134, 134], np.float32), (6, 1))
        score = self.bright if np.mean(inputs["image"]) > 128 else self.score
        scores = np.full((6, 1), score, np.float32)
        found = int(score > 0.4)
        return {
            "boxes": boxes[None, :1] * found,
            "scores": scores[None, :1, 0] * found,
            "class_ids": np.zeros((1, 1), np.int32),
            "count": np.array([found], np.int32),
        } | dict(zip(taps, (boxes, scores), strict=False))


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def plant(*scores: float) -> None:
        monkeypatch.setattr(
            "mobilecat.diagnosis.machine._first_engine",
            lambda *_: ("source", Blind(*scores), "a fake"),
        )

    return plant


def run(*args: object) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(a) for a in args])


def test_of_a_model_that_sees_no_directions_it_is_said_and_never_nothing_wrong(
    bundle: Path, blind: Callable[..., None]
) -> None:
    blind(0.8)
    told = run(bundle, "--image", ONE)
    first, *rest = told.output.splitlines()
    assert told.exit_code == 1
    assert first.startswith(
        "Which way up the frame is cannot be told with this model and this picture. As it was "
        "handed over it finds 1 object (best score 0.80). Over 8 harmless changes of the picture "
        "the mean score is 0.80, and handed over as .right 0.80, so .up is upright with a "
        "probability of 50%; 90% would settle it. Take another picture"
    )
    assert "another detector" in first
    assert "--true" in first and "Nothing wrong" not in told.output
    table = [line.split() for line in rest if "(EXIF" in line][:4]
    assert [row[-1] for row in table] == ["50%", "17%", "17%", "17%"]
    said = json.loads(run(bundle, "--image", ONE, "--json", "-").output)["rerun"]
    assert said["verdict"] == "cannot be told"
    assert [d["probability"] for d in said["directions"]] == [0.5, 0.1667, 0.1667, 0.1667]
    assert [d["orientation"] for d in said["directions"]] == [1, 6, 3, 8]


def test_no_other_bug_is_invented_where_the_direction_cannot_be_told(
    bundle: Path, blind: Callable[..., None]
) -> None:
    """A dark picture, its negative bright: the score rises threefold, and says nothing of turns."""
    blind(0.3, 0.9)
    found = rerun(bundle, pixels(ONE.name))
    assert any(t.chain.values == "inverted" and t.best > 0.8 for t in found.trials)
    assert found.ids == () and found.verdict == "nothing found"


def test_with_true_boxes_more_is_told(bundle: Path, tmp_path: Path) -> None:
    box = {"box_xyxy": [79, 224, 186, 314], "score": 1.0, "class_id": 0}
    (tmp_path / "true.json").write_text(json.dumps([box]))
    fine = run(bundle, "--image", ONE, "--true", tmp_path / "true.json")
    assert fine.exit_code == 0 and fine.output.startswith("Nothing wrong with the frame")
    assert "the app drew none" not in fine.output
    lying = tmp_path / "lying.png"
    Image.open(ONE).convert("RGB").transpose(Image.Transpose.ROTATE_90).save(lying)
    named = run(bundle, "--image", lying, "--true", tmp_path / "true.json")
    assert named.exit_code == 1 and ".right (EXIF 6)" in named.output.splitlines()[0]


def test_scores_about_the_threshold_accuse_nobody(tmp_path: Path) -> None:
    """An upright photo of which YOLOv5n makes .33 upright and .42 upside down, threshold .3."""
    data = the_shared_data()
    example = Path(__file__).parents[2] / "examples" / "yolov5n" / "mobilecat.toml"
    spec = load_spec(example)
    onnx = spec.targets.model_copy(update={"coreml": (), "tflite": ()})
    spec = spec.model_copy(update={"targets": onnx})
    export(spec, tmp_path / "bundle", source=data / "models" / "yolov5n.onnx")
    photo = np.asarray(Image.open(data / "cats" / "00000001_000.jpg").convert("RGB"))
    found = rerun(tmp_path / "bundle", photo)
    assert found.ids == () and found.verdict != "nothing wrong"
    assert "cannot be told with this model and this picture" in found.sentence
