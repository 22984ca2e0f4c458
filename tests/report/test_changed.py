"""A page begins with what has changed since the goldens were approved, and what to do about it."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from mobilecat.compare.compare import NO_LIMIT, Check
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.golden.changed import list_words, words_of
from mobilecat.judge.because import follows_the_source
from mobilecat.judge.report import Result
from mobilecat.lanes import Lane
from mobilecat.review.approve import approve
from mobilecat.shown import Line
from tests.judge.fake import (
    LANE,
    RAW,
    Tensors,
    Workshop,
    check,
    edit_bundle,
    healthy,
    moved,
    moved_everywhere,
)
from tests.report.pages import page


def top(shop: Workshop, **options: str) -> str:
    """Return the words of the page up to its folded list, without markup."""
    text = (
        page(shop, None, **options)
        .read_text("utf-8")
        .partition("<header>")[2]
        .partition("<details")[0]
    )
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def other_range(told: dict) -> None:  # type: ignore[type-arg]
    told["spec"]["input"]["range"] = [0.0, 1.0]


BOTH = "[input] range: golden made with [0, 255], bundle has [0, 1]"


def test_a_changed_key_comes_first_with_both_values_and_the_commands(shop: Workshop) -> None:
    edit_bundle(shop.bundle, other_range)
    shop.tensors = moved_everywhere
    said = top(shop)
    assert f"The bundle is another than 2 of 2 goldens were approved for: {BOTH}." in said
    assert said.index(BOTH) < said.index(
        "What fails in these 2 lanes fails in the source model, too"
    )
    assert "fails first at" not in said.replace("source fails first at", "")
    assert "mobilecat bisect" not in said
    spec = shop.root / "mobilecat.toml"
    assert "take it back in mobilecat.toml and export again (with --ios or" in said
    assert f"folders hold copies):mobilecat export {spec}" in said
    pictures = [str(shop.golden / "fake" / n / f"{n}.png") for n in ("hall", "room")]
    record = f"mobilecat golden record {shop.bundle} {' '.join(pictures)} --golden {shop.golden}"
    assert record in said
    assert f"mobilecat golden approve {shop.bundle} --golden {shop.golden} --all" in said
    markdown = check(shop, write_pending=False).markdown().splitlines()
    assert BOTH.replace("[", "\\[").replace("]", "\\]") in markdown[2]


def test_a_lane_that_is_as_the_live_source_is_sent_to_no_layer(shop: Workshop) -> None:
    """With --runner the source is no lane of the report, and is still what the lane is held to."""

    def brighter() -> Tensors:
        return {n: v + 1 if n in RAW else v for n, v in healthy().items()}

    shop.tensors = brighter
    said = top(shop, runner="onnx")
    assert "What fails in this lane fails in the source model, too" in said
    assert "fails first at" not in said and "mobilecat bisect" not in said
    shop.tensors, shop.faults[LANE] = healthy, lambda t: {**t, "reg": t["reg"] + 1}
    assert f"{LANE} fails first at raw" in top(shop, runner="onnx")


def test_the_commands_that_are_named_mend_it(shop: Workshop) -> None:
    from mobilecat.review.approve import approve, record

    edit_bundle(shop.bundle, other_range)
    shop.tensors = moved_everywhere
    assert not check(shop, write_pending=False).held
    for name in ("hall", "room"):
        path = shop.golden / "fake" / name / f"{name}.png"
        assert record(shop.bundle, shop.golden, path, opener=shop.open) is not None
    approve(shop.bundle, shop.golden, every=True)
    assert check(shop).held


def test_a_lane_that_is_wrong_by_itself_is_still_accused(shop: Workshop) -> None:
    edit_bundle(shop.bundle, other_range)
    shop.faults[LANE] = moved  # the source is as it was
    said = top(shop)
    assert BOTH in said and f"{LANE} fails first at detections" in said
    assert "fails in the source model, too" not in said


def test_a_file_that_only_rounds_otherwise_is_not_said_to_follow_a_source_that_holds() -> None:
    """An int8 file misses a golden by a candidate, within what it may be off the live source."""
    source, mine = (
        SimpleNamespace(lane=SimpleNamespace(name=n), unloaded="") for n in ("source", LANE)
    )
    checks = [
        SimpleNamespace(verdict="FAIL", against="golden", stage="candidates"),
        SimpleNamespace(verdict="PASS", against="source", stage="candidates"),
    ]
    report = SimpleNamespace(
        random=(), failed=(), of=lambda _: checks, first_fault=lambda _: "candidates",
        lanes=(source, mine),
    )  # fmt: skip
    assert not follows_the_source(report, mine)  # type: ignore[arg-type]
    report.lanes = (
        mine,
    )  # with --runner the source is no lane: that it agrees is all that is known
    assert follows_the_source(report, mine)  # type: ignore[arg-type]


def test_a_source_that_is_off_alone_names_no_key(shop: Workshop) -> None:
    shop.tensors = lambda: moved(healthy())
    said = top(shop)
    assert "The model itself no longer gives what was approved" in said
    assert "golden made" not in said


def test_a_golden_that_a_lane_gave_is_no_change_of_the_model(shop: Workshop) -> None:
    """The source is right, and what was approved for every lane is what one file gave."""
    shop.faults[LANE] = moved
    check(shop)
    approve(shop.bundle, shop.golden, ["room"], lane=LANE)
    shop.faults.clear()
    said = top(shop)
    assert f"Approved for room is what {LANE} gave, not what the model gives" in said
    assert "no longer gives" not in said and "mobilecat export" not in said
    home = shop.golden / "fake" / "room"
    assert f"golden record {shop.bundle} {home}/room.png --golden {shop.golden}" in said
    # Another golden that the source misses, and that the source gave, is a change of the model.
    shop.tensors = lambda: moved(healthy())
    assert "The model itself no longer gives" in top(shop)


def lines(shop: Workshop) -> list[str]:
    report = check(shop, write_pending=False)
    return [f"{x.lead} {x.text}".strip() for x in report.words() if isinstance(x, Line)]


def test_what_follows_from_a_changed_key_is_said_once(shop: Workshop) -> None:
    edit_bundle(shop.bundle, other_range)
    shop.tensors = moved_everywhere
    said = lines(shop)
    count = said[0].partition(": fake: ")[2].partition(" ")[0]
    follow = (
        "failed checks follow from that: the source model itself differs from what was approved"
    )
    assert sum(f"All {count} {follow}" in line for line in said) == 1
    assert not [line for line in said if line.startswith("FAIL ")]
    assert not [line for line in said if "the first of them" in line]
    every = [x for x in check(shop).words(every=True) if isinstance(x, Line) and x.lead == "FAIL"]
    assert len(every) > 4  # each on request
    shop.tensors, shop.faults[LANE] = healthy, moved  # now the file is wrong, and not the source
    assert not [line for line in lines(shop) if follow in line]
    assert [line for line in lines(shop) if line.startswith("FAIL ")]


def test_a_fault_of_one_lane_beside_a_changed_key_is_told_by_itself(shop: Workshop) -> None:
    """The labels alone have changed: the source is off by them, and not by its boxes."""
    edit_bundle(shop.bundle, lambda told: told["spec"]["labels"].reverse())
    (shop.bundle / "labels.txt").write_text("dog\ncat\n")
    assert not [line for line in lines(shop) if line.startswith("FAIL ")]
    shop.faults[LANE] = moved
    said = [line for line in lines(shop) if line.startswith("FAIL ")]
    assert said and all(LANE in line or "lanes" not in line for line in said)
    assert any("detections boxes against the golden" in line for line in said)
    assert f"{LANE} fails first at" in top(shop)


@pytest.mark.parametrize(("detail", "follows"), [("", False), (f"x; {NO_LIMIT}: 64", True)])
def test_values_beyond_every_limit_accuse_no_file(detail: str, follows: bool) -> None:
    """A wrong range makes boxes of 1e24 pixels, on which a right file differs by 1e17."""
    own = Lane("onnx", None)
    golden = Check("raw", "reg", "FAIL", 2.0, 1.0, "", "golden")
    mine = [
        Result(own.name, "room", golden),
        Result(own.name, "room", Check("candidates", "b", "FAIL", 2.0, 1.0, detail, "source")),
        Result(own.name, "room", Check("detections", "boxes", "FAIL", 2.0, 1.0, "", STRUCTURE)),
    ]
    shared = {"lanes": [SimpleNamespace(lane=x, unloaded="") for x in (Lane("source"), own)]}
    report = SimpleNamespace(
        random=(), failed=[Result("source", "room", golden), *mine], **shared,
        of=lambda name: [r.check for r in mine if r.lane == name], first_fault=lambda _: "raw",
    )  # fmt: skip
    assert follows_the_source(report, shared["lanes"][1]) is follows  # type: ignore[arg-type]
    report.failed = mine  # the source holds: the file is wrong, whatever its size
    assert not follows_the_source(report, shared["lanes"][1])  # type: ignore[arg-type]


def test_exchanged_labels_are_told_by_class_on_page_and_cards(shop: Workshop) -> None:
    edit_bundle(shop.bundle, lambda told: told["spec"]["labels"].reverse())
    (shop.bundle / "labels.txt").write_text("dog\ncat\n")
    text = re.sub(r"<[^>]+>", "", page(shop, None).read_text("utf-8"))
    apart = "class 0 &#34;cat&#34; → &#34;dog&#34;, class 1 &#34;dog&#34; → &#34;cat&#34;"
    assert f"labels, golden → bundle: {apart}" in text
    assert f"labels: approved → now: {apart}" in text  # the card
    # Once on each of two pictures, and not once a lane.
    assert text.count(f"all 3 lanes: contract labels: approved → now: {apart}") == 2
    failed = len(check(shop, write_pending=False).failed)
    assert f"{failed} checks failed on" in text
    assert re.search(rf"Everything that failed: {failed} checks, in \d+ lines", text)


def test_a_long_list_is_told_by_its_first_three() -> None:
    names = [f"n{i}" for i in range(80)]
    said = list_words("labels", names, names[1:] + names[:1])
    assert said.startswith('class 0 "n0" → "n1", class 1 "n1" → "n2", class 2 "n2" → "n3", and 77')
    assert list_words("landmarks", ["eye"], ["eye", "ear"]) == "1 → 2 names"


def test_the_contract_says_what_goes_in_and_what_is_kept(shop: Workshop) -> None:
    text = page(shop, None).read_text("utf-8").partition('<h2 id="contract">')[2]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition('<h2 id="files">')[0]))
    assert "preprocessing RGB, 0..255 becomes 0..255, letterbox to 64×48" in text
    assert "thresholds score above 0.3, overlap (IoU) at most 0.45 within a class, 5 det" in text
    assert "labels cat, dog" in text


def test_of_many_numbers_those_that_changed_are_told() -> None:
    """Two pairs exchanged are told by place; of two maps exchanged the whole lists."""
    maps = [[[10, 14], [23, 27], [37, 58]], [[81, 82], [135, 169], [344, 319]]]
    one = [maps[0], [maps[1][0], maps[1][2], maps[1][1]]]
    before, now = {"kind": "x", "anchors": maps}, {"kind": "x", "anchors": one}
    assert words_of("head", before, now, "golden made with") == [
        "[head] anchors[1][1]: golden made with [135, 169], bundle has [344, 319]",
        "[head] anchors[1][2]: golden made with [344, 319], bundle has [135, 169]",
    ]
    (said,) = words_of("head", before, before | {"anchors": maps[::-1]}, "golden made with")
    assert said.startswith("[head] anchors: golden made with [[[10, 14], [23, 27]")
    fewer = before | {"anchors": [maps[0], maps[1][:2]]}
    (said,) = words_of("head", before, fewer, "golden made with")
    assert said == (
        "[head] anchors[1]: golden made with [[81, 82], [135, 169], [344, 319]], "
        "bundle has [[81, 82], [135, 169]]"
    )
    assert words_of("head", before, dict(before), "golden made with") == []
