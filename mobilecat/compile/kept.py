"""Artifacts kept between exports: one that follows from the same things as before is copied.

A folder for each, by the hash of everything that the artifact follows from: the graph with its
weights, the spec, the target, our code, the versions of the libraries that write and load it. In it
lie the artifact and its record, whose name holds its own hash; the record has the artifact's. What
is damaged is made anew. The folder may be deleted at any time. What lies in it is data like any
bundle's: it is copied and run by engines, and never chooses code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import sha256_of, size_of
from mobilecat.disk.cache import cache_folder
from mobilecat.disk.origin import code_sha256, version_of
from mobilecat.value import tuples

if TYPE_CHECKING:
    from mobilecat.bake import Baked
    from mobilecat.spec import Spec, TargetSpec

MOST_BYTES = 1 << 30
"""Of all artifacts together; those that nobody asked for longest go first."""

LARGEST = MOST_BYTES // 4
"""Of one artifact, and of a graph that is hashed."""

_LIBRARIES = ("mobilecat", "ai-edge-litert", "coreai-core", "coremltools", "flatbuffers", 
              "ml-dtypes", "numpy", "onnx", "onnx-ir", "onnxruntime", "protobuf")  # fmt: skip


class Kept:
    """The artifacts kept. on: whether an export takes and keeps any.

    MOBILECAT_CACHE=off in the environment says no for every export.
    """

    def __init__(self, on: bool) -> None:
        self._on = on and os.environ.get("MOBILECAT_CACHE") != "off"
        self._graphs: dict[int, str] = {}

    def key(self, target: TargetSpec, baked: Baked, spec: Spec, name: str) -> str:
        """Return the hash of all that an artifact follows from; "" for one that is not kept.

        Ranges that pictures were measured for are not kept: they would be measured to say so.
        """
        from mobilecat.graph.light import weights_of

        if not self._on or baked.calibration is not None or weights_of(baked.model) > LARGEST:
            return ""
        whole = {
            "code": code_sha256(),
            "libraries": {n: version_of(n) for n in _LIBRARIES},
            "python": platform.python_version(),
            "machine": platform.machine(),
            "file": name,
            "target": [target.kind, target.model_dump(mode="json")],  # type: ignore[attr-defined]
            "spec": spec.model_dump(mode="json", by_alias=True, exclude={"targets"}),
            "graph": self._graph(baked),
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def _graph(self, baked: Baked) -> str:
        """Hash a graph with its weights, and what is known of its values; each graph once."""
        from mobilecat.graph.light import proto_of

        if id(baked.model) not in self._graphs:
            proto, arrays = proto_of(baked.model)
            whole = hashlib.sha256(proto.SerializeToString(deterministic=True))
            for name, array in sorted(arrays.items()):
                whole.update(f"{name}\0".encode())
                whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            self._graphs[id(baked.model)] = whole.hexdigest()
        digest = hashlib.sha256(self._graphs[id(baked.model)].encode())
        for field in dataclasses.fields(baked):
            if field.name not in ("model", "calibration"):
                digest.update(f"{field.name}\0".encode())
                digest.update(b"\0".join(_words(getattr(baked, field.name))))
        return digest.hexdigest()

    def take(self, key: str, path: Path) -> ArtifactRecord | None:
        """Copy the whole artifact kept under `key` to `path`; return its record, or None."""
        home = _folder() / key
        if not key or not home.is_dir():
            return None
        try:
            record = _record_in(home)
            found = home / "artifact"
            if record.file == path.name and not any(
                p.is_symlink() for p in (found, *found.rglob("*"))
            ):
                _copy(found, path)
                if size_of(path) == record.bytes and sha256_of(path) == record.sha256:
                    os.utime(home)
                    return record
        except (OSError, ValueError, ValidationError, RecursionError):
            pass
        _remove(path)
        shutil.rmtree(home, ignore_errors=True)
        return None

    def keep(self, key: str, path: Path, record: ArtifactRecord) -> None:
        """Keep the artifact at `path` in one step; a cache that cannot be written is no error."""
        if not key or record.bytes > LARGEST:
            return
        root = _folder()
        fresh = root / f".{key}.{os.getpid()}.tmp"
        try:
            root.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            _copy(path, fresh / "artifact")
            text = json.dumps(record.model_dump(mode="json")).encode()
            (fresh / _record_name(text)).write_bytes(text)
            if not (root / key).exists():
                fresh.rename(root / key)
            drop_the_oldest(root)
        except OSError as e:
            print(f"mobilecat: {root} cannot be written ({e.strerror})", file=sys.stderr)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def drop_the_oldest(root: Path, most: int = MOST_BYTES) -> None:
    """Remove what was asked for longest ago, until the rest is `most` bytes or less."""
    homes = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]
    total = 0
    for home in sorted(homes, key=lambda p: p.stat().st_mtime_ns, reverse=True):
        total += size_of(home)
        if total > most:
            shutil.rmtree(home, ignore_errors=True)


def _folder() -> Path:
    return cache_folder() / "artifacts"


def _record_in(home: Path) -> ArtifactRecord:
    """Return the record; ValueError where it is not whole."""
    (path,) = home.glob("record-*.json")
    text = path.read_bytes()
    if path.name != _record_name(text):
        raise ValueError(path.name)
    return ArtifactRecord.model_validate(tuples(json.loads(text)))


def _record_name(text: bytes) -> str:
    return f"record-{hashlib.sha256(text).hexdigest()[:16]}.json"


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to)
    else:
        shutil.copyfile(source, to)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _words(value: Any) -> Iterator[bytes]:
    """Yield a value of `Baked` as bytes, the same for the same."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield field.name.encode()
            yield from _words(getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, frozenset):
        yield repr(sorted(value)).encode()
    else:
        yield repr(value).encode()
