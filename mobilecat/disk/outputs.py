"""Files that a verb will write, looked at before it starts: nobody waits for a result in vain, and
no result takes the place of what it was made from."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import MobileCatError, Problem

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_SOURCES = (
    *(".toml", ".onnx", ".keras", ".h5", ".hdf5", ".pb", ".tflite", ".mlmodel", ".npz", ".npy"),
    *(".aimodel", ".safetensors", ".pt", ".pth"),
)
"""Suffixes of specs, models and tensors, which no verb writes by an option of its own."""
_PAGE = "--html"
_NO_PAGES = (*_PICTURES, ".svg", ".json", ".md", ".csv", ".pdf", ".txt", ".xml")
_BUNDLE, _CASE, _SAVED = "bundle.json", "case.json", "saved.json"
_DEPTH = 6
"""Folders above a file that are looked at: a package in a bundle in a cascade is four deep."""
_ELSEWHERE = "name another file"

Given = Path | str | None


def require_outputs(
    files: Mapping[str, Given],
    *pictures: str,
    inputs: Iterable[Given] = (),
    golden: Path | None = None,
    folders: Mapping[str, Path | None] | None = None,
) -> None:
    """Raise MobileCatError with every file that cannot be written, or must not; `-` is stdout.

    files: by option. pictures: the options whose file is a picture, known by its suffix. inputs:
    what the verb reads: files, and folders such as a data set. golden: a golden folder.
    folders: what is written as a whole folder, by option.
    A bundle's and a golden's own files are never replaced, whether the verb reads them or not.
    """
    given = {k: Path(v) for k, v in files.items() if v is not None and str(v) != "-"}
    whole = {k: v for k, v in (folders or {}).items() if v is not None}
    read = [Path(p) for p in inputs if p is not None]
    problems = []
    for option, path in {**given, **whole}.items():
        found = _problem(path, option in pictures) if option in given else None
        if not found and option == _PAGE and path.suffix.lower() in _NO_PAGES:
            found = f"{path.suffix} is no page's", f"{option} {path.with_suffix('.html')}"
        if found := found or _kept(path, read, golden):
            what, fix = found
            problems.append(Problem(f"{path}: {what}", option, fix))
    problems += _twice({**given, **whole})
    if problems:
        raise MobileCatError("This cannot be written", problems)


def _problem(path: Path, picture: bool) -> tuple[str, str] | None:
    """Return what keeps `path` from being written, and what to do, or None."""
    folder = path.parent
    if not folder.exists():
        return f"there is no folder {folder}", f"mkdir -p {folder}"
    if not folder.is_dir():
        return f"{folder} is a file, not a folder", "name another folder"
    if path.is_dir():
        return "is a folder", f"name a file in it: {path / 'out.png' if picture else path / 'out'}"
    if path.exists() and not path.is_file():
        return "is no plain file", "--json - writes to stdout"
    if picture and path.suffix.lower() not in _PICTURES:
        return f"{path.suffix or 'no suffix'} is no picture's", f"{path.with_suffix('.png')}"
    if not os.access(path if path.exists() else folder, os.W_OK):
        return "no permission to write there", "name another folder"
    return None


def _kept(path: Path, read: Iterable[Path], golden: Path | None) -> tuple[str, str] | None:
    """Return why `path` must stay as it is, and what to do, or None."""
    for source in read:
        if _same(path, source):
            return "is read by this very command, and would be replaced", _ELSEWHERE
        if source.is_dir() and not _is_bundle(source) and _inside(path, source):
            return f"lies in {source}, which is read", "name a file outside of it"
        if source.is_file() and path.is_file() and _is_named_in(path, source):
            return f"is named in {source}, which is read", _ELSEWHERE
    if golden is not None and len(_steps(path, golden)) > 1:
        return f"lies among the goldens of {golden}", "name a file outside of it"
    for place in (path, path.resolve()):
        if why := _of_a_whole(place):
            return why
    if path.is_file() and path.suffix.lower() in _SOURCES:
        return f"is there already, and {path.suffix} is no report's", _ELSEWHERE
    return None


def _of_a_whole(path: Path) -> tuple[str, str] | None:
    """Return why a file of a bundle, a golden or saved results stays, or None."""
    for folder in list(path.absolute().parents)[:_DEPTH]:
        if (folder / _CASE).is_file():
            return f"lies in the golden case {folder}", "name a file outside of it"
        if (folder / _BUNDLE).is_file() and _is_part(path, folder):
            return f"is part of the bundle {folder}", _ELSEWHERE
        if (folder / _SAVED).is_file():
            return f"lies in the saved results {folder}", "name a file outside of it"
    return None


def _is_bundle(folder: Path) -> bool:
    return (folder / _BUNDLE).is_file()


def _is_part(path: Path, bundle: Path) -> bool:
    """Whether `path` is a file that the bundle's contract names; any file, where it names none."""
    steps = _steps(path, bundle)
    if not steps:
        return False
    if (parts := _parts(bundle)) is None:
        return path.exists()
    return _plain(steps[0]) in {_plain(p) for p in parts}


def _parts(bundle: Path) -> list[str] | None:
    from mobilecat.disk import read_json

    try:
        told: Any = read_json(bundle / _BUNDLE)
        if "cascade" in told:
            chain = [told["cascade"][k] for k in ("detector", "landmarks")]
            own = [str(part["folder"]) for part in chain if part]
        else:
            own = [str(record["file"]) for record in told["artifacts"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return [_BUNDLE, "labels.txt", *own]


def _is_named_in(path: Path, labels: Path) -> bool:
    """Whether a file of labels names the picture `path`, which lies with it."""
    from mobilecat.disk import read_text

    if path.suffix.lower() not in _PICTURES or not _inside(path, labels.parent.parent):
        return False
    if labels.suffix.lower() not in (".json", ".txt", ".yaml", ".yml", ".xml"):
        return False
    try:
        return path.stem in read_text(labels)
    except (OSError, ValueError):
        return False


def _twice(given: Mapping[str, Path]) -> Iterator[Problem]:
    options = list(given)
    for k, option in enumerate(options):
        for other in options[:k]:
            if _same(given[option], given[other]):
                yield Problem(f"{given[option]}: {other} writes there too", option, _ELSEWHERE)


def _same(a: Path, b: Path) -> bool:
    """Whether two names are of one file: by links, and by letters that some systems tell apart."""
    try:
        if a.exists() and b.exists() and a.samefile(b):
            return True
        names = [_plain(str(place(p))) for p in (a, b) for place in (Path.absolute, Path.resolve)]
    except OSError:
        return False
    return bool({*names[:2]} & {*names[2:]})


def _inside(path: Path, folder: Path) -> bool:
    return bool(_steps(path, folder))


def _steps(path: Path, folder: Path) -> tuple[str, ...]:
    """Return the names that lead from `folder` to `path`; none where it lies elsewhere."""
    home = [_plain(p) for p in folder.resolve().parts]
    for place in (path.parent.resolve() / path.name, path.resolve()):
        parts = place.parts
        if [_plain(p) for p in parts[: len(home)]] == home:
            return parts[len(home) :]
    return ()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
