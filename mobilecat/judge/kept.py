"""Checks that held, kept between runs, by a hash of everything that they follow from.

What is kept: what a file says of itself; its decode and suppression on made values; a program
without its rounding on one golden's picture; and how a lane's results were judged, which counts
only where they are the same again to the last bit, and so are the source's. Every lane still runs
on every picture. Each verdict follows from bytes (of the artifact, of the source model, of the
picture, of the golden), from the contract, from our own code and the libraries that read and run
them, and from the processor; where one of these is another, it is judged anew. Nothing that failed
is kept. The folder may be deleted at any time; MOBILECAT_CACHE=off in the environment leaves it
unread and unwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from time import thread_time
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.compare.compare import Check
from mobilecat.disk import sha256_of, write_text
from mobilecat.disk.cache import cache_folder
from mobilecat.disk.origin import code_sha256, version_of
from mobilecat.judge.observe import digest_of

_LIBRARIES = ("mobilecat", "ai-edge-litert", "coreai-core", "coremltools", "flatbuffers",
              "ml-dtypes", "numpy", "onnx", "onnx-ir", "onnxruntime", "pillow", "protobuf",
              "tensorflow", "tf_keras")  # fmt: skip
_WORTH = 2e-9
"""Seconds a byte that judging must take to be kept: three times what hashing takes."""
MOST_FILES = 20_000
"""Some kB each; beyond that, those asked for longest ago go, and half as many stay."""


class Verdicts:
    """What held before, of one bundle. on: whether anything is believed and kept."""

    def __init__(self, bundle: Bundle, on: bool = True) -> None:
        self.on = on and os.environ.get("MOBILECAT_CACHE") != "off"
        self._contract = "" if not self.on else _contract(bundle)
        self._hashes: dict[Path, str] = {}
        self._written = False

    def checks(self, make: Callable[[], list[Check]], *follows: object) -> list[Check]:
        """Return the checks that `make` makes, or made before, where all of them held.

        follows: what they follow from, besides the contract: text, numbers, paths of files, records
        of artifacts, tensors by name.
        """
        return [Check(**told) for told in self._kept(lambda: _held(make()), follows)]

    def judged(
        self,
        make: Callable[[], list[Check]],
        values: Callable[[], str],
        size: int,
        *follows: object,
    ) -> list[Check]:
        """Return the checks that `make` makes, or made before of the same values.

        values: gives the hash of what was judged, which is asked for only where something is kept,
        or is worth it. size: of the values, in bytes.
        """
        path = self._path(follows)
        if path is None:
            return make()
        kept = _read(path)
        if kept is not None and kept.get("values") == values():
            return [Check(**told) for told in kept["checks"]]
        start = thread_time()
        found = make()
        spent = thread_time() - start
        if spent > _WORTH * size and all(c.verdict != "FAIL" for c in found):
            self._write(path, {"values": values(), "checks": [vars(c) for c in found]})
        return found

    def names(self, make: Callable[[], dict[str, str]], *follows: object) -> dict[str, str]:
        """Return names by name, as `make` reads them from a file; of no use unless it is the same
        file."""
        return dict(self._kept(lambda: (found := make(), found), follows))

    def _kept(self, make: Callable[[], tuple[Any, Any]], follows: tuple[object, ...]) -> Any:
        """make: gives the answer, and what of it is to be kept; None for nothing."""
        path = self._path(follows)
        if path is None:
            return make()[0]
        if (told := _read(path)) is not None:
            return told
        answer, kept = make()
        if kept is not None:
            self._write(path, kept)
        return answer

    def _path(self, follows: tuple[object, ...]) -> Path | None:
        """Return where an answer is kept; None where none is, or a file that it follows from is
        gone, of which whoever reads it says so."""
        try:
            return _folder() / f"{self._key(follows)}.json" if self.on else None
        except OSError:
            return None

    def _write(self, path: Path, kept: Any) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(kept)
            write_text(path, f"{_sum(text)}\n{text}", kept=True)
            if not self._written:
                _drop_the_oldest(path.parent)
            self._written = True
        except OSError:
            self.on = False  # a folder that cannot be written: nothing is kept, nothing is wrong

    def _key(self, follows: tuple[object, ...]) -> str:
        whole = hashlib.sha256(f"{_origin()}\0{self._contract}\0".encode())
        for part in follows:
            if isinstance(part, Path):
                if part not in self._hashes:
                    self._hashes[part] = sha256_of(part)
                part = self._hashes[part]
            if isinstance(part, ArtifactRecord):
                part = part.model_dump_json()
            if isinstance(part, Mapping):
                part = digest_of(part)
            whole.update(f"{type(part).__name__} {part}\0".encode())
        return whole.hexdigest()


def _read(path: Path) -> Any:
    """Return what is kept whole; None where nothing is."""
    try:
        total, _, text = path.read_text("utf-8").partition("\n")
        if total == _sum(text):
            os.utime(path)
            return json.loads(text)
    except (OSError, ValueError):
        pass
    return None


def _held(checks: list[Check]) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    told = [dict(vars(c)) for c in checks]
    return told, told if all(c.verdict == "PASS" for c in checks) else None


def _contract(bundle: Bundle) -> str:
    return hashlib.sha256(bundle.model_dump_json(exclude={"artifacts"}).encode()).hexdigest()


@cache
def _origin() -> str:
    """Return what every check follows from: our code, the libraries, Python, the processor."""
    said = [code_sha256(), platform.python_version(), platform.machine(), _processor()]
    return " ".join([*said, *(version_of(n, "none") for n in _LIBRARIES)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("model name", "CPU part"))), "")


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _folder() -> Path:
    return cache_folder() / "judged"


def _drop_the_oldest(folder: Path, most: int = MOST_FILES) -> None:
    with os.scandir(folder) as found:
        files = [(e.stat().st_mtime_ns, e.path) for e in found if e.name.endswith(".json")]
    if len(files) > most:
        for _, path in sorted(files)[: len(files) - most // 2]:
            Path(path).unlink(missing_ok=True)
