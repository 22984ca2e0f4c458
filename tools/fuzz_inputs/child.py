"""The child: makes cases, hands each to our code, and tells what it did. See `__main__`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import random
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.fuzz_inputs import networks, phones, texts

NETWORKS: dict[str, Callable[[random.Random, Path, Path], Path]] = {
    "keras": networks.keras_file,
    "graph": networks.tensorflow_graph,
}
COMMANDS: dict[str, texts.Make] = {
    **texts.MAKERS,
    "onnx": networks.onnx_file,
    "tflite": phones.tflite_file,
    "mlmodel": phones.core_ml_file,
}
KINDS = (*COMMANDS, *NETWORKS)

_ACTS = (
    *("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
    *(
        "socket.connect",
        "socket.bind",
        "socket.getaddrinfo",
        "urllib.",
        "pty.",
        "ftplib.",
        "smtplib.",
    ),
)
_WRITES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink")


class Watch:
    """What Python code did while a case was handled: files written elsewhere, processes, network.

    Native code is watched by what it leaves: a file called `sentinel`, a connection to the port
    that the parent listens on.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = str(scratch.resolve()) + os.sep
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event.startswith(_ACTS):
            self.seen.append(f"{event} {arguments!r:.120}")
        elif event == "open" and isinstance(arguments[0], str | bytes):
            path, mode, flags = arguments
            writes = (
                any(c in mode for c in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))
            )
            self._written(path, event, writes)
        elif event.startswith(_WRITES):
            for path in (a for a in arguments if isinstance(a, str | bytes)):
                self._written(path, event, True)

    def _written(self, path: str | bytes, event: str, writes: bool) -> None:
        place = os.path.normpath(Path.cwd() / os.fsdecode(path))
        if writes and not f"{place}{os.sep}".startswith((self.scratch, "/dev/")):
            self.seen.append(f"{event} {place}")

    @contextmanager
    def __call__(self) -> Iterator[list[str]]:
        self.seen, self.on = [], True
        try:
            yield self.seen
        finally:
            self.on = False


def run_command(words: texts.Words) -> tuple[str, str]:
    """Run the command line in this process; return how it ended, and a traceback if it had one."""
    from mobilecat.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["mobilecat", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code: Any = 0
    except SystemExit as e:
        code = e.code
    except BaseException:
        return "fault", traceback.format_exc()[-1500:]
    if "\x1b" in out.getvalue() or "\x1b" in err.getvalue():
        return "fault", "an escape sequence reached the terminal"
    if "Traceback" in err.getvalue():
        return "fault", err.getvalue()[-1500:]
    return {0: "accepted", 1: "accepted"}.get(code or 0, "refused"), err.getvalue()[-300:]


def run_network(path: Path, folder: Path) -> tuple[str, str]:
    """Open a network as the importer's child does, and freeze it."""
    from mobilecat.errors import MobileCatError
    from mobilecat.formats.importing import format_of
    from mobilecat.formats.tensorflow.child.__main__ import Server, _answer

    server = Server(lambda _: None)
    try:
        kind = format_of(path)
    except MobileCatError as e:
        return "refused", str(e)[-300:]
    answer = _answer(lambda: server.open(str(path), kind, {}))
    if "done" in answer:
        shapes = {k: [d or 1 for d in v or ()] for k, v in answer["done"]["inputs"].items()}
        answer = _answer(lambda: server.freeze(str(folder / "frozen.onnx"), shapes))
    return ("accepted", "") if "done" in answer else ("refused", str(answer["error"])[:300])


def handle(kind: str, number: int, scratch: Path, sound: Path, watch: Watch) -> dict[str, Any]:
    """Make case `number` of `kind`, hand it over, and say what came of it."""
    rng = random.Random(f"{kind} {number}")
    folder = scratch / f"{kind}-{number}"
    folder.mkdir()
    made = {**COMMANDS, **NETWORKS}[kind](rng, folder, sound)
    os.chdir(folder)
    with watch() as seen:
        if isinstance(made, Path):
            result, detail = run_network(made, folder)
        else:
            result, detail = run_command(made)
    if (folder / "sentinel").exists() or (folder / "golden" / "sentinel").exists():
        seen.append("the file acted: sentinel")
    os.chdir(scratch)
    if result != "fault" and not seen:
        shutil.rmtree(folder, ignore_errors=True)
    return {"kind": kind, "number": number, "result": result, "detail": detail, "seen": seen}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    scratch = Path.cwd()
    os.environ.pop("CI", None)
    sound = scratch / "sound"
    texts.sound_files(sound)
    if any(word in NETWORKS for word in sys.argv[1:]):
        networks.sound_networks(sound)
    platform.processor()  # Python asks `uname -p`, once
    before = {p: p.read_bytes() for p in sound.rglob("*") if p.is_file()}
    watch = Watch(scratch)
    print(json.dumps({"ready": os.environ.get("MOBILECAT_CONFINED", "")}), file=answers, flush=True)
    for line in sys.stdin:
        kind, number = json.loads(line)
        answer = handle(kind, number, scratch, sound, watch)
        changed = [
            str(p) for p, data in before.items() if not p.is_file() or p.read_bytes() != data
        ]
        answer["seen"] += [f"an input was changed: {p}" for p in changed]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
