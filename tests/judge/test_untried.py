"""What goldens do not try is said; an output that hardly moves is untested; lints are notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mobilecat.bundle import open_bundle
from mobilecat.compare.tolerances import limits_of
from mobilecat.golden.store import read_cases
from mobilecat.judge import validate
from mobilecat.judge.rounding import widened
from mobilecat.judge.untried import advice
from mobilecat.lanes import lanes_of
from mobilecat.spec.heads import HEADS
from tests.judge.fake import LANE, Tensors, check, healthy, moved, write_bundle


def test_the_report_says_what_its_goldens_do_not_try(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path).approved()
    (said,) = [n for n in check(shop).notes if n.startswith("the goldens do not try everything")]
    assert "no box of a golden crosses the picture's border" in said
    assert "max_detections (5) is never reached: 3 at most" in said
    assert "at most 3 candidates of a golden reach the suppression" in said
    cases, _ = read_cases(shop.golden, open_bundle(shop.bundle))
    wanted = advice(open_bundle(shop.bundle), [c.approved for c in cases])
    assert "cut off by the border" in wanted and "a crowd" in wanted
    # A class of the whole picture crosses no border, and comes in no crowd.
    shut = open_bundle(shop.bundle)
    classes = HEADS["classify"].model_validate({"kind": "classify", "activation": "none"})
    whole = shut.model_copy(update={"spec": shut.spec.model_copy(update={"head": classes})})
    assert advice(whole, [c.approved for c in cases]) == ""


def test_an_output_that_does_not_move_is_untested(tmp_path: Path) -> None:
    """The fake source gives the same for every input."""
    shop = write_bundle(tmp_path).approved("a", "b")
    said = [n for n in check(shop).notes if n.startswith("untested")]
    assert any("'cls'" in n for n in said) and any("'reg'" in n for n in said)


def test_the_way_out_is_named_where_little_is_off(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path).approved()

    def off(tensors: Tensors) -> Tensors:
        return {k: v + np.float32(1.5e-3) if k == "reg" else v for k, v in tensors.items()}

    shop.faults[LANE] = off
    (said,) = [n for n in check(shop).notes if "[tolerances." in n]
    assert said.startswith(LANE) and '[tolerances."fake.onnx"]' in said
    # The source itself is not what was approved: no tolerance is the way out of that.
    shop.faults["source"] = moved
    report = check(shop)
    assert {"source", LANE} <= {r.lane for r in report.failed}
    assert not any("[tolerances." in n for n in report.notes)


def test_goldens_know_how_far_rounding_moves_the_source(tmp_path: Path) -> None:
    """Without the source a lane is judged by what was measured when the golden was recorded."""
    bundle = open_bundle(write_bundle(tmp_path).bundle)
    lane = next(x for x in lanes_of(bundle) if x.name == LANE)
    limits = limits_of(lane, bundle)
    wide = widened(limits, {"cls": 1e-3, "detections/scores": 0.01, "decode/boxes": 0.3}, bundle)
    assert wide.outputs["cls"] == limits.times * 1e-3
    assert wide.scores == limits.times * 0.01 and wide.boxes_px == limits.boxes_px
    assert wide.outputs["decode/boxes"] == limits.times * 0.3
    assert "reg" not in wide.outputs


def test_lanes_without_raw_outputs_are_held_by_their_results(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path, taps=False).approved()
    report = validate(shop.bundle, random=1, opener=shop.open)
    assert report.held
    assert {"count", "boxes", "scores"} <= {r.output for r in report.random}

    def moved(tensors: Tensors) -> Tensors:
        return {k: v + 3 * (v != 0) if k == "boxes" else v for k, v in tensors.items()}

    shop.faults[LANE] = moved
    wrong = validate(shop.bundle, random=1, opener=shop.open)
    assert {r.output for r in wrong.random if r.verdict == "FAIL"} == {"boxes"}
    assert healthy()["boxes"].shape == (1, 5, 4)
