"""`mobilecat evaluate`: its options, and the tables in a terminal."""

from __future__ import annotations

import mobilecat as mc
from mobilecat.cli.grammar import (
    BUNDLE,
    AllowCalibration,
    Artifact,
    BundleDir,
    Cache,
    ClassMap,
    Data,
    Fresh,
    Html,
    Json,
    Limit,
    MaxDrop,
    Merge,
    On,
    Plot,
    Runner,
    Shard,
    Source,
    Threads,
    class_pairs,
)
from mobilecat.cli.older import older
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line
from mobilecat.disk.outputs import require_outputs
from mobilecat.pictures.chart import require_svg


def evaluate(
    bundle: BundleDir = BUNDLE,
    *,
    data: Data,
    runner: Runner = None,
    artifact: Artifact = None,
    source: Source = None,
    limit: Limit = None,
    class_map: ClassMap = None,
    max_drop: MaxDrop = None,
    json_: Json = None,
    plot: Plot = None,
    html: Html = None,
    cache: Cache = None,
    fresh: Fresh = False,
    threads: Threads = None,
    allow_calibration: AllowCalibration = False,
    on: On = None,
    shard: Shard = None,
    merge: Merge = None,
) -> None:
    """Say what each artifact's accuracy is on labelled pictures, and what it lost.

    Exit code 0: done. 1: an artifact loses more than --max-drop, or that could not be found out.
    2: unusable input.

    mobilecat evaluate bundle --data photos/labels.json --html accuracy.html
    """
    named = {"--json": json_, "--plot": plot, "--html": html}
    require_outputs(named, inputs=(bundle, data, source))
    require_svg(plot)
    with progress_line() as progress:
        report = mc.evaluate(
            bundle,
            data,
            runner=runner,
            artifact=artifact,
            source=source,
            limit=limit,
            class_map=class_pairs(class_map or []),
            max_drop=max_drop,
            cache=cache,
            fresh=fresh,
            threads=threads,
            allow_calibration=allow_calibration,
            on=on,
            shard=shard,
            merge=merge or (),
            html=html,
            progress=progress,
        )
    if plot is not None:
        report.plot(plot)
    wrote = (f"wrote {file}" for file in (plot, html) if file is not None)
    give(report, json_, *wrote, *older(bundle))
