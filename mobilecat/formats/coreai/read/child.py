"""A child process for Apple's code: bytes that it cannot read end a process, and are strangers'.

The child is a module of this package, confined (`mobilecat.confined`). It gets paths, answers in
files of a folder that it is given (ONNX, .npz without pickle, JSON), and ends with a code: 0 for
an answer, `SAID` where it wrote the error to show. All else, an abort of Apple's code among it,
becomes one ArtifactError here.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from mobilecat.confined import Confinement, start
from mobilecat.errors import ArtifactError, MobileCatError, Problem, UnsupportedError

SAID = 3
ERROR = "error.json"
_GIB = 1 << 30
_BENEATH = 8 * _GIB
"""Address space that Python, onnx and Apple's libraries may map beside the work, threads' stacks
among it: where it runs short, Swift ends the process in words of its own."""
# An arena of glibc's takes 64 MB of address space, one for each of Swift's threads.
_ARENAS = {"MALLOC_ARENA_MAX": "2"}
_KINDS = {"artifact": ArtifactError, "unsupported": UnsupportedError}


@contextmanager
def answer_of(
    module: str, arguments: Sequence[str], *, subject: Path, seconds: float, room: int
) -> Iterator[Path]:
    """Run `python -m module OUT LIMIT SECONDS arguments…` and give the folder of its answer.

    arguments: files by their absolute paths: the child lives in a folder of its own.
    subject: the model, for messages. seconds: of CPU time, and ten times that by the clock.
    room: bytes of memory that the work itself may take.
    Errors: what the child said; ArtifactError where it was ended by a signal or a limit.
    """
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as folder:
        out = Path(folder)
        given = [folder, str(_BENEATH + room), str(int(seconds)), *arguments]
        read = tuple(path for a in arguments if (path := Path(a)).is_absolute() and path.exists())
        confinement = Confinement(out, read, memory=_BENEATH + room)
        with (out / "noise").open("w", encoding="utf-8") as sink:
            child = start(
                module, confinement, environment=_ARENAS, arguments=given, stderr=sink.fileno()
            )
            try:
                said, _ = child.communicate(timeout=seconds * 10)
                sink.write(said)
                code = child.returncode
            except subprocess.TimeoutExpired:
                code = -signal.SIGXCPU
            finally:
                child.kill()
                child.wait()
        if code != 0:
            _fail(out, code, subject, seconds)
        yield out


def begin(argv: Sequence[str]) -> tuple[Path, list[str]]:
    """In the child: set the limits, and return the answer's folder and the other arguments."""
    out, room, seconds, *rest = argv
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, int(seconds))
    if sys.platform == "linux":  # macOS counts what is shared with the system
        _limit(resource.RLIMIT_AS, int(room))
    return Path(out), rest


def _limit(kind: int, wanted: int) -> None:
    """Set a limit, or keep a lower one that this process was begun under."""
    _, most = resource.getrlimit(kind)
    held = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(kind, (held, held))


def end(out: Path, error: MobileCatError) -> NoReturn:
    """In the child: say `error` and end."""
    kind = "unsupported" if isinstance(error, UnsupportedError) else "artifact"
    problems = [[p.what, p.where, p.fix] for p in error.problems]
    answer = {"kind": kind, "summary": error.summary, "problems": problems}
    (out / ERROR).write_text(json.dumps(answer), "utf-8")
    leave(SAID)


def leave(code: int = 0) -> NoReturn:
    """In the child: end at once, the answer being written.

    Python's own end takes Apple's libraries down while their threads may be at work.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _fail(out: Path, code: int, subject: Path, seconds: float) -> NoReturn:
    said = out / ERROR
    if code == SAID and said.is_file():
        answer = json.loads(said.read_text("utf-8"))
        raise _KINDS[answer["kind"]](
            answer["summary"], [Problem(*(str(x) for x in p)) for p in answer["problems"]]
        )
    summary = "Apple's coreai-core does not read this Core AI model"
    raise ArtifactError(summary, [Problem(_reason(out, code, seconds), str(subject))])


def _reason(out: Path, code: int, seconds: float) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"it took more than {seconds:.0f} s, or more memory than there is"
    last = _last_words(out / "noise")
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        why = last if "Fatal error" in last else "as it does at bytes that are no sound program"
        return f"its process ended with {name}: {why}"
    return last or f"its process ended with code {code}"


def _last_words(noise: Path) -> str:
    with noise.open("rb") as f:
        f.seek(max(0, noise.stat().st_size - 4096))
        lines = [x.strip() for x in f.read().decode("utf-8", "replace").splitlines()]
    lines = [x for x in lines if x and not x.startswith(("ODIE", "#", "PLEASE", "Stack dump"))]
    return "".join(c for c in lines[-1] if c.isprintable())[:300] if lines else ""
