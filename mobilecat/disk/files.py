"""Files that are whole or not there: write beside, then rename; hashes of files and folders."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import mmap
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mobilecat.errors import MobileCatError, Problem

MARK = ".mobilecat-tmp-"
"""In the name of what is not whole yet."""


_LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "icon\r")
_LITTER_FOLDERS = ("__macosx", "@eadir", "$recycle.bin")


def is_litter(path: Path) -> bool:
    """Return whether a file manager left this behind: Explorer, Finder, a network drive."""
    name = path.name.lower()
    return name in (*_LITTER, *_LITTER_FOLDERS) or name.startswith("._")


def write_text(path: Path, text: str, *, approves: bool = False, kept: bool = False) -> None:
    """Write `text` to `path` so that a kill at any moment leaves the old file or the new one.

    approves: `path` is an approved golden, and this is its approval. Else: `refuse_golden`. kept:
    it can be computed again, and its reader tells a damaged file: the disk is not waited for, which
    takes longer than many an inference (16 ms a file on the machine where it was measured). A kill
    still leaves a whole file; a power cut may leave an empty one.
    """
    if not approves:
        refuse_golden(path)
    _write(path, text.encode(), settle=not kept)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` as `write_text` does."""
    refuse_golden(path)
    _write(path, data)


def _write(path: Path, data: bytes, settle: bool = True) -> None:
    temporary = path.with_name(f".{path.name}{MARK}{os.getpid()}")
    try:
        with temporary.open("wb") as f:
            f.write(data)
            if settle:
                f.flush()
                os.fsync(f.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_golden(path: Path) -> None:
    """Raise MobileCatError where `path` is an approved golden: no report or plot is put on one."""
    golden = path.name.startswith("approved") and path.suffix == ".json"
    golden = golden and (path.parent / "case.json").exists()
    index = path.name == "index.json" and any(path.parent.glob("*/case.json"))
    if golden or index:
        problem = Problem("is an approved golden, which `approve` alone writes", str(path))
        raise MobileCatError("This file is not written", [problem])


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a fresh folder to fill, which takes the place of `path` at the end, in one step.

    On an error the folder is removed and `path` stays as it was. Left-overs of processes that were
    killed on the way are removed first.
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(path)
    fresh = path.parent / f".{path.name}{MARK}{os.getpid()}"
    fresh.mkdir()
    try:
        yield fresh
        if path.exists():
            _exchange(fresh, path)
        else:
            fresh.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Give a hidden folder beside the file `path`, for what is to be renamed to it; it is removed
    at the end. Left-overs of processes that were killed on the way are removed first."""
    refuse_golden(path)
    path = path.absolute()
    _remove_left_overs(path)
    fresh = path.parent / f".{path.name}{MARK}{os.getpid()}"
    fresh.mkdir()
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder so that a kill at any moment leaves it whole, or not there.

    What a kill leaves has a hidden name, which the next `new_folder` at this place removes.
    """
    path = path.absolute()
    aside = path.parent / f".{path.name}{MARK}{os.getpid()}"
    path.rename(aside)
    shutil.rmtree(aside)


def _remove_left_overs(path: Path) -> None:
    for old in path.parent.glob(f".{path.name}{MARK}*"):
        pid = old.name.rpartition("-")[2]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(old, ignore_errors=True)


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _exchange(a: Path, b: Path) -> None:
    """Swap two folders in one step: renameat2 on Linux, renamex_np on macOS.

    https://man7.org/linux/man-pages/man2/rename.2.html (RENAME_EXCHANGE = 2)
    """
    libc = ctypes.CDLL(None, use_errno=True)
    swap = 2
    if sys.platform == "darwin":
        failed = libc.renamex_np(os.fsencode(a), os.fsencode(b), swap)
    else:
        at_cwd = -100
        failed = libc.renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), swap)
    if not failed:
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(code, os.strerror(code), str(b))
    # A file system without the swap: between these two lines the old bundle has another name.
    aside = a.with_name(f"{a.name}-old")
    b.rename(aside)
    a.rename(b)
    shutil.rmtree(aside, ignore_errors=True)


def mapped(path: Path) -> bytes | mmap.mmap:
    """Return a file's bytes where they lie: what is looked at is read, and nothing is copied.

    For files that nobody changes meanwhile. Errors: OSError.
    """
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # nothing in it, or a place that cannot be mapped
            return file.read()


def sha256_of(path: Path, known: Mapping[str, str] | None = None) -> str:
    """Return the hex SHA-256 of a file, or of a folder's relative names and contents, sorted.

    What a file manager leaves in a folder that somebody looked into is no part of it.
    known: of files in the folder, by their relative names; these are not read again.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in _files(path):
            name = file.relative_to(path).as_posix()
            digest.update(f"{name}\0{(known or {}).get(name) or sha256_of(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as f:
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def relative_path(path: Path, folder: Path) -> str:
    """Return how `path` is named from `folder`, with / between; else the whole path."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return str(path.resolve())


def links_out(path: Path) -> Path | None:
    """Return the first link at `path`, or in the folder there, that leaves its folder, or None."""
    home = path.parent.resolve()
    inner = list(path.rglob("*")) if path.is_dir() and not path.is_symlink() else []
    for part in [path, *inner]:
        if part.is_symlink() and not part.resolve().is_relative_to(home):
            return part
    return None


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(p.stat().st_size for p in _files(path))
    return path.stat().st_size


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not is_litter(p))
