"""Who records, looks at and approves a result sees what has changed in the contract meanwhile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.cli.main import app
from mobilecat.review.approve import record
from mobilecat.review.review import lines_of
from tests.judge.fake import Workshop, edit_bundle, moved_everywhere, write_bundle

RANGE = "[input] range: golden made with [0, 255], bundle has [0, 1]"
LABELS = 'labels, golden → bundle: class 0 "cat" → "dog", class 1 "dog" → "cat"'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Two goldens, then another range and exchanged labels; both are recorded again."""
    monkeypatch.delenv("CI", raising=False)
    made = write_bundle(tmp_path).approved("room", "hall")

    def change(told: dict[str, Any]) -> None:
        told["spec"]["input"]["range"] = [0.0, 1.0]
        told["spec"]["labels"] = ["dog", "cat"]

    edit_bundle(made.bundle, change)
    (made.bundle / "labels.txt").write_text("dog\ncat\n", encoding="utf-8")
    made.tensors = moved_everywhere
    for k, name in enumerate(("room", "hall")):
        record(made.bundle, made.golden, made.picture(name, 40 + k), opener=made.open)
    return made


def test_it_comes_first_of_each(shop: Workshop) -> None:
    for pending in mc.golden.review(shop.bundle, shop.golden):
        assert lines_of(pending)[0] == f"approved for another contract: {RANGE}; {LABELS}"


def test_the_page_says_it_once_and_a_lost_box_keeps_its_name(shop: Workshop) -> None:
    page = mc.golden.review(shop.bundle, shop.golden).page()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)).replace("&#34;", '"')
    said = f"2 of 2 pending results: what is approved was approved for another contract. {RANGE}"
    assert text.count(said) == 1 and text.count(LABELS) == 1
    assert text.index(said) < text.index("Approved and pending")
    assert "cat → dog 0.800" in text  # class 0, which both have
    assert "approved for another contract: " not in text


def test_approve_says_what_is_approved_with_it(shop: Workshop) -> None:
    words = ["golden", "approve", str(shop.bundle), "--golden", str(shop.golden), "--all"]
    done = CliRunner().invoke(app, words)
    said = " ".join(done.output.split())
    assert done.exit_code == 0 and said.count("approved ") == 2
    assert f"the goldens before were for another contract: {RANGE}; {LABELS}" in said


def test_nothing_is_said_where_nothing_changed(tmp_path: Path) -> None:
    made = write_bundle(tmp_path).approved("room")
    made.tensors = moved_everywhere
    record(made.bundle, made.golden, made.picture("room"), opener=made.open)
    (pending,) = mc.golden.review(made.bundle, made.golden)
    assert pending.changed == ()
    assert "another contract" not in mc.golden.review(made.bundle, made.golden).page()
