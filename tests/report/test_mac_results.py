"""`validate --from results.json`: a Mac's results in the same report, honest and lying ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mobilecat.bundle import open_bundle
from mobilecat.errors import MobileCatError
from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.judge.saved import recording
from mobilecat.report.results_file import fold
from tests.command import mobilecat
from tests.judge.fake import Workshop, write_bundle

PACKAGE, MODEL = "fake.mlpackage", "fake.mlmodel"
WAYS = ("predict", "vision")
ALL = {f"coreml-native/{how}@all:{file}" for how in WAYS for file in (PACKAGE, MODEL)}
Data = dict[str, Any]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    made = write_bundle(tmp_path, kinds=("onnx", "coreml", "mlmodel"))
    return made.approved("room", "hall")


def honest(shop: Workshop) -> Data:
    """What a Mac writes that gives each golden's very boxes, two ways, on both artifacts."""
    bundle = open_bundle(shop.bundle)
    runs = []
    for record in (a for a in bundle.artifacts if a.kind == "coreml"):
        for how in WAYS:
            for case in ("room", "hall"):
                golden = json.loads((shop.golden / "fake" / case / "approved.json").read_text())
                runs.append(
                    {
                        "artifact": record.file,
                        "artifact_sha256": record.sha256,
                        "how": how,
                        "compute_units": "all",
                        "case": case,
                        "input_sha256": golden["input_sha256"],
                        "detections": golden["detections"],
                    }
                )
    return {
        "schema": 1,
        "bundle": bundle.name,
        "spec_sha256": bundle.spec_sha256,
        "machine": "arm64, macOS 15.1",
        "versions": {"coremltools": "9.0"},
        "runs": runs,
    }


def written(shop: Workshop, data: Data, name: str = "results.json") -> Path:
    path = shop.root / name
    path.write_text(json.dumps(data), "utf-8")
    return path


def folded(shop: Workshop, data: Data, **asked: Any) -> Report:
    report = validate(shop.bundle, shop.golden, opener=shop.open, **asked)
    return fold(report, [written(shop, data)])


def test_honest_results_pass_and_stand_in_for_what_cannot_run_here(shop: Workshop) -> None:
    before = validate(shop.bundle, shop.golden, opener=shop.open)
    report = fold(before, [written(shop, honest(shop))])
    assert report.held and report.exit_code == 0
    lanes = {r.lane.name: report.verdict(r.lane) for r in report.lanes}
    assert {n for n, verdict in lanes.items() if verdict == "PASS"} == set(lanes)
    live = {r.lane.name for r in before.lanes if r.lane.runner != "coreml-native"}
    assert set(lanes) == ALL | live
    assert "results.json: arm64, macOS 15.1" in report.notes
    (one, *_) = (r for r in report.to_json()["lanes"] if r["lane"] in ALL)
    assert one["engine"] == "Apple's own runtime: arm64, macOS 15.1; coremltools 9.0"


def run_of(data: Data, file: str, how: str, case: str) -> Data:
    wanted = {"artifact": file, "how": how, "case": case}
    return next(r for r in data["runs"] if wanted.items() <= r.items())


def move(data: Data) -> None:
    run = run_of(data, MODEL, "vision", "hall")
    run["detections"][0]["box_xyxy"][2] += 9


def swap_points(data: Data) -> None:
    points = run_of(data, MODEL, "vision", "hall")["detections"][0]["landmarks"]
    points["left eye"], points["right eye"] = points["right eye"], points["left eye"]


def rename(data: Data) -> None:
    run_of(data, MODEL, "vision", "hall")["detections"][0]["label"] = "cow"


def drop_points(data: Data) -> None:
    del run_of(data, MODEL, "vision", "hall")["detections"][0]["landmarks"]


def other_picture(data: Data) -> None:
    run_of(data, MODEL, "vision", "hall")["input_sha256"] = "0" * 64


def leave_out(data: Data) -> None:
    data["runs"].remove(run_of(data, MODEL, "vision", "hall"))


def not_run(data: Data) -> None:
    run_of(data, MODEL, "vision", "hall").update(detections=None, not_run="it was late")


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (move, ""),
        (swap_points, ""),
        (rename, "class 1 is not 'cow'"),
        (drop_points, "landmarks"),
        (other_picture, "another input"),
        (leave_out, "nothing on hall"),
        (not_run, "nothing on hall"),
    ],
)
def test_a_lie_falls_short_on_its_lane_alone(
    lie: Callable[[Data], None], said: str, shop: Workshop
) -> None:
    data = honest(shop)
    lie(data)
    report = folded(shop, data)
    assert not report.held and report.exit_code == 1
    assert {r.lane for r in report.failed} == {f"coreml-native/vision@all:{MODEL}"}
    assert said in " ".join(r.check.detail for r in report.failed)


def test_what_could_not_run_anywhere_says_so(shop: Workshop) -> None:
    """One way that did not run is NOT_RUN; an artifact that no way ran is a failure."""
    data = honest(shop)
    for run in data["runs"]:
        if run["artifact"] == MODEL and run["how"] == "vision":
            run.update(detections=None, not_run="Vision refused")
    report = folded(shop, data)
    assert report.held
    assert [r.check.detail for r in report.not_run if MODEL in r.lane] == ["Vision refused"] * 2
    for run in data["runs"]:
        if run["artifact"] == MODEL:
            run.update(detections=None, not_run="refused")
    report = folded(shop, data)
    assert [r.check.name for r in report.failed] == [MODEL]
    assert report.failed[0].check.detail.endswith("no run was held to a golden (refused)")


def test_an_artifact_left_out_fails(shop: Workshop) -> None:
    data = honest(shop)
    data["runs"] = [r for r in data["runs"] if r["artifact"] == PACKAGE]
    report = folded(shop, data)
    assert [(r.check.stage, r.check.name) for r in report.failed] == [("run", MODEL)]
    assert folded(shop, data, artifact=PACKAGE).held


def test_a_named_runner_must_have_run_every_way(shop: Workshop) -> None:
    data = honest(shop)
    report = folded(shop, data, runner="coreml-native")
    assert report.held and {r.lane.name for r in report.lanes} == ALL
    for run in data["runs"]:
        if run["artifact"] == MODEL and run["how"] == "vision":
            run.update(detections=None, not_run="Vision refused")
    report = folded(shop, data, runner="coreml-native")
    assert report.shortfalls == (
        f"coreml-native/vision@all:{MODEL} was held to no golden "
        f"(coreml-native/vision@all:{MODEL}: Vision refused)",
    )


def test_what_does_not_go_together(shop: Workshop) -> None:
    path = written(shop, honest(shop))
    for asked, said in (
        ({"golden_dir": None, "random": 1}, "--golden"),
        ({"golden_dir": shop.golden, "runner": "onnx"}, "--runner onnx"),
    ):
        report = validate(shop.bundle, opener=shop.open, **asked)  # type: ignore[arg-type]
        with pytest.raises(MobileCatError) as e:
            fold(report, [path])
        assert said in str(e.value)
    report = validate(shop.bundle, shop.golden, opener=shop.open)
    with pytest.raises(MobileCatError, match="twice"):
        fold(report, [path, written(shop, honest(shop), "again.json")])


def test_the_command(shop: Workshop) -> None:
    """Saved results of this machine and a Mac's file: one verdict in every form of the report."""
    with recording(shop.root / "saved", shop.open) as recorder:
        validate(shop.bundle, shop.golden, opener=recorder)
    good = written(shop, honest(shop))
    lying = honest(shop)
    move(lying)
    bad = written(shop, lying, "lying.json")
    command = ["validate", shop.bundle, "--golden", shop.golden, "--no-write"]
    command += ["--from", shop.root / "saved"]
    name = f"coreml-native/vision@all:{MODEL}"
    for file, code in ((good, 0), (bad, 1)):
        forms = {k: shop.root / f"r{code}.{k}" for k in ("html", "json", "junit")}
        options = [x for k, v in forms.items() for x in (f"--{k}", v)]
        done = mobilecat(*command, "--from", file, *options)
        assert done.returncode == code, done.stdout + done.stderr
        assert name in done.stdout and name in forms["html"].read_text("utf-8")
        told = json.loads(forms["json"].read_text("utf-8"))
        assert {r["lane"] for r in told["lanes"]} >= ALL and told["exit_code"] == code
        suites = {s.get("name"): s for s in ET.parse(forms["junit"]).getroot()}
        assert (int(suites[name].get("failures") or 0) > 0) == bool(code)


def test_the_command_refuses(shop: Workshop) -> None:
    good = written(shop, honest(shop))
    text = shop.root / "notes.json"
    text.write_text('{"cats": 3}')
    where = ["validate", shop.bundle, "--golden", shop.golden, "--no-write"]
    for options, said in (
        (["--from", text], "not a results file"),
        (["--from", shop.root, "--from", shop.golden], "Two folders"),
        (["--from", shop.root / "none.json"], "none.json"),
    ):
        done = mobilecat(*where, *options)
        assert done.returncode == 2 and said in done.stderr, (options, done.stderr)
        assert "Traceback" not in done.stderr
    done = mobilecat("validate", shop.bundle, "--random", 1, "--from", good, "--no-write")
    assert done.returncode == 2 and "--golden GDIR" in done.stderr, done.stderr
