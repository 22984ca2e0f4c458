"""`mobilecat export`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, SPEC
from mobilecat.cli.outputs import write_told
from mobilecat.cli.progress import progress_line
from mobilecat.cli.steps import photos_here, said, states_losses, with_a_bundle
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import Problem, SpecError

_SIDE = re.compile(r"[1-9][0-9]{0,5}")


def run_export(
    spec: Path,
    out: Path,
    source: Path | None,
    shapes: Sequence[str],
    targets: Sequence[str] | None,
    ios: Path | None,
    android: Path | None,
    json_: str | None,
    trust: Sequence[str],
    cache: bool,
) -> None:
    require_outputs({"--json": json_}, inputs=(spec, source))
    with progress_line() as progress:
        done = mc.export(
            spec,
            out,
            source=source,
            shapes=_shapes(shapes),
            targets=targets,
            ios=ios,
            android=android,
            trust=trust,
            cache=cache,
            progress=progress,
        )
    write_told(done.bundle.to_json(), json_)
    if json_ != "-":
        show(done.words(), wide=False)
        raw = done.bundle.spec.head.kind == "raw"
        used = done.calibrated
        photos, name = photos_here(used), done.bundle.name
        limits = states_losses(done.bundle.spec.tolerances)
        after = with_a_bundle(
            done.folder, raw=raw, photos=photos, calibrated=used, name=name, limits=limits
        )
        typed = _typed(spec, out, source, shapes, targets, trust)
        print("\n".join(said([*after, *_into_apps(done, typed)])))


def _into_apps(done: mc.Exported, typed: Sequence[str]) -> Iterator[str]:
    """Give the commands that bring the apps' folders up to date. typed: this export's own words."""
    for words in done.left_behind:
        yield f"{shlex.join([*typed, *words])}   (once it is right: the apps' folders)"


def _typed(
    spec: Path,
    out: Path,
    source: Path | None,
    shapes: Sequence[str],
    targets: Sequence[str] | None,
    trust: Sequence[str],
) -> list[str]:
    words = ["mobilecat", "export", *([] if spec == SPEC else [str(spec)])]
    words += [] if out == spec.parent / BUNDLE else ["-o", str(out)]
    words += [] if source is None else ["--source", str(source)]
    words += [word for shape in shapes for word in ("--shape", shape)]
    words += [] if targets is None else ["--targets", ",".join(targets)]
    return [*words, *(f"--trust-{what}" for what in trust)]


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
