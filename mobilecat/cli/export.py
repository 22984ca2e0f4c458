"""`mobilecat export`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from mobilecat.bundle import FILE, Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import terminal
from mobilecat.compile import Exported, export, require_replaceable
from mobilecat.compile.ios import IosFolder, write_ios
from mobilecat.errors import Problem, SpecError
from mobilecat.spec import Spec, load_spec, spec_from_model_file
from mobilecat.spec.cascade import is_cascade

if TYPE_CHECKING:
    from mobilecat.compile.cascade import CascadeExported

_SIDE = re.compile(r"[1-9][0-9]{0,5}")


def run_export(
    spec_path: Path,
    out: Path,
    source: Path | None,
    shapes: Sequence[str],
    ios: Path | None,
    as_json: bool,
) -> None:
    spec_path = _of_folder(spec_path)
    if is_cascade(spec_path):
        _export_cascade(spec_path, out, source, shapes, ios, as_json)
        return
    spec, folder = _spec(spec_path, _shapes(shapes), source)
    require_replaceable(out, spec_path)
    with progress_line() as progress:
        done = export(spec, out, spec_folder=folder, source=source, progress=progress)
    app = write_ios(out, ios) if ios else None
    if as_json:
        print(done.bundle.to_json(), end="")
        return
    _show(done)
    _show_app(app)


def _of_folder(path: Path) -> Path:
    """Return the spec in a folder that has one, as a folder of examples/ has; else `path`."""
    if (path / FILE).is_file():
        what = Problem("was exported already", str(path), "name its spec: mobilecat.toml")
        raise SpecError("This is a bundle", [what])
    spec = path / "mobilecat.toml"
    return spec if spec.is_file() and not (path / "saved_model.pb").is_file() else path


def _export_cascade(
    path: Path,
    out: Path,
    source: Path | None,
    shapes: Sequence[str],
    ios: Path | None,
    as_json: bool,
) -> None:
    from mobilecat.compile.cascade import export_cascade

    if source is not None or shapes:
        option = "--source" if source is not None else "--shape"
        said = Problem(f"{option} is of one model, a cascade has two", option, "say it in its spec")
        raise SpecError("Which model?", [said])
    with progress_line() as progress:
        done = export_cascade(path, out, progress=progress)
    app = write_ios(out, ios) if ios else None
    if as_json:
        print(done.bundle.to_json(), end="")
        return
    _show(done)
    _show_app(app)


def _spec(path: Path, shapes: dict[str, tuple[int, ...]], source: Path | None) -> tuple[Spec, Path]:
    if path.suffix == ".toml":
        spec = load_spec(path)
        return spec.model_copy(update={"shapes": {**spec.shapes, **shapes}}), path.parent
    if source is not None:
        raise SpecError(
            "Two models",
            [Problem(f"{path} is a model file, and --source names another", "--source")],
        )
    return spec_from_model_file(path, shapes), Path()


def _shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    shapes = {}
    problems = []
    for text in texts:
        name, equals, dims = text.rpartition("=")
        sides = [d.strip() for d in dims.replace("x", ",").split(",")]
        if name and equals and all(_SIDE.fullmatch(d) for d in sides):
            shapes[name] = tuple(int(d) for d in sides)
        else:
            fix = "whole numbers, 1 to 999999"
            problems.append(Problem(f"{text!r:.80} is not NAME=1,3,320,320", "--shape", fix))
    if problems:
        raise SpecError("The shapes cannot be read", problems)
    return shapes


def _show(done: Exported | CascadeExported) -> None:
    console = terminal(width=None)
    bundle = done.bundle
    for note in done.notes:
        style = "yellow" if note.startswith("warning: ") else "dim"
        console.print(f"  {note}", style=style)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("artifact")
    table.add_column("size", justify="right")
    table.add_column("precision")
    table.add_column("takes")
    for a in bundle.artifacts:
        table.add_row(a.file, human_size(a.bytes), a.precision, _takes(bundle, a.image))
    console.print(table)
    for a in bundle.artifacts:
        for lint in a.lints:
            console.print(f"  {a.file}: {lint}", style="yellow")
    outputs = ", ".join(f"{o.name} {'×'.join(map(str, o.shape))}" for o in bundle.outputs)
    console.print(f"gives {outputs}")
    console.print(f"wrote {done.folder}")


def _show_app(app: IosFolder | None) -> None:
    for part in (app, app.second if app else None):
        if part is not None:
            print(f"wrote {part.folder}: {', '.join(part.files)}")
            for note in part.notes:
                print(f"  {note}")


def _takes(bundle: Bundle, image: str | None) -> str:
    if isinstance(bundle, CascadeBundle):
        return "a picture" + (f", boxes in {s} space" if (s := bundle.chain.boxes) else "")
    if image is None or bundle.spec.input is None:
        return ", ".join(f"{i.name} {'×'.join(map(str, i.shape))}" for i in bundle.inputs)
    width, height = bundle.spec.input.size
    return f"{'image' if image == 'pixels' else image} {width}×{height}"


def human_size(count: int) -> str:
    """Return a size in bytes for people: 231 kB, 4.2 MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
