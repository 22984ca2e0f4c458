"""`mobilecat diff`: its options, and the comparison in a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import mobilecat as mc
from mobilecat.cli.grammar import (
    Cache,
    ClassMap,
    DataIfAny,
    Fresh,
    GoldenIfAny,
    Html,
    Json,
    Limit,
    Markdown,
    MaxDrop,
    Pictures,
    Runner,
    Threads,
    class_pairs,
)
from mobilecat.cli.outputs import write_json, write_markdown
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="A bundle, cascade, artifact or file.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same of the next release.")],
    words: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PICTURE…]", help="Pictures and folders of them to run both on."),
    ] = None,
    image: Pictures = None,
    golden: GoldenIfAny = None,
    data: DataIfAny = None,
    max_lost: Annotated[
        int | None,
        typer.Option(
            "--max-lost",
            metavar="N",
            min=0,
            help="Detections that an artifact may lose; beyond: exit code 1.",
        ),
    ] = None,
    max_gained: Annotated[
        int | None,
        typer.Option(
            "--max-gained",
            metavar="N",
            min=0,
            help="Detections that an artifact may gain; beyond: exit code 1.",
        ),
    ] = None,
    max_moved: Annotated[
        float | None,
        typer.Option(
            "--max-moved",
            metavar="PX",
            min=0,
            help="Pixels that a corner or landmark may move by; beyond: exit code 1.",
        ),
    ] = None,
    max_drop: MaxDrop = None,
    same_contract: Annotated[
        bool,
        typer.Option(
            "--same-contract",
            help="Exit code 1 where inputs, outputs, labels or preprocessing changed.",
        ),
    ] = False,
    runner: Runner = None,
    limit: Limit = None,
    class_map: ClassMap = None,
    html: Html = None,
    markdown: Markdown = None,
    json_: Json = None,
    cache: Cache = None,
    fresh: Fresh = False,
    threads: Threads = None,
) -> None:
    """Say what changed from one release of a model to the next.

    Contract, labels, thresholds, network, precision, files and sizes are compared as they are; on
    pictures, what is found by old and new: lost, gained, moved, scored otherwise.

    Exit code 0: done, or within the limits named. 1: beyond one. 2: unusable input.

    mobilecat diff v1 v2 photos/ --html changes.html --markdown notes.md
    """
    pictures = [*(image or ()), *(words or ())]
    require_outputs(
        {"--json": json_, "--markdown": markdown, "--html": html},
        inputs=(old, new, data, *pictures),
        golden=golden,
    )
    with progress_line() as progress:
        found = mc.diff(
            old,
            new,
            pictures,
            golden=golden,
            data=data,
            max_lost=max_lost,
            max_gained=max_gained,
            max_moved=max_moved,
            max_drop=max_drop,
            same_contract=same_contract,
            html=html,
            runner=runner,
            class_map=class_pairs(class_map or []),
            limit=limit,
            cache=cache,
            fresh=fresh,
            threads=threads,
            progress=progress,
        )
    write_json(found.to_json, json_)
    write_markdown(found.markdown, markdown)
    if "-" not in (json_, markdown):
        show(found.words())
        if html is not None:
            print(f"wrote {html}")
    sys.exit(found.exit_code)
