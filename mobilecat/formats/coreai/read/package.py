"""The `.aimodel` folder: which files it has, and what can be said of them without Apple's code.

    main.mlirb      MLIR bytecode, weights inside
    main.hash       32 bytes: SHA-256 of main.mlirb
    metadata.json   assetVersion, producer, author, …, creatorDefinedMetadata

Measured with coreai-core 1.0.0b3: docs/coreai.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mobilecat.errors import ArtifactError, Problem

SUFFIX = ".aimodel"
PROGRAM = "main.mlirb"
HASH = "main.hash"
METADATA = "metadata.json"
MAGIC = b"ML\xefR"
"""Of MLIR bytecode: https://mlir.llvm.org/docs/BytecodeFormat/#magic-number"""
MAX_PROGRAM_BYTES = (2 << 30) - (64 << 20)
"""An ONNX graph is one protobuf message, which ends at 2 GiB."""
MAX_METADATA_BYTES = 1 << 20
PACKAGE = "coreai-core"
PINNED = "1.0.0b3"
INSTALL = f"pip install {PACKAGE}=={PINNED}"


@dataclass(frozen=True)
class Package:
    """A folder whose files are there, of sane size, and inside of it.

    stated: the hash that `main.hash` states, in hex; "" without such a file.
    """

    source: Path
    program: Path
    sha256: str
    stated: str
    metadata: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        return self.program.stat().st_size

    @property
    def hash_held(self) -> bool:
        return self.stated == self.sha256


def missing() -> str | None:
    """Return why Core AI files cannot be written or read here, or None where they can."""
    try:
        found = version(PACKAGE)
    except PackageNotFoundError:
        return (
            f"{PACKAGE} {PINNED} is not installed; Apple has wheels for Linux x86-64 and for macOS "
            "on Apple silicon, Python 3.11 to 3.14"
        )
    return None if found == PINNED else f"{PACKAGE} is {found}, this was measured with {PINNED}"


def damaged(what: str, where: Path | str, fix: str = "") -> ArtifactError:
    """Return the error for a folder that is no sound `.aimodel`."""
    return ArtifactError(
        "This Core AI model is damaged or no Core AI model", [Problem(what, str(where), fix)]
    )


def read_package(path: Path, *, strict: bool = False) -> Package:
    """Check the folder at `path`; nothing of Apple's is loaded.

    strict: a hash that does not hold, or is missing, is an error: for our own artifacts.
    Errors: ArtifactError where a file is missing, damaged, too large, or a link.
    """
    if not path.exists():
        raise ArtifactError("There is no such file", [Problem("not found", str(path))])
    if not path.is_dir():
        raise damaged("is a file; an .aimodel is a folder", path)
    program = _own_file(path, PROGRAM, MAX_PROGRAM_BYTES)
    if program is None:
        fix = "a compiled .aimodelc cannot be read: give the .aimodel that it was made from"
        raise damaged(f"has no {PROGRAM}", path, fix)
    digest = hashlib.sha256()
    with program.open("rb") as f:
        first = f.read(4)
        if first != MAGIC:
            raise damaged(f"{PROGRAM} is no MLIR bytecode: it begins with {first!r}", path)
        digest.update(first)
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    package = Package(path, program, digest.hexdigest(), _stated(path), _metadata(path))
    if strict and not package.hash_held:
        what = f"{HASH} is not the SHA-256 of {PROGRAM}" if package.stated else f"has no {HASH}"
        raise damaged(what, path, "export it again")
    return package


def _own_file(folder: Path, name: str, limit: int) -> Path | None:
    """Return the file, None where there is none; ArtifactError where it is a link or too large."""
    file = folder / name
    if file.is_symlink():
        raise damaged(f"{name} is a link; the files of an .aimodel are its own", folder)
    if not file.exists():
        return None
    if not file.is_file():
        raise damaged(f"{name} is no file", folder)
    size = file.stat().st_size
    if size > limit:
        raise damaged(f"{name} has {size:,} bytes; the limit is {limit:,}", folder)
    return file


def _stated(folder: Path) -> str:
    file = _own_file(folder, HASH, 1 << 10)
    return file.read_bytes().hex() if file is not None else ""


def _metadata(folder: Path) -> Mapping[str, Any]:
    file = _own_file(folder, METADATA, MAX_METADATA_BYTES)
    if file is None:
        return {}
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as e:
        raise damaged(f"{METADATA} is no JSON: {str(e)[:120]}", folder) from None
    if not isinstance(found, dict):
        raise damaged(f"{METADATA} is no JSON object", folder)
    return found
