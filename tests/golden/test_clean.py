"""Pending results that another bundle gave: said, kept out of goldens, and taken away by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from mobilecat.report.html_review import review_page
from mobilecat.review.approve import pendings
from mobilecat.review.record import record
from mobilecat.review.review import lines_of
from tests.command import mobilecat
from tests.judge.fake import (
    LANE,
    Workshop,
    approved_hashes,
    check,
    edit_bundle,
    hashes,
    moved,
    write_bundle,
)

RANGE = "[input] range: result made with [0, 255], bundle has [0, 1]"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    made = write_bundle(tmp_path)
    made.approved("room", "hall")
    return made


def changed(told: dict[str, Any]) -> None:
    told["spec"]["input"].update(range=[0, 1])


def left_behind(shop: Workshop) -> None:
    """Leave what one lane gave for both goldens, with drawings, and make the bundle another."""
    shop.faults[LANE] = moved
    check(shop)
    shop.faults.clear()
    mobilecat("golden", "review", shop.bundle, "--golden", shop.golden)
    edit_bundle(shop.bundle, changed)


def test_it_is_said_of_which_bundle_it_is_and_not_approved(shop: Workshop) -> None:
    left_behind(shop)
    found = pendings(shop.bundle, shop.golden)
    assert [p.other for p in found] == [RANGE] * 2 and found[0].useless
    assert lines_of(found[0])[0].startswith(f"of another bundle ({shop.bundle}): {RANGE}")
    page = review_page(shop.bundle, shop.golden, found)
    command = f"mobilecat golden review {shop.bundle} --golden {shop.golden} --clean"
    assert RANGE in page and command in page and "golden approve" not in page
    shown = mobilecat("golden", "review", shop.bundle, "--golden", shop.golden).stdout
    assert command in " ".join(shown.split()) and "golden approve" not in shown
    with pytest.raises(MobileCatError, match="Nothing was approved"):
        mc.golden.approve(shop.bundle, shop.golden, ["room"], lane=LANE)


def test_clean_takes_it_away_with_its_pictures_and_nothing_else(shop: Workshop) -> None:
    before = hashes(shop.golden)
    left_behind(shop)
    assert len(list(shop.golden.rglob("pending-*.png"))) == 2
    done = mobilecat("golden", "review", shop.bundle, "--golden", shop.golden, "--clean")
    assert done.returncode == 0 and done.stdout.count("removed ") == 4
    assert hashes(shop.golden) == before
    again = mobilecat("golden", "review", shop.bundle, "--golden", shop.golden, "--clean")
    assert "nothing to remove" in again.stdout


def export_anew(folder: Path) -> None:
    """Write another file of the same spec, as another calibration makes one."""
    file = folder / "fake.onnx"
    file.write_bytes(file.read_bytes() + b"other")
    edit_bundle(folder, lambda told: told["artifacts"][0].update(sha256=sha256_of(file)))


def test_a_result_of_another_file_is_not_approved_and_cleaned(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    export_anew(shop.bundle)
    before = approved_hashes(shop.golden)
    found = pendings(shop.bundle, shop.golden)
    assert [p.other for p in found] == [
        "another fake.onnx gave it than the bundle has now: the two files differ"
    ] * 2
    with pytest.raises(MobileCatError, match="Nothing was approved") as refused:
        mc.golden.approve(shop.bundle, shop.golden, ["room"], lane=LANE)
    assert f"is of another bundle ({shop.bundle}): another fake.onnx" in str(refused.value)
    assert "validate again" in str(refused.value)
    assert len(mc.golden.clean(shop.bundle, shop.golden)) == 2
    assert approved_hashes(shop.golden) == before


def test_what_another_source_gave_is_not_approved(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture("new", 99), opener=shop.open)
    edit_bundle(shop.bundle, lambda told: told["source"].update(sha256="2" * 64))
    with pytest.raises(MobileCatError, match="another source model gave it"):
        mc.golden.approve(shop.bundle, shop.golden, ["new"])


def test_who_approves_a_lanes_result_for_all_is_told(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    beside = shop.bundle, "--golden", shop.golden, "--lane", LANE
    told = mobilecat("golden", "approve", *beside, "room").stdout
    assert "every lane is held to it now, the source too" in told and "--variant" in told
    assert "every lane" not in mobilecat("golden", "approve", *beside, "hall", "--variant").stdout


def test_a_lane_that_is_none_is_not_nothing_pending(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    with pytest.raises(MobileCatError, match=r"'onnx:fale\.onnx' is no lane"):
        mc.golden.review(shop.bundle, shop.golden, lane="onnx:fale.onnx")
    assert len(mc.golden.review(shop.bundle, shop.golden, lane=LANE)) == 2
    assert len(mc.golden.review(shop.bundle, shop.golden, lane="onnx")) == 2
    assert len(mc.golden.review(shop.bundle, shop.golden, lane="tflite:fake.tflite")) == 0


def test_clean_leaves_what_can_still_be_approved(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    record(shop.bundle, shop.golden, shop.picture("new", 99), opener=shop.open)
    assert mc.golden.clean(shop.bundle, shop.golden) == []
    assert len(pendings(shop.bundle, shop.golden)) == 3


def test_a_drawing_without_its_result_goes_and_approvals_stay(shop: Workshop) -> None:
    before = approved_hashes(shop.golden)
    home = next(shop.golden.rglob("room"))
    orphan = home / "pending-source.png"
    orphan.write_bytes(b"a picture")
    assert mc.golden.clean(shop.bundle, shop.golden) == [orphan]
    assert approved_hashes(shop.golden) == before


def test_a_lane_that_agrees_again_takes_its_drawing_along(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    mobilecat("golden", "review", shop.bundle, "--golden", shop.golden)
    assert list(shop.golden.rglob("pending-*.png"))
    shop.faults.clear()
    assert check(shop).held
    assert not list(shop.golden.rglob("pending*"))


def test_validate_names_what_another_bundle_left(shop: Workshop) -> None:
    shop.not_run[LANE] = "not here"
    home = next(shop.golden.rglob("room"))
    shop.faults["tflite:fake.tflite"] = moved
    check(shop)
    shop.faults.clear()
    left = home / "pending-tflite@fake.tflite.json"
    # As a lane left it that this bundle does not have.
    left.rename(home / "pending-onnx@old.onnx.json")
    edit_bundle(shop.bundle, changed)
    (note,) = [n for n in check(shop, cases=["room"]).notes if "pending" in n]
    assert note.startswith(
        f"1 pending result beside the goldens is of another bundle ({shop.bundle})"
    )
    assert f"golden review {shop.bundle} --golden {shop.golden} --clean" in note


def test_clean_writes_nothing_in_ci(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(MobileCatError, match="not written in CI"):
        mc.golden.clean(shop.bundle, shop.golden)


def test_a_page_of_many_begins_with_a_few_names_and_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer's 44 goldens were 44 names, a screen and a half, before the first picture."""
    monkeypatch.delenv("CI", raising=False)
    for many, folded in ((6, 0), (8, 3)):  # one more than five is not worth a click
        shop = write_bundle(tmp_path / f"{many}").approved(*(f"room{k}" for k in range(many)))
        shop.faults[LANE] = moved
        check(shop)
        page = review_page(shop.bundle, shop.golden, pendings(shop.bundle, shop.golden))
        names, _, pictures = page.partition('<main id="main"')
        links = [f'href="#pending-{k}"' for k in range(1, many + 1)]
        assert [names.count(link) for link in links] == [1] * many
        assert all(f'id="pending-{k}"' in pictures for k in range(1, many + 1))
        assert (f"<summary>{folded} more</summary>" in names) == bool(folded)
        before = names.partition("<details>")[0]
        assert sum(link in before for link in links) == many - folded
