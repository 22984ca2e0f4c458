"""`mobilecat inspect`."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from mobilecat.cli.export import human_size
from mobilecat.cli.terminal import terminal
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.inspection import inspect_file


def run_inspect(path: Path, as_json: bool) -> None:
    found = inspect_file(path)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
        return
    console = terminal(width=None)
    _show(console, found)


def _show(console: Console, found: Inspection) -> None:
    console.print(found.file, style="bold")
    weights = f", {found.parameters:,} weights" if found.parameters else ""
    console.print(f"  {found.format}, {human_size(found.bytes)}{weights}")
    for title, ports in (("in ", found.inputs), ("out", found.outputs)):
        for port in ports:
            console.print(f"  {title}  {_port(port)}")
    if found.ops:
        listed = "  ".join(f"{n}× {op}" for op, n in found.ops.items())
        console.print(f"  {sum(found.ops.values())} ops  {listed}")
    for key, value in found.metadata.items():
        console.print(f"  {key}: {value}", style="dim")
    for lint in found.lints:
        console.print(f"  ! {lint}", style="yellow")
    for part in found.parts:
        console.print()
        _show(console, part)


def _port(port: Port) -> str:
    shape = "×".join(map(str, port.shape)) if port.shape else ("scalar" if port.shape == () else "")
    detail = f"  ({port.detail})" if port.detail else ""
    return f"{port.name}  {shape} {port.dtype}{detail}".rstrip()
