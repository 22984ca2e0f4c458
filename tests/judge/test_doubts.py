"""What is wrong in a golden and in every artifact alike is said, wherever one may look."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import numpy as np
import pytest

from mobilecat.judge.words import said
from mobilecat.report.html_review import review_page
from mobilecat.review.approve import pendings, record
from mobilecat.review.review import lines_of
from tests.judge.fake import Tensors, Workshop, check, healthy, write_bundle
from tests.report.pages import page


def above_the_picture() -> Tensors:
    """Every box some 100 px above the model input, as where units are taken for others."""
    tensors = healthy()
    boxes = tensors["boxes"].copy()
    boxes[0, :3] -= np.float32([0, 100, 0, 100])
    return {**tensors, "boxes": boxes}


def empty() -> Tensors:
    """Nothing is above the threshold of 0.3; the best candidate has 0.26."""
    tensors = healthy()
    scores = np.full_like(tensors["decode/scores"], 0.1)
    scores[0, 3, 1] = 0.26
    zero = {
        n: np.zeros_like(tensors[n]) for n in ("boxes", "scores", "class_ids", "landmarks", "count")
    }
    return {**tensors, **zero, "decode/scores": scores}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


def text_of(shop: Workshop) -> str:
    return "\n".join(str(line) for line in said(check(shop)))


def test_boxes_outside_of_the_picture_are_doubted_before_they_are_approved(shop: Workshop) -> None:
    shop.tensors = above_the_picture
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    (waiting,) = pendings(shop.bundle, shop.golden)
    (doubt,) = waiting.doubts
    assert doubt.startswith("3 of 3 boxes lie outside the picture")
    assert lines_of(waiting)[-1] == f"warning: {doubt}"
    assert doubt in unescape(review_page(shop.bundle, shop.golden, [waiting]))


def test_a_validation_that_holds_warns_of_them(shop: Workshop) -> None:
    shop.tensors = above_the_picture
    shop.approved("room", "hall")
    report = check(shop)
    assert report.held
    (warning,) = report.warnings
    assert warning.startswith("2 of 2 goldens look wrong") and f"run {shop.bundle} " in warning
    # One sentence for both, whose boxes are wrong alike.
    assert "hall, room: boxes lie outside the picture" in warning
    assert warning.count("outside the picture") == 1
    assert warning in text_of(shop) and report.to_json()["warnings"] == [warning]
    shown = page(shop).read_text("utf-8")
    assert "but the goldens look wrong" in shown and '<div class="verdict WAIT">' in shown
    assert "but the goldens look wrong" in text_of(shop)


def test_a_golden_that_looks_right_is_not_doubted(shop: Workshop) -> None:
    shop.approved("room")
    assert check(shop).warnings == () and "look" not in text_of(shop).partition("note")[0]


def test_where_nothing_is_detected_the_best_candidate_is_named(shop: Workshop) -> None:
    shop.tensors = empty
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    (waiting,) = pendings(shop.bundle, shop.golden)
    near = "nothing is above the threshold 0.3; the best candidate has a score of 0.260"
    assert lines_of(waiting)[1].strip() == near
    shop.approved("room")
    shown = " ".join(page(shop).read_text("utf-8").split())
    assert "The golden has no detection" in shown and f"lanes drawn: {near}" in shown


def test_what_is_new_is_read_on_the_page_that_asks_for_approval(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    shown = review_page(shop.bundle, shop.golden, pendings(shop.bundle, shop.golden))
    tags = shown.partition('<g class="layer tags"')[2].partition("</g>")[0]
    assert "dog 0.90" in tags and "cat 0.80" in tags  # written on the picture
    assert "dog 0.900  xyxy" in shown and f"golden approve {shop.bundle} room" in shown
