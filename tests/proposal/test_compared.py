"""What pictures tell of preprocessing: the measures by hand, and what is made of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.pictures.cutouts import cut_around, nearer, pair_of
from mobilecat.pictures.detections import Detections
from mobilecat.proposal.compared import UNTOLD, Other, told_of, worse_reasons
from mobilecat.proposal.trial import Sample, Shot, Tried, _variants
from mobilecat.spec import spec_from_text
from tests.command import mobilecat
from tests.test_cli import refused

PICTURES = FOLDER / "pictures"
SOFA = PICTURES / "two_on_a_sofa.png"


def other(
    scores: list[tuple[float, float]], overlaps: tuple[float, ...] = (), sound: bool = True
) -> Other:
    return Other("letterbox", "resize", "letterbox", tuple(scores), overlaps, sound, "stretch", "W")


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        # One picture: 0.25, and no less.
        (other([(0.85, 0.5)]), "better", "take it with --set input.resize=letterbox"),
        (other([(0.74, 0.5)]), "close", "kept stretch, W (--set input.resize=letterbox takes"),
        (
            other([(0.25, 0.5)]),
            "close",
            "too close to tell (best scores 0.250 lower with it, 0.250 would tell; no picture",
        ),
        (other([(0.24, 0.5)]), "worse", "by more than 0.25: stretch is better than letterbox"),
        # Four: 0.25/√4, of the mean, and pictures that differ cancel out.
        (other([(0.7, 0.5)] * 4), "better", "by more than 0.12 on 4 pictures"),
        (other([(0.7, 0.5)] * 2 + [(0.5, 0.7)] * 2), "close", "too close to tell on 4 pictures"),
        # A hundred: never less than 0.1.
        (
            other([(0.59, 0.5)] * 100),
            "close",
            "best scores 0.090 higher with it, 0.100 would tell;",
        ),
        # Boxes decide before scores: here the way that scores less is the right one.
        (other([(0.4, 0.9)], (0.3,)), "better", "agree better with those found in a cut-out"),
        (other([(0.9, 0.4)], (-0.3,)), "worse", "stretch is better than letterbox"),
        (other([(0.9, 0.4)], (0.2,)), "better", "letterbox is better by more than 0.25"),
        (other([(0.5, 0.5)] * 100, (0.04,) * 100), "close", "kept stretch"),
        (other([(0.5, 0.5)] * 100, (0.06,) * 100), "better", "IoU 0.06 higher than with stretch"),
        (other([(1.0, 0.4)], sound=False), "flood", ""),
    ],
)
def test_the_verdict(found: Other, verdict: str, said: str) -> None:
    assert found.verdict == verdict
    assert said in found.sentence


def test_of_several_ranges_the_best_is_named() -> None:
    """Kept [0, 255] on one picture: both others gain more than 0.25, one of them by 0.25 more."""
    ways = [("[0, 1]", 0.6), ("[-1, 1]", 0.9)]
    ranges = [replace(other([(s, 0.3)]), what=w, key="range", kept="[0, 255]") for w, s in ways]
    assert [o.verdict for o in ranges] == ["better", "better"]
    assert [o.what for o in told_of([other([(0.5, 0.5)]), *ranges])] == ["letterbox", "[-1, 1]"]
    # 0.925 and 0.929 of one picture are too close to tell: the family's own, which is tried first.
    close = [
        replace(ranges[0], what=w, scores=((s, 0.5),)) for w, s in (("own", 0.925), ("b", 0.929))
    ]
    assert [o.what for o in told_of(close)] == ["own"]
    # The kept one's scores of 1.000 are no merit.
    full = replace(ranges[0], scores=((0.7, 1.0),), kept_full=True)
    assert full.verdict == "better" and "[0, 1] does not: take it with" in full.sentence
    assert replace(full, kept_full=False).verdict == "worse"


def test_the_family_s_own_range_is_always_tried() -> None:
    """The demo's detector is trained on [-1, 1]; nobody says that [0, 1] is right."""
    pair = [SOFA, PICTURES / "one_at_night.png"]
    said = mc.init(FOLDER / "cat_faces.onnx", image=pair, answers={"input.range": [0, 1]})
    assert said.tried is not None
    ranges = [o.value for o in said.tried.others if o.key == "range"]
    assert ranges == [(-1, 1), (0, 255)]
    assert "range [0, 1] is better than range [0, 255]" in str(said)
    assert "is right" not in str(said)
    own = mc.init(FOLDER / "cat_faces.onnx", image=SOFA)
    assert [o.value for o in own.tried.others if o.key == "range"] == [(0, 1), (0, 255)]


def test_a_classifier_is_not_said_to_find_boxes() -> None:
    flooded = replace(other([(1.0, 0.4)], sound=False), what="BGR")
    assert flooded.said == "BGR, which floods the picture with boxes"
    assert replace(flooded, boxes=False).said == "BGR, which makes its scores 1.000"
    assert replace(flooded, alike=True).said == "BGR 1.000"  # as what is kept does
    # 0.9 beside 0.4 would be "better" of boxes' scores.
    surer = replace(other([(0.9, 0.4)]), boxes=False)
    assert surer.verdict == "close" and "take it with" not in surer.sentence
    assert "0.500 higher with letterbox): take what your transforms did; kept" in surer.sentence


def test_what_is_left_open_says_both_measures_and_what_settles_it() -> None:
    """Scores 0.04 lower and boxes 0.11 nearer, on two of three: neither is beyond 0.25/√3, /√2."""
    scores = ((0.8, 0.84), (0.78, 0.84), (0.82, 0.84))
    told = Other("letterbox", "resize", "letterbox", scores, (0.1, 0.12), True, "stretch", UNTOLD)
    assert told.verdict == "close"
    assert told.sentence == (
        "letterbox is too close to tell on 3 pictures (best scores 0.040 lower with it, 0.144 "
        "would tell; 2 pictures have an object whose box could tell, IoU with an undistorted "
        "cut-out 0.110 higher with it, 0.177 would tell); kept stretch, which the file does not "
        "tell (--set input.resize=letterbox takes the other). More pictures can settle it: give "
        "(--image) those that are much wider or higher than the input's aspect, with an object "
        "that both ways find, of which 5 or more tell (so far: 2). With labels, mobilecat evaluate "
        "tells"
    )
    six = replace(told, overlaps=(0.04,) * 6)
    assert "1 picture has" in replace(told, overlaps=(0.1,)).sentence
    assert "so far" not in six.sentence and "give 5" not in six.sentence
    # What the user said, or the family's, needs no more pictures; a colour has one measure.
    assert "More pictures" not in replace(told, whose="as you said").sentence
    colour = replace(told, key="color", what="BGR", value="BGR", kept="RGB", overlaps=())
    assert colour.sentence == (
        "BGR is too close to tell on 3 pictures (within 0.14); kept RGB, which the file does not "
        "tell (--set input.color=BGR takes the other). With labels, mobilecat evaluate tells more "
        "often"
    )


def test_a_cut_out_has_the_aspect_of_the_input_and_holds_both_boxes() -> None:
    a, b = (90, 20, 110, 40), (80, 20, 120, 40)
    # 300 × 100 into a square: 100 × 100 about x = 100.
    assert cut_around(a, b, (300, 100), (224, 224)) == (50, 0, 150, 100)
    # Into 1:2, 50 × 100, of which the larger box's 40 still are inside.
    assert cut_around(a, b, (300, 100), (50, 100)) == (75, 0, 125, 100)
    # At the edge it is moved into the picture.
    assert cut_around((5, 5, 15, 15), (0, 0, 20, 20), (300, 100), (64, 64)) == (0, 0, 100, 100)
    assert cut_around((0, 0, 150, 50), a, (300, 100), (64, 64)) is None


def found(*rows: tuple[float, tuple[float, float, float, float], int]) -> Detections:
    boxes = np.array([r[1] for r in rows], np.float64).reshape(-1, 4)
    ids = np.array([r[2] for r in rows], np.int64)
    return Detections(boxes, np.array([r[0] for r in rows], np.float64), ids)


def test_which_box_is_nearer_to_that_of_the_cut_out() -> None:
    square, wide = (0, 0, 10, 10), (0, 0, 20, 10)  # IoU ½
    kept, way = found((0.9, wide, 0)), found((0.2, (50, 50, 60, 60), 0), (0.8, square, 0))
    pair = pair_of(kept, way, 0.3)
    assert pair is not None and [list(p) for p in pair] == [list(wide), list(square)]
    assert nearer(*pair, found((0.9, square, 0)), 0.3) == pytest.approx(0.5)
    assert nearer(*pair, found((0.9, wide, 0)), 0.3) == pytest.approx(-0.5)
    assert nearer(*pair, found((0.1, square, 0)), 0.3) is None  # not sure of it
    assert nearer(*pair, found((0.9, (50, 50, 60, 60), 0)), 0.3) is None  # another object
    assert pair_of(kept, found((0.8, square, 1)), 0.3) is None
    assert pair_of(kept, found((0.8, (50, 50, 60, 60), 0)), 0.3) is None
    assert pair_of(kept, found(), 0.3) is None


def test_pictures_tell_how_an_ssd_was_fitted(tmp_path: Path) -> None:
    """The demo's detector is trained with a letterbox, and its file does not say so."""
    net = FOLDER / "cat_faces.onnx"
    told = mc.init(net, tmp_path / "m.toml", image=[SOFA, PICTURES / "one_at_night.png"])
    assert [a.key for a in told.asks] == ["input.color", "input.range"]
    assert told.spec.input.resize == "letterbox"
    assert "By the pictures: with letterbox, boxes on" in told.text
    assert "by the pictures: with letterbox" in str(told)
    kept = mc.init(net, image=SOFA, answers={"input.resize": "stretch"})
    assert kept.spec.input.resize == "stretch"
    assert "take it with --set input.resize=letterbox" in str(kept)


def test_a_picture_that_does_not_tell_leaves_it_asked_and_is_drawn_both_ways(
    tmp_path: Path,
) -> None:
    closely = mc.init(FOLDER / "cat_faces.onnx", tmp_path / "m.toml", image=FOLDER / "chelsea.png")
    assert [a.key for a in closely.asks] == ["input.color", "input.range", "input.resize"]
    assert closely.spec.input.resize == "stretch"
    assert "# CHECK: how pictures were brought" in closely.text
    assert "Pictures tell (--image, 5 or more) that are much wider" in str(closely)
    assert "the other: --set input.resize=letterbox --replace" in str(closely)
    assert closely.drawn is not None and closely.drawn.width > 2 * 480  # a sheet of two columns


def test_a_network_trained_on_stretched_pictures_is_not_taken_for_another(
    shared_data: Path, tmp_path: Path
) -> None:
    photos = sorted((shared_data / "cats").glob("*.jpg"))[:40:8]
    net = shared_data / "models" / "ssd_mobilenetv2_oidv4_fp16.tflite"
    said = mc.init(net, tmp_path / "m.toml", image=photos)
    assert said.spec.input.resize == "stretch"
    assert "take it with --set input.resize" not in str(said)


def test_several_pictures_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("two_on_a_sofa.png", "one_at_night.png"):
        shutil.copy(PICTURES / name, folder)
    Image.new("RGB", (40, 30)).save(tmp_path / "grey.png")
    net, spec, sheet = FOLDER / "cat_faces.onnx", tmp_path / "m.toml", tmp_path / "s.png"
    given = ("--image", folder, "--image", tmp_path / "grey.png")
    told = mobilecat("init", net, "-o", spec, *given, "--draw", sheet)
    assert told.returncode == 0, told.stderr
    for line in ("on one_at_night.png: 1 detection", "on two_on_a_sofa.png: 2 detections",
                 "on grey.png: nothing above the threshold"):  # fmt: skip
        assert line in told.stdout
    assert f"golden record {tmp_path / 'bundle'} {folder}/" in told.stdout
    assert Image.open(sheet).width > 2 * 480
    wrong = mobilecat("init", net, "-o", tmp_path / "n.toml", "--image", tmp_path / "photo")
    refused(wrong, "There is no such picture", f"did you mean {folder}?")


def _color_or_range(key: str, what: str, by: float, n: int, sound: bool = True) -> Other:
    scores = tuple((0.8 + by, 0.8) for _ in range(n))
    return Other(
        what, key, None, scores, (), sound, "RGB" if key == "color" else "range [0, 1]", ""
    )


def test_which_keys_pictures_settle() -> None:
    """Every other value is worse, by more than 0.25/√16, never less than 0.1; or a flood."""
    ranges = [_color_or_range("range", f"range {r}", -0.2, 16) for r in ("[-1, 1]", "[0, 255]")]
    close = _color_or_range("color", "BGR", -0.05, 16)
    told = worse_reasons([*ranges, close])
    assert list(told) == ["input.range"]
    assert told["input.range"] == (
        "with range [0, 1], 16 pictures have better scores than with [-1, 1] and [0, 255]"
    )
    flood = _color_or_range("range", "range [0, 255]", 0.2, 16, sound=False)
    assert list(worse_reasons([ranges[0], flood])) == ["input.range"]
    assert worse_reasons([ranges[0], _color_or_range("range", "range [0, 255]", 0.0, 16)]) == {}


def test_what_pictures_do_not_settle_of_an_ssd_is_marked(tmp_path: Path) -> None:
    """Of the demo's detector one picture tells neither colour nor range; [0, 255] finds less."""
    found = mc.init(FOLDER / "cat_faces.onnx", tmp_path / "a" / "b" / "m.toml", image=SOFA)
    assert {"input.color", "input.range"} <= {a.key for a in found.asks}
    checks = mc.load_spec(tmp_path / "a" / "b" / "m.toml").checks
    assert {"input.color", "input.range"} <= {c.key for c in checks}
    said = " ".join(str(found).split())
    assert "BGR is too close to tell" in said and "mobilecat evaluate tells more often" in said


@pytest.mark.parametrize(
    ("fitted", "sizes", "tried"),
    [
        ('resize = "letterbox"\npad = 114', [(80, 60)], [0]),
        ('resize = "letterbox-topleft"', [(80, 60), (64, 64)], [114]),
        ('resize = "letterbox"\npad = 114', [(64, 64)], []),  # nothing is padded
        ("", [(80, 60)], []),
    ],
)
def test_the_padding_is_tried_where_there_is_one(
    fitted: str, sizes: list[tuple[int, int]], tried: list[int]
) -> None:
    spec = spec_from_text(
        f'source = "n.onnx"\n[input]\nsize = [64, 64]\n{fitted}\n[head]\nkind = "yolox"\n'
        "[targets.onnx]\n"
    )
    found = list(_variants(spec, False, sizes, (0.0, 255.0)))
    assert [image["pad"] for _, key, image in found if key == "pad"] == tried


@pytest.mark.parametrize(("score", "told"), [(0.55, False), (0.1, True), (0.95, True)])
def test_of_the_padding_only_what_tells_is_a_sentence(score: float, told: bool) -> None:
    """Beside a best score of 0.6, of one picture, 0.25 tell."""
    other = Other("pad 0", "pad", 0, ((score, 0.6),), (), True, "pad 114", "the family's own")
    found = Detections(np.array([[1.0, 1, 5, 5]]), np.array([0.6]), np.zeros(1, np.int64))
    shot = Shot(Sample("a", Image.new("RGB", (8, 8))), found)
    spec = spec_from_text(
        'source = "n.onnx"\n[input]\nsize = [64, 64]\nresize = "letterbox"\n[head]\n'
        'kind = "yolox"\n[targets.onnx]\n'
    )
    said = [str(line) for line in Tried((shot,), 0.6, (other,), (), 0.3).words(spec)]
    assert any(f"pad 0 {score:.3f}" in line for line in said)
    assert any("than 0.25" in line for line in said) == told
