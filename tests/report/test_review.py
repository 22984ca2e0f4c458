"""Golden review: what each answer does to the files, and what it cannot do."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from mobilecat.cli.main import app
from mobilecat.cli.review import walk
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import read_result
from mobilecat.review.approve import pendings, record
from tests.judge.fake import (
    LANE,
    Workshop,
    approved_hashes,
    check,
    home,
    moved,
    moved_everywhere,
    write_bundle,
)

PENDING = "pending-onnx@fake.onnx.json"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """Two cases; the lane's first box is off in both, more in the one called hall."""
    monkeypatch.delenv("CI", raising=False)
    made = write_bundle(tmp_path).approved("room", "hall")
    made.faults[LANE] = moved
    check(made)
    return made


def answers(*given: str) -> Callable[[str], str]:
    left = list(given)

    def ask(_: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return ask


def walked(shop: Workshop, *given: str) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False, markup=False)
    found = pendings(shop.bundle, shop.golden)
    walk(console, shop.bundle, shop.golden, found, ask=answers(*given))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_accept_keeps_the_reason_and_where_it_comes_from(shop: Workshop) -> None:
    text = walked(shop, "a", "the box is better", "s")
    assert "1 of 2" in text and "detections boxes: 4.243 (limit 0.5)" in text
    told = read_result(home(shop, "hall") / "approved.json")
    assert told.made.lane == LANE and told.approved is not None
    assert told.approved.reason == "the box is better" and told.approved.replaces is not None
    assert [d.name for d in told.approved.difference] == ["boxes"]
    assert not (home(shop, "hall") / PENDING).exists() and (home(shop) / PENDING).exists()


def test_a_variant_is_the_lanes_alone(shop: Workshop) -> None:
    before = approved_hashes(shop.golden)
    walked(shop, "v", "another engine", "v", "another engine")
    after = approved_hashes(shop.golden)
    assert {k: after[k] for k in before} == before
    assert len(after) == 4 and check(shop).held


def test_reject_removes_the_pending_result_alone(shop: Workshop) -> None:
    before = approved_hashes(shop.golden)
    walked(shop, "r", "r")
    assert approved_hashes(shop.golden) == before
    assert sorted(p.name for p in home(shop).iterdir()) == [
        "approved.json",
        "case.json",
        "room.png",
    ]
    assert not check(shop).held  # the artifact is as wrong as it was


def test_rejecting_a_new_case_leaves_nothing_of_it(shop: Workshop) -> None:
    shop.faults.clear()
    picture = shop.picture("cellar", 90)
    record(shop.bundle, shop.golden, picture, opener=shop.open)
    new = [p for p in pendings(shop.bundle, shop.golden) if p.case == "cellar"]
    assert len(new) == 1
    walked(shop, "s", "s", "r")
    assert not home(shop, "cellar").exists() and picture.exists()


@pytest.mark.parametrize("given", [("q",), (), ("s", "s"), ("x", "", "q"), ("a",)])
def test_nothing_changes_without_an_answer(shop: Workshop, given: tuple[str, ...]) -> None:
    before = approved_hashes(shop.golden)
    walked(shop, *given)
    assert approved_hashes(shop.golden) == before
    assert len(pendings(shop.bundle, shop.golden)) == 2


def test_what_changed_while_looking_is_not_accepted(shop: Workshop) -> None:
    before = approved_hashes(shop.golden)
    path = home(shop, "hall") / PENDING

    def ask(prompt: str) -> str:
        if "reason" in prompt:
            return ""
        path.write_text(path.read_text().replace("0.9", "0.8"))
        return "a" if path.exists() else "q"

    console = Console(file=io.StringIO(), width=200)
    hall = [p for p in pendings(shop.bundle, shop.golden) if p.case == "hall"]
    walk(console, shop.bundle, shop.golden, hall, ask=ask)
    assert approved_hashes(shop.golden) == before
    assert "changed while you looked" in console.file.getvalue()  # type: ignore[attr-defined]


def review(shop: Workshop, *more: str) -> str:
    words = ["golden", "review", str(shop.bundle), "--golden", str(shop.golden), *more]
    result = CliRunner().invoke(app, words)
    if isinstance(result.exception, MobileCatError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_accept_and_reject_by_name(shop: Workshop) -> None:
    review(shop, "--accept", "hall", "--reject", "room", "--reason", "seen")
    told = read_result(home(shop, "hall") / "approved.json").approved
    assert told is not None and told.reason == "seen"
    assert not list(home(shop).glob("pending*"))


def test_what_is_not_clear_is_refused_whole(shop: Workshop) -> None:
    shop.faults["tflite:fake.tflite"] = moved
    check(shop)
    before = approved_hashes(shop.golden)
    with pytest.raises(MobileCatError) as e:
        review(shop, "--accept", "hall", "--reject", "attic")
    assert "has 2 pending results" in str(e.value) and "attic" in str(e.value)
    assert approved_hashes(shop.golden) == before
    review(shop, "--accept", "hall", "--lane", LANE)
    assert approved_hashes(shop.golden) != before


def test_both_at_once_is_refused(shop: Workshop) -> None:
    with pytest.raises(MobileCatError, match="Nothing was accepted"):
        review(shop, "--accept", "hall", "--reject", "hall")
    assert len(pendings(shop.bundle, shop.golden)) == 2


def test_ci_writes_nothing(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    for word in ("--accept", "--reject"):
        with pytest.raises(MobileCatError, match="CI"):
            review(shop, word, "hall")
    assert len(pendings(shop.bundle, shop.golden)) == 2


def test_without_a_terminal_it_only_shows(shop: Workshop) -> None:
    before = approved_hashes(shop.golden)
    text = review(shop)
    assert "hall" in text and "room" in text and "golden approve" in text
    assert approved_hashes(shop.golden) == before


def test_the_drawing_has_three_panels(shop: Workshop) -> None:
    review(shop)
    with Image.open((home(shop) / PENDING).with_suffix(".png")) as drawn:
        assert drawn.size == (3 * 96 + 2 * 8, 60)


def test_the_page_shows_all_and_changes_nothing(shop: Workshop, tmp_path: Path) -> None:
    shop.faults.clear()
    shop.tensors = moved_everywhere
    record(shop.bundle, shop.golden, shop.picture("new", 99), opener=shop.open)
    before = approved_hashes(shop.golden)
    review(shop, "--html", str(tmp_path / "r.html"))
    text = (tmp_path / "r.html").read_text("utf-8")
    assert text.count('<section class="case"') == 3
    assert text.index('aria-label="hall"') < text.index('aria-label="new"')
    command = f"golden approve {shop.bundle} hall --golden {shop.golden} --lane {LANE}"
    assert command in text and "--reject hall" in text
    assert approved_hashes(shop.golden) == before
