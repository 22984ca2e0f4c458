"""results.json: what a Mac gave for the goldens' inputs, held to them here, in the same report.

tools/mac_lane.py writes it; the values below describe every key. A result is of one artifact, one
way of running it, one kind of compute unit and one case; its boxes are in pixels of the case's
upright picture. Nothing is taken on trust: a case left out, another picture, a label that is not
its class, or an artifact that no run vouches for is a failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import Check
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import limits_of
from mobilecat.disk import read_text
from mobilecat.errors import ArtifactError, MobileCatError, Problem, reason
from mobilecat.formats.coreml.format import COREML
from mobilecat.golden.store import Case, read_cases
from mobilecat.judge.report import LaneReport, Report, Result, is_real_pass
from mobilecat.lanes import Lane
from mobilecat.pictures.detections import Detections

Number = Annotated[float, Field(allow_inf_nan=False)]
How = Literal["predict", "stages", "vision"]
Units = Literal["all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine"]
FORMAT = COREML
RUNNER = next(e.runner for e in COREML.engines if e.apples)
"""Whose limits and golden variants hold, and which runner the lanes stand for."""


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FoundBox(Value):
    """One detection, as a golden writes it."""

    box_xyxy: tuple[Number, Number, Number, Number]
    score: Number
    class_id: Annotated[int, Field(ge=0)]
    label: str | None = None
    landmarks: dict[str, tuple[Number, Number]] | None = None
    landmark_scores: dict[str, Number] | None = None
    angle: Number | None = None
    corners: tuple[tuple[Number, Number], ...] | None = None


class Run(Value):
    """One case through one artifact.

    how: `predict`, coremltools; `stages`, a pipeline's models one after another; `vision`, Vision,
        on the picture fitted to the model's size beforehand, so that nothing is resampled.
    detections: None where it did not run; not_run then says why.
    """

    artifact: str
    artifact_sha256: str
    how: How
    compute_units: Units
    case: str
    input_sha256: str
    detections: tuple[FoundBox, ...] | None = None
    not_run: str = ""

    @property
    def lane(self) -> str:
        """`coreml-native/vision@cpuOnly:yunet.mlmodel`."""
        return f"{self.runner}:{self.artifact}"

    @property
    def runner(self) -> str:
        return f"{RUNNER}/{self.how}@{self.compute_units}"


class ResultsFile(Value):
    """machine: hardware and system, in words. versions: coremltools and the like."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    bundle: str
    spec_sha256: str
    machine: str
    versions: dict[str, str] = Field(default={})
    runs: Annotated[tuple[Run, ...], Field(min_length=1)]


def read_results(path: Path, bundle: Bundle) -> ResultsFile:
    """Read a results file made with this very bundle.

    Errors: ArtifactError listing all that is wrong: damage, another bundle or artifact, a run that
    neither ran nor says why not, a run given twice.
    """
    try:
        found = ResultsFile.model_validate_json(read_text(path))
    except ValidationError as e:
        problems = [
            Problem(f"{'.'.join(map(str, x['loc']))}: {x['msg']}", str(path))
            for x in e.errors(include_url=False)
        ]
        raise ArtifactError("This is not a results file", problems) from e
    except (OSError, ValueError) as e:
        raise ArtifactError("The results cannot be read", [Problem(reason(e), str(path))]) from e
    problems = [Problem(text, str(path)) for text in _wrong(found, bundle)]
    if problems:
        raise ArtifactError("These results are not of this bundle", problems)
    return found


def _wrong(found: ResultsFile, bundle: Bundle) -> list[str]:
    if (found.bundle, found.spec_sha256) != (bundle.name, bundle.spec_sha256):
        return [f"made with {found.bundle!r} of another export; run tools/mac_lane.py again"]
    texts = []
    records = {a.file: a for a in bundle.artifacts if a.kind == FORMAT.name}
    for run in found.runs:
        place = f"{run.lane}, {run.case}"
        record = records.get(run.artifact)
        if record is None or record.sha256 != run.artifact_sha256:
            texts.append(f"{place}: the artifact is none of the bundle's for Core ML")
        elif run.how == "stages" and record.contract != "vision":
            texts.append(f"{place}: only a pipeline has stages")
        if (run.detections is None) != bool(run.not_run):
            texts.append(f"{place}: exactly one of detections and not_run must be given")
    times = Counter((r.lane, r.case) for r in found.runs)
    return texts + [
        f"{lane}, {case}: given {n} times" for (lane, case), n in times.items() if n > 1
    ]


def fold(report: Report, files: Sequence[Path]) -> Report:
    """Return the report with the lanes of results files in it, and its verdict anew.

    A Mac's lanes stand in for those of Core ML's own runtime that could not run here.
    Errors: MobileCatError for a file that is none, is of another bundle, or asks for other lanes.
    """
    bundle, asked = report.bundle, report.asked
    if asked.golden is None:
        fix = "name the goldens that it was made with: --golden GDIR"
        raise MobileCatError("A results file is held to goldens", [Problem("--from FILE", "", fix)])
    if isinstance(bundle, CascadeBundle):
        said = Problem("is a cascade; a results file is of one model", str(asked.folder))
        raise MobileCatError("These do not go together", [said])
    if asked.runner not in (None, RUNNER):
        said = Problem(f"--runner {asked.runner}", "--from", f"a results file is of {RUNNER}")
        raise MobileCatError("These do not go together", [said])
    cases = read_cases(asked.golden, bundle, report.cases)[0]
    files_read = {path: read_results(path, bundle) for path in files}
    wanted = {r.lane.artifact.file for r in report.lanes if r.lane.artifact}
    lanes: list[LaneReport] = []
    results: list[Result] = []
    for path, found in files_read.items():
        mine = _lanes(found, bundle, wanted)
        if twice := {r.lane.name for r in lanes} & {r.lane.name for r in mine}:
            said = Problem(f"{', '.join(sorted(twice))} in two files", str(path))
            raise ArtifactError("Results are given twice", [said])
        lanes += mine
        names = {r.lane.name for r in mine}
        results += [r for r in judge_results(found, bundle, cases) if r.lane in names]
    results += _unvouched(bundle, wanted, lanes, results, files)
    here = [r for r in report.lanes if not (r.lane.runner == RUNNER and r.unloaded)]
    gone = {r.lane.name for r in report.lanes} - {r.lane.name for r in here}
    kept = [r for r in report.results if r.lane not in gone]
    about = [f"{path.name}: {found.machine}" for path, found in files_read.items()]
    return replace(
        report,
        lanes=(*here, *lanes),
        results=(*kept, *results),
        notes=(*report.notes, *about),
    )


def _lanes(found: ResultsFile, bundle: Bundle, wanted: set[str]) -> list[LaneReport]:
    """Return the file's lanes of the artifacts asked for."""
    by_lane: dict[str, list[Run]] = {}
    for run in found.runs:
        if run.artifact in wanted:
            by_lane.setdefault(run.lane, []).append(run)
    versions = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    engine = f"Apple's own runtime: {found.machine}" + (f"; {versions}" if versions else "")
    reports = []
    for runs in by_lane.values():
        record = bundle.artifact(runs[0].artifact)
        reasons = dict.fromkeys(r.not_run for r in runs)
        unloaded = "" if any(r.detections is not None for r in runs) else "; ".join(reasons)
        limits = limits_of(Lane(RUNNER, record), bundle)
        reports.append(LaneReport(Lane(runs[0].runner, record), engine, limits, unloaded))
    return reports


def _unvouched(
    bundle: Bundle,
    wanted: set[str],
    lanes: Sequence[LaneReport],
    results: Sequence[Result],
    files: Sequence[Path],
) -> list[Result]:
    """Return a failure for each Core ML artifact that no run of the files vouches for."""
    good = {r.lane for r in results if is_real_pass(r.check, "golden")}
    bad = []
    for record in bundle.artifacts:
        mine = [r for r in lanes if r.lane.artifact == record]
        if record.kind != FORMAT.name or record.file not in wanted:
            continue
        if not any(r.lane.name in good for r in mine):
            why = "; ".join(dict.fromkeys(r.unloaded for r in mine if r.unloaded))
            detail = f"{', '.join(p.name for p in files)}: no run was held to a golden"
            check = Check("run", record.file, "FAIL", detail=detail + (f" ({why})" if why else ""))
            bad.append(Result("", "", check))
    return bad


def judge_results(found: ResultsFile, bundle: Bundle, cases: Sequence[Case]) -> list[Result]:
    """Return every check of the runs against the goldens, and a failure for each case left out.

    Limits are the coreml-native lane's of the same artifact.
    """
    by_name = {case.name: case for case in cases}
    results = []
    for run in found.runs:
        results += [Result(run.lane, run.case, c) for c in _judge(run, bundle, by_name)]
    for lane in dict.fromkeys(r.lane for r in found.runs):
        mine = [r for r in found.runs if r.lane == lane]
        done = {r.case for r in mine if r.detections is not None}
        none = [name for name in by_name if name not in {r.case for r in mine}]
        # As everywhere: a lane that ran was to run on every case; one that could not says so.
        missed = [name for name in by_name if name not in done] if done else none
        if missed:
            detail = f"the results have nothing on {', '.join(missed)}"
            results.append(Result(lane, "", Check("run", "cases", "FAIL", detail=detail)))
    return results


def _judge(run: Run, bundle: Bundle, cases: dict[str, Case]) -> list[Check]:
    case = cases.get(run.case)
    if case is None:
        return [Check("golden", run.case, "FAIL", detail="there is no such golden")]
    lane = Lane(RUNNER, bundle.artifact(run.artifact))
    expected = case.expected(lane.name)
    if expected.input_sha256 != run.input_sha256:
        detail = "ran on another input than the golden's"
        return [Check("golden", run.case, "FAIL", detail=detail, against="golden")]
    if run.detections is None:
        return [Check("run", run.how, "NOT_RUN", detail=run.not_run, against="golden")]
    approved = expected.found
    if approved is None or expected.plan is None:
        detail = "the golden has no detections"
        return [Check("detections", "detections", "FAIL", detail=detail, against="golden")]
    if wrong := _misnamed(run.detections, bundle):
        return [Check("contract", "detections", "FAIL", detail=wrong, against="golden")]
    nms = bundle.spec.effective_nms
    got = Detections.from_json([b.model_dump(exclude_none=True) for b in run.detections])
    return compare_detections(
        approved,
        got,
        limits_of(lane, bundle),
        expected.plan.plan.model_from_image,
        nms.score_threshold if nms else None,
    )


def _misnamed(boxes: Sequence[FoundBox], bundle: Bundle) -> str:
    """Return what no such bundle gives: a class or landmark of another name, or ""."""
    labels = bundle.spec.labels
    sets = {tuple(b.landmarks) if b.landmarks is not None else () for b in boxes}
    for box in boxes:
        known = box.class_id < len(labels) or not labels
        if not known or (labels and box.label not in (None, labels[box.class_id])):
            return f"class {box.class_id} is not {box.label!r} in the bundle"
    if len(sets) > 1 or (bundle.spec.landmarks and sets - {bundle.spec.landmarks}):
        found = " and ".join(", ".join(names) or "none" for names in sets)
        return f"landmarks {found}; the bundle has {', '.join(bundle.spec.landmarks)}"
    return ""
