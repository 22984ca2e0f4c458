"""`mc.evaluate` and `mc.tune`: accuracy on labelled pictures, and the best thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mobilecat.api.given import PathLike, Progress, path_or_none, silent, source_of
from mobilecat.api.lending import opener_of
from mobilecat.errors import MobileCatError, Problem

if TYPE_CHECKING:
    from mobilecat.measure.evaluate import Evaluation
    from mobilecat.measure.tune.run import Tuned

Values: TypeAlias = str | Sequence[float]
"""Numbers, or text as the command line takes it: `0.3,0.45` or `0.1:0.9:0.1`."""


def evaluate(
    bundle: PathLike,
    data: PathLike,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    limit: int | None = None,
    class_map: Mapping[str, str] | None = None,
    max_drop: float | None = None,
    cache: PathLike | None = None,
    fresh: bool = False,
    threads: int | None = None,
    allow_calibration: bool = False,
    on: str | None = None,
    shard: str | None = None,
    merge: Sequence[PathLike] = (),
    html: PathLike | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Measure what each artifact's accuracy is on labelled pictures, and what it lost.

    data: COCO JSON, VOC XML, YOLO txt, Crawford .cat or labels.json. The source model always runs
    besides. limit: so many pictures, spread evenly. class_map: a class of the data → the model's.
    max_drop: points of mAP that an artifact may lose; see `shortfalls`. cache: where results are
    kept, to go on from; fresh: believe none of them. allow_calibration: measure on the pictures
    that quantised artifacts took their scales from, too, which is refused otherwise. on: `local` or
    a Dask scheduler's address: its workers run the pictures, and figures are the same. shard:
    `2/5`, every fifth picture from the second on. merge: caches that shards left, to take over.
    html: a page to write, with tables, size and time against loss, curves and confusion.

    Errors: MobileCatError for a damaged bundle, unusable labels, or where nothing ran.

    >>> done = mc.evaluate("cat_faces", PICTURES, runner="onnx", max_drop=0.5, cache="cache")
    >>> done.pictures, done.shortfalls
    (4, ())
    """
    from mobilecat.disk import write_text
    from mobilecat.disk.outputs import require_outputs
    from mobilecat.measure.evaluate import evaluate as measured

    page, model = path_or_none(html), source_of(bundle, source)
    require_outputs({"--html": page}, inputs=(Path(bundle), Path(data), model))
    with opener_of(bundle) as opener:
        found = measured(
            Path(bundle),
            Path(data),
            runner=runner,
            artifact=artifact,
            source=model,
            limit=limit,
            class_map=class_map,
            max_drop=max_drop,
            cache=path_or_none(cache),
            fresh=fresh,
            threads=threads,
            allow_calibration=allow_calibration,
            on=on,
            part=shard,
            merged=[Path(p) for p in merge],
            progress=progress,
            opener=opener,
        )
    if page is not None:
        from mobilecat.report.html_evaluation import evaluation_page

        write_text(page, evaluation_page(found.to_json(), found.words(), found.bundle))
    return found


def tune(
    bundle: PathLike,
    data: PathLike,
    *,
    scores: Values = "0.01,0.05,0.1:0.9:0.1",
    ious: Values = "0.3,0.45,0.55,0.65",
    max_detections: Values = "300,3000",
    objective: str = "f1",
    write: PathLike | None = None,
    class_map: Mapping[str, str] | None = None,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    limit: int | None = None,
    cache: PathLike | None = None,
    fresh: bool = False,
    on: str | None = None,
    shard: str | None = None,
    merge: Sequence[PathLike] = (),
    progress: Progress = silent,
) -> Tuned:
    """Sweep score threshold, IoU threshold and max detections on labelled pictures.

    The model runs once a picture. objective: `f1`, `map` or `recall@fp=0.2`. write: a spec whose
    [nms] gets the best row; `diff` then says what changed. Fewer than 30 objects settle nothing:
    the spec then stays as it is, and `unwritten` names it. runner: whose candidates, by default the
    source model's. limit: so many pictures, spread evenly. cache: where candidates are kept; fresh:
    believe none of them. on, shard, merge: as of `evaluate`; a shard writes no spec. `best` is
    None where no row meets the objective.

    Errors: MobileCatError for a bundle without NMS, unusable labels, or a spec that is not its own.

    >>> found = mc.tune("cat_faces", PICTURES, scores=[0.3, 0.5], ious=[0.45], cache="cache")
    >>> len(found.rows), found.inferences
    (6, 4)
    """
    from mobilecat.measure.tune.grid import grid_of, with_baked
    from mobilecat.measure.tune.objective import objective_of
    from mobilecat.measure.tune.run import open_detector
    from mobilecat.measure.tune.run import tune as swept
    from mobilecat.measure.tune.spec_file import require_writable, write_setting

    home, spec = Path(bundle), path_or_none(write)
    grid = grid_of(*map(_text, (scores, ious, max_detections)))
    _, bundled, nms = open_detector(home)
    grid = with_baked(grid, nms)
    goal = objective_of(objective)
    if spec is not None:
        if shard is not None:
            fix = "let the run that merges all shards write it"
            said = Problem("one shard's best row is not all pictures'", "--write", fix)
            raise MobileCatError("These do not go together", [said])
        require_writable(spec, bundled.spec)
    with opener_of(bundle) as opener:
        found = swept(
            home,
            Path(data),
            grid,
            goal,
            runner=runner,
            artifact=artifact,
            source=source_of(bundle, source),
            limit=limit,
            cache=path_or_none(cache),
            fresh=fresh,
            class_map=class_map,
            on=on,
            part=shard,
            merged=[Path(p) for p in merge],
            progress=progress,
            opener=opener,
        )
    if spec is None or found.best is None:
        return found
    if found.too_few:
        return replace(found, unwritten=spec)
    diff = write_setting(spec, found.bundle.spec, found.best.setting)
    return replace(found, spec=spec, diff=diff)


def _text(values: Values) -> str:
    return values if isinstance(values, str) else ",".join(map(str, values))
