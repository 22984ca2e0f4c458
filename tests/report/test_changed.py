"""A page begins with what has changed since the goldens were approved, and what to do about it."""

from __future__ import annotations

import re
from types import SimpleNamespace

from mobilecat.judge.because import follows_the_source
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
