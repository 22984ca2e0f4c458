"""The parts of a Keras file, read as data: its configuration, and how its weights are stored."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.tensorflow.child.reason import reason

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_AGAIN = "save or download it again, and compare its size or hash with the original's"
_JSON_BYTES = 64 << 20
_MOST_TIMES = 100
"""How many times its own size a file may unpack to; weights shrink by a tenth."""
_ANYWAY = 64 << 20
"""Bytes that are harmless whatever the file's size."""


def keras_config(path: Path, format: str) -> Any:
    """Return the model's configuration, whose file's parts are looked at first; of an archive
    without loss, metrics and optimizers, at every depth.

    Errors: ModelError for a damaged file, one without a network, one that reads other files, and
    one that unpacks to more than it can honestly hold.
    """
    try:
        text = _text_of_archive(path) if format == "keras" else _text_of_hdf5(path)
        config = None if text is None else json.loads(text)
        config = _without_training(config) if format == "keras" else config
    except ModelError:
        raise
    except RecursionError as e:
        raise _unreadable("its configuration is nested without end", path) from e
    except Exception as e:
        raise _unreadable(f"damaged or cut short: {reason(e)}", path) from e
    if config is None:
        fix = "save the whole model: model.save('model.keras'), not save_weights"
        raise _unreadable("holds weights without the network", path, fix)
    return config


def write_archive(path: Path, config: Any, made: Path) -> None:
    """Write a `.keras` file of the weights of `path` and a checked configuration: what is loaded
    is what was looked at."""
    with zipfile.ZipFile(path) as read, zipfile.ZipFile(made, "w") as written:
        written.writestr(CONFIG, json.dumps(config))
        for name in (n for n in (METADATA, WEIGHTS) if n in read.namelist()):
            with read.open(name) as part, written.open(name, "w", force_zip64=True) as copy:
                shutil.copyfileobj(part, copy, 1 << 20)


def _without_training(config: Any) -> Any:
    """Return a configuration without loss, metrics and optimizer, at every depth: they are
    often the authors' own, and no part of the network."""
    if isinstance(config, dict):
        return {
            k: None if k == "compile_config" else _without_training(v) for k, v in config.items()
        }
    return [_without_training(v) for v in config] if isinstance(config, list) else config


def _text_of_archive(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        _refuse_parts(archive, path)
        if WEIGHTS in archive.namelist():
            with archive.open(WEIGHTS) as weights:
                _check_hdf5(weights, path, archive.getinfo(WEIGHTS).file_size)
        return archive.read(CONFIG)


def _refuse_parts(archive: zipfile.ZipFile, path: Path) -> None:
    parts = archive.infolist()
    names = [p.filename for p in parts]
    problems = []
    for part in parts:
        name = PurePosixPath(part.filename)
        outside = name.is_absolute() or ".." in name.parts or set(part.filename) & {"\\", ":", "\0"}
        if outside or stat.S_ISLNK(part.external_attr >> 16):
            problems.append(Problem(f"a part that lies elsewhere: {part.filename!r}", str(path)))
        elif name.parts[:1] == ("assets",) and not part.is_dir():
            problems.append(Problem(f"a file that a layer reads: {part.filename!r}", str(path)))
    problems += [
        Problem(f"two parts of one name: {name!r}", str(path))
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    size = path.stat().st_size
    if sum(p.file_size for p in parts) > _ANYWAY + _MOST_TIMES * size:
        problems.append(Problem(f"unpacks to over {_MOST_TIMES} times its size", str(path), _AGAIN))
    problems += [
        Problem(f"{p.filename} of {p.file_size:,} bytes", str(path))
        for p in parts
        if p.filename in (CONFIG, METADATA) and p.file_size > _JSON_BYTES
    ]
    if problems:
        raise ModelError("The model cannot be read", problems)


def _text_of_hdf5(path: Path) -> Any:
    with path.open("rb") as file:
        _check_hdf5(file, path, path.stat().st_size)
    with import_module("h5py").File(path, "r") as file:
        return file.attrs.get("model_config")


def _check_hdf5(file: IO[bytes], path: Path, size: int) -> None:
    """Raise ModelError where weights are another file's, or are claimed without being there.

    Source: docs.hdfgroup.org, H5Lexternal, H5Pset_external, H5Pset_virtual.
    """
    problems = []
    total = 0
    with import_module("h5py").File(file, "r") as opened:
        for name, what, size_here in _parts(opened):
            total += size_here
            if what:
                problems.append(Problem(what, name, "save it again as one file: model.save(…)"))
    if total > _ANYWAY + _MOST_TIMES * size:
        problems.append(Problem(f"unpacks to over {_MOST_TIMES} times its size", str(path), _AGAIN))
    if problems:
        raise ModelError(f"{path.name}: the weights cannot be read", problems)


def _parts(group: Any) -> Iterator[tuple[str, str, int]]:
    """Give name, objection and bytes of all that a file holds, each once."""
    h5py = import_module("h5py")
    seen = set()
    waiting = [group]
    while waiting:
        here = waiting.pop()
        for name in here:
            place = f"{here.name.rstrip('/')}/{name}"
            link = here.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = "another file" if isinstance(link, h5py.ExternalLink) else "another place"
                yield place, f"a link to {kind}", 0
                continue
            part = here[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(part, h5py.Group):
                waiting.append(part)
            elif isinstance(part, h5py.Dataset):
                stored_elsewhere = bool(part.external) or part.is_virtual
                objection = "weights that lie in another file" if stored_elsewhere else ""
                yield place, objection, int(part.size or 0) * part.dtype.itemsize


def _unreadable(what: str, path: Path, fix: str = _AGAIN) -> ModelError:
    return ModelError("The model cannot be read", [Problem(what, str(path), fix)])
