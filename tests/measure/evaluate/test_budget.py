"""What artifacts may lose, and pictures that may not measure it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.bundle import HASH_DIGITS, Bundle, CalibrationRecord, open_bundle
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from mobilecat.lanes import Lane, NotRun, Runner
from mobilecat.measure.budget import budget_of, falls_of, limits_of
from mobilecat.measure.evaluate import Evaluation, evaluate
from mobilecat.measure.evaluate.moved import Moved
from mobilecat.measure.evaluate.report import LaneScores
from mobilecat.measure.seen import require_unseen
from mobilecat.spec import Tolerance
from tests.measure.evaluate import fake


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("budget")
    fake.bundle(root)
    fake.data(root / "data")
    return root


@pytest.fixture(scope="module")
def measured(place: Path) -> Evaluation:
    given = fake.lanes()
    return evaluate(place / "made" / "bundle", place / "data", opener=given.open, cache=place / "c")


def _files(report: Evaluation) -> dict[str, str]:
    return {r.lane.runner: r.lane.artifact.file for r in report.lanes if r.lane.artifact}


def test_an_artifact_is_held_to_what_it_may_lose(measured: Evaluation) -> None:
    """By hand (test_evaluate): onnx keeps half of 0.569 of mAP, tflite all of it."""
    files = _files(measured)
    lost = 100 - 50 * (6 * 253 / 303 + 4 * 17 / 101) / 10
    within = budget_of({files["onnx"]: lost + 0.01, files["tflite"]: 0.0}, measured)
    beyond = budget_of({files["onnx"]: lost - 0.01, files["tflite"]: 0.0}, measured)
    assert within is not None and beyond is not None
    assert within.held and [a.verdict for a in within.artifacts] == ["PASS", "PASS"]
    assert not beyond.held and [a.verdict for a in beyond.artifacts] == ["FAIL", "PASS"]
    assert "are allowed (map_loss)" in str(beyond)


def test_without_pictures_it_is_not_run() -> None:
    found = budget_of({"a.tflite": 0.5}, None)
    assert found is not None and found.held
    assert [a.verdict for a in found.artifacts] == ["NOT_RUN"]
    assert "add --data DATA" in str(found)


def test_what_did_not_run_does_not_hold(measured: Evaluation) -> None:
    found = budget_of({"gone.tflite": 0.5}, measured)
    assert found is not None and not found.held


def test_only_what_states_a_loss_has_one(measured: Evaluation) -> None:
    file = _files(measured)["tflite"]
    told = {file: Tolerance(map_loss=0.5), "tflite": Tolerance(scores=0.1)}
    assert limits_of(measured.bundle, told) == {file: 0.5}
    assert budget_of({}, measured) is None


def test_each_artifact_has_its_size_and_time(measured: Evaluation) -> None:
    told = {row["artifact"]: row for row in measured.to_json()["lanes"]}
    file = _files(measured)["tflite"]
    assert told[file]["bytes"] > 0 and told[file]["inference_seconds"] >= 0
    assert "ms a picture" in str(measured)


def test_pictures_of_the_calibration_are_refused_whatever_they_are_called(place: Path) -> None:
    bundle = open_bundle(place / "made" / "bundle")
    pictures = sorted(p for p in (place / "data").rglob("*") if p.suffix in (".png", ".jpg"))
    renamed = place / "renamed.png"
    renamed.write_bytes(pictures[0].read_bytes())
    record = CalibrationRecord(
        method="minmax", seed=0, pictures=1, hashes=(sha256_of(renamed)[:HASH_DIGITS],)
    )
    require_unseen(bundle, pictures)
    calibrated = bundle.model_copy(update={"calibration": record})
    require_unseen(calibrated, pictures[1:])
    with pytest.raises(MobileCatError, match="took their scales from") as said:
        require_unseen(calibrated, pictures)
    assert "--allow-calibration" in str(said.value)


def test_data_that_no_artifact_is_held_to_is_refused(place: Path) -> None:
    with pytest.raises(MobileCatError, match=r"map_loss = 0\.5"):
        mc.validate(place / "made" / "bundle", random=1, data=place / "data")


def test_a_runner_that_does_not_run_a_file_does_not_fail_it(place: Path) -> None:
    """`evaluate --runner` measures what it runs, and so does `validate --data --runner`."""
    given = fake.lanes()
    of = place / "made" / "bundle"
    alone = evaluate(of, place / "data", runner="tflite", opener=given.open, cache=place / "c")
    mine = _files(alone)["tflite"]
    found = budget_of({mine: 0.0, "other.onnx": 0.5}, alone)
    assert found is not None and found.held and found.shortfalls == []
    assert [a.verdict for a in found.artifacts] == ["PASS", "NOT_RUN"]
    assert "not measured, as --runner tflite does not run it" in str(found)
    nothing = budget_of({"other.onnx": 0.5}, alone)
    assert nothing is not None and not nothing.held and len(nothing.shortfalls) == 1


def test_what_falls_short_is_in_the_json_and_few_objects_are_said(measured: Evaluation) -> None:
    files = _files(measured)
    found = budget_of({files["onnx"]: 0.0}, measured)
    assert found is not None and "only 3 objects are measured" in str(found)
    assert found.to_json()["notes"] == list(measured.few) != []
    (said,) = found.shortfalls
    assert said.startswith(f"{files['onnx']} loses") and "0 are allowed" in said


FALLEN = Moved(45, 0, -0.05, -0.29, 0.98)
"""A file that three photos calibrated, measured once; one of 22 moves by 0.01 and 0.03."""


def _quantised(measured: Evaluation, moved: Moved, max_drop: float | None = None) -> Evaluation:
    """Return the evaluation as if its .tflite were of int8 values and had moved so."""

    def changed(row: LaneScores) -> LaneScores:
        if row.lane.artifact is None or row.lane.runner != "tflite":
            return row
        artifact = row.lane.artifact.model_copy(update={"precision": "int8"})
        return replace(row, lane=replace(row.lane, artifact=artifact), moved=moved)

    return replace(measured, lanes=tuple(map(changed, measured.lanes)), max_drop=max_drop)


def test_scores_that_fall_fall_short_whatever_map_says(measured: Evaluation) -> None:
    file = _files(measured)["tflite"]
    fallen = _quantised(measured, FALLEN)
    told = {file: Tolerance(map_loss=2)}
    falls = falls_of(measured.bundle, told)
    assert falls == {file: (0.05, False)}
    found = budget_of(limits_of(measured.bundle, told), fallen, falls)
    assert found is not None and not found.held and found.doubts == ()
    assert found.why == "scores fall further than they may"
    (said,) = found.shortfalls
    assert "by 0.29 or more for a tenth of them; 0.05 and 0.1 are allowed (score_loss)" in said
    right = _quantised(measured, Moved(45, 0, -0.01, -0.03, 0.98))
    held = budget_of(limits_of(measured.bundle, told), right, falls)
    assert (
        held is not None
        and held.held
        and "boxes fall by 0.01 in the median and by 0.03" in str(held)
    )


def test_a_spec_may_allow_more_or_ask_for_less(measured: Evaluation) -> None:
    file = _files(measured)["tflite"]
    fallen = _quantised(measured, FALLEN)
    for limit, holds in ((0.15, True), (0.14, False), (0.01, False)):
        falls = falls_of(measured.bundle, {file: Tolerance(score_loss=limit)})
        found = budget_of({}, fallen, falls)
        assert found is not None and found.held == holds, limit
    lost = _quantised(measured, Moved(20, 4, 0.0, 0.0, 0.98))  # a fifth: twice 0.1
    for limit, holds in ((0.11, True), (0.1, False)):
        found = budget_of({}, lost, {file: (limit, True)})
        assert found is not None and found.held == holds, limit


def test_stated_and_not_measured_is_not_run(measured: Evaluation) -> None:
    files = _files(measured)
    untried = budget_of({}, None, {files["tflite"]: (0.1, True)})
    assert untried is not None and untried.held
    assert untried.untried.startswith(f"score_loss of {files['tflite']} was not tried")
    few = budget_of({}, _quantised(measured, Moved(4, 4, 0, 0, 0)), {files["tflite"]: (0.1, True)})
    assert few is not None and not few.held and "fewer than 5 boxes" in str(few)
    unsaid = budget_of({files["tflite"]: 9.0}, measured, {files["tflite"]: (0.05, False)})
    assert unsaid is not None and unsaid.scores == ()
    whole = budget_of({}, measured, {files["onnx"]: (0.1, True)})
    assert whole is not None and "not quantised" in str(whole)


def test_boxes_that_lie_elsewhere_are_doubts_and_no_failure(measured: Evaluation) -> None:
    file = _files(measured)["tflite"]
    away = _quantised(measured, Moved(45, 0, -0.06, 0.0, 0.5))
    found = budget_of({file: 9.0}, away, {file: (0.05, False)})
    assert found is not None and [s.verdict for s in found.scores] == ["FAIL"]
    (doubt,) = found.doubts
    assert "boxes overlap" in doubt and "scores are lower" not in doubt
    told = found.to_json()
    assert told["scores"][0]["verdict"] == "FAIL" and told["why"] == found.why


def test_a_maximal_drop_asks_for_scores_too(measured: Evaluation) -> None:
    (said,) = _quantised(measured, FALLEN, max_drop=99).shortfalls
    assert "0.05 and 0.1 are allowed (score_loss)" in said
    assert _quantised(measured, FALLEN).shortfalls == ()
    assert _quantised(measured, Moved(45, 0, -0.01, -0.03, 0.98), max_drop=99).shortfalls == ()


def test_without_the_source_it_says_that_the_source_is_not_there(place: Path) -> None:
    """On a machine that has neither the source model nor an earlier run's results."""
    given = fake.lanes()

    def without(folder: Path, bundle: Bundle, lane: Lane, source: Path | None = None) -> Runner:
        if lane.artifact is None:
            raise NotRun("the source model is not at a.onnx: commit it, or name it with --source F")
        return given.open(folder, bundle, lane, source)

    found = evaluate(
        place / "made" / "bundle", place / "data", opener=without, cache=place / "none"
    )
    file = _files(found)["onnx"]
    held = budget_of({file: 1.0}, found)
    assert held is not None and not held.held
    gone = "the source model is not at a.onnx: commit it"
    assert held.why.startswith(f"map_loss of {file} could not be measured: {gone}")
    assert gone in held.shortfalls[0] and len(held.shortfalls) == 1


def test_results_of_before_are_said_to_be_such_where_the_source_is_gone(
    place: Path, measured: Evaluation, tmp_path: Path
) -> None:
    given, file = fake.lanes(), _files(measured)["tflite"]
    folder = place / "made" / "bundle"
    assert not [n for n in measured.notes if "earlier run" in n]  # it ran
    gone = tmp_path / "gone.onnx"
    kept = evaluate(folder, place / "data", opener=given.open, cache=place / "c", source=gone)
    held = budget_of({file: 1.0}, kept)
    assert held is not None and held.held
    (note,) = [n for n in held.notes if "earlier run" in n]
    assert f"the source model is not at {gone}" in note and note in kept.notes


def test_pictures_that_are_gone_are_noted_and_few_boxes_are_said(measured: Evaluation) -> None:
    file = _files(measured)["tflite"]
    gone = replace(measured, data=replace(measured.data, notes=("2 of 5 are not there",)))
    few = _quantised(gone, Moved(4, 0, -0.5, -0.5, 0.98))
    found = budget_of({file: 9.0}, few, {file: (0.05, False)})
    assert found is not None and found.held and found.notes[0] == "2 of 5 are not there"
    (scores,) = found.scores
    assert scores.verdict == "NOT_RUN" and "fewer than 5 boxes" in scores.said
