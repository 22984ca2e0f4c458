"""Each bug is named from five noisy boxes of an app that has it; what cannot be named is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mobilecat.diagnosis import BUGS, Answer, Evidence, Facts, Scene, diagnose
from mobilecat.diagnosis.capture import CapturedBox
from mobilecat.diagnosis.scenes import scene_of
from mobilecat.diagnosis.words import advice, also, headline, lines, to_json
from mobilecat.errors import MobileCatError
from mobilecat.geometry.affine import Size
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from simulated_bugs import ALL_BUGS, possible_pair, simulate

FACTS = Facts(Size(640, 480), Size(416, 320))
LIES = Facts(Size(1280, 720), Size(300, 300), Orientation.RIGHT, fit=CropAndScale.SCALE_FIT)


def ids_of(answer: Answer) -> list[set[str]]:
    first = [] if answer.first is None else [answer.first]
    return [set(s.ids) for s in (*first, *answer.inseparable)]


def seen(true: list[list[float]], observed: list[list[float]], facts: Facts = FACTS) -> Answer:
    return diagnose([Scene(facts, Evidence(np.array(true), np.array(observed)))])


def test_the_simulator_has_every_bug_of_the_table() -> None:
    assert sorted(ALL_BUGS) == sorted(b.id for b in BUGS if b.evidence != "picture")
    numbers = {int(b.id.rstrip("bcde")) for b in BUGS}
    assert numbers == set(range(1, 38))


@pytest.mark.parametrize("bug", ALL_BUGS)
def test_every_bug_is_named_from_five_noisy_boxes(bug: str) -> None:
    rng = np.random.default_rng(11)
    for _ in range(2):
        assert {bug} in ids_of(diagnose([simulate(rng, (bug,))]))


def test_most_pairs_are_named() -> None:
    rng = np.random.default_rng(12)
    right = total = 0
    while total < 40:
        a, b = (str(x) for x in rng.choice(ALL_BUGS, 2))
        if possible_pair(a, b):
            total += 1
            right += {a, b} in ids_of(diagnose([simulate(rng, (a, b))]))
    assert right >= 0.9 * total


# Worked by hand, on boxes that two decimals hold. Facts: 640×480 into 416×320 unless said.
TRUE = [[0.1, 0.2, 0.3, 0.6], [0.5, 0.1, 0.9, 0.3], [0.15, 0.7, 0.25, 0.9]]
HAND = {
    "1": [[0.1, 0.4, 0.3, 0.8], [0.5, 0.7, 0.9, 0.9], [0.15, 0.1, 0.25, 0.3]],
    "2": [[0.1, 0.6, 0.3, 1.0], [0.5, 0.3, 0.9, 0.5], [0.15, 0.9, 0.25, 1.1]],
    "3": [[0.7, 0.2, 0.9, 0.6], [0.1, 0.1, 0.5, 0.3], [0.75, 0.7, 0.85, 0.9]],
    "4": [[0.2, 0.7, 0.6, 0.9], [0.1, 0.1, 0.3, 0.5], [0.7, 0.75, 0.9, 0.85]],
    "4b": [[0.4, 0.1, 0.8, 0.3], [0.7, 0.5, 0.9, 0.9], [0.1, 0.15, 0.3, 0.25]],
    "5": [[0.7, 0.4, 0.9, 0.8], [0.1, 0.7, 0.5, 0.9], [0.75, 0.1, 0.85, 0.3]],
    "6": [
        [0.075, 0.8 / 3, 0.225, 0.8],
        [0.375, 0.4 / 3, 0.675, 0.4],
        [0.1125, 2.8 / 3, 0.1875, 1.2],
    ],
    "17": [[0.1, 0.2, 0.2, 0.4], [0.5, 0.1, 0.4, 0.2], [0.15, 0.7, 0.1, 0.2]],
    "18": [[0.1, 0.2, 0.4, 0.8], [0.5, 0.1, 1.4, 0.4], [0.15, 0.7, 0.4, 1.6]],
    "19": [[0.2, 0.4, 0.4, 0.8], [0.7, 0.2, 1.1, 0.4], [0.2, 0.8, 0.3, 1.0]],
    "20": [[0.0, 0.0, 0.2, 0.4], [0.3, 0.0, 0.7, 0.2], [0.1, 0.6, 0.2, 0.8]],
}


@pytest.mark.parametrize("bug", HAND)
def test_boxes_moved_by_hand_are_named_first(bug: str) -> None:
    answer = seen(TRUE, HAND[bug])
    assert answer.verdict == "named" and answer.first is not None
    assert {b.id for b in answer.first.bugs} == {bug}
    assert answer.first.rms_px < 1e-6


def test_the_fits_worked_by_hand() -> None:
    """720×1280 upright into 300×300: g = 300/1280: fx = .5625, fy = 1; centre crop cy = 16/9."""
    x = [0.5 + (v - 0.5) * 0.5625 for v in (0.1, 0.3, 0.5, 0.9, 0.15, 0.25)]
    kept = [[x[0], 0.2, x[1], 0.6], [x[2], 0.1, x[3], 0.3], [x[4], 0.7, x[5], 0.9]]
    answer = seen(TRUE, kept, LIES)
    assert answer.first is not None and answer.first.ids == {"8"}
    crop = Facts(Size(1280, 720), Size(300, 300), Orientation.RIGHT, fit=CropAndScale.CENTER_CROP)
    y = [0.5 + (v - 0.5) * 16 / 9 for v in (0.2, 0.6, 0.1, 0.3, 0.7, 0.9)]
    lost = [[0.1, y[0], 0.3, y[1]], [0.5, y[2], 0.9, y[3]], [0.15, y[4], 0.25, y[5]]]
    answer = seen(TRUE, lost, crop)
    assert answer.first is not None and answer.first.ids == {"11"}


def test_boxes_where_they_belong_are_nothing_wrong() -> None:
    rng = np.random.default_rng(3)
    answers = [diagnose([simulate(rng, ())]) for _ in range(20)]
    assert [a.verdict for a in answers] == ["nothing wrong"] * 20
    assert headline(answers[0], FACTS).startswith("Nothing wrong found")


def test_a_move_that_is_no_known_bug_is_called_so() -> None:
    answer = seen(TRUE, [[v * 0.83 + 0.071 for v in b] for b in TRUE])
    assert answer.verdict == "unexplained" and answer.first is None and answer.closest
    assert headline(answer, FACTS).startswith("No known bug explains this")


def test_boxes_in_the_middle_hide_flips_and_say_so() -> None:
    """Symmetric about the middle line: upside down is the same; other cases tell them apart."""
    answer = seen([[0.1, 0.3, 0.4, 0.7]], [[0.6, 0.3, 0.9, 0.7]])
    assert {"3"} in ids_of(answer) and {"5"} in ids_of(answer)
    told = advice(answer, FACTS)
    assert told and all("tell" in text or "apart" in text for text in told.values())
    assert "a box in the upper left" in told[frozenset({"5"})]


def test_a_transposed_frame_and_yxyx_are_one_map_until_landmarks_tell() -> None:
    swapped = [[b[1], b[0], b[3], b[2]] for b in TRUE]
    answer = seen(TRUE, swapped)
    assert {"16"} in ids_of(answer) and {"4c"} in ids_of(answer)
    true, observed = np.array(TRUE), np.array(swapped)
    marks = np.stack([true[:, :2] + 0.03, true[:, :2] + 0.08], axis=1)
    apart = diagnose([Scene(FACTS, Evidence(true, observed, marks, marks[..., ::-1]))])
    assert apart.first is not None and apart.first.ids == {"4c"}
    assert {"16"} not in ids_of(apart)


KNOWN = replace(FACTS, handed=Orientation.UP, known=True)
YX = [[b[1], b[0], b[3], b[2]] for b in TRUE]


def test_an_axis_swap_comes_first_where_the_facts_deny_the_turn_that_looks_like_it() -> None:
    back = replace(FACTS, handed=Orientation.UP, camera="back")
    right = replace(LIES, handed=Orientation.RIGHT, known=True)
    for facts, why in (
        (KNOWN, "it was handed over as .up (EXIF 1), which is what the frame needs"),
        (right, "it was handed over as .right (EXIF 6), which is what the frame needs"),
        (back, "a back camera's frame needs no mirror"),
    ):
        answer = seen(TRUE, YX, facts)
        assert answer.first is not None and answer.first.ids == {"16"}
        assert headline(answer, facts).startswith("x and y are swapped")
        assert "Mirrored" not in headline(answer, facts)
        denied = next(s for s in answer.inseparable if s.ids == {"4c"})
        assert denied.denied == why and why in "\n".join(lines(answer, facts))


def test_two_explanations_that_nothing_tells_apart_are_both_in_the_first_line() -> None:
    answer = seen(TRUE, YX)
    said = headline(answer, FACTS)
    assert said.startswith("One of two things happened") and "x and y are swapped" in said
    handed = seen(TRUE, YX, replace(FACTS, handed=Orientation.UP))
    assert handed.first is not None and handed.first.ids == {"16"}
    front = seen(TRUE, YX, replace(FACTS, handed=Orientation.UP, camera="front"))
    assert front.first is not None and front.first.ids == {"4c"}
    assert ".leftMirrored (EXIF 5)" in said and "Landmarks beside the boxes tell" in said


@pytest.mark.parametrize("scale", [(640.0, 480.0), (416.0, 320.0), (800.0, 600.0)])
def test_a_swap_in_pixels_is_one_bug(scale: tuple[float, float]) -> None:
    """In the pixels of a 640×480 picture x' = y · 480/640; alike in the model's and in the view's,
    which has the picture's shape: 800×600."""
    w, h = scale
    facts = replace(KNOWN, view=View(Size(800, 600), "resizeAspect"))
    swapped = [[b[1] * h / w, b[0] * w / h, b[3] * h / w, b[2] * w / h] for b in TRUE]
    answer = seen(TRUE, swapped, facts)
    assert answer.first is not None and answer.first.ids == {"16"}
    assert answer.first.rms_px < 1e-6


def test_a_turn_that_the_facts_deny_is_named_without_advising_what_was_done() -> None:
    answer = seen(TRUE, HAND["4"], KNOWN)
    assert answer.first is not None and answer.first.ids == {"4"} and answer.first.denied
    said, told = headline(answer, KNOWN), "\n".join(lines(answer, KNOWN))
    assert "as if the frame had been handed over lying on its side" in said
    assert "(EXIF 1), which is what the frame needs" in said and "tell Vision" not in said
    assert "orientation: .right" not in told


def test_what_to_hand_over_counts_what_was_handed_over_already() -> None:
    """Nobody knows what the frame needs; .right was handed over, and one more turn is missing."""
    facts = Facts(Size(480, 640), Size(416, 320), Orientation.RIGHT, handed=Orientation.RIGHT)
    answer = seen(TRUE, HAND["4"], facts)
    assert answer.first is not None and answer.first.ids == {"4"}
    assert ".down (EXIF 3)" in headline(answer, facts)
    told = lines(answer, facts)
    assert "(needs .down)" in told[0] and "orientation: .down" in told[1]


def test_landmarks_that_are_swapped_too_are_no_turn_where_the_frame_does_not_lie() -> None:
    true = np.array(TRUE)
    marks = np.stack([true[:, :2] + 0.03, true[:, :2] + 0.08], axis=1)
    scene = Scene(KNOWN, Evidence(true, np.array(YX), marks, marks[..., ::-1]))
    answer = diagnose([scene])
    assert answer.first is not None and answer.first.ids == {"16"}


def test_square_frames_hide_the_fits() -> None:
    """With frame, model and view square, 6 and 8 to 11 change nothing: no one can name them."""
    square = Facts(Size(480, 480), Size(300, 300), fit=CropAndScale.SCALE_FIT)
    assert seen(TRUE, TRUE, square).verdict == "nothing wrong"


def test_a_stale_frame_is_known_by_its_motion() -> None:
    path = np.array([[0.1 + 0.05 * t, 0.2 + 0.02 * t * t, 0, 0] for t in range(7)])
    path[:, 2:] = path[:, :2] + [0.2, 0.15]
    evidence = Evidence(path[3:], path[2:6], earlier={d: path[3 - d : 7 - d] for d in (1, 2, 3)})
    answer = diagnose([Scene(FACTS, evidence)])
    assert answer.first is not None and answer.first.name == "stale frame (1 frame)"


def test_scores_that_fell_are_no_coordinate_bug() -> None:
    true, high, low = np.array(TRUE), np.array([0.9, 0.8, 0.85]), np.array([0.7, 0.55, 0.62])
    answer = diagnose([Scene(FACTS, Evidence(true, true, None, None, high, low))])
    assert answer.first is not None and answer.first.ids == {"27"} and {"28"} in ids_of(answer)


def test_no_box_at_all_asks_for_the_picture() -> None:
    none = np.zeros((0, 4))
    answer = diagnose([Scene(FACTS, Evidence(none, none, missing=3))])
    assert answer.verdict == "no boxes" and "--image" in headline(answer, FACTS)


def test_no_box_on_either_side_is_not_nothing_wrong() -> None:
    none = np.zeros((0, 4))
    answer = diagnose([Scene(FACTS, Evidence(none, none))])
    assert answer.verdict == "no boxes" and "nothing can be said" in headline(answer, FACTS)


def test_the_report_of_turicreate_1957() -> None:
    """640×480: centre (455.369, 104.533), size 255.036×162.651; shown (.5115, .6123, .4004, .3392).

    By hand: x1 = (455.369 − 127.518)/640 = .5123; top = (104.533 − 81.326)/480 = .0483, so the
    lower edge is .3872 from the top and .6128 from below. The numbers shown are right in Vision's
    space; read as counted from the top, they are the same box upside down.
    """
    true = CapturedBox(box_xyxy=(455.369 - 127.518, 104.533 - 81.3255, 455.369 + 127.518, 185.8585))
    x, y, w, h = 0.5115, 0.6123, 0.4004, 0.3392
    shown = CapturedBox(box_xyxy=(x, y, x + w, y + h))
    in_vision, _ = scene_of(FACTS, [true], "image", [shown], "vision")
    fine = diagnose([in_vision])
    assert fine.verdict == "nothing wrong" and fine.seen_px < 1
    from_top, _ = scene_of(FACTS, [true], "image", [shown], "normalized")
    answer = diagnose([from_top])
    assert answer.first is not None and answer.first.ids == {"1"} and answer.first.rms_px < 1
    assert headline(answer, FACTS).startswith("The boxes are upside down")


def test_two_bugs_at_once_worked_by_hand() -> None:
    """y not flipped, and pixels × 2 in a view that shows 640×480 at 320×240 points: u·2, v·2."""
    facts = Facts(
        Size(640, 480), Size(416, 320), view=View(Size(320, 240), "resize"), content_scale=2
    )
    twice = [[2 * b[0], 2 * (1 - b[3]), 2 * b[2], 2 * (1 - b[1])] for b in TRUE]
    answer = seen(TRUE, twice, facts)
    assert {"1", "12"} in ids_of(answer) and answer.first is not None
    assert len(answer.first.bugs) == 2
    assert headline(answer, facts).startswith("Two things went wrong")


def test_the_json_names_bug_fix_and_residual() -> None:
    told = to_json(seen(TRUE, HAND["4"], LIES), LIES, ["a note"])
    assert told["verdict"] == "named" and told["first"]["ids"] == ["4"]
    assert told["sentence"] == (
        "The frame was handed over lying on its side: "
        "tell Vision the orientation is .right (EXIF 6)."
    )
    assert told["notes"] and set(told["first"]["fix"]) == {"swift", "kotlin", "dart", "javascript"}
    assert all(fix for fixes in told["first"]["fix"].values() for fix in fixes)
    assert all(len(s.bugs) <= 1 for s in also(seen(TRUE, HAND["4"], LIES)))


def test_evidence_that_does_not_pair_is_refused_with_all_its_problems() -> None:
    two, one = np.array(TRUE[:2]), np.array(TRUE[:1])
    with pytest.raises(MobileCatError) as refused:
        Evidence(two, one, np.zeros((2, 3, 2)), None, np.array([np.nan, 1.0]), np.zeros(2))
    assert len(refused.value.problems) == 3


def test_scatter_as_of_two_models_asks_for_more_noise_and_a_move_does_not() -> None:
    """Corners that another model puts some 10 px elsewhere, of a frame lying on its side."""
    rng = np.random.default_rng(5)
    turned = np.array([[y1, 1 - x2, y2, 1 - x1] for x1, y1, x2, y2 in TRUE * 2])
    turned[3:] += [0.1, -0.1, 0.1, -0.1]
    true = np.array([[1 - y2, x1, 1 - y1, x2] for x1, y1, x2, y2 in turned])
    other_model = turned + rng.normal(0, 12 / 640, turned.shape)
    answer = diagnose([Scene(LIES, Evidence(true, other_model))])
    asked = [line for line in lines(answer, LIES) if "--noise" in line]
    assert answer.verdict == "unexplained" and len(asked) == 1
    noise = float(asked[0].rpartition(" ")[2])
    again = diagnose([Scene(LIES, Evidence(true, other_model))], noise_px=noise)
    assert again.verdict == "named" and {"4"} in ids_of(again)
    moved = seen(TRUE, [[v * 0.83 + 0.071 for v in b] for b in TRUE])
    assert not [line for line in lines(moved, FACTS) if "--noise" in line]
