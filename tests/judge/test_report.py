"""The report: its JSON, its words, its exit codes; and the table of tolerances."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from mobilecat.bundle import open_bundle
from mobilecat.cli.validate import show
from mobilecat.compare.compare import MADE, Check
from mobilecat.compare.tolerances import DEFAULTS, Bound, limits_of
from mobilecat.errors import SpecError
from mobilecat.judge.report import Report, Result
from mobilecat.judge.run import validate
from mobilecat.judge.words import not_run, once, said
from mobilecat.lanes import Lane, lanes_of
from mobilecat.review.record import record
from mobilecat.shown import Table
from tests.judge.fake import LANE, Workshop, check, moved, write_bundle

TOP = {
    "schema": int,
    "verdict": str,
    "exit_code": int,
    "shortfalls": list,
    "bundle": dict,
    "golden": str,
    "cases": list,
    "lanes": list,
    "checks": list,
    "random": list,
    "random_inputs": dict,
    "pending": list,
    "warnings": list,
    "apps": list,
    "notes": list,
    "platform": str,
}
CHECK = {
    "lane", "runner", "artifact", "case", "stage", "name", "against", "verdict",
    "value", "limit", "max_abs", "max_rel", "detail",
}  # fmt: skip
ROW = {
    "value",
    "lane",
    "runner",
    "artifact",
    "output",
    "max_abs",
    "max_rel",
    "limit",
    "verdict",
    "detail",
}
LANE_KEYS = {
    "lane", "runner", "artifact", "precision", "engine", "verdict", "first_fault", "unloaded",
    "limits",
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved()


def test_the_jsons_keys_are_the_documented_ones(shop: Workshop) -> None:
    told = json.loads(json.dumps(check(shop, random=1).to_json(), allow_nan=False))
    assert {k: type(v) for k, v in told.items()} == TOP
    assert told["schema"] == 1 and told["verdict"] == "HELD" and told["exit_code"] == 0
    assert all(set(c) == CHECK for c in told["checks"])
    assert all(set(r) == ROW for r in told["random"])
    assert all(set(x) == LANE_KEYS for x in told["lanes"])
    text = (Path(__file__).parents[2] / "docs" / "validate.md").read_text(encoding="utf-8")
    keys = set(TOP) | CHECK | ROW | LANE_KEYS
    assert [k for k in sorted(keys) if f"`{k}`" not in text] == []


def test_json_has_no_nan(shop: Workshop) -> None:
    def broken(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**tensors, "reg": tensors["reg"] * np.float32(np.nan)}

    shop.faults[LANE] = broken
    json.dumps(check(shop, random=1).to_json(), allow_nan=False)


def shown(report: Report) -> str:
    console = Console(
        width=100, force_terminal=False, record=True, file=open(os.devnull, "w"),  # noqa: SIM115, PTH123
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    show(report.words(), console=console)
    return console.export_text()


def test_a_report_that_holds_says_so_first(shop: Workshop) -> None:
    lines = shown(check(shop, random=1)).splitlines()
    assert lines[0].startswith("HELD: fake gives what it should. 3 of 3 lanes ran, 1 golden case,")
    # A fake's file is no model, so what it says of its NMS is not read: tests/planted does that.
    told_apart = [x for x in lines if "nms as written" not in x]
    assert not any(x.startswith(("FAIL", "NOT_RUN")) for x in told_apart)


def test_a_report_that_fails_says_what_where_and_by_how_much(shop: Workshop) -> None:
    shop.faults[LANE] = moved
    shop.not_run["tflite:fake.tflite"] = "LiteRT is not installed"
    lines = shown(check(shop)).splitlines()
    assert lines[0].startswith("FELL SHORT: fake: 1 check failed. 2 of 3 lanes ran")
    assert any(
        x.startswith(f"FAIL  {LANE}, room: detections boxes against the golden: 4.243, limit 0.5.")
        for x in lines
    )
    assert any("NOT_RUN  tflite:fake.tflite: LiteRT is not installed" in x for x in lines)
    assert any(x.startswith("wrote ") and x.endswith("pending-onnx@fake.onnx.json") for x in lines)
    row = next(x for x in lines if x.startswith(LANE))
    assert row.split() == [LANE, "1/1", "4.2", "0", "2e-08", "0", "FAIL", "detections"]


def mobilecat(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "mobilecat", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**clean, **env},
    )


def test_exit_codes_and_messages_of_the_command(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path)
    nothing = mobilecat("validate", shop.bundle)
    assert nothing.returncode == 2
    assert "golden record" in nothing.stderr and "--random 3" in nothing.stderr
    nowhere = mobilecat("validate", shop.bundle, "--golden", tmp_path / "no")
    assert nowhere.returncode == 2 and "Traceback" not in nowhere.stderr
    # the fake files are no models: every lane fails to load, and no case is there
    short = mobilecat(
        "validate", shop.bundle, "--golden", shop.golden, "--json", tmp_path / "r.json"
    )
    assert short.returncode == 1 and short.stdout.startswith("FELL SHORT")
    assert json.loads((tmp_path / "r.json").read_text())["exit_code"] == 1
    piped = mobilecat("validate", shop.bundle, "--golden", shop.golden, "--json", "-")
    assert json.loads(piped.stdout)["verdict"] == "FELL_SHORT" and piped.returncode == 1
    (shop.bundle / "fake.onnx").write_bytes(b"changed")
    damaged = mobilecat("validate", shop.bundle, "--golden", shop.golden)
    assert damaged.returncode == 2 and "SHA-256 differs" in damaged.stderr


@pytest.mark.parametrize("verb", ["record", "list", "review", "approve"])
def test_golden_verbs_refuse_what_is_no_bundle(tmp_path: Path, verb: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    more = {"record": ["--image", tmp_path / "x.png"], "approve": ["--all"]}.get(verb, [])
    done = mobilecat("golden", verb, tmp_path, "--golden", tmp_path, *more)
    assert done.returncode == 2
    assert "This is not a bundle" in done.stderr and "Traceback" not in done.stderr


def test_every_lane_has_tolerances_with_a_reason() -> None:
    from mobilecat.lanes import RUNNERS

    assert {r for r, _ in DEFAULTS} == set(RUNNERS)
    assert all(limits.reason for limits in DEFAULTS.values())


def limits(tmp_path: Path, more: str, lane: str):  # type: ignore[no-untyped-def]
    shop = write_bundle(tmp_path, more)
    bundle = open_bundle(shop.bundle)
    return limits_of(next(x for x in lanes_of(bundle) if x.name == lane), bundle)


def test_a_spec_overrides_single_values(tmp_path: Path) -> None:
    more = """
[tolerances.onnx]
boxes_px = 1.5
scores = 0.02
outputs = { cls = 0.25 }
[tolerances."fake.onnx"]
scores = 0.03
outputs = { reg = 0.125 }
"""
    plain = DEFAULTS[("onnx", "float32")]
    got = limits(tmp_path, more, LANE)
    assert (got.boxes_px, got.scores) == (1.5, 0.03)
    assert (got.landmarks_px, got.tensors) == (plain.landmarks_px, plain.tensors)
    floats = np.dtype(np.float32)
    assert got.bound("cls", "tensor", floats) == Bound(0.25)
    assert got.bound("reg", "tensor", floats) == Bound(0.125)
    # Only what the spec leaves open follows how far rounding moves the source.
    assert got.bound("other", "tensor", floats) == Bound(1e-4, times=plain.times)
    assert got.bound("decode/boxes", "boxes", floats) == Bound(1.5, relative=False)
    assert got.bound("best", "tensor", np.dtype(np.int64)) == Bound(0, relative=False)


def test_other_lanes_keep_the_defaults(tmp_path: Path) -> None:
    got = limits(tmp_path, "[tolerances.onnx]\nscores = 0.5", "tflite:fake.tflite")
    assert got == DEFAULTS[("tflite", "float32")]
    assert limits(tmp_path / "b", "", "source").tensors == 1e-5


def test_a_tolerance_that_applies_to_nothing_is_refused(tmp_path: Path) -> None:
    more = "[tolerances.onyx]\nscores = 1\n[tolerances.onnx]\noutputs = { clss = 1, reg = 1 }"
    shop = write_bundle(tmp_path, more)
    with pytest.raises(SpecError) as refused:
        check(shop, random=1)
    assert "did you mean 'onnx'" in str(refused.value)
    assert "did you mean 'cls'" in str(refused.value)
    assert len(refused.value.problems) == 2


def test_a_wider_tolerance_is_used_and_reported(shop: Workshop, tmp_path: Path) -> None:
    wide = write_bundle(tmp_path / "wide", "[tolerances.onnx]\nboxes_px = 6").approved()
    wide.faults[LANE] = moved
    report = check(wide)
    assert report.held
    told = next(x for x in report.to_json()["lanes"] if x["lane"] == LANE)
    assert told["limits"]["boxes_px"] == 6
    assert "[tolerances.onnx] of the spec" in told["limits"]["reason"]


def test_source_alone_is_what_the_others_are_compared_with(shop: Workshop) -> None:
    report = validate(shop.bundle, random=1, runner="source", opener=shop.open)
    assert report.exit_code == 1
    assert "it is what the others are compared with" in report.shortfalls[0]
    assert report.lanes[0].lane == Lane("source")


def test_a_reason_is_said_once_behind_all_that_it_kept() -> None:
    lines = ["coreml-native:a: macOS only: this is Linux", "b (made values): macOS only"]
    assert once([*lines, "c: macOS only"]) == [
        "coreml-native:a: macOS only: this is Linux",
        "b (made values), c: macOS only",
    ]


def test_a_lane_that_met_no_golden_did_not_run(shop: Workshop) -> None:
    """All that passes is what needs no golden; what there is, nobody has approved."""
    golden = shop.root / "waiting"
    record(shop.bundle, golden, shop.picture(), opener=shop.open)
    report = validate(shop.bundle, golden, opener=shop.open)
    assert report.cases == ()
    made = Result(LANE, "", Check("detections", "rows", "PASS", against=MADE))
    report = replace(report, results=(*report.results, made))
    assert {report.verdict(r.lane) for r in report.lanes} == {"NOT_RUN"}
    (table,) = [x for x in said(report) if isinstance(x, Table)]
    assert {(row[1], row[-1]) for row in table.rows} == {("0/0", "NOT_RUN")}
    lines = [x for x in once(not_run(report)) if "no golden case" in x]
    names = ", ".join(r.lane.name for r in report.lanes)
    assert lines == [f"{names}: there is no golden case that could be compared"]


def test_random_inputs_do_not_stand_in_for_goldens(shop: Workshop) -> None:
    golden = shop.root / "waiting"
    record(shop.bundle, golden, shop.picture(), opener=shop.open)
    report = validate(shop.bundle, golden, random=1, opener=shop.open)
    lane = next(r.lane for r in report.lanes if r.lane.name == LANE)
    assert (report.verdict(lane), report.on_goldens(lane)) == ("PASS", "NOT_RUN")
    assert any(LANE in x and "no golden case" in x for x in not_run(report))
