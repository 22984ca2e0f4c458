"""Results on disk: judged again without an engine, and refused where they cannot be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import MobileCatError
from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.judge.saved import Saved, inputs_digest, open_saved, recording
from mobilecat.spec import Tolerance
from tests.judge.fake import LANE, Workshop, hashes, moved, write_bundle
from tests.judge.test_faults import FAULTS


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved("room", "hall")


def save(shop: Workshop, **options: object) -> tuple[Report, Saved]:
    target = shop.root / "results"
    with recording(target, shop.open) as recorder:
        report = validate(shop.bundle, shop.golden, opener=recorder, **options)  # type: ignore[arg-type]
    return report, open_saved(target)


def facts(report: Report) -> list[object]:
    return [(r.lane, r.case, r.check) for r in report.results], report.random, report.shortfalls


@pytest.mark.parametrize("fault", [None, moved, lambda t: {**t, "extra": t["boxes"]}])
def test_saved_results_are_judged_as_the_engines_were(shop: Workshop, fault: object) -> None:
    if fault:
        shop.faults[LANE] = fault  # type: ignore[assignment]
    before, saved = save(shop, random=2)
    assert before.held is (fault is None)
    after = validate(shop.bundle, shop.golden, opener=saved, random=2)
    assert facts(after) == facts(before)


# --- no fault passes from disk either


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_passes_when_it_is_judged_from_disk(shop: Workshop, name: str) -> None:
    stage, shop.faults[LANE] = FAULTS[name]
    live = stage
    if name == "scores as a list of objects":
        stage = "run"  # no objects are unpickled from disk, so it stops one stage earlier
    before, saved = save(shop)
    after = validate(shop.bundle, shop.golden, opener=saved)
    assert not after.held and after.exit_code == 1
    (lane,) = (r.lane for r in after.lanes if r.lane.name == LANE)
    assert (after.verdict(lane), after.first_fault(lane)) == ("FAIL", stage)
    others = [r.lane for r in after.lanes if r.lane.name != LANE]
    assert [after.verdict(other) for other in others] == ["PASS", "PASS"]
    assert before.first_fault(lane) == live


def test_the_reference_alone_is_no_result_of_an_artifact(shop: Workshop) -> None:
    _, saved = save(shop)
    told = saved.results
    for kept in ((), ("source",), ("source", LANE)):
        lanes = tuple(x for x in told.lanes if x.lane in kept)
        less = Saved(saved.folder, told.model_copy(update={"lanes": lanes}))
        after = validate(shop.bundle, shop.golden, opener=less)
        assert not after.held and not after.failed
        assert len(after.shortfalls) == len([x for x in told.lanes if x.lane not in kept]) - (
            "source" not in kept
        )


def test_fewer_saved_pictures_fail(shop: Workshop) -> None:
    _, saved = save(shop)
    told = saved.results
    lanes = tuple(
        x.model_copy(update={"runs": x.runs[:1]}) if x.lane == LANE else x for x in told.lanes
    )
    less = Saved(saved.folder, told.model_copy(update={"lanes": lanes}))
    after = validate(shop.bundle, shop.golden, opener=less)
    assert not after.held
    assert any("compared on 1 of 2 cases" in r.check.detail for r in after.failed)


def test_outputs_handed_over_in_another_order_hold_from_disk(shop: Workshop) -> None:
    shop.faults[LANE] = lambda t: dict(reversed(list(t.items())))
    _, saved = save(shop)
    assert validate(shop.bundle, shop.golden, opener=saved).held


def test_no_cases_fail_from_disk_too(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path)
    with recording(shop.root / "results", shop.open) as recorder:
        validate(shop.bundle, random=1, opener=recorder)
    after = validate(shop.bundle, shop.golden, opener=open_saved(shop.root / "results"))
    assert after.exit_code == 1 and any("no cases" in r.check.detail for r in after.failed)


def test_other_tolerances_judge_saved_results_anew(shop: Workshop) -> None:
    # every corner of one box by 3 px, in x and y: 3·√2 = 4.24 px of the model input
    shop.faults[LANE] = moved
    before, saved = save(shop)
    assert [r.check.name for r in before.failed] == ["boxes", "boxes"]
    for limit, held in ((4.2, False), (4.3, True)):
        given = {"onnx": Tolerance(boxes_px=limit)}
        after = validate(shop.bundle, shop.golden, opener=saved, tolerances=given)
        assert after.held is held
        assert "other tolerances" in after.notes[0]


def test_a_lane_that_could_not_run_stays_so(shop: Workshop) -> None:
    shop.not_run["tflite:fake.tflite"] = "no such engine here"
    before, saved = save(shop)
    after = validate(shop.bundle, shop.golden, opener=saved)
    assert not after.held and facts(after) == facts(before)
    assert "no such engine here" in after.shortfalls[0]


def test_a_crash_stays_a_failure(shop: Workshop) -> None:
    def crash(_: object) -> object:
        raise RuntimeError("out of\nmemory")

    shop.faults[LANE] = crash
    before, saved = save(shop)
    after = validate(shop.bundle, shop.golden, opener=saved)
    assert facts(after) == facts(before)
    assert any("RuntimeError: out of memory" in r.check.detail for r in after.failed)


def test_another_input_has_no_saved_result(shop: Workshop) -> None:
    _, saved = save(shop, random=1)
    after = validate(shop.bundle, None, opener=saved, random=1, seed=7)
    assert not after.held
    assert {r.verdict for r in after.random} == {"NOT_RUN"}
    assert "no saved result for this very input" in after.random[0].detail


def test_another_artifact_is_refused(shop: Workshop) -> None:
    _, saved = save(shop)
    path = shop.root / "results" / "saved.json"
    told = json.loads(path.read_text())
    for lane in told["lanes"]:
        if lane["lane"] == LANE:
            lane["artifact_sha256"] = "5" * 64
    path.write_text(json.dumps(told))
    after = validate(shop.bundle, shop.golden, opener=open_saved(saved.folder))
    assert [r.lane for r in after.failed] == [LANE]
    assert "another artifact" in after.failed[0].check.detail


def test_a_changed_file_is_refused(shop: Workshop) -> None:
    _, saved = save(shop)
    path = next((saved.folder / "onnx@fake.onnx").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    after = validate(shop.bundle, shop.golden, opener=saved)
    assert not after.held
    assert any("cannot be trusted" in r.check.detail for r in after.failed)


def test_a_path_out_of_the_folder_is_refused(shop: Workshop) -> None:
    _, saved = save(shop)
    path = saved.folder / "saved.json"
    path.write_text(path.read_text().replace("onnx@fake.onnx/0.npz", "../outside.npz"))
    (shop.root / "outside.npz").write_bytes((saved.folder / "source/0.npz").read_bytes())
    assert not validate(shop.bundle, shop.golden, opener=open_saved(saved.folder)).held


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 2}', "[]"])
def test_damaged_results_are_an_error_not_a_traceback(shop: Workshop, text: str) -> None:
    _, saved = save(shop)
    (saved.folder / "saved.json").write_text(text)
    with pytest.raises(MobileCatError):
        open_saved(saved.folder)
    with pytest.raises(MobileCatError, match="no saved results"):
        open_saved(shop.root / "nothing")


def test_results_take_no_other_folders_place(shop: Workshop) -> None:
    before = hashes(shop.golden)
    with pytest.raises(MobileCatError), recording(shop.golden, shop.open):
        pass
    assert hashes(shop.golden) == before
    save(shop)
    save(shop)  # its own place it may take


def test_the_digest_tells_inputs_apart() -> None:
    a = np.arange(15, dtype=np.uint8).reshape(3, 5)
    others = [
        {"image": a.reshape(5, 3)},
        {"image": a.astype(np.int8)},
        {"picture": a},
        {"image": a, "more": a},
        {"image": a + 1},
        {},
    ]
    assert len({inputs_digest(x) for x in [{"image": a}, *others]}) == 7
    assert inputs_digest({"image": np.asfortranarray(a)}) == inputs_digest({"image": a})
