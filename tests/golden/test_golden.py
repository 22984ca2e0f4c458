"""Goldens: who may write what, what is refused, and what a kill leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bundle import open_bundle
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import read_result
from mobilecat.judge.run import validate
from mobilecat.review.approve import approve, list_cases, pendings, record
from mobilecat.review.review import draw_review, lines_of
from tests.judge.fake import (
    LANE,
    Workshop,
    approved_hashes,
    check,
    edit_bundle,
    hashes,
    healthy,
    home,
    moved,
    moved_everywhere,
    reasons,
    write_bundle,
)

PENDING_LANE = "pending-onnx@fake.onnx.json"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


# --- the way from a result to a golden


def test_recording_gives_a_pending_case_and_nothing_else(shop: Workshop) -> None:
    path = record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    assert path == home(shop) / "pending.json"
    assert sorted(p.name for p in home(shop).iterdir()) == ["case.json", "pending.json", "room.png"]
    report = check(shop)
    assert report.exit_code == 1
    command = f"mobilecat golden review {shop.bundle} --golden {shop.golden}"
    assert f"has no approved.json; approve it: {command}" in report.failed[0].check.detail
    assert [s.state for s in list_cases(shop.bundle, shop.golden)] == ["pending"]


def test_what_a_golden_keeps(shop: Workshop) -> None:
    shop.approved()
    told = json.loads((home(shop) / "approved.json").read_text())
    first = told["detections"][0]
    # model [10, 8, 30, 28] → image: x·3/2, (y − 4)·3/2
    assert first["box_xyxy"] == [15.0, 6.0, 45.0, 36.0]
    assert first["label"] == "dog" and first["score"] == pytest.approx(0.9)
    assert first["landmarks"] == {"left eye": [22.5, 15.0], "right eye": [37.5, 16.5]}
    assert told["plan"] == {
        "src_wh": [96, 60],
        "dst_wh": [64, 48],
        "resized_wh": [64, 40],
        "left": 0,
        "top": 4,
    }
    assert set(told["tensors"]) == {
        "cls",
        "reg",
        "decode/boxes",
        "decode/scores",
        "decode/landmarks",
    }
    assert told["tensors"]["reg"]["shape"] == [1, 2, 3, 4]
    assert told["approved"]["by"] == "a tester" and told["approved"]["reason"] == "looked at"
    assert told["approved"]["replaces"] is None
    assert told["made"]["lane"] == "source"
    assert (
        told["input_sha256"] == hashlib.sha256((home(shop) / "room.png").read_bytes()).hexdigest()
    )


def test_recording_again_over_an_approved_case(shop: Workshop) -> None:
    shop.approved()
    before = hashes(shop.golden)
    assert record(shop.bundle, shop.golden, shop.picture(), opener=shop.open) is None
    assert hashes(shop.golden) == before
    shop.tensors = moved_everywhere
    assert record(shop.bundle, shop.golden, shop.picture(), opener=shop.open) is not None
    assert approved_hashes(shop.golden) == {k: v for k, v in before.items() if "approved" in k}
    old = before["fake/room/approved.json"]
    approve(shop.bundle, shop.golden, ["room"], reason="the boxes are better now")
    told = read_result(home(shop) / "approved.json")
    assert told.approved is not None and told.approved.replaces == old
    assert [(d.stage, d.name) for d in told.approved.difference] == [("detections", "boxes")]
    assert told.approved.difference[0].value == pytest.approx(3 * 2**0.5, rel=1e-4)
    assert check(shop).held


def test_another_picture_is_another_case(shop: Workshop) -> None:
    shop.approved()
    other = shop.picture("room", 99)
    with pytest.raises(MobileCatError, match="another input"):
        record(shop.bundle, shop.golden, other, opener=shop.open)
    assert record(shop.bundle, shop.golden, other, case="room-2", opener=shop.open)


def test_a_linked_picture_stays_where_it_lies(shop: Workshop) -> None:
    picture = shop.picture()
    record(shop.bundle, shop.golden, picture, link=True, opener=shop.open)
    approve(shop.bundle, shop.golden, every=True)
    assert (
        json.loads((home(shop) / "case.json").read_text())["input"]["file"] == "../../../room.png"
    )
    assert check(shop).held
    picture.unlink()
    assert any("is missing" in r for r in reasons(shop))


@pytest.mark.parametrize("name", ["pending.png", "approved-x.png", "case.json"])
def test_a_picture_with_a_goldens_name_gets_another(shop: Workshop, name: str) -> None:
    picture = shop.picture().rename(shop.root / name)
    record(shop.bundle, shop.golden, picture, case="odd", opener=shop.open)
    assert (home(shop, "odd") / f"input{picture.suffix}").is_file()
    approve(shop.bundle, shop.golden, every=True)
    assert check(shop).held


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "-x"])
def test_a_case_name_is_a_plain_file_name(shop: Workshop, name: str) -> None:
    with pytest.raises(MobileCatError):
        record(shop.bundle, shop.golden, shop.picture(), case=name or " ", opener=shop.open)
    assert hashes(shop.golden) == {}


def test_a_result_that_breaks_its_contract_is_not_recorded(shop: Workshop) -> None:
    shop.faults["source"] = lambda t: {k: v for k, v in t.items() if k != "count"}
    with pytest.raises(MobileCatError, match="breaks the bundle's contract"):
        record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    shop.faults.clear()
    shop.not_run["source"] = "not here"
    with pytest.raises(MobileCatError, match="nothing to record"):
        record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    assert hashes(shop.golden) == {}


# --- a mismatch


def test_a_mismatch_writes_a_pending_file_and_fails(shop: Workshop) -> None:
    shop.approved()
    before = approved_hashes(shop.golden)
    shop.faults[LANE] = moved
    report = check(shop)
    assert report.exit_code == 1
    assert [p.name for p in report.pending] == [PENDING_LANE]
    told = read_result(report.pending[0])
    assert told.approved is None and told.against == before["fake/room/approved.json"]
    assert [(d.stage, d.name) for d in told.differs] == [("detections", "boxes")]
    assert approved_hashes(shop.golden) == before
    shop.faults.clear()
    assert check(shop).held
    assert not (home(shop) / PENDING_LANE).exists()  # it agrees again: nothing waits


def test_no_write_and_a_broken_contract_write_nothing(shop: Workshop) -> None:
    shop.approved()
    before = hashes(shop.golden)
    shop.faults[LANE] = moved
    assert check(shop, write_pending=False).pending == ()
    assert hashes(shop.golden) == before
    shop.faults[LANE] = lambda t: {k: v for k, v in t.items() if k != "scores"}
    assert check(shop).pending == ()
    shop.faults[LANE] = lambda t: moved({**t, "scores": np.maximum(t["scores"], np.float32(0.1))})
    assert check(shop).pending == ()  # readable, but with padding that is not zero
    assert hashes(shop.golden) == before


def test_a_tensor_that_the_golden_does_not_know_fails(shop: Workshop) -> None:
    shop.approved()

    def change(told: dict[str, Any]) -> None:
        told["raw_outputs"].append({"name": "obj", "shape": [1, 6], "dtype": "float32"})
        for record_ in told["artifacts"]:
            record_["taps"]["obj"] = "obj"

    edit_bundle(shop.bundle, change)
    shop.tensors = lambda: {**healthy(), "obj": np.ones((1, 6), np.float32)}
    report = check(shop)
    assert report.exit_code == 1
    assert {r.check.name for r in report.failed} == {"obj"}
    assert all("is not in the golden" in r.check.detail for r in report.failed)


def test_review_shows_the_largest_difference_first(shop: Workshop) -> None:
    shop.approved("hall", "room")
    shop.faults[LANE] = moved
    shop.faults["tflite:fake.tflite"] = lambda t: {**t, "reg": t["reg"] * np.float32(1.01)}
    check(shop)
    found = pendings(shop.bundle, shop.golden)
    assert [(p.case, p.lane) for p in found] == [
        ("hall", "tflite:fake.tflite"),  # 0.01 of the range is 100 limits
        ("room", "tflite:fake.tflite"),
        ("hall", LANE),  # 4.2 px are 8.5 limits
        ("room", LANE),
    ]
    assert lines_of(found[2])[0].startswith("detections boxes: 4.243 (limit 0.5)")
    drawn = draw_review(found[2])
    assert drawn is not None and drawn.name == "pending-onnx@fake.onnx.png"
    from PIL import Image

    assert Image.open(drawn).size == (3 * 96 + 2 * 8, 60)  # approved, pending, difference
    assert check(shop).exit_code == 1  # the picture beside is no stray: the same failures
    assert not any("is not part of a golden" in r for r in reasons(shop))


def test_a_pending_result_of_a_lane_that_is_gone_can_be_reviewed(shop: Workshop) -> None:
    shop.approved()
    shop.faults[LANE] = moved
    check(shop)
    told = (home(shop) / PENDING_LANE).read_text().replace("fake.onnx", "old.onnx")
    (home(shop) / PENDING_LANE).unlink()
    (home(shop) / "pending-onnx@old.onnx.json").write_text(told)
    found = pendings(shop.bundle, shop.golden)
    assert [p.lane for p in found] == ["onnx:old.onnx"]
    whose, first, *_ = lines_of(found[0])
    assert "it is of old.onnx, which the bundle does not have" in whose
    assert "detections boxes" in first
    with pytest.raises(MobileCatError, match="Nothing was approved"):
        approve(shop.bundle, shop.golden, ["room"], lane="onnx:old.onnx")


def test_approving_what_a_lane_gave(shop: Workshop) -> None:
    shop.approved()
    shop.faults[LANE] = moved
    check(shop)
    with pytest.raises(MobileCatError, match="Nothing was approved") as refused:
        approve(shop.bundle, shop.golden, ["room"])
    assert PENDING_LANE in str(refused.value)
    approve(shop.bundle, shop.golden, ["room"], lane=LANE, variant=True, reason="float noise")
    assert (home(shop) / "approved-onnx@fake.onnx.json").is_file()
    assert check(shop).held  # each lane against its own
    shop.faults["tflite:fake.tflite"] = moved
    assert check(shop).exit_code == 1  # the variant is of one lane only
    shop.faults.clear()
    assert check(shop).exit_code == 1  # and that lane must keep to it


def test_a_stale_pending_result_is_not_approved(shop: Workshop) -> None:
    shop.approved()
    shop.faults[LANE] = moved
    check(shop)
    shop.tensors = lambda: {**healthy(), "scores": healthy()["scores"] * np.float32(0.98)}
    shop.faults.clear()
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    approve(shop.bundle, shop.golden, ["room"])
    before = approved_hashes(shop.golden)
    with pytest.raises(MobileCatError, match="Nothing was approved") as refused:
        approve(shop.bundle, shop.golden, ["room"], lane=LANE)
    assert "has changed since" in str(refused.value)
    assert approved_hashes(shop.golden) == before


REFUSED: dict[str, dict[str, object]] = {
    "an unknown case": {"cases": ["attic"]},
    "an unknown lane": {"cases": ["room"], "lane": "onnx:other.onnx"},
    "a variant of nothing": {"cases": ["room"], "variant": True},
    "nothing pending": {"every": True},
    "one good case and one unknown": {"cases": ["hall", "attic"]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_approve_refuses_and_then_writes_nothing(shop: Workshop, name: str) -> None:
    shop.approved("room")
    if "good" in name:
        record(shop.bundle, shop.golden, shop.picture("hall", 3), opener=shop.open)
    before = hashes(shop.golden)
    with pytest.raises(MobileCatError):
        approve(shop.bundle, shop.golden, **REFUSED[name])  # type: ignore[arg-type]
    assert hashes(shop.golden) == before


def test_approve_refuses_a_case_whose_picture_changed(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    (home(shop) / "room.png").write_bytes(b"another")
    with pytest.raises(MobileCatError) as refused:
        approve(shop.bundle, shop.golden, ["room"])
    assert "input file" in str(refused.value)
    assert approved_hashes(shop.golden) == {}


def spec_says(table: str, **keys: object) -> Callable[[dict[str, Any]], object]:
    return lambda told: told["spec"][table].update(keys)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (spec_says("input", range=[0, 1]),
         "[input] range: result made with [0, 255], bundle has [0, 1]"),
        (lambda t: [t[k].update(score_threshold=0.5) for k in ("nms",)]
         + [t["spec"]["nms"].update(score_threshold=0.5)],
         "[nms] score_threshold: result made with"),
    ],
    ids=["range", "threshold"],
)  # fmt: skip
def test_what_was_recorded_from_another_spec_is_not_approved(
    shop: Workshop, change: Callable[[dict[str, Any]], object], part: str
) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    edit_bundle(shop.bundle, change)
    with pytest.raises(MobileCatError, match="Nothing was approved") as refused:
        approve(shop.bundle, shop.golden, every=True)
    assert f"is of another bundle ({shop.bundle}): {part}" in str(refused.value)
    assert f"golden record {home(shop) / 'room.png'} --case room" in str(refused.value)
    assert approved_hashes(shop.golden) == {}
    # Recorded again, it is.
    record(shop.bundle, shop.golden, home(shop) / "room.png", case="room", opener=shop.open)
    approve(shop.bundle, shop.golden, every=True)
    told = json.loads((home(shop) / "approved.json").read_text())
    assert not {"terms", "values", "bundle"} & set(told)
    assert read_result(home(shop) / "approved.json").seal_holds


def test_another_target_or_tolerance_is_no_other_spec(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    before = json.loads((home(shop) / "pending.json").read_text())["made"]["spec_sha256"]
    edit_bundle(shop.bundle, spec_says("tolerances", onnx={"boxes_px": 1.0}))
    assert open_bundle(shop.bundle).spec_sha256 != before
    approve(shop.bundle, shop.golden, every=True)


def test_a_pending_result_of_before_is_held_to_the_whole_spec(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    pending = home(shop) / "pending.json"
    told = json.loads(pending.read_text())
    del told["terms"]
    pending.write_text(json.dumps(told))
    approve(shop.bundle, shop.golden, every=True)
    told["made"]["spec_sha256"] = "0" * 64
    told["against"] = hashlib.sha256((home(shop) / "approved.json").read_bytes()).hexdigest()
    pending.write_text(json.dumps(told))
    with pytest.raises(MobileCatError, match="Nothing was approved") as refused:
        approve(shop.bundle, shop.golden, every=True)
    assert "another spec than the bundle's now" in str(refused.value)


def test_a_new_result_of_a_classifier_is_told_without_boxes(shop: Workshop) -> None:
    record(shop.bundle, shop.golden, shop.picture(), opener=shop.open)
    (waiting,) = pendings(shop.bundle, shop.golden)
    assert lines_of(waiting)[:2] == [
        "new: 3 detections, 5 tensors",
        "  dog 0.900  xyxy 15.0 6.0 45.0 36.0",
    ]
    lines = lines_of(replace(waiting, whole=True))
    assert lines[:2] == ["new: the likeliest classes, 5 tensors", "  dog 0.900"]


# --- a bundle of tensors


def test_a_raw_bundle_has_goldens_of_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    from mobilecat.compile import export
    from mobilecat.spec import spec_from_model_file

    pytest.importorskip("onnx")
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Mul", ["x", "w"], ["y"]),
        helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 5])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 5]),
            helper.make_tensor_value_info("best", TensorProto.INT64, [1, 5]),
        ],
        [onnx.numpy_helper.from_array(np.arange(5, dtype=np.float32) + 0.5, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "tiny.onnx")
    spec = spec_from_model_file(tmp_path / "tiny.onnx")
    only_onnx = spec.targets.model_copy(update={"coreml": (), "tflite": ()})
    export(spec.model_copy(update={"targets": only_onnx}), tmp_path / "b")
    x = np.random.default_rng(0).standard_normal((1, 3, 5)).astype(np.float32)
    np.savez(tmp_path / "first.npz", x=x)
    golden = tmp_path / "g"
    golden.mkdir()
    record(tmp_path / "b", golden, tmp_path / "first.npz")
    approve(tmp_path / "b", golden, every=True)
    told = read_result(golden / "tiny" / "first" / "approved.json")
    assert told.detections is None and told.plan is None
    assert told.tensors["y"].values == pytest.approx((x * (np.arange(5) + 0.5)).reshape(-1))
    assert told.tensors["best"].values == pytest.approx(x.argmax(axis=1).reshape(-1))
    report = validate(tmp_path / "b", golden, random=2)
    assert report.held
    assert {r.output for r in report.random} == {"y", "best"}

    np.savez(tmp_path / "wrong.npz", x=x[:, :2], z=x)
    with pytest.raises(MobileCatError) as refused:
        record(tmp_path / "b", golden, tmp_path / "wrong.npz")
    assert "[1, 2, 5]" in str(refused.value) and "'z'" in str(refused.value)
