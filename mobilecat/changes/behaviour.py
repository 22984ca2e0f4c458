"""Old and new on the same pictures, artifact by artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.changes.pictures import (
    PictureChange,
    change_of,
    class_numbers,
    point_numbers,
    renumbered,
)
from mobilecat.changes.sides import Side, paired
from mobilecat.errors import MobileCatError, Problem
from mobilecat.golden.store import case_folders, read_case_file, require_golden_folder
from mobilecat.lanes import Lane, lanes_of
from mobilecat.measure.datasets import Dataset, Labelled, load_dataset
from mobilecat.measure.datasets.base import PICTURES, upright_size
from mobilecat.measure.evaluate.coco import require_library
from mobilecat.measure.evaluate.collect import Collected, collect, gives_boxes_away
from mobilecat.measure.evaluate.kept import open_stores
from mobilecat.measure.evaluate.names import PointMap, match_classes, match_landmarks
from mobilecat.measure.evaluate.run import gives_masks, is_single
from mobilecat.measure.evaluate.scores import Scores, score, truth_of
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import unreadable
from mobilecat.pictures.similarity import sigmas_of
from mobilecat.spec import RawHead

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LaneChange:
    """One artifact in one engine, old and new. not_run: why nothing is known, or "".

    old_scores, new_scores: accuracy, where the pictures are labelled.
    """

    old: str
    new: str
    pictures: tuple[PictureChange, ...] = ()
    old_scores: Scores | None = None
    new_scores: Scores | None = None
    not_run: str = ""

    @property
    def name(self) -> str:
        return self.old if self.old == self.new else f"{self.old} → {self.new}"

    @property
    def found(self) -> tuple[int, int]:
        """How many detections old and new have, in all pictures."""
        return sum(len(p.old) for p in self.pictures), sum(len(p.new) for p in self.pictures)

    @property
    def lost(self) -> int:
        return sum(len(p.lost) for p in self.pictures)

    @property
    def gained(self) -> int:
        return sum(len(p.gained) for p in self.pictures)

    @property
    def moved(self) -> tuple[float, float]:
        """The median and the largest move of a box that both found, px of the pictures."""
        return _median_and_max([v for p in self.pictures for v in p.moved])

    @property
    def points(self) -> tuple[float, float] | None:
        """The same of landmarks; None where there are none."""
        every = [v for p in self.pictures for v in p.points]
        return _median_and_max(every) if every else None

    @property
    def score(self) -> float:
        """The largest change of a score, whichever way."""
        return max((abs(v) for p in self.pictures for v in p.off), default=0.0)

    @property
    def map_change(self) -> float | None:
        """Points of mAP@[.5:.95], new − old; None where it was not measured."""
        a, b = self.old_scores, self.new_scores
        if a is None or b is None or a.ap is None or b.ap is None:
            return None
        return 100 * (b.ap - a.ap)

    @property
    def nme(self) -> tuple[float, float] | None:
        """Landmark error old, new; None where it was not measured."""
        marks = [s.landmarks.nme if s and s.landmarks else None
                 for s in (self.old_scores, self.new_scores)]  # fmt: skip
        a, b = marks
        return None if a is None or b is None else (a, b)

    @property
    def weight(self) -> tuple[int, float, float]:
        return self.lost + self.gained, self.moved[1], self.score


def _median_and_max(values: Sequence[float]) -> tuple[float, float]:
    return (float(np.median(values)), max(values)) if values else (0.0, 0.0)


@dataclass(frozen=True)
class Given:
    """The pictures that old and new are run on. data: with its labels, where they have any.
    said: where they came from, in words."""

    pictures: Sequence[Labelled]
    said: str
    data: Dataset | None = None


def given_pictures(
    old: Bundle,
    new: Bundle,
    pictures: Sequence[Path],
    golden: Path | None,
    data: Path | None,
    limit: int | None,
) -> Given | None:
    """Return the pictures that were named in one of three ways; None where none were.

    Errors: MobileCatError for two ways at once, or where there is no picture.
    """
    named = [
        x for x, y in (("pictures", pictures), ("--golden", golden), ("--data", data)) if y
    ]  # fmt: skip
    if len(named) > 1:
        fix = "name one of them"
        raise MobileCatError("Which pictures?", [Problem(f"{' and '.join(named)}", fix=fix)])
    if data is not None:
        require_library()
        labelled = load_dataset(data)
        chosen = labelled.spread(limit).pictures
        return Given(chosen, f"{data.name} ({labelled.format})", labelled)
    if golden is not None:
        paths, said = _of_goldens(old, new, golden), f"the goldens in {golden}"
    elif pictures:
        paths, said = _spelled_out(pictures), "the pictures named"
    else:
        return None
    every = [_unlabelled(p) for p in paths]
    n = len(every)
    if limit is not None and limit < n:
        every = [every[i * n // limit] for i in range(limit)]
    return Given(tuple(every), said)


def _spelled_out(given: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        inside = [p for p in sorted(path.iterdir()) if p.suffix.lower() in PICTURES] \
            if path.is_dir() else [path]  # fmt: skip
        if not inside:
            what = "a folder with no picture in it"
            raise MobileCatError("Which picture?", [Problem(what, str(path))])
        found += inside
    return list(dict.fromkeys(found))


def _of_goldens(old: Bundle, new: Bundle, golden: Path) -> list[Path]:
    require_golden_folder(golden)
    folders = dict.fromkeys((*case_folders(golden, old), *case_folders(golden, new)))
    found = []
    for folder in folders:
        case = read_case_file(folder)
        if case.kind == "image":
            found.append(folder / case.input.file)
    if not found:
        what, fix = f"no picture for {old.name}", "record some: mobilecat golden record"
        raise MobileCatError("There is no golden", [Problem(what, str(golden), fix)])
    return found


def _unlabelled(path: Path) -> Labelled:
    try:
        size, _ = upright_size(path)
    except OSError as e:
        raise unreadable(path, e) from e
    none = np.zeros(0)
    return Labelled(path, size, none.reshape(0, 4), none.astype(np.int64), none,
                    none.astype(np.bool_), none.astype(np.bool_))  # fmt: skip


def behave(
    old: Side,
    new: Side,
    given: Given,
    *,
    runner: str | None,
    class_map: Mapping[str, str] | None,
    cache: Path | None,
    fresh: bool,
    threads: int | None,
    progress: Progress,
) -> list[LaneChange]:
    """Run every artifact that both have on the pictures, each in the plainest of its engines.

    runner: in this one. cache, fresh, threads: as of `evaluate`, whose results these are.
    """
    assert old.bundle is not None and new.bundle is not None
    _require_pictures(old, new, given)
    both = _lanes(old, new, runner)
    told = "old"

    def step(text: str) -> None:
        progress(f"{told}: {text}")

    got = []
    for k, side in enumerate((old, new)):
        told = ("old", "new")[k]
        lanes = list({pair[k].name: pair[k] for pair in both}.values())
        got.append(_collected(side, lanes, given, class_map, cache, fresh, threads, step))
    changes = []
    for a, b in both:
        progress(f"comparing {a.name}")
        mine, theirs = got[0][a.name], got[1][b.name]
        changes.append(_lane(old, new, mine, theirs, given, class_map))
    return changes


def _require_pictures(old: Side, new: Side, given: Given) -> None:
    problems = []
    for side in (old, new):
        bundle = side.bundle
        assert bundle is not None
        if bundle.spec.input is None or isinstance(bundle.spec.head, RawHead):
            fix = "leave the pictures out; its tensors: mobilecat validate DIR --random 3"
            what = "its head is raw: it gives tensors, not detections"
            problems.append(Problem(what, str(side.path), fix))
        elif gives_boxes_away(bundle) and given.data is None:
            fix = "name labelled pictures with --data"
            problems.append(Problem("it finds no boxes itself", str(side.path), fix))
    if problems:
        raise MobileCatError("These cannot be compared on pictures", problems)


def _lanes(old: Side, new: Side, runner: str | None) -> list[tuple[Lane, Lane]]:
    if runner == "source":
        return [(Lane("source"), Lane("source"))]
    both = []
    for a, b in paired(old.artifacts, new.artifacts):
        if a is None or b is None:
            continue
        lanes = [_plainest(s.bundle, r.file, runner) for s, r in ((old, a), (new, b))
                 if s.bundle is not None]  # fmt: skip
        if all(lanes):
            both.append((lanes[0][0], lanes[1][0]))
    if not both:
        have = ", ".join(a.file for s in (old, new) for a in s.artifacts)
        what = f"no artifact that both have{f' runs in {runner!r}' if runner else ''}"
        raise MobileCatError("Nothing to run", [Problem(what, fix=f"there are {have}")])
    return both


def _plainest(bundle: Bundle, file: str, runner: str | None) -> list[Lane]:
    """Return the engines that take an artifact, the plainest first; [] where none does."""
    try:
        found = lanes_of(bundle, runner, file, slow=False)
    except MobileCatError as e:
        if e.summary == "No such runner":
            raise
        return []
    return sorted(found, key=lambda lane: lane.apples)


def _collected(
    side: Side,
    lanes: Sequence[Lane],
    given: Given,
    class_map: Mapping[str, str] | None,
    cache: Path | None,
    fresh: bool,
    threads: int | None,
    progress: Progress,
) -> dict[str, Collected]:
    bundle = side.bundle
    assert bundle is not None
    ids = {}
    if given.data is not None:
        classes = match_classes(given.data, bundle.spec.labels, class_map)
        theirs = {k: i for i, k in classes.model.items()}
        ids = {i: theirs[k] for i, k in classes.data.items()}
    found = collect(
        side.folder,
        bundle,
        lanes,
        given.pictures,
        open_stores(bundle, lanes, cache),
        class_ids=ids,
        fresh=fresh,
        threads=threads,
        progress=progress,
    )
    return {c.lane.name: c for c in found}


def _lane(
    old: Side,
    new: Side,
    mine: Collected,
    theirs: Collected,
    given: Given,
    class_map: Mapping[str, str] | None,
) -> LaneChange:
    a, b = old.bundle, new.bundle
    assert a is not None and b is not None
    names = mine.lane.name, theirs.lane.name
    if reason := mine.not_run or theirs.not_run:
        which = "old" if mine.not_run else "new"
        return LaneChange(*names, not_run=f"{which}: {reason}")
    classes = class_numbers(a.spec.labels, b.spec.labels)
    points = point_numbers(a.spec.landmarks, b.spec.landmarks)
    pictures = tuple(
        change_of(p.path, p.size_wh, before, renumbered(after, classes, points))
        for p, before, after in zip(given.pictures, mine.found, theirs.found, strict=True)
    )
    scores = [
        None if given.data is None else _scores(x, found, given, class_map)
        for x, found in ((a, mine.found), (b, theirs.found))
    ]
    return LaneChange(*names, pictures, scores[0], scores[1])


def _scores(
    bundle: Bundle,
    found: Sequence[Detections],
    given: Given,
    class_map: Mapping[str, str] | None,
) -> Scores:
    data = given.data
    assert data is not None
    classes = match_classes(data, bundle.spec.labels, class_map)
    count = next((t.shape[-2] for t in bundle.outputs if t.name == "landmarks"), None)
    points = match_landmarks(data.landmarks, bundle.spec.landmarks, count)
    marks = points if isinstance(points, PointMap) else None
    truths = [truth_of(p, classes, marks, gives_masks(bundle)) for p in given.pictures]
    return score(
        truths,
        found,
        classes,
        marks,
        single=is_single(bundle),
        own_boxes=gives_boxes_away(bundle),
        sigmas=sigmas_of(bundle.spec, count or 0),
        whole=bundle.spec.head.whole_picture,
        class_map=bundle.spec.head.gives_class_map,
    )
