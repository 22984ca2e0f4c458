"""Find and parse the model inside a .mlpackage folder or a .mlmodel file; trust nothing in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.coreml.runtime.errors import malformed
from mobilecat.formats.coreml.runtime.proto import model_pb2

MAX_SPEC_BYTES = 2 << 30  # a protobuf message cannot be larger
MAX_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Package:
    """A parsed model and the folder that `@model_path` stands for in its weight files."""

    spec: Any
    model_dir: Path
    source: Path


def read_package(path: str | Path) -> Package:
    """Parse the model at `path`.

    Errors: ArtifactError for what is missing, damaged, or points outside of the package.
    """
    source = Path(path)
    if not source.exists():
        raise ArtifactError(
            "No such Core ML model", [Problem("there is no such file", str(source))]
        )
    if source.suffix == ".mlmodelc" or (source / "coremldata.bin").exists():
        raise ArtifactError(
            "A compiled model cannot be read",
            [Problem("only Apple's runtime reads .mlmodelc", str(source), "give the .mlpackage")],
        )
    model_file = _root_model(source) if source.is_dir() else source
    return Package(parse_spec(model_file), model_file.parent, source)


def parse_spec(file: Path) -> Any:
    """Return the `Model` message in `file`; ArtifactError where it is none."""
    from google.protobuf.message import DecodeError

    try:
        size = file.stat().st_size
        if size > MAX_SPEC_BYTES:
            raise malformed(f"the specification has {size} bytes", str(file))
        data = file.read_bytes()
    except OSError as e:
        raise malformed(f"the specification cannot be read ({e.strerror})", str(file)) from None
    spec = model_pb2().Model()
    try:
        spec.ParseFromString(data)
    except (DecodeError, ValueError, RecursionError):
        raise malformed("these bytes are no Core ML specification", str(file)) from None
    if spec.WhichOneof("Type") is None or spec.specificationVersion < 1:
        raise malformed("the specification holds no model", str(file))
    return spec


def _root_model(package: Path) -> Path:
    manifest_file = package / "Manifest.json"
    try:
        if manifest_file.stat().st_size > MAX_MANIFEST_BYTES:
            raise malformed("Manifest.json is larger than 1 MB", str(package))
        manifest = json.loads(manifest_file.read_bytes())
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        relative = entry["path"]
    except OSError:
        raise malformed("the package has no readable Manifest.json", str(package)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise malformed("Manifest.json names no root model", str(package)) from None
    if not isinstance(relative, str):
        raise malformed("Manifest.json's path is no string", str(package))
    return inside(package / "Data", relative, str(package))


def inside(root: Path, relative: str, where: str) -> Path:
    """Return the file `relative` under `root`; ArtifactError where it leaves it or is no file."""
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or "\0" in relative or "\\" in relative:
        raise malformed(f"the path {relative!r} leaves the package", where)
    try:
        found = (root / pure).resolve()
        if not found.is_relative_to(root.resolve()):
            raise malformed(f"the path {relative!r} leaves the package", where)
        if not found.is_file():
            raise malformed(f"the package has no file {relative!r}", where)
    except (OSError, ValueError):
        raise malformed(f"the path {relative[:80]!r} cannot be opened", where) from None
    return found
