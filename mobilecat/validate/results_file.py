"""results.json: what another machine gave for the goldens' inputs, to be held to them here.

tools/mac_lane.py writes it on a Mac; the values below describe every key. A result is of one
artifact, one way of running it and one case; its boxes are in pixels of the case's upright picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mobilecat.bundle import Bundle
from mobilecat.detections import Detections
from mobilecat.errors import ArtifactError, Problem
from mobilecat.runners import Lane
from mobilecat.validate.compare import Check
from mobilecat.validate.golden import Case
from mobilecat.validate.match import compare_detections
from mobilecat.validate.report import Result
from mobilecat.validate.tolerances import limits_of

Number = Annotated[float, Field(allow_inf_nan=False)]
How = Literal["predict", "stages", "vision"]
Units = Literal["all", "cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine"]


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FoundBox(Value):
    """One detection, as a golden writes it."""

    box_xyxy: tuple[Number, Number, Number, Number]
    score: Number
    class_id: Annotated[int, Field(ge=0)]
    label: str | None = None
    landmarks: dict[str, tuple[Number, Number]] | None = None


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
        """`mac-vision:yunet.mlmodel@cpuOnly`."""
        return f"mac-{self.how}:{self.artifact}@{self.compute_units}"


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
        found = ResultsFile.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise ArtifactError("The results cannot be read", [Problem(str(e), str(path))]) from e
    except ValidationError as e:
        problems = [
            Problem(f"{'.'.join(map(str, x['loc']))}: {x['msg']}", str(path))
            for x in e.errors(include_url=False)
        ]
        raise ArtifactError("This is not a results file", problems) from e
    problems = [Problem(text, str(path)) for text in _wrong(found, bundle)]
    if problems:
        raise ArtifactError("These results are not of this bundle", problems)
    return found


def _wrong(found: ResultsFile, bundle: Bundle) -> list[str]:
    if (found.bundle, found.spec_sha256) != (bundle.name, bundle.spec_sha256):
        return [f"made with {found.bundle!r} of another export; run tools/mac_lane.py again"]
    texts = []
    hashes = {a.file: a.sha256 for a in bundle.artifacts}
    for run in found.runs:
        place = f"{run.lane}, {run.case}"
        if hashes.get(run.artifact) != run.artifact_sha256:
            texts.append(f"{place}: the artifact is not the bundle's")
        if (run.detections is None) != bool(run.not_run):
            texts.append(f"{place}: exactly one of detections and not_run must be given")
    times = Counter((r.lane, r.case) for r in found.runs)
    return texts + [
        f"{lane}, {case}: given {n} times" for (lane, case), n in times.items() if n > 1
    ]


def judge_results(found: ResultsFile, bundle: Bundle, cases: Sequence[Case]) -> list[Result]:
    """Return every check of the runs against the goldens, and a failure for each case left out.

    Limits are the coreml-native lane's of the same artifact.
    """
    by_name = {case.name: case for case in cases}
    results = []
    for run in found.runs:
        results += [Result(run.lane, run.case, c) for c in _judge(run, bundle, by_name)]
    for lane in dict.fromkeys(r.lane for r in found.runs):
        have = {r.case for r in found.runs if r.lane == lane}
        missed = [name for name in by_name if name not in have]
        if missed:
            detail = f"the results have nothing on {', '.join(missed)}"
            results.append(Result(lane, "", Check("run", "cases", "FAIL", detail=detail)))
    return results


def _judge(run: Run, bundle: Bundle, cases: dict[str, Case]) -> list[Check]:
    case = cases.get(run.case)
    if case is None:
        return [Check("golden", run.case, "FAIL", detail="there is no such golden")]
    lane = Lane("coreml-native", bundle.artifact(run.artifact))
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
    nms = bundle.spec.effective_nms
    got = Detections.from_json([b.model_dump(exclude_none=True) for b in run.detections])
    return compare_detections(
        approved,
        got,
        limits_of(lane, bundle),
        expected.plan.plan.model_from_image,
        nms.score_threshold if nms else None,
    )
