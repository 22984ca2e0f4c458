"""TensorFlow in a process of its own: its seconds of start-up, memory and noise stay out of ours,
and so does what a model file may ask it to do (`mobilecat.confined`).

The child (`python -m mobilecat.formats.tensorflow.child`) reads one JSON request a line and answers
each with JSON lines: any number of {"step"}, then one {"done"} or {"error"}. All else that it or
TensorFlow prints goes to a file, of which the reason is shown should the child die.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from mobilecat.confined import Confinement, start
from mobilecat.disk import size_of
from mobilecat.errors import ModelError, Problem

Progress = Callable[[str], None]

EXTRA = {"tensorflow": "tensorflow", "tf2onnx": "tf2onnx", "tf_keras": "tf-keras"}
INSTALL = "pip install 'mobilecat[tensorflow]'"
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # plain order of additions: the same numbers on every machine
    "KERAS_BACKEND": "tensorflow",
}
PATIENCE_S = 1200.0
"""How long one answer may take: a file that never ends is no reason to wait for ever."""
_ROOM = 8 << 30
_ROOM_A_BYTE = 96
"""Memory: what TensorFlow and a picture's layers take, and for each byte of the file, which tf2onnx
holds 60 to 70 times over on the way (measured: MobileNetV2 and ResNet50 of Keras)."""
_LONGEST = 64 << 20
"""Characters of an answer: names and shapes, never weights."""
_NOISE = re.compile(r"^(\s|$|WARNING|I0|W0|Traceback|To enable|During handling|\S+/site-packages/)")


def require_extra(path: Path) -> None:
    """Raise ModelError with the install command where a package of the extra is missing."""
    if missing := missing_extra():
        raise ModelError(
            "Reading TensorFlow and Keras files needs the extra `tensorflow`",
            [Problem(f"not installed: {missing}", str(path), INSTALL)],
        )


def absolute(path: Path) -> str:
    """Return how the child, which works in another folder, finds a file."""
    return str(path.absolute())


def missing_extra() -> str:
    """Return the packages of the extra that are not installed, as words."""
    return ", ".join(shown for name, shown in EXTRA.items() if find_spec(name) is None)


class Worker:
    """A TensorFlow child that has one model open. Close it, or use it in `with`.

    folder: the only one that the child can write to; files for it and from it lie there.
    """

    def __init__(self, path: Path, progress: Progress = lambda _: None) -> None:
        require_extra(path)
        self._path = path
        self._progress = progress
        self._noise = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._scratch = tempfile.TemporaryDirectory(prefix="mobilecat-")
        self.folder = Path(self._scratch.name)
        size = size_of(path) if path.exists() else 0
        room = _ROOM + _ROOM_A_BYTE * size
        self._child = start(
            "mobilecat.formats.tensorflow.child",
            Confinement(self.folder, (path,), memory=room, file_bytes=room),
            environment=_QUIET,
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
            f"{self._path.name}: TensorFlow stopped without an answer",
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

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

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
