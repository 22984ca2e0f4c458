"""`mc.golden`: the only way from a result to a golden."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecat.api.given import PathLike, Progress, path_or_none, silent, source_of
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.errors import MobileCatError, Problem
from mobilecat.golden.store import APPROVED, PENDING, case_folders, read_result, result_path
from mobilecat.judge.observe import Opener
from mobilecat.judge.untried import advice
from mobilecat.lanes import open_lane
from mobilecat.pictures.drawing import data_url
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.review.approve import CaseState, Pending, list_cases, pendings
from mobilecat.review.approve import approve as approve_cases
from mobilecat.review.approve import record as record_case
from mobilecat.review.decide import decide
from mobilecat.review.record import find_lane
from mobilecat.review.review import lines_of, picture_beside
from mobilecat.shown import Drawn, Line, Shown, Table


@dataclass(frozen=True, repr=False, eq=False)
class Review(Shown):
    """What is pending, the largest difference first."""

    bundle: Path
    golden: Path
    pending: tuple[Pending, ...]

    def __len__(self) -> int:
        return len(self.pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(self.pending)

    def words(self) -> Iterator[Line | Table]:
        if not self.pending:
            yield Line("nothing is pending")
        for p in self.pending:
            yield Line(f"{p.case} ({p.lane})" if p.lane else p.case, "bold")
            yield from (Line(f"  {line}") for line in lines_of(p))

    def drawings(self) -> Iterator[Drawn]:
        for p in self.pending[:8]:
            if (drawn := picture_beside(p)) is not None:
                yield Drawn(data_url(drawn, 960), f"{p.case}: approved, pending, difference")

    def page(self) -> str:
        """Return all of it as one HTML page, with the pictures and the commands."""
        from mobilecat.report.html_review import review_page

        return review_page(self.bundle, self.golden, self.pending)


def record(
    bundle: PathLike,
    golden: PathLike,
    picture: Picture | None = None,
    *,
    clip: PathLike | None = None,
    every: int = 1,
    case: str | None = None,
    lane: str = "source",
    link: bool = False,
    boxes: PathLike | None = None,
    source: PathLike | None = None,
    progress: Progress = silent,
) -> Path | None:
    """Run a lane on a picture and write what it finds as a pending case; return its file.

    clip: in place of a picture, a clip, of which each N-th frame (every) is expected.
    picture: a path, which gives the case its name, or an .npz for a bundle without pictures; a PIL
    image or array, with `case`. None is returned where the approved result is the same already.
    link: refer to the picture where it lies. boxes: of a cascade that finds none itself.

    Errors: MobileCatError where the lane cannot run or breaks its contract, the case has another
    picture, or CI is set.

    >>> mc.golden.record("cat_faces", "golden", PICTURES / "two_on_a_sofa.png").name
    'pending.json'
    """

    # What is open already is not loaded again for each picture.
    kept = getattr(bundle, "engine", None) if source is None else None
    opener: Opener = open_lane if kept is None else lambda _, __, lane, ___: kept(lane)
    shaker = getattr(bundle, "shaker", None) if source is None else None

    def recorded(path: Path) -> Path | None:
        return record_case(
            Path(bundle),
            Path(golden),
            path,
            case=case,
            lane=lane,
            link=link,
            boxes=path_or_none(boxes),
            source=source_of(bundle, source),
            opener=opener,
            shaker=shaker,
            every=None if clip is None else every,
            progress=progress,
        )

    if (clip is None) == (picture is None):
        raise MobileCatError("Which picture?", [Problem("name a picture, or a clip")])
    if clip is not None:
        return recorded(Path(clip))
    assert picture is not None
    if isinstance(picture, str | os.PathLike):
        return recorded(Path(picture))
    if case is None or link:
        what = "it cannot be linked" if link else "name it: case=…"
        raise MobileCatError("This picture has no file", [Problem("it is an array", fix=what)])
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as folder:
        file = Path(folder) / "picture.png"
        picture_of(picture).save(file)
        return recorded(file)


def cases(bundle: PathLike, golden: PathLike) -> list[CaseState]:
    """Return the bundle's cases and their state: approved, pending, both, or broken.

    >>> [(c.case, c.state) for c in mc.golden.cases("cat_faces", "golden")]
    [('two_on_a_sofa', 'pending')]
    """
    return list_cases(Path(bundle), Path(golden))


def missing(bundle: PathLike, golden: PathLike) -> str:
    """Return which picture the goldens lack most, recorded ones among them; "" where none does.

    >>> mc.golden.missing("cat_faces", "golden")[:31]
    'still missing among the goldens'
    """
    home = Path(bundle)
    opened = open_any(home)
    if isinstance(opened, CascadeBundle):
        return ""
    found = []
    for case in case_folders(Path(golden), opened):
        files = [result_path(case, word) for word in (PENDING, APPROVED)]
        found += [read_result(f) for f in files if f.is_file()][:1]
    shown = [r.found for r in found if r.found is not None]
    if shown and not any(map(len, shown)):
        told = "nothing is found on any golden picture yet, so no box is held"
        return f"{told}: record one with an object"
    return advice(opened, found)


def review(bundle: PathLike, golden: PathLike, *, lane: str | None = None) -> Review:
    """Return what is pending, largest difference first; lane: only what this one gave.

    Errors: MobileCatError for a lane that is none of the bundle's, and gave nothing that waits.

    >>> mc.golden.review("cat_faces", "golden")
    two_on_a_sofa
      new: 2 detections, 4 tensors
        cat face 0.853  xyxy 36.0 140.4 139.4 243.1
        cat face 0.716  xyxy 549.7 44.7 658.0 152.7
    """
    home, goldens = Path(bundle), Path(golden)
    every = pendings(home, goldens)
    if lane is not None and lane not in {p.lane for p in every}:
        lane = find_lane(open_any(home), lane).name
    found = [p for p in every if lane in (None, p.lane)]
    return Review(home, goldens, tuple(found))


def approve(
    bundle: PathLike,
    golden: PathLike,
    cases: str | Sequence[str] = (),
    *,
    every: bool = False,
    lane: str | None = None,
    variant: bool = False,
    reason: str = "",
    by: str | None = None,
) -> list[Path]:
    """Make pending results the expected ones; return the files written. Nothing else ever does.

    cases: by name, or `every`. lane: take what this lane gave in the last validation; with
    `variant` for that lane alone. by: by default the login name.

    Errors: MobileCatError naming every case that cannot be approved; then nothing is written.

    >>> [p.name for p in mc.golden.approve("cat_faces", "golden", "two_on_a_sofa", by="me")]
    ['approved.json']
    >>> mc.validate("cat_faces", "golden", runner="coreml").held
    True
    """
    names = [cases] if isinstance(cases, str) else list(cases)
    if not names and not every:
        raise MobileCatError("Which case?", [Problem("none is named", fix="name cases, or --all")])
    return approve_cases(
        Path(bundle),
        Path(golden),
        names,
        every=every,
        lane=lane,
        variant=variant,
        reason=reason,
        by=by,
    )


def index(bundle: PathLike, golden: PathLike) -> list[str]:
    """Write down what is approved now; return what changed, a sentence each.

    For goldens of an older mobilecat, and where cases were removed or merged on purpose.

    >>> mc.golden.index("cat_faces", "golden")
    []
    """
    from mobilecat.review.index import index_goldens

    return list(index_goldens(Path(bundle), Path(golden)))


def accept_or_reject(
    bundle: PathLike,
    golden: PathLike,
    *,
    accept: Sequence[str] = (),
    reject: Sequence[str] = (),
    lane: str | None = None,
    variant: bool = False,
    reason: str = "",
    told: Callable[[str, Path], object] = lambda *_: None,
) -> None:
    """Accept and reject pending results by case: all of them, or, with an error, none.

    told: is told `approved` or `removed` of each file. Errors: MobileCatError naming every case
    that is not clear.
    """
    found = review(bundle, golden, lane=lane).pending
    decide(Path(bundle), Path(golden), found, accept, reject, variant, reason, told)


def clean(bundle: PathLike, golden: PathLike) -> list[Path]:
    """Remove pending results that cannot be approved, and their pictures; return what was removed.

    Those that another bundle gave, whose numbers mean something else, and those of a golden that
    has changed since. What is approved stays.

    Errors: MobileCatError where CI is set.

    >>> mc.golden.clean("cat_faces", "golden")
    []
    """
    from mobilecat.review.clean import clean as clean_goldens

    return clean_goldens(Path(bundle), Path(golden))


def reject(
    bundle: PathLike, golden: PathLike, cases: str | Sequence[str], *, lane: str | None = None
) -> list[Path]:
    """Remove pending results, for good; return the files removed. What is approved stays.

    A case with nothing else in it goes with its result. Errors: MobileCatError naming every case
    that is not clear, or where CI is set.

    >>> _ = mc.golden.record("cat_faces", "golden", PICTURES / "nobody_home.png")
    >>> [p.name for p in mc.golden.reject("cat_faces", "golden", "nobody_home")]
    ['pending.json', 'case.json', 'nobody_home.png', 'nobody_home']
    """
    gone: list[Path] = []
    names = [cases] if isinstance(cases, str) else cases
    accept_or_reject(bundle, golden, reject=names, lane=lane, told=lambda _, p: gone.append(p))
    return gone
