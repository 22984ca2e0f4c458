"""Boxes as people bring them: lost, more, reordered, cut off, scattered; and causes of no row."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import f as f_distribution

import mobilecat as mc
from mobilecat.diagnosis import Evidence, Facts, Scene, diagnose
from mobilecat.diagnosis.pairing import assignment
from mobilecat.diagnosis.words import headline, to_json
from mobilecat.geometry.affine import Size
from mobilecat.geometry.chance import f_tail
from mobilecat.geometry.views import View

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from simulated_bugs import simulate
from simulated_evidence import CAUSES, outside, unpaired

FACTS = Facts(Size(640, 480), Size(416, 320))
TRUE = np.array(
    [
        [0.1, 0.2, 0.3, 0.6],
        [0.5, 0.1, 0.9, 0.3],
        [0.15, 0.7, 0.25, 0.9],
        [0.6, 0.5, 0.8, 0.95],
        [0.35, 0.35, 0.45, 0.6],
    ]
)


def free(
    observed: np.ndarray, facts: Facts = FACTS, edges: list[list[float]] | None = None
) -> Scene:
    partners = np.ones((len(TRUE), len(observed)), dtype=bool)
    return Scene(
        facts,
        Evidence(TRUE, observed, partners=partners, edges=np.array(edges or []).reshape(-1, 4)),
    )


def test_the_assignment_is_the_cheapest() -> None:
    """Held to scipy's own, square and not."""
    rng = np.random.default_rng(1)
    for _ in range(40):
        cost = rng.random(rng.integers(1, 8, 2)) * 100
        found = assignment(cost)
        rows, columns = linear_sum_assignment(cost)
        paired = found >= 0
        assert paired.sum() == min(cost.shape)
        total = cost[np.nonzero(paired)[0], found[paired]].sum()
        assert total == pytest.approx(cost[rows, columns].sum())


def test_the_f_distribution_is_scipys() -> None:
    for f, k, n in ((3.0, 2, 14), (10.0, 6, 14), (0.5, 4, 16), (30.0, 4, 1000), (8.0, 8, 12)):
        assert f_tail(f, k, n) == pytest.approx(f_distribution.sf(f, k, n), rel=1e-9)


@pytest.mark.parametrize("bug", ["1", "3", "4", "11", "17", "19", "30", "34"])
def test_one_lost_one_more_in_another_order_without_scores(bug: str) -> None:
    rng = np.random.default_rng(21)
    scene = unpaired(rng, simulate(rng, (bug,)), missing=1, extra=1, scores=False)
    answer = diagnose([scene])
    assert answer.first is not None
    assert {bug} in [set(s.ids) for s in (answer.first, *answer.inseparable)]
    assert (answer.missing, answer.extra) == (1, 1)


def test_right_boxes_in_another_order_are_right() -> None:
    answer = diagnose([free(TRUE[[3, 0, 4, 1, 2]])])
    assert answer.verdict == "nothing wrong" and answer.seen_px < 1e-9


def test_a_side_that_was_cut_off_is_a_bound() -> None:
    """Upside down, then cut off at the lower edge of a view that shows 640×480 above 0.85."""
    flipped = np.stack([TRUE[:, 0], 1 - TRUE[:, 3], TRUE[:, 2], 1 - TRUE[:, 1]], axis=1)
    cut = flipped.clip(None, [1, 0.85, 1, 0.85])
    told = diagnose([free(cut, edges=[[0.0, 0.0, 1.0, 0.85]])])
    assert told.first is not None and told.first.ids == {"1"} and told.first.rms_px < 1e-6
    assert (told.first.kept, told.missing, told.extra) == (5, 0, 0)
    # Where nobody says that there is an edge, one of the boxes is none of these.
    whole = diagnose([free(cut)])
    assert whole.first is None or (whole.first.kept, whole.missing, whole.extra) == (4, 1, 1)


def test_two_bugs_are_not_named_where_one_and_noise_will_do() -> None:
    """1.7 px at 640, with 1 px expected: main named a second bug in 17 of 108."""
    rng = np.random.default_rng(4)
    for bug in ("1", "4", "8", "11", "13", "16", "19"):
        answer = diagnose([simulate(rng, (bug,), noise_px=1.7)])
        assert answer.first is None or len(answer.first.bugs) == 1, answer.first


def test_five_pixels_of_noise_are_lived_with() -> None:
    rng = np.random.default_rng(5)
    right = 0
    for bug in ("1", "3", "4", "6", "16", "18", "22", "33"):
        scene = unpaired(rng, simulate(rng, (bug,), noise_px=5.0), missing=1, extra=1)
        answer = diagnose([scene])
        right += answer.first is not None and {bug} in [
            set(s.ids) for s in (answer.first, *answer.inseparable)
        ]
    assert right >= 7


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_outside_the_catalogue_is_never_acquitted(name: str) -> None:
    rng = np.random.default_rng(6)
    for _ in range(2):
        answer = diagnose([outside(rng, name)])
        assert answer.verdict == "unexplained", (name, answer.first)


@pytest.mark.parametrize(
    ("scale", "move", "words"),
    [
        ((1.5, 1.5), (0, 0), "1.50 times as large, from the top left"),
        ((0.8, 0.8), (64, 48), "0.80 times as large, about the middle"),
        ((1.0, 1.0), (0, 24), "24 pixels of the picture too low"),
        ((1.0, 1.0), (-12, 0), "12 pixels of the picture too far left"),
        ((1.2, 0.7), (0, 0), "1.20 times as wide and 0.70 times as high, from the top left"),
    ],
)
def test_what_happened_in_words_worked_by_hand(
    scale: tuple[float, float], move: tuple[float, float], words: str
) -> None:
    """Pixels of a picture 640×480: x' = scale·x + move."""
    seen = TRUE * np.tile(scale, 2) + np.tile(np.array(move) / (640, 480), 2)
    answer = diagnose([free(seen)])
    assert answer.motion is not None and answer.motion.words == words
    assert to_json(answer, FACTS)["map"]["words"] == words


def test_an_offset_is_named_with_the_bar_that_is_so_high() -> None:
    """A view of 320×240 points shows the picture at half its size: 24 points are .1 of it."""
    facts = Facts(Size(640, 480), Size(416, 320), view=View(Size(320, 240), "resize"))
    answer = diagnose([free(TRUE + np.array([0, 0.1, 0, 0.1]), facts)])
    assert answer.first is not None and answer.first.ids == {"30"}
    said = headline(answer, facts)
    assert "24 points too low" in said and "status bar" in said


def test_a_move_that_no_row_explains_is_told_in_numbers() -> None:
    answer = diagnose([free(TRUE * 0.83 + 0.071)])
    said = headline(answer, FACTS)
    assert answer.verdict == "unexplained"
    assert said.startswith("No known bug explains this")
    assert "0.83 times as large, from the top left" in said


def test_a_systematic_residual_is_no_noise() -> None:
    """Every box 3 px too far right, with 1 px of noise: within what noise may be, but one way."""
    rng = np.random.default_rng(8)
    for _ in range(5):
        seen = TRUE + rng.normal(0, 1 / 640, TRUE.shape) + np.array([3 / 640, 0, 3 / 640, 0])
        assert diagnose([free(seen)]).verdict != "nothing wrong"


def test_one_box_a_little_off_is_not_acquitted() -> None:
    """Six points too low in a view of 390×844 points: 4.5 px at 640, and 1 px is expected."""
    facts = Facts(Size(1080, 1920), Size(640, 640), view=View(Size(390, 844), "resizeAspectFill"))
    one = np.array([[0.3, 0.4, 0.6, 0.7]])
    moved = one + np.array([0, 6 / 844, 0, 6 / 844])
    answer = diagnose([Scene(facts, Evidence(one, moved))])
    assert answer.verdict != "nothing wrong"
    assert answer.motion is not None and answer.motion.words == "6 points too low"


def test_where_nothing_pairs_it_is_said_how_far_the_nearest_boxes_are() -> None:
    rng = np.random.default_rng(9)
    answer = diagnose([free(rng.uniform(0.3, 0.7, (5, 4)))])
    assert answer.verdict == "unexplained" and answer.seen_px > 10


def test_an_android_screen_s_density_is_a_known_scale() -> None:
    answer = diagnose([free(TRUE * 2.625)])
    assert answer.first is not None and answer.first.ids == {"12"}


def test_one_box_is_said_to_be_too_few() -> None:
    """A box flipped about the middle has moved as well; two tell a flip from a move."""
    true = np.array([[64.0, 48, 192, 96], [320, 240, 576, 336]])
    flipped = np.stack([true[:, 0], 480 - true[:, 3], true[:, 2], 480 - true[:, 1]], 1)
    said = {
        n: str(
            mc.diagnose(
                true=true[:n].tolist(), observed=flipped[:n].tolist(), frame=(640, 480), upright=1
            )
        )
        for n in (1, 2)
    }
    assert "one box fits" in said[1] and "upside down" in said[2] and "one box" not in said[2]
