"""`mc.compress`: the smallest or fastest recipe of each target within a budget of accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobilecat.api.given import PathLike, Progress, path_or_none, silent
from mobilecat.bundle import FILE as BUNDLE_FILE
from mobilecat.errors import MobileCatError, Problem

if TYPE_CHECKING:
    from mobilecat.compression import Compressed


def compress(
    spec: PathLike,
    data: PathLike,
    *,
    budget: float = 0.5,
    goal: Literal["size", "speed"] = "size",
    artifact: str | None = None,
    source: PathLike | None = None,
    limit: int | None = None,
    class_map: Mapping[str, str] | None = None,
    cache: PathLike | None = None,
    fresh: bool = False,
    threads: int | None = None,
    allow_calibration: bool = False,
    dry_run: bool = False,
    on: str | None = None,
    html: PathLike | None = None,
    progress: Progress = silent,
) -> Compressed:
    """Find the smallest recipe of each target that loses no more than `budget`; write it down.

    spec: a `mobilecat.toml`, whose targets get the recipe; every other byte of it stays,
    and the text before is kept as SPEC.before-compress. data:
    labelled pictures, as `evaluate` reads them. budget: points of mAP, of 100, against the source;
    for landmarks hundredths of the error's unit. goal: `size`, or `speed` on this machine's CPU.
    artifact: the file of one target. limit: so many pictures, spread evenly. cache: where results
    are kept, to go on from; fresh: believe none. allow_calibration: measure on pictures that ranges
    are taken from, which is refused otherwise. dry_run: write nothing. on: `local` or a Dask
    scheduler's address: its workers run the candidates on the pictures; the choice is the same.
    html: a page to write, with what was chosen, the frontier, every recipe and each layer's moves.

    What is exported from the spec afterwards has the very bytes that were measured. Where nothing
    of a target keeps to the budget, its table stays as it was, and `unfit` has the nearest.

    Errors: MobileCatError for a spec, a model or labels that cannot be used; the spec is as it was.

    >>> mc.compress(DETECTOR, PICTURES, budget=101)
    Traceback (most recent call last):
        ...
    mobilecat.errors.MobileCatError: There is no such budget
      --budget: 101 points
        → from 0 to 100
      In Python --budget is budget=…
    """
    from mobilecat.compression import compress as compressed
    from mobilecat.disk import write_text
    from mobilecat.disk.outputs import require_outputs

    if goal not in ("size", "speed"):
        said = Problem(f"{goal!r:.40}", "--for", "size or speed")
        raise MobileCatError("What is best?", [said])
    if not 0 <= budget <= 100:
        said = Problem(f"{budget:g} points", "--budget", "from 0 to 100")
        raise MobileCatError("There is no such budget", [said])
    file, page, model = _of_folder(Path(spec)), path_or_none(html), path_or_none(source)
    require_outputs({"--html": page}, inputs=(file, Path(data), model))
    found = compressed(
        file,
        Path(data),
        budget=budget,
        goal=goal,
        artifact=artifact,
        source=model,
        limit=limit,
        class_map=class_map,
        cache=path_or_none(cache),
        fresh=fresh,
        threads=threads,
        allow_calibration=allow_calibration,
        dry_run=dry_run,
        on=on,
        progress=progress,
    )
    if page is not None:
        from mobilecat.report.html_compression import compression_page

        chart = found.chart if found.rows else None
        write_text(page, compression_page(found.to_json(), found.words(), chart))
    return found


def _of_folder(path: Path) -> Path:
    if (path / BUNDLE_FILE).is_file():
        said = Problem("is a bundle", str(path), "name the spec that it was exported from")
        raise MobileCatError("The recipe is written into a spec", [said])
    inside = path / "mobilecat.toml"
    return inside if inside.is_file() else path
