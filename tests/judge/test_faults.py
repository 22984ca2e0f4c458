"""The harness against itself: one fault a lane. None may pass, and each names its stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.lanes import NotRun
from tests.judge.fake import LANE, Fault, Tensors, Workshop, check, edit_bundle, write_bundle


def edit(name: str, change: Callable[[np.ndarray], object]) -> Fault:
    """Return a fault that changes one tensor: in place, or into what `change` returns."""

    def fault(tensors: Tensors) -> Tensors:
        if name not in tensors:
            return tensors
        array = tensors[name].copy()
        made = change(array)
        return {**tensors, name: array if made is None else made}

    return fault


def put(index: object, value: object) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[index] = value

    return change


def add(index: object, value: object) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[index] += np.asarray(value, dtype=array.dtype)

    return change


def without(name: str) -> Fault:
    return lambda t: {k: v for k, v in t.items() if k != name}


def renamed(name: str, new: str) -> Fault:
    return lambda t: {(new if k == name else k): v for k, v in t.items()}


def rows(order: list[int], *names: str) -> Fault:
    """Return a fault that puts the rows of these outputs in another order."""
    return lambda t: {k: v[:, order] if k in names else v for k, v in t.items()}


def both(*faults: Fault) -> Fault:
    def fault(tensors: Tensors) -> object:
        for f in faults:
            tensors = f(tensors)  # type: ignore[assignment]
        return tensors

    return fault


def one_more(box: list[float], score: float, class_id: int) -> Fault:
    """Return a fault that adds a fourth detection."""
    return both(
        edit("boxes", put((0, 3), box)),
        edit("scores", put((0, 3), score)),
        edit("class_ids", put((0, 3), class_id)),
        edit("landmarks", put((0, 3), 5.0)),
        edit("count", put(0, 4)),
    )


def cut_to(n: int) -> Fault:
    """Return a fault that keeps the first n detections, properly padded."""
    names = ("boxes", "scores", "class_ids", "landmarks")
    parts = [edit(name, put((0, slice(n, None)), 0)) for name in names]
    return both(*parts, edit("count", put(0, n)))


def raises(error: Exception) -> Fault:
    def fault(_: Tensors) -> object:
        raise error

    return fault


ALL_ROWS = ("boxes", "scores", "class_ids", "landmarks")
FAULTS: dict[str, tuple[str, Fault]] = {
    # the set of outputs
    "no output at all": ("contract", lambda t: {}),
    "boxes missing": ("contract", without("boxes")),
    "count missing": ("contract", without("count")),
    "landmarks missing": ("contract", without("landmarks")),
    "a raw tensor missing that the artifact offers": ("contract", without("reg")),
    "a candidate tensor missing": ("contract", without("decode/scores")),
    "an extra output": ("contract", lambda t: {**t, "logits": np.ones((1, 3), np.float32)}),
    "boxes renamed": ("contract", renamed("boxes", "Identity")),
    "outputs by number": ("contract", lambda t: {str(i): v for i, v in enumerate(t.values())}),
    "boxes and landmarks named for each other": (
        "contract",
        lambda t: {**t, "boxes": t["landmarks"], "landmarks": t["boxes"]},
    ),
    # shapes and types
    "boxes as float64": ("contract", edit("boxes", lambda a: a.astype(np.float64))),
    "raw as float16": ("contract", edit("cls", lambda a: a.astype(np.float16))),
    "class ids as float": ("contract", edit("class_ids", lambda a: a.astype(np.float32))),
    "count as int8": ("contract", edit("count", lambda a: a.astype(np.int8))),
    "raw transposed to channels first": (
        "contract",
        edit("reg", lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2))),
    ),
    "boxes transposed": ("contract", edit("boxes", lambda a: a.transpose(0, 2, 1))),
    "batch dimension dropped": ("contract", edit("scores", lambda a: a[0])),
    "one candidate fewer": ("contract", edit("decode/boxes", lambda a: a[:, :5])),
    "scores as a list of objects": ("contract", edit("scores", lambda a: a.astype(object))),
    # NaN and inf
    "NaN in a kept box": ("contract", edit("boxes", put((0, 1, 2), np.nan))),
    "NaN as a score": ("contract", edit("scores", put((0, 0), np.nan))),
    "inf in a landmark": ("contract", edit("landmarks", put((0, 2, 1, 0), np.inf))),
    "NaN in padding": ("contract", edit("boxes", put((0, 4, 0), np.nan))),
    "NaN in raw": ("raw", edit("cls", put((0, 3, 1), np.nan))),
    "inf in raw": ("raw", edit("reg", put((0, 1, 2, 3), np.inf))),
    "all NaN in raw": ("raw", edit("reg", put(..., np.nan))),
    "NaN in candidates": ("candidates", edit("decode/landmarks", put((0, 5, 0), np.nan))),
    # what NMS promises
    "padding rows not zero": ("contract", edit("boxes", put((0, 3), [1, 1, 5, 5]))),
    "padding scores not zero": ("contract", edit("scores", put((0, 4), 0.1))),
    "count one short, row left": ("contract", edit("count", put(0, 2))),
    "count beyond the rows": ("contract", edit("count", put(0, 6))),
    "count negative": ("contract", edit("count", put(0, -1))),
    "rows in another order": ("contract", rows([1, 0, 2, 3, 4], *ALL_ROWS)),
    "scores in another order than boxes": ("contract", rows([2, 1, 0, 3, 4], "scores")),
    "a class beyond the labels": ("contract", edit("class_ids", put((0, 0), 2))),
    "a negative class": ("contract", edit("class_ids", put((0, 2), -1))),
    # detections
    "padding counted as a detection": ("detections", edit("count", put(0, 4))),
    "the last one lost": ("detections", cut_to(2)),
    "all lost": ("detections", cut_to(0)),
    "one too many": ("detections", one_more([40, 2, 50, 9], 0.45, 0)),
    "threshold not applied": ("detections", one_more([50, 2, 58, 9], 0.1, 0)),
    "suppression not applied": ("detections", one_more([5, 30, 17, 42], 0.45, 0)),
    "one box moved by 3 px": ("detections", edit("boxes", add((0, 1), 3))),
    "one corner moved by 0.6 px": ("detections", edit("boxes", add((0, 2, 3), 0.6))),
    "boxes half a pixel off both ways": ("detections", edit("boxes", add((0, slice(0, 3)), 0.4))),
    "boxes y first": ("detections", edit("boxes", lambda a: a[..., [1, 0, 3, 2]])),
    "boxes as corner and size": (
        "detections",
        edit("boxes", lambda a: np.concatenate([a[..., :2], a[..., 2:] - a[..., :2]], -1)),
    ),
    "boxes normalised": ("detections", edit("boxes", lambda a: a / np.float32(64))),
    "boxes of two rows exchanged": ("detections", rows([0, 2, 1, 3, 4], "boxes")),
    "one class changed": ("detections", edit("class_ids", put((0, 1), 1))),
    "classes exchanged": ("detections", edit("class_ids", put((0, slice(0, 3)), [0, 1, 1]))),
    "landmarks left for right": ("detections", edit("landmarks", lambda a: a[:, :, ::-1].copy())),
    "landmarks y first": ("detections", edit("landmarks", lambda a: a[..., ::-1].copy())),
    "landmarks of two boxes exchanged": ("detections", rows([1, 0, 2, 3, 4], "landmarks")),
    "one landmark 0.6 px off": ("detections", edit("landmarks", add((0, 0, 1, 0), 0.6))),
    "one score off by 0.002": ("detections", edit("scores", add((0, 2), 0.002))),
    "scores squared": ("detections", edit("scores", lambda a: a**2)),
    # raw outputs and decode
    "one raw value off by 0.1 %": ("raw", edit("reg", lambda a: a * np.float32(1.001))),
    "one raw value changed": ("raw", edit("cls", add((0, 4, 1), 0.001))),
    "raw all zero": ("raw", edit("reg", lambda a: a * 0)),
    "raw rows in another order": ("raw", edit("cls", lambda a: a[:, ::-1].copy())),
    "sigmoid twice": ("raw", edit("cls", lambda a: 1 / (1 + np.exp(-a)))),
    "h and w swapped in raw": (
        "raw",
        edit("reg", lambda a: np.ascontiguousarray(a.transpose(0, 2, 1, 3)).reshape(a.shape)),
    ),
    "anchors half a cell off": ("candidates", edit("decode/boxes", lambda a: a + 4)),
    "candidate scores without the root": ("candidates", edit("decode/scores", lambda a: a**2)),
    "candidate landmarks y first": (
        "candidates",
        edit("decode/landmarks", lambda a: a[..., [1, 0, 3, 2]]),
    ),
    # the engine
    "the engine crashes": ("run", raises(RuntimeError("invoke failed"))),
    "the engine gives None": ("run", lambda t: None),
    "the engine gives a list": ("run", lambda t: list(t.values())),
    "the engine cannot run this picture": ("run", raises(NotRun("no delegate"))),
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved()


def verdicts(report: Report) -> dict[str, str]:
    return {r.lane.name: report.verdict(r.lane) for r in report.lanes}


def fault_of(report: Report, name: str = LANE) -> str | None:
    return next(report.first_fault(r.lane) for r in report.lanes if r.lane.name == name)


def test_the_healthy_bundle_holds(shop: Workshop) -> None:
    report = check(shop, random=2)
    assert report.held and report.exit_code == 0 and not report.shortfalls
    assert verdicts(report) == {"source": "PASS", LANE: "PASS", "tflite:fake.tflite": "PASS"}
    assert report.pending == ()
    assert len(report.random) == 4  # two artifacts, two raw outputs


@pytest.mark.parametrize("live_source", [True, False], ids=["source", "golden-only"])
@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_passes(shop: Workshop, name: str, live_source: bool) -> None:
    stage, fault = FAULTS[name]
    if not live_source:
        shop.not_run["source"] = "the source model is not here"
    shop.faults[LANE] = fault
    report = check(shop)
    assert not report.held and report.exit_code == 1
    assert verdicts(report)[LANE] == "FAIL"
    assert verdicts(report)["tflite:fake.tflite"] == "PASS"
    assert fault_of(report) == stage
    assert report.to_json()["verdict"] == "FELL_SHORT"


RAW_FAULTS = [n for n, (stage, _) in FAULTS.items() if stage in ("raw", "run")] + [
    "no output at all",
    "an extra output",
    "boxes renamed",
    "a raw tensor missing that the artifact offers",
    "raw as float16",
    "raw transposed to channels first",
]


@pytest.mark.parametrize("name", RAW_FAULTS)
def test_no_raw_fault_passes_on_random_inputs(shop: Workshop, name: str) -> None:
    shop.faults[LANE] = FAULTS[name][1]
    report = validate(shop.bundle, random=2, opener=shop.open)
    assert not report.held and report.exit_code == 1
    rows = [r for r in report.random if r.lane.name == LANE]
    assert verdicts(report)[LANE] == "FAIL" or any(r.verdict != "PASS" for r in rows)
    assert all(r.verdict == "PASS" for r in report.random if r.lane.name != LANE)


def noise(size: float) -> Fault:
    rng = np.random.default_rng(5)

    def fault(tensors: Tensors) -> Tensors:
        out = {}
        for name, v in tensors.items():
            scaled = v * (1 + size * rng.uniform(-1, 1, v.shape))
            out[name] = scaled.astype(v.dtype) if v.dtype.kind == "f" else v
        return out

    return fault


HARMLESS: dict[str, Fault] = {
    "outputs handed over in another order": lambda t: dict(reversed(list(t.items()))),
    "another machine's float noise": noise(1e-6),
    "class ids as int64": edit("class_ids", lambda a: a.astype(np.int64)),
    "count as int64": edit("count", lambda a: a.astype(np.int64)),
    "arrays that are not contiguous": lambda t: {k: np.asfortranarray(v) for k, v in t.items()},
    "arrays that cannot be written": edit("boxes", lambda a: np.broadcast_to(a, a.shape)),
    "a box moved by 0.3 px": edit("boxes", add((0, 0, 0), 0.3)),
    "scores off by 0.0005": edit("scores", add((0, slice(0, 3)), 0.0005)),
    "negative zero in padding": edit("boxes", put((0, 4), -0.0)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_passes(shop: Workshop, name: str) -> None:
    shop.faults[LANE] = HARMLESS[name]
    report = check(shop, random=1)
    assert report.held, report.failed
    assert report.pending == ()


def test_no_cases_fail(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path)
    report = check(shop)
    assert report.exit_code == 1
    assert any("no cases" in r.check.detail for r in report.failed)
    assert len(report.shortfalls) == 2


def test_not_run_everywhere_is_no_pass(shop: Workshop) -> None:
    shop.not_run = dict.fromkeys(("source", LANE, "tflite:fake.tflite"), "no engine here")
    report = check(shop, random=1)
    assert report.exit_code == 1
    assert set(verdicts(report).values()) == {"NOT_RUN"}
    assert len(report.shortfalls) == 4  # two artifacts, held to no golden and on no random input
    assert all("no engine here" in s for s in report.shortfalls)


def test_an_artifact_that_nothing_ran_falls_short(shop: Workshop) -> None:
    shop.not_run["tflite:fake.tflite"] = "LiteRT is not installed"
    report = check(shop)
    assert report.exit_code == 1 and not report.failed
    assert report.shortfalls == (
        "fake.tflite was held to no golden (tflite:fake.tflite: LiteRT is not installed)",
    )


def test_a_runner_asked_for_by_name_must_run(shop: Workshop) -> None:
    shop.not_run["source"] = "the source model is not here"
    assert check(shop).held
    assert check(shop, runner="source").exit_code == 1
    assert check(shop, runner="onnx").held


def test_apples_runtime_not_run_does_not_fail_an_artifact_that_ran(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path, kinds=("coreml",)).approved()
    report = check(shop)
    assert report.held
    assert verdicts(report)["coreml-native:fake.mlpackage"] == "NOT_RUN"
    assert any("macOS" in r.check.detail for r in report.not_run)
    assert check(shop, runner="coreml-native").exit_code == 1


@pytest.mark.parametrize(
    ("ids", "verdict"), [([1, 0, 0, 0, 0], "PASS"), ([1, 0, 0.25, 0, 0], "FAIL")]
)
def test_a_neural_network_gives_whole_numbers_as_floats(
    tmp_path: Path, ids: list[float], verdict: str
) -> None:
    floats = edit("class_ids", lambda a: np.array([ids], np.float32))
    counts = edit("count", lambda a: a.astype(np.float32))  # announced for class_ids only
    rows = (("mlmodel", floats, verdict), ("mlmodel", counts, "FAIL"), ("onnx", floats, "FAIL"))
    for k, (kind, fault, expected) in enumerate(rows):
        shop = write_bundle(tmp_path / str(k), kinds=(kind,)).approved()
        runner = "coreml" if kind == "mlmodel" else "onnx"
        shop.faults[f"{runner}:fake.{kind}"] = fault
        report = check(shop, runner=runner)
        assert [report.verdict(r.lane) for r in report.lanes] == [expected]


def test_fewer_pictures_fail(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path).approved("hall", "room")
    assert check(shop).held
    shop.after[LANE] = 1
    report = check(shop)
    assert report.exit_code == 1 and verdicts(report)[LANE] == "FAIL"
    details = [r.check.detail for r in report.failed if r.lane == LANE]
    assert details == ["compared on 1 of 2 cases; not on room"]


def test_fewer_random_inputs_fail(shop: Workshop) -> None:
    shop.after[LANE] = 2
    report = validate(shop.bundle, random=3, opener=shop.open)
    assert report.exit_code == 1
    assert {r.verdict for r in report.random if r.lane.name == LANE} == {"FAIL"}


def test_random_without_the_source_falls_short(shop: Workshop) -> None:
    shop.not_run["source"] = "the source model is not here"
    report = validate(shop.bundle, random=2, opener=shop.open)
    assert report.exit_code == 1 and not report.failed
    assert {r.verdict for r in report.random} == {"NOT_RUN"}
    assert all("the source model is not here" in r.detail for r in report.random)


def test_a_source_that_fails_vouches_for_nothing(shop: Workshop) -> None:
    shop.faults["source"] = raises(RuntimeError("broken"))
    report = validate(shop.bundle, random=2, opener=shop.open)
    assert report.exit_code == 1
    assert "PASS" not in {r.verdict for r in report.random}


def test_a_source_full_of_nan_vouches_for_nothing(shop: Workshop) -> None:
    nan = edit("reg", put(..., np.nan))
    shop.faults = {"source": nan, LANE: nan, "tflite:fake.tflite": nan}
    report = validate(shop.bundle, random=1, opener=shop.open)
    assert report.exit_code == 1
    assert {r.verdict for r in report.random if r.output == "reg"} == {"FAIL"}


def test_an_artifact_without_taps_says_what_was_not_compared(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path, taps=False).approved()
    report = check(shop, runner="onnx")
    assert report.held
    named = {r.check.name for r in report.not_run if r.lane == LANE}
    assert named == {"cls", "reg", "decode/boxes", "decode/scores", "decode/landmarks"}
    by_random = validate(shop.bundle, random=1, opener=shop.open)
    assert by_random.exit_code == 0  # its results are compared
    assert {r.output for r in by_random.random} == {"count", "boxes", "scores", "landmarks"}


def test_a_raw_output_named_like_a_decoded_one_is_not_claimed_as_compared(shop: Workshop) -> None:
    raw = {"name": "boxes", "shape": [1, 5, 4], "dtype": "float32"}
    edit_bundle(shop.bundle, lambda told: told["raw_outputs"].append(raw))
    report = check(shop, random=1)
    assert report.held
    # A fake's file is no model, so what it says of its NMS is not read: tests/planted does that.
    told_apart = [r.check for r in report.not_run if r.check.name != "nms as written"]
    assert [(c.stage, c.name) for c in told_apart] == [("raw", "boxes")]
    assert "boxes" not in {r.output for r in report.random}


def test_labels_that_changed_fail(shop: Workshop) -> None:
    (shop.bundle / "labels.txt").write_text("dog\ncat\n")
    report = check(shop)
    assert report.exit_code == 1
    assert [r.check.name for r in report.failed] == ["labels.txt"]
    (shop.bundle / "labels.txt").unlink()
    assert check(shop).exit_code == 1


CHANGED_TERMS: dict[str, Callable[[dict[str, Any]], object]] = {
    "labels in another order": lambda spec: spec["labels"].reverse(),
    "landmark names exchanged": lambda spec: spec["landmarks"].reverse(),
    "letterbox in the corner": lambda spec: spec["input"].update(resize="letterbox-topleft"),
}


@pytest.mark.parametrize("name", CHANGED_TERMS)
def test_a_bundle_on_other_terms_fails(shop: Workshop, name: str) -> None:
    edit_bundle(shop.bundle, lambda told: CHANGED_TERMS[name](told["spec"]))
    if name.startswith("labels"):
        (shop.bundle / "labels.txt").write_text("dog\ncat\n")
    report = check(shop)
    assert report.exit_code == 1 and report.failed[0].check.stage == "contract"
