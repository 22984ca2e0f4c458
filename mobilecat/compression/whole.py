"""Spec and labelled pictures → for each target the smallest or fastest recipe within a budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bake import Baked, bake
from mobilecat.compile import CONTRACT, import_options
from mobilecat.compile.belief import with_names
from mobilecat.compile.shapes import settled_shapes
from mobilecat.compile.whole import calibrated
from mobilecat.compression.choice import Goal
from mobilecat.compression.greedy import frontier
from mobilecat.compression.kept import Kept
from mobilecat.compression.measured import TIMED, Bench, Sets, truths_of
from mobilecat.compression.pace import Pace
from mobilecat.compression.probe import Probe
from mobilecat.compression.recipes import ladder_of, why_not
from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.search import Search, Tried
from mobilecat.compression.spec_file import held_of, kept_as, places_of, write_recipes
from mobilecat.disk.near import nearest
from mobilecat.errors import MobileCatError, Problem, SpecError
from mobilecat.formats.importing import dims_of, import_model
from mobilecat.formats.table import FORMATS
from mobilecat.graph import dtype_of, shape_of
from mobilecat.measure.datasets import Dataset, Labelled, load_dataset
from mobilecat.measure.evaluate.coco import require_library
from mobilecat.measure.evaluate.names import PointMap, match_classes, match_landmarks
from mobilecat.measure.seen import refuse_seen
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.quantize import Calibration, calibration_of
from mobilecat.rows import MAPS
from mobilecat.shown import WARNING
from mobilecat.spec import RawHead, Spec, load_spec
from mobilecat.spec.files import is_cascade
from mobilecat.spec.lines import KeyPath
from mobilecat.spec.targets import file_names
from mobilecat.spread import LOCAL, workers_on

FEW = 30
"""Objects in the pictures that choose, and as many in those held out: with fewer none are."""
PROBED = 8
"""Pictures that layers are rounded on, one at a time."""
Progress = Callable[[str], None]


def compress(
    path: Path,
    data: Path,
    *,
    budget: float = 0.5,
    goal: Goal = "size",
    artifact: str | None = None,
    source: Path | None = None,
    limit: int | None = None,
    class_map: Mapping[str, str] | None = None,
    cache: Path | None = None,
    fresh: bool = False,
    threads: int | None = None,
    allow_calibration: bool = False,
    dry_run: bool = False,
    on: str | None = None,
    progress: Progress = lambda _: None,
) -> Compressed:
    """Find the recipe of each target of the spec at `path`, and write it there.

    on: Dask's workers, who run each candidate on the pictures. Candidates are then exported below
    `cache`, which every worker must see; what is timed, and the layers' errors, stay here.
    Errors: MobileCatError for a spec, a model or labels that cannot be used; the spec is then as it
    was, as it is where no target has a recipe within the budget.
    """
    start = time.monotonic()
    require_library()
    spec = _spec(path)
    model = source or spec.folder / spec.source
    targets = _targets(spec, artifact)
    place = places_of(spec, path.read_text("utf-8"))
    network = _Network(spec, model, progress)
    progress("reading the labels")
    labelled = load_dataset(data)
    sets = _sets(network, labelled, limit, class_map)
    calibration = _calibration(network.spec, progress)
    if calibration is not None and not allow_calibration:
        refuse_seen(calibration.hashes, calibration.pixels, [p.path for p in sets.pictures])
    kept = Kept(cache, fresh, f"{path.resolve()}\0{data.resolve()}")
    names = file_names(spec)
    searches = []
    with ExitStack() as stack:
        work = stack.enter_context(_work_folder(kept, on))
        hashes = calibration.hashes if calibration is not None else ()
        workers = None
        if on is not None:
            address = on
            workers = lru_cache(lambda: stack.enter_context(workers_on(address, threads, progress)))
        bench = Bench(spec, model, sets, kept, work, hashes, threads, workers)
        probe = _Probes(network, sets)
        pace = Pace(0, progress)
        for i, target in targets:
            ladder = ladder_of(target)
            assert ladder is not None
            search = Search(
                target,
                names[target],
                ladder,
                bench,
                probe.get,
                kept,
                budget,
                goal if target.kind in TIMED else "size",
                calibration is not None,
                pace,
            )
            searches.append((place[i], search))
        if not dry_run:
            progress(_what_is_written(path))
        unchecked = _open_checks(spec, data)
        for keys in unchecked:
            progress(f"{WARNING}{keys}")
        pace.steps = sum(search.steps for _, search in searches)
        for _, search in searches:
            search.run()
    kept.finished()
    rows, unfit = _rows([s for _, s in searches])
    written: dict[KeyPath, tuple[Sequence[str], Mapping[str, Any]]] = {}
    expected = spec
    for where, search in searches:
        best = search.best()
        if best is not None:
            written[where] = search.ladder.own, best.recipe.keys
            expected = _with_target(expected, search.target, best)
    chose = [t.made.loss for _, s in searches for t in s.tried.values() if t.made.loss]
    if not chose:
        reasons = [
            Problem(t.made.not_run, f"{s.file}, {t.recipe.label}")
            for _, s in searches
            for t in s.tried.values()
        ]
        raise MobileCatError("Nothing ran", reasons)
    diff, before = write_recipes(path, written, expected, dry_run) if written else ("", None)
    text = path.read_text("utf-8")
    measures = bench.measures
    scores = bench.source_scores()
    assert measures and scores is not None
    notes = [*unchecked, *labelled.notes, *sets.classes.notes]
    own = measures[0].value(scores)
    for _, search in searches:
        notes += search.notes
        notes += _not_run(search)
    notes += _about(searches, budget, goal)
    notes += [kept.problem] if kept.problem else []
    sensitive = sorted((x for _, s in searches for x in s.sensitive), key=lambda x: -x.error)
    return Compressed(
        spec=path,
        measure=measures[0].name,
        budget=budget,
        goal=goal,
        pictures=len(sets.choosing),
        held_pictures=len(sets.held),
        objects=_objects(sets, sets.choosing),
        least=measures[0].least(scores),
        rows=rows,
        sensitive=tuple(sensitive),
        unfit=unfit,
        measured=bench.measured,
        seconds=time.monotonic() - start,
        notes=tuple(dict.fromkeys(notes)),
        written=bool(diff) and not dry_run,
        diff=diff,
        name=spec.name,
        kept=before,
        own=None if own is None else 100 * own,
        held={r.file: held_of(text, r.file) for r in rows if r.chosen},
    )


def _open_checks(spec: Spec, data: Path) -> list[str]:
    """Say which keys nobody has checked, before anything is measured by them; [] where none is."""
    keys = ", ".join(dict.fromkeys(c.key for c in spec.checks))
    if not keys:
        return []
    said = (
        f"still marked # CHECK: {keys}. Where one is wrong, all that is measured here is of a "
        f"model that sees its pictures wrongly: mobilecat export, then mobilecat evaluate --data "
        f"{data}, says what labels tell of it"
    )
    return [said]


def _what_is_written(path: Path) -> str:
    kept = kept_as(path, path.read_bytes().decode("utf-8"))
    return (
        f"{WARNING}at the end the recipe of each target is written into {path}, whose text of now "
        f"is kept as {kept}; --dry-run only shows what would be written"
    )


@contextmanager
def _work_folder(kept: Kept, on: str | None) -> Iterator[Path]:
    """Give a folder for candidates, gone afterwards: one that workers elsewhere see, too."""
    beside = None
    if on not in (None, LOCAL):
        beside = kept.root.resolve()
        try:
            beside.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            fix = "name a folder that every worker sees: --cache CDIR"
            said = Problem(e.strerror or "cannot be written", str(beside), fix)
            raise MobileCatError("Candidates cannot be written", [said]) from e
    with tempfile.TemporaryDirectory(prefix="mobilecat-", dir=beside) as work:
        yield Path(work)


def _spec(path: Path) -> Spec:
    if is_cascade(path):
        what = "is a cascade, which has two models"
        fix = "compress the specs of its detector and of its landmarks, each on pictures of its own"
        raise SpecError("Which model?", [Problem(what, str(path), fix)])
    spec = load_spec(path)
    if spec.input is None or isinstance(spec.head, RawHead):
        what = "its head is raw: it gives tensors, whose accuracy no labels tell"
        fix = "name a head in the spec"
        raise SpecError("This spec cannot be compressed", [Problem(what, str(path), fix)])
    return spec


def _targets(spec: Spec, artifact: str | None) -> list[tuple[int, Any]]:
    """Return the targets that have recipes, with their places; of the file `artifact` if given."""
    names = file_names(spec)
    every = [(i, t) for i, t in enumerate(spec.targets.all) if artifact in (None, names[t])]
    if artifact is not None and not every:
        meant = nearest(artifact or "", names.values())
        fix = meant or f"it makes {', '.join(names.values())}"
        raise MobileCatError("No such artifact", [Problem(artifact, "--artifact", fix)])
    found = [(i, t) for i, t in every if why_not(t) is None]
    if not found:
        fix = "add [targets.tflite], [targets.coreml] or [targets.coreai]"
        reasons = [Problem(why, names[t]) for _, t in every if (why := why_not(t))]
        none = Problem("no target of the spec has a recipe", "targets", fix)
        raise SpecError("There is nothing to compress", [*reasons, none])
    missing = [
        Problem(why, names[t]) for _, t in found if (why := FORMATS[t.kind].missing()) is not None
    ]
    if missing:
        raise MobileCatError("This cannot be written here", missing)
    return found


@dataclass
class _Network:
    """The source's graph with its head, read when it is first asked for."""

    given: Spec
    model: Path
    progress: Progress

    @cached_property
    def _read(self) -> tuple[Spec, Baked]:
        options = import_options(self.given)
        dims = dims_of(self.model, options, self.progress)
        shapes, _ = settled_shapes(self.given, dims, self.model)
        self.progress(f"reading {self.model.name}")
        network = import_model(self.model, shapes, options, self.progress)
        spec, _ = with_names(self.given, network)
        return spec, bake(network, spec, *CONTRACT)

    @property
    def spec(self) -> Spec:
        """The spec, with the labels that the file itself says."""
        return self._read[0]

    @property
    def baked(self) -> Baked:
        return self._read[1]


@dataclass
class _Probes:
    """The graph on a few of the pictures that choose, made when a layer is first rounded."""

    network: _Network
    sets: Sets

    def get(self) -> Probe:
        return self._probe

    @cached_property
    def _probe(self) -> Probe:
        image = self.network.spec.input
        value = self.network.baked.model.graph.inputs[0]
        assert image is not None
        places = self.sets.choosing
        wanted = [i for i in places if self.sets.truths[i].wanted] or list(places)
        step = max(1, len(wanted) // PROBED)
        feeds = []
        for i in wanted[::step][:PROBED]:
            pixels, _ = fit_picture(read_picture(self.sets.pictures[i].path), image)
            shaped = pixels.reshape(shape_of(value))
            feeds.append(np.ascontiguousarray(shaped, dtype_of(value)))
        return Probe(self.network.baked, feeds)


def _sets(
    network: _Network, labelled: Dataset, limit: int | None, class_map: Mapping[str, str] | None
) -> Sets:
    spec, outputs = network.spec, network.baked.model.graph.outputs
    classes = match_classes(labelled, spec.labels, class_map)
    count = next((shape_of(v)[-2] for v in outputs if v.name == "landmarks"), None)
    points = match_landmarks(labelled.landmarks, spec.landmarks, count)
    marks = points if isinstance(points, PointMap) else None
    masks = any(v.name in MAPS for v in outputs)
    pictures: Sequence[Labelled] = labelled.spread(limit).pictures
    truths = truths_of(pictures, classes, marks, masks)
    every = tuple(range(len(pictures)))
    sets = Sets(pictures, truths, every, (), classes, marks)
    if not _objects(sets, every):
        what = "no picture has an object of a class that the model finds"
        raise MobileCatError(
            "Nothing is to be found", [Problem(what, str(labelled.path), "add labelled pictures")]
        )
    halves = every[0::2], every[1::2]
    if min(_objects(sets, half) for half in halves) >= FEW:
        sets.choosing, sets.held = halves
    return sets


def _objects(sets: Sets, places: Sequence[int]) -> int:
    return sum(sets.truths[i].wanted for i in places)


def _calibration(spec: Spec, progress: Progress) -> Calibration | None:
    if spec.quantize is None:
        return calibrated(spec, None, progress)  # which says what a target lacks
    return calibration_of(spec, None, progress)


def _with_target(spec: Spec, old: Any, best: Tried) -> Spec:
    """Return the spec with the chosen target in the place of the old one."""
    targets = {
        name: tuple(best.target if t is old else t for t in getattr(spec.targets, name))
        for name in type(spec.targets).model_fields
    }
    return spec.model_copy(update={"targets": spec.targets.model_copy(update=targets)})


def _rows(searches: Sequence[Search]) -> tuple[tuple[Row, ...], dict[str, Row | None]]:
    rows: list[Row] = []
    unfit: dict[str, Row | None] = {}
    for search in searches:
        reference = next(iter(search.tried.values())).made
        ran = [t for t in search.tried.values() if t.made.loss is not None]
        points = [(float(t.made.bytes), t.made.loss.points) for t in ran if t.made.loss]
        ahead = {ran[i].target for i in frontier(points)}
        best, near = search.best(), search.nearest()
        made = {t.target: _row(search, t, reference.bytes, ahead, best) for t in ran}
        rows += sorted(made.values(), key=lambda r: -r.bytes)
        if best is None:
            unfit[search.file] = made[near.target] if near is not None else None
    return tuple(rows), unfit


def _row(search: Search, t: Tried, of: int, ahead: set[Any], best: Tried | None) -> Row:
    loss, held = t.made.loss, t.made.held
    assert loss is not None
    return Row(
        file=search.file,
        recipe=t.recipe.label,
        keys=t.recipe.keys,
        bytes=t.made.bytes,
        sha256=t.made.sha256,
        share=t.made.bytes / of if of else 1.0,
        loss=loss.points,
        spread=loss.spread,
        held_loss=None if held is None else held.points,
        held_spread=None if held is None else held.spread,
        time=t.made.time,
        fits=search.fits(t),
        frontier=t.target in ahead,
        chosen=best is not None and t.target == best.target,
        meant_for=t.recipe.meant_for,
        needs=t.target.system,
        decided=search.decided if best is not None and t.target == best.target else "",
    )


def _not_run(search: Search) -> list[str]:
    not_run = [t for t in search.tried.values() if t.made.not_run]
    return [f"NOT_RUN {search.file}, {t.recipe.label}: {t.made.not_run}" for t in not_run]


def _about(searches: Sequence[tuple[KeyPath, Search]], budget: float, goal: Goal) -> list[str]:
    """Return what a reader must know of the figures."""
    said = []
    if budget == 0:
        said.append("a budget of 0 takes floats alone: no pictures show that nothing is lost")
    if untimed := [s.file for _, s in searches if s.target.kind not in TIMED]:
        chosen = ": they are chosen for size" if goal == "speed" else ""
        said.append(
            f"{', '.join(untimed)}: not timed, since here our own runtime runs it, whose time says "
            f"nothing of a phone{chosen}"
        )
    nms = searches[0][1].bench.nms if searches else None
    if nms is not None and nms.score_threshold > 0.01:
        said.append(
            f"mAP is of what the artifacts let through: score_threshold {nms.score_threshold:g} is "
            "baked into what is measured, as it is into what is shipped"
        )
    return said
