"""What is approved is written down: a golden that goes, comes or is exchanged is noticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilecat.errors import MobileCatError, SpecError
from mobilecat.golden.inventory import digest, entry_of
from mobilecat.golden.store import read_result
from mobilecat.judge.because import what_changed
from mobilecat.review.approve import approve, list_cases, record
from mobilecat.review.index import index_goldens
from tests.judge.fake import (
    LANE,
    Workshop,
    check,
    edit_bundle,
    hashes,
    home,
    moved,
    reasons,
    write_bundle,
)

Told = dict[str, Any]
INDEX = "index.json"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved("attic", "room")


def index_of(shop: Workshop) -> Path:
    return shop.golden / "fake" / INDEX


def gone(shop: Workshop) -> None:
    shutil.rmtree(home(shop))


def to_a_variant(shop: Workshop) -> None:
    approved = home(shop) / "approved.json"
    shutil.copy(approved, approved.with_name("approved-onnx@fake.onnx.json"))


def to_another_case(shop: Workshop) -> None:
    shutil.copytree(home(shop), home(shop, "copy"))


def of_another_day(shop: Workshop) -> None:
    path = home(shop) / "approved.json"
    found = read_result(path)
    assert found.approved is not None
    before = found.approved.model_copy(update={"at": "2020-02-02T02:02:02+00:00"})
    path.write_text(found.model_copy(update={"approved": before}).sealed().to_json())


def other_picture(shop: Workshop) -> None:
    case = home(shop) / "case.json"
    told = json.loads(case.read_text())
    told["input"]["size_wh"] = [960, 600]
    case.write_text(json.dumps(told))


def terms_edited(shop: Workshop) -> None:
    told = json.loads(index_of(shop).read_text())
    for terms in told["terms"].values():
        terms["parts"]["nms"] = "0"
    index_of(shop).write_text(json.dumps(told))


DAMAGE: dict[str, tuple[Callable[[Workshop], None], str]] = {
    "a case gone": (gone, "was approved and is gone"),
    "copied to a lane": (to_a_variant, "is not in index.json"),
    "copied to another case": (to_another_case, "is not in index.json"),
    "a result of another day": (of_another_day, "is not the result that was approved last"),
    "case.json edited": (other_picture, "is not the one that was approved"),
    "the terms edited": (terms_edited, "was edited"),
    "no index any more, and a copy": (
        lambda s: (index_of(s).unlink(), to_a_variant(s))[1],
        "is a copy of approved.json",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_it_is_noticed(shop: Workshop, name: str) -> None:
    damage, words = DAMAGE[name]
    assert check(shop).held
    damage(shop)
    said = reasons(shop)
    assert any(words in s for s in said), said


def test_one_case_alone_is_not_blamed_for_another(shop: Workshop) -> None:
    gone(shop)
    assert check(shop, cases=["attic"]).held
    assert not check(shop, cases=["room"]).held


def test_list_says_what_is_gone(shop: Workshop) -> None:
    gone(shop)
    state = {s.case: s for s in list_cases(shop.bundle, shop.golden)}["room"]
    assert state.state == "gone" and "bring it back" in state.problems[0]


def test_removed_on_purpose(shop: Workshop) -> None:
    gone(shop)
    said = index_goldens(shop.bundle, shop.golden)
    assert len(said) == 1 and said[0].endswith("is gone: taken out of the index")
    assert check(shop).held
    assert index_goldens(shop.bundle, shop.golden) == []


def test_goldens_without_an_index_go_on_and_say_so(shop: Workshop) -> None:
    index_of(shop).unlink()
    report = check(shop)
    assert report.held
    (said,) = [r.check for r in report.not_run if r.check.name == INDEX]
    assert "goes unnoticed" in said.detail and "golden index" in said.detail
    assert len(index_goldens(shop.bundle, shop.golden)) == 2
    assert [r for r in check(shop).not_run if r.check.name == INDEX] == []


def test_the_next_approval_makes_the_index_of_all(shop: Workshop) -> None:
    index_of(shop).unlink()
    record(shop.bundle, shop.golden, shop.picture("hall", 9), opener=shop.open)
    approve(shop.bundle, shop.golden, ["hall"])
    assert set(json.loads(index_of(shop).read_text())["cases"]) == {"attic", "hall", "room"}
    report = check(shop)
    assert report.held
    unsaid = {r.check.name for r in report.not_run if "terms of" in r.check.name}
    assert unsaid == {"terms of attic", "terms of room"}


def test_no_index_of_damaged_goldens(shop: Workshop) -> None:
    (home(shop) / "approved.json").write_text("{}")
    before = hashes(shop.golden)
    with pytest.raises(MobileCatError, match="cannot be trusted"):
        index_goldens(shop.bundle, shop.golden)
    assert hashes(shop.golden) == before


def test_a_variant_is_in_the_index(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    check(shop)
    approve(shop.bundle, shop.golden, ["room"], lane=LANE, variant=True)
    told = json.loads(index_of(shop).read_text())["cases"]["room"]
    assert set(told["results"]) == {"approved", "approved-onnx@fake.onnx"}
    assert check(shop, cases=["room"]).held


# --- the contract that a golden is for


WORDS = {
    "nms": "[nms] iou_threshold: golden made with 0.45, bundle has 0.5",
    "input": "[input] mean: golden made with 0, bundle has 3",
    "landmarks": "landmarks, golden → bundle: point 0 ",
    "labels": 'labels, golden → bundle: class 0 "cat" → "dog", class 1 "dog" → "cat"',
}
CONTRACTS: dict[str, Callable[[Told], object]] = {
    "nms": lambda t: (t["spec"]["nms"].update(iou_threshold=0.5), t.update(nms=t["spec"]["nms"])),
    "input": lambda t: t["spec"]["input"].update(mean=3.0),
    "landmarks": lambda t: t["spec"]["landmarks"].reverse(),
    "labels": lambda t: t["spec"]["labels"].reverse(),
}


@pytest.mark.parametrize("part", CONTRACTS)
def test_another_contract_than_was_approved_for(shop: Workshop, part: str) -> None:
    edit_bundle(shop.bundle, CONTRACTS[part])
    (shop.bundle / "labels.txt").write_text("dog\ncat\n" if part == "labels" else "cat\ndog\n")
    report = check(shop)
    first = report.failed[0].check
    assert first.stage == "contract" and f"another contract: {WORDS[part]}" in first.detail


@pytest.mark.parametrize("edited", [False, True])
def test_a_contract_without_its_values_is_told_by_its_part(shop: Workshop, edited: bool) -> None:
    """As an older mobilecat wrote it; and where somebody wrote other values beside the digests."""
    told = json.loads(index_of(shop).read_text())
    for terms in told["terms"].values():
        if edited:
            terms["values"]["input"]["mean"] = 9.0
        else:
            del terms["values"]
    index_of(shop).write_text(json.dumps(told))
    assert check(shop).held
    edit_bundle(shop.bundle, CONTRACTS["input"])
    report = check(shop)
    assert "another contract: input of bundle.json" in report.failed[0].check.detail
    changed = what_changed(report)
    assert changed is not None
    assert [c.partition(" --")[0].split()[:4] for c in changed.steps[1].commands] == [
        ["mobilecat", "golden", verb, str(shop.bundle)] for verb in ("record", "review", "approve")
    ]


def test_wider_limits_than_were_approved_for(shop: Workshop) -> None:
    loose = {"onnx": {"scores": 0.2}}
    edit_bundle(shop.bundle, lambda t: t["spec"].update(tolerances=loose))
    report = check(shop)
    assert not report.held
    assert "the limit scores of onnx:fake.onnx, 0.2 for 0.001" in report.failed[0].check.detail


def test_tighter_limits_and_more_targets_are_no_other_contract(shop: Workshop) -> None:
    tight = {"onnx": {"scores": 1e-4}}
    edit_bundle(shop.bundle, lambda t: t["spec"].update(tolerances=tight))
    assert check(shop).held


def test_recorded_again_and_approved_it_is_the_contract(shop: Workshop) -> None:
    edit_bundle(shop.bundle, CONTRACTS["nms"])
    for name, colour in (("attic", 40), ("room", 41)):
        made = record(shop.bundle, shop.golden, shop.picture(name, colour), opener=shop.open)
        assert made is not None  # though the numbers are the same
    approve(shop.bundle, shop.golden, every=True)
    assert check(shop).held
    again = record(shop.bundle, shop.golden, shop.picture("room", 41), opener=shop.open)
    assert again is None


# --- limits that are none


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("boxes_px = 1e9", "boxes_px is 1e+09; more than 6"),  # an eighth of 48
        ("scores = 0.3", "scores is 0.3; more than 0.25"),
        ("tensors = 3.0", "tensors is 3; more than 0.5"),
        ('outputs = { "decode/scores" = 0.9 }', "decode/scores is 0.9; more than 0.25"),
    ],
)
def test_a_tolerance_that_holds_nearly_anything_is_refused(
    tmp_path: Path, given: str, words: str
) -> None:
    shop = write_bundle(tmp_path, f"[tolerances.onnx]\n{given}")
    with pytest.raises(SpecError) as refused:
        check(shop, random=1)
    assert words in str(refused.value)


def test_wider_limits_stand_in_the_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilecat.judge.words import verdict_sentence

    monkeypatch.delenv("CI", raising=False)
    shop = write_bundle(tmp_path, "[tolerances.onnx]\nboxes_px = 6").approved()
    assert "onnx boxes_px 6 (table: 0.5)" in verdict_sentence(check(shop))


# --- false alarms


def test_what_file_managers_leave_is_nobodys_business(shop: Workshop) -> None:
    before = check(shop)
    for name in ("Thumbs.db", "THUMBS.DB", "desktop.ini", ".DS_Store", "._room.png", "Icon\r"):
        for folder in (shop.golden / "fake", home(shop), shop.bundle):
            (folder / name).write_bytes(b"x")
    (shop.golden / "fake" / "@eaDir").mkdir()
    report = check(shop)
    assert report.held and len(report.cases) == len(before.cases)


def test_goldens_as_windows_checks_them_out(shop: Workshop) -> None:
    for path in shop.golden.rglob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check(shop).held


def test_the_index_is_of_what_the_case_says_so_that_older_ones_hold(shop: Workshop) -> None:
    """A key that case.json does not have is no part of what was approved."""
    said = json.loads((home(shop) / "case.json").read_text("utf-8"))
    assert set(said) == {"schema_version", "kind", "input"}
    assert entry_of(home(shop)).case == digest(said)
