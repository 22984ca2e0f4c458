"""`mobilecat bisect`: its options, and the table in a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mobilecat.bisection.walk import Bisection, Layer

_BEFORE, _AFTER = 2, 12


def bisect(
    bundle: Annotated[Path, typer.Argument(metavar="DIR", help="A bundle that `export` made.")],
    runner: Annotated[str, typer.Option("--runner", help="coreml, tflite or onnx.")],
    image: Annotated[
        Path, typer.Option("--image", metavar="F", help="A picture, or the .npz of a raw bundle.")
    ],
    artifact: Annotated[
        str | None,
        typer.Option("--artifact", metavar="FILE", help="Which, where the runner has several."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FILE", help="Where the source model lies now."),
    ] = None,
    limit: Annotated[
        float | None,
        typer.Option("--limit", min=0, help="Of a layer's own error, relative to its values."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="SVG", help="Draw error over layers, as SVG.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="List every layer.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Find the first layer where an artifact and its reference part.

    Exit code 0: no layer does. 1: one does. 2: unusable input.
    """
    from mobilecat.bisection.walk import bisect as run
    from mobilecat.cli.outputs import require_outputs
    from mobilecat.cli.progress import progress_line
    from mobilecat.pictures.chart import require_svg

    require_outputs({"--plot": plot}, inputs=(bundle, image, source))
    require_svg(plot)
    with progress_line() as progress:
        found = run(
            bundle,
            runner,
            image,
            artifact=artifact,
            source=source,
            limit=limit,
            progress=progress,
        )
    if plot is not None:
        from mobilecat.bisection.plot import plot as draw

        draw(found, plot)
    if json_:
        print(json.dumps(found.to_json(), indent=2, allow_nan=False))
    else:
        _show(found, all_)
        if plot is not None:
            print(f"wrote {plot}")
    sys.exit(1 if found.first else 0)


def _show(found: Bisection, everything: bool) -> None:
    from rich.table import Table

    from mobilecat.cli.terminal import terminal

    console = terminal()
    first = found.first
    console.print(_verdict(found), style="bold red" if first else "bold green")
    if first:
        for node in first.nodes:
            console.print(f"  {node}")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("", no_wrap=True)
    table.add_column("layer", overflow="fold")
    table.add_column("op", overflow="fold")
    for title in ("own", "grown"):
        table.add_column(title, justify="right", no_wrap=True)
    chosen = range(len(found.layers)) if everything else _window(found)
    for i in chosen:
        layer = found.layers[i]
        mark = "→" if layer is first else "!" if not layer.own <= found.limit else ""
        table.add_row(mark, layer.value, layer.op, _number(layer.own), _number(layer.grown))
    console.print(table)
    left = len(found.layers) - len(chosen)
    if left:
        console.print(f"{left} more layers: --all", style="dim")


def _verdict(found: Bisection) -> str:
    compared = f"{len(found.layers)} layers compared, limit {found.limit:g}"
    first = found.first
    if first is None:
        return f"No layer of {found.lane} parts from the reference. {compared}."
    number = found.layers.index(first) + 1
    return f"{found.lane} parts from the reference at layer {number}: {first.value}. {compared}."


def _window(found: Bisection) -> list[int]:
    """Return the layers about the first jump; where there is none, those with the largest error."""
    layers: tuple[Layer, ...] = found.layers
    if found.first is not None:
        at = layers.index(found.first)
        return list(range(max(0, at - _BEFORE), min(len(layers), at + _AFTER)))
    ranked = sorted(range(len(layers)), key=lambda i: -layers[i].own)
    return sorted(ranked[: _BEFORE + _AFTER])


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"
