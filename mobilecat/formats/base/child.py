"""A child process that has one model file open: what its engine takes stays out of our process, and
so does what a file may ask it to do (`mobilecat.confined`).

The child reads one JSON request a line and answers each with JSON lines: any number of {"step"},
then one {"done"} or {"error"} (`mobilecat.formats.base.serving`). All else that it or its engine
prints goes to a file, of which the reason is shown should the child die.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mobilecat.confined import Confinement, start
from mobilecat.disk.origin import version_of
from mobilecat.errors import ModelError, Problem

Progress = Callable[[str], None]

PATIENCE_S = 1200.0
"""How long one answer may take: a file that never ends is no reason to wait for ever."""
_LONGEST = 64 << 20
"""Characters of an answer: names and shapes, never weights."""
_NOISE = re.compile(r"^(\s|$|WARNING|I0|W0|Traceback|To enable|During handling|\S+/site-packages/)")


def not_installed(packages: Mapping[str, str]) -> str:
    """Return those that are not installed, as words. packages: modules → what pip calls them."""
    return ", ".join(shown for name, shown in packages.items() if find_spec(name) is None)


def require_installed(missing: str, reading: str, path: Path, install: str) -> None:
    """Raise ModelError with the install command where packages of an extra are missing."""
    if missing:
        raise ModelError(reading, [Problem(f"not installed: {missing}", str(path), install)])


def absolute(path: Path) -> str:
    """Return how the child, which works in another folder, finds a file."""
    return str(path.absolute())


class _Closed(ABC):
    """What is closed at the end of `with`."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


class Child(_Closed):
    """A child with one model open. Close it, or use it in `with`.

    folder: the only one that the child can write to; files for it and from it lie there.
    module: what it runs; engine: what that is called; room: bytes of memory and of a file.
    """

    def __init__(
        self,
        path: Path,
        module: str,
        engine: str,
        room: int,
        environment: Mapping[str, str],
        progress: Progress = lambda _: None,
        reads: Sequence[Path] = (),
    ) -> None:
        self._path = path
        self._engine = engine
        self._progress = progress
        self._noise = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._scratch = tempfile.TemporaryDirectory(prefix="mobilecat-")
        self.folder = Path(self._scratch.name)
        self._child = start(
            module,
            Confinement(self.folder, (path, *reads), memory=room, file_bytes=room),
            environment=environment,
            stderr=self._noise,
        )

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Return the child's answer. Errors: ModelError, also where the child dies."""
        assert self._child.stdin is not None and self._child.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self._child.kill()

        watch = threading.Timer(PATIENCE_S, end)
        watch.daemon = True
        watch.start()
        try:
            self._child.stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            self._child.stdin.flush()
            while line := self._child.stdout.readline(_LONGEST):
                answer: dict[str, Any] = json.loads(line)
                if "step" in answer:
                    self._progress(answer["step"])
                elif "error" in answer:
                    raise _error_from(answer["error"])
                else:
                    done: dict[str, Any] = answer["done"]
                    return done
        except (BrokenPipeError, json.JSONDecodeError):
            self._child.kill()  # dead before the request or in an answer, or no answer of ours
        finally:
            watch.cancel()
        code = self._child.wait()
        why = f"no answer in {PATIENCE_S:g} seconds" if late.is_set() else ""
        raise ModelError(
            f"{self._path.name}: {self._engine} stopped without an answer",
            [Problem(why or _reason(code, self._last_words()), str(self._path))],
        )

    def close(self) -> None:
        """End the child; what it was doing is lost."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout, self._noise):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:  # an unsent request, to a child that is gone
                    continue
        self._scratch.cleanup()

    def _last_words(self) -> str:
        self._noise.seek(0)
        lines = [x.strip() for x in self._noise.read().splitlines() if not _NOISE.match(x)]
        return lines[-1][:400] if lines else ""


def _error_from(error: dict[str, Any]) -> ModelError:
    return ModelError(error["summary"], [Problem(*p) for p in error["problems"]])


def _reason(code: int, last_words: str) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed, as systems do that run out of memory"
    return last_words or f"the process ended with code {code}"


class InChild(_Closed):
    """What is open in a child process that lives until `close`, or as long as it is used in `with`.

    _child: set by whoever opens it, and not there where that failed.
    """

    _child: Child

    def close(self) -> None:
        """End the child process."""
        self._child.close()

    def __del__(self) -> None:
        child: Child | None = getattr(self, "_child", None)
        if child is not None:
            child.close()


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the version of each package, of those that an import depends on; or "none"."""
    return {name: version_of(name, "none") for name in packages}
