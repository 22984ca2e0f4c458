"""What the folders of an iOS and an Android app have in common: what goes in, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mobilecat.bundle import FILE, LABELS, ArtifactRecord, Bundle
from mobilecat.disk import new_folder
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.table import FORMATS
from mobilecat.spec import Spec


@dataclass(frozen=True)
class AppFolder:
    """What was written, relative to `folder`, and what a developer should know about it.

    second: the same of a cascade's landmark model, where it has a folder of its own.
    """

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]
    second: AppFolder | None = None


def require_usable(bundle: Bundle, where: Path, some: bool, targets: Iterable[str]) -> None:
    """Raise ArtifactError for a bundle without picture input, or with nothing for the app."""
    problems = []
    if bundle.spec.input is None:
        problems.append(
            Problem(
                "takes the network's own tensors, no picture",
                str(where / FILE),
                "give the spec an [input] section",
            )
        )
    if not some:
        asked = " or ".join(f"[targets.{name}]" for name in targets)
        problems.append(
            Problem(
                "has no artifact for an app",
                str(where / FILE),
                f"add {asked} to the spec and export again",
            )
        )
    if problems:
        raise ArtifactError("An app cannot use this bundle", problems)


def require_targets(specs: Mapping[str, Spec], android: bool) -> None:
    """Raise ArtifactError where what these specs are compiled to is of no use to an app.

    For looking before anything is compiled. specs: where each was read → the spec. android: for
    `--android`, else for `--ios`.
    """
    fitting = [f.name for f in FORMATS.values() if (f.android if android else f.app)]
    problems = []
    for where, spec in specs.items():
        if spec.input is None:
            what = "takes the network's own tensors, no picture"
            problems.append(Problem(what, where, "give the spec an [input] section"))
        if not any(target.kind in fitting for target in spec.targets.all):
            asked = " or ".join(f"[targets.{name}]" for name in fitting)
            what = f"names no target for {'an Android' if android else 'an iOS'} app"
            problems.append(Problem(what, where, f"add {asked} to the spec"))
    if problems:
        raise ArtifactError("An app cannot use what this would be compiled to", problems)


def require_ours(folder: Path, ours: Collection[str], example: str) -> None:
    """Raise ArtifactError where a folder is a file, or holds anything but `ours`."""
    if folder.exists() and not folder.is_dir():
        raise ArtifactError(
            "The app's model folder is a file", [Problem("not a folder", str(folder))]
        )
    there = folder.iterdir() if folder.is_dir() else ()
    foreign = sorted(p.name for p in there if p.name not in (*ours, ".DS_Store"))
    if foreign:
        raise ArtifactError(
            "The app's model folder is in use",
            [
                Problem(
                    f"holds {', '.join(foreign)}, which would be lost",
                    str(folder),
                    f"name a folder of its own, such as {example}",
                )
            ],
        )


@contextmanager
def app_folder(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Give a fresh folder that takes the place of `folder` at the end, and the list of its files,
    which is filled then. ArtifactError where it cannot be written."""
    written: list[str] = []
    try:
        with new_folder(folder) as fresh:
            yield fresh, written
            written += sorted(p.relative_to(fresh).as_posix() for p in fresh.rglob("*.*"))
    except OSError as e:
        raise ArtifactError(
            "The app's model folder cannot be written",
            [Problem(e.strerror or str(e), str(folder))],
        ) from e


def fill(
    target: Path, bundle: Path, records: Iterable[ArtifactRecord], more: Mapping[str, Path]
) -> None:
    """Make the folder `target` with a bundle's artifacts, its contract and its labels.

    more: what else goes there, by the name that it gets.
    """
    target.mkdir(parents=True)
    for record in records:
        _copy(bundle / record.file, target / record.file)
    for name in (FILE, LABELS):
        if (bundle / name).is_file():
            _copy(bundle / name, target / name)
    for name, source in more.items():
        _copy(source, target / name)


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder: contents only, as an app's repository needs no times and modes."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)
