"""`mc.validate`, `mc.bisect`, `mc.inspect`: what artifacts hold, and where one parts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.api.given import PathLike, Progress, path_or_none, silent, source_of
from mobilecat.api.lending import opener_of
from mobilecat.bundle.cascade import open_any
from mobilecat.disk import write_text
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError, Problem
from mobilecat.judge.report import Report, Result
from mobilecat.judge.saved import open_saved, recording
from mobilecat.lanes import open_lane
from mobilecat.pictures.reading import Picture
from mobilecat.shown import Line, Shown, Table
from mobilecat.spec import Tolerance, load_spec

if TYPE_CHECKING:
    from mobilecat.bisection.walk import Bisection
    from mobilecat.coordinates.report import CoordinateReport
    from mobilecat.formats.base.inspection import Inspection
    from mobilecat.measure.budget import Budget


@dataclass(frozen=True, repr=False)
class Validation(Shown):
    """A report on results and, where it was asked for, one on coordinates; held if both are."""

    report: Report
    coordinates: CoordinateReport | None = None
    budget: Budget | None = None

    @property
    def held(self) -> bool:
        more = (self.coordinates, self.budget)
        return self.report.held and all(part is None or part.held for part in more)

    @property
    def exit_code(self) -> int:
        return 0 if self.held else 1

    @property
    def failed(self) -> list[Result]:
        """Failing checks of results, in the order of the stages."""
        return self.report.failed

    def words(self, every: bool = False) -> Iterator[Line | Table]:
        """Give what there is to say. every: each failing check by itself, not those that are alike
        in one line."""
        first, *rest = self.report.words(every)
        yield self._headed(first)
        yield from rest
        if self.coordinates is not None:
            yield from self.coordinates.words()
        if self.budget is not None:
            yield from self.budget.words()

    def _headed(self, first: Line | Table) -> Line | Table:
        """Return the report's first line, or what fell short beside what it held."""
        lost = self.budget is not None and not self.budget.held
        misplaced = self.coordinates is not None and not self.coordinates.held
        if not isinstance(first, Line) or not self.report.held:
            return first
        if not (lost or misplaced):
            untried = "" if self.budget is None else self.budget.untried
            text = first.text.replace("HELD: ", f"HELD, but {untried}. ", 1)
            return Line(text, "bold yellow") if untried else first
        why = self.budget.why if lost and self.budget else "boxes land in the wrong place"
        return Line(f"FELL SHORT: {why}. Else {first.text.removeprefix('HELD: ')}", "bold red")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; docs/validate.md describes every key."""
        told = self.report.to_json()
        if self.coordinates is not None:
            told["coordinates"] = self.coordinates.to_json()
            if not self.coordinates.held:
                told |= {"verdict": "FELL_SHORT", "exit_code": 1}
        if self.budget is not None:
            told["budget"] = self.budget.to_json()
            if not self.budget.held:
                told |= {"verdict": "FELL_SHORT", "exit_code": 1}
                told["shortfalls"] = [*told["shortfalls"], *self.budget.shortfalls]
        return told


def validate(
    bundle: PathLike,
    golden: PathLike | None = None,
    *,
    random: int = 0,
    seed: int = 0,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    coordinates: bool = False,
    full: bool = False,
    html: PathLike | None = None,
    heat_maps: bool = False,
    junit: PathLike | None = None,
    evaluation: PathLike | None = None,
    data: PathLike | None = None,
    allow_calibration: bool = False,
    save: PathLike | None = None,
    saved: PathLike | Sequence[PathLike] = (),
    tolerances: PathLike | Mapping[str, Tolerance] | None = None,
    cases: Sequence[str] | None = None,
    write_pending: bool = True,
    slow: bool = False,
    value_range: tuple[float, float] | None = None,
    on: str | None = None,
    progress: Progress = silent,
) -> Validation:
    """Run every artifact again and hold it to goldens, and to the source model.

    golden: a folder of goldens. random: compare raw outputs with the source's on so many seeded
    inputs, which needs no golden. coordinates: push the golden pictures through simulated phones;
    full: every combination of those. html, junit: pages to write; one says what has changed since
    the page that it replaces. heat_maps: on the page, where each lane looks (`mc.heat_maps`) on up
    to 8 golden pictures, those that fail first. evaluation: what `evaluate --json` wrote, for it.
    data: labelled pictures, on which each artifact with a stated `map_loss` or `score_loss` is
        held to it;
    allow_calibration: also those that quantised artifacts took their scales from. save: keep
    what every lane gave in this folder; saved: judge what such a folder has (no model runs), or
    what a Mac wrote.
    tolerances: of this spec, or by lane, in place of the bundle's own. cases: only these.
    write_pending: write what differs beside the golden, for review. slow: run engines that take
    seconds a picture on every input, not on the first alone. value_range: what random floats are
    drawn from, by default what the first layer of a bare network wants. on: `local` or a Dask
    scheduler's address: its workers judge the goldens, and the report is the same.

    A validation that fell short is a value, no exception: see `held`. Errors: MobileCatError for a
    damaged bundle, an unknown name, or where there is nothing to compare with.

    >>> done = mc.validate("cat_faces", random=1, runner="onnx")
    >>> done.held, {row.verdict for row in done.report.random}
    (True, {'PASS'})
    """
    from mobilecat.judge.run import validate as judged

    home = Path(bundle)
    goldens = path_or_none(golden)
    kept, files = _results(saved)
    _require_together(goldens, kept, save, coordinates, full)
    _require_page(html, heat_maps, goldens, kept)
    _require_rising(value_range)
    if on is not None:
        _require_cases_alone(goldens, kept, {"--save": save, "--html": html})
    of: Path | None = None
    if tolerances is not None and not isinstance(tolerances, Mapping):
        of = Path(tolerances)
        tolerances = load_spec(of).tolerances
    model = source_of(bundle, source)
    require_outputs(
        {"--html": path_or_none(html), "--junit": path_or_none(junit)},
        inputs=(home, model, of, kept, path_or_none(evaluation), *files),
        golden=goldens,
        folders={"--save": path_or_none(save)},
    )
    if evaluation is not None and html is None:
        needs = Problem("it is shown on the page", "--evaluation", "add --html FILE")
        raise MobileCatError("These do not go together", [needs])
    if evaluation is not None and goldens is None and random < 1:
        fix = f"a page of the evaluation alone: mobilecat evaluate {home} --data DATA --html PAGE"
        nothing = Problem("there are no goldens for it to stand beside", "--evaluation", fix)
        raise MobileCatError("There is nothing to compare with", [nothing])
    if data is not None and goldens is None and random < 1:
        what = "--data measures accuracy; that each file gives what the model gives is held besides"
        nothing = Problem(
            what, "--golden", "add --golden GOLDEN, or --random 3 where there are none"
        )
        raise MobileCatError("There is nothing to compare with", [nothing])
    losses: dict[str, float] = {}
    charts: tuple[Any, ...] = ()
    if evaluation is not None:  # read before anything runs, so that nobody waits in vain
        from mobilecat.report.html_evaluation import charts_of
        from mobilecat.report.html_overview import losses_of

        unverified = open_any(home, verify=False)
        losses = losses_of(Path(evaluation), unverified)
        charts = charts_of(Path(evaluation), unverified)
    limits, falls = _limits(home, tolerances, artifact, data)
    with (
        opener_of(bundle) as live,
        recording(path_or_none(save), live if kept is None else open_saved(kept)) as recorder,
    ):
        report = judged(
            home,
            goldens,
            runner=runner,
            artifact=artifact,
            random=random,
            seed=seed,
            source=model,
            write_pending=write_pending,
            slow=slow,
            value_range=value_range,
            files=kept is None,  # else it was not these files that ran
            progress=progress,
            opener=recorder if save is not None or html is not None else recorder.opener,
            tolerances=tolerances,
            cases=cases,
            on=on,
        )
        if files:
            from mobilecat.report.results_file import fold

            report = fold(report, files)
        placed = None
        if coordinates and goldens is not None:
            from mobilecat.coordinates.chains import check_coordinates

            placed = check_coordinates(
                home,
                goldens,
                runner=runner,
                artifact=artifact,
                source=model,
                full=full,
                progress=progress,
            )
        budget = None
        if limits or falls:
            from mobilecat.measure.budget import budget_of

            measured = None
            if data is not None:
                from mobilecat.measure.evaluate import evaluate

                measured = evaluate(
                    home,
                    Path(data),
                    runner=runner,
                    artifact=artifact,
                    source=model,
                    allow_calibration=allow_calibration,
                    on=on,
                    progress=progress,
                )
            budget = budget_of(limits, measured, falls)
        told = None if placed is None else placed.to_json()
        lost = None if budget is None else budget.to_json()
        if html is not None:
            from mobilecat.report.html import report_page

            page = Path(html)
            looks = None
            if heat_maps:
                from mobilecat.api.explaining import looks_of

                bundle_ = open_any(home)
                looks = looks_of(
                    report,
                    home,
                    bundle_,
                    lambda lane: open_lane(home, bundle_, lane, model),
                    model,
                    progress,
                )
            shown = report_page(
                report,
                recorder.saved,
                told,
                times=recorder.times,
                losses=losses,
                budget=lost,
                evaluated=charts,
                looks=looks,
                replaces=page,
                data="" if data is None else str(data),
            )
            write_text(page, shown)
    if junit is not None:
        from mobilecat.report.junit import to_junit

        write_text(Path(junit), to_junit(report, told, lost))
    return Validation(report, placed, budget)


def _limits(
    home: Path,
    tolerances: Mapping[str, Tolerance] | None,
    artifact: str | None,
    data: PathLike | None,
) -> tuple[dict[str, float], dict[str, tuple[float, bool]]]:
    """Return what artifacts may lose of mAP, and how far scores may fall (`budget.falls_of`).
    MobileCatError for data that none asks for."""
    from mobilecat.measure.budget import falls_of, limits_of

    bundle = open_any(home, verify=False)
    stated = bundle.spec.tolerances if tolerances is None else tolerances
    found = limits_of(bundle, stated, artifact), falls_of(bundle, stated, artifact)
    if data is not None and not any(found):
        fix = (
            f'write [tolerances."{bundle.artifacts[0].file}"] into the spec, and map_loss = 0.5 on '
            "the next line; then mobilecat export, since a bundle is held to what it was made of"
        )
        said = Problem("no artifact has a stated loss that it could be held to", "--data", fix)
        raise MobileCatError("There is nothing to measure", [said])
    return found


def _results(saved: PathLike | Sequence[PathLike]) -> tuple[Path | None, list[Path]]:
    """Return the folder of saved results, and the results files."""
    every = [saved] if isinstance(saved, str | os.PathLike) else saved
    given = [Path(p) for p in every]
    files = [p for p in given if p.is_file()]
    folders = [p for p in given if p not in files]
    if len(folders) > 1:
        said = Problem(f"{' and '.join(map(str, folders))}", "--from", "name one folder")
        raise MobileCatError("Two folders of saved results", [said])
    return (folders[0] if folders else None), files


def _require_together(
    golden: Path | None, kept: Path | None, save: PathLike | None, coordinates: bool, full: bool
) -> None:
    if save is not None and kept is not None:
        twice = Problem("--save with --from", fix="they are saved already: copy the folder")
        raise MobileCatError("One or the other", [twice])
    if coordinates and (golden is None or kept is not None):
        what = "needs golden pictures" if golden is None else "runs models, which --from does not"
        raise MobileCatError("These do not go together", [Problem(f"--coordinates {what}")])
    if full and not coordinates:
        raise MobileCatError("These do not go together", [Problem("--full is of --coordinates")])


def _require_cases_alone(
    golden: Path | None, kept: Path | None, pages: Mapping[str, PathLike | None]
) -> None:
    """Refuse workers where there is nothing for them, or what they do not send back is wanted."""
    said = [
        Problem("what each lane gave stays on its worker", option, "leave it or --on out")
        for option, given in pages.items()
        if given is not None
    ]
    if kept is not None:
        said.append(Problem("no model runs, so there is nothing to spread", "--from"))
    elif golden is None:
        fix = "name goldens: --golden GDIR"
        said.append(Problem("workers judge goldens; random inputs run here", "--on", fix))
    if said:
        raise MobileCatError("These do not go together", said)


def _require_page(
    html: PathLike | None, asked: bool, golden: Path | None, kept: Path | None
) -> None:
    if not asked:
        return
    if html is None:
        said = Problem("heat maps are shown on the page", "--heat-maps", "add --html FILE")
    elif golden is None:
        said = Problem("heat maps need golden pictures", "--heat-maps", "name them: --golden GDIR")
    elif kept is not None:
        said = Problem("heat maps run models, which --from does not", "--heat-maps", "leave it out")
    else:
        return
    raise MobileCatError("These do not go together", [said])


def _require_rising(given: tuple[float, float] | None) -> None:
    if given is not None and not (all(map(isfinite, given)) and given[0] < given[1]):
        text = f"{given[0]:g},{given[1]:g}"
        said = Problem(f"{text!r} is not LO,HI", "--range", "two numbers, rising: --range 0,255")
        raise MobileCatError("The range cannot be read", [said])


def bisect(
    bundle: PathLike,
    runner: str,
    picture: Picture,
    *,
    artifact: str | None = None,
    source: PathLike | None = None,
    limit: float | None = None,
    progress: Progress = silent,
) -> Bisection:
    """Find the first layer where an artifact and the graph it was lowered from part.

    runner: `onnx`, `tflite` or `coreml`. picture: a path, a PIL image, uint8 [H,W,3], RGB; of a
    bundle without pictures, an .npz. artifact: which, where the runner has several. limit: of a
    layer's own error, relative to its values.

    Errors: MobileCatError where it is not said which artifact, the source model is missing, or the
    artifact shows no inner value.

    >>> found = mc.bisect("cat_faces", "onnx", PICTURES / "two_on_a_sofa.png")
    >>> found.first is None, len(found.layers) > 50
    (True, True)
    """
    from mobilecat.bisection.walk import bisect as walked

    return walked(
        Path(bundle),
        runner,
        picture,
        artifact=artifact,
        source=source_of(bundle, source),
        limit=limit,
        progress=progress,
    )


def inspect(path: PathLike) -> Inspection:
    """Say what a model file or bundle holds: inputs, outputs, ops, sizes, metadata. Nothing runs.

    path: `.onnx`, `.tflite`, `.mlpackage`, `.mlmodel`, a Keras file, SavedModel, TensorFlow graph,
    or a bundle. Errors: ArtifactError or ModelError where it is missing, damaged or of no known
    kind.

    >>> mc.inspect("cat_faces/cat_faces.onnx").outputs[0].shape
    (1, 50, 4)
    """
    from mobilecat.formats.inspection import inspect_file

    return inspect_file(Path(path))
