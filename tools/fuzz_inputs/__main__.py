"""Thousands of hostile files, each handed to our code in a child that is watched.

    python -m tools.fuzz_inputs                   the whole: 5,000 networks and specs, 500 others
    python -m tools.fuzz_inputs --only spec=40    a sample

A case is made from its kind and number alone: `--only keras=1@731` makes that one again. Fails
where our code ends in a traceback, where a file is written outside of the case's folder, an input
changed, a process started or a connection tried; and where a command of ours dies (not TensorFlow's
child, whose end is told as an error). Folders of failed cases stay with `--keep DIR`.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilecat.confined import Confinement, start
from tools.fuzz_inputs.child import KINDS, NETWORKS

WHOLE = {"spec": 2000, "onnx": 700, "tflite": 800, "mlmodel": 300, "keras": 1300, "graph": 1000,
         "labels": 60, "bundle": 90, "capture": 90, "coco": 70, "voc": 50, "yolo": 40,
         "boxes": 30, "arrays": 40, "golden": 30}  # fmt: skip
PATIENCE_S = 90.0


class Child:
    """One child, and the cases it is asked for."""

    def __init__(self, kind: str, keep: Path | None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="fuzz-")
        self.scratch = keep or Path(self._temporary.name)
        self.scratch = Path(tempfile.mkdtemp(dir=self.scratch))
        self._noise = tempfile.TemporaryFile("w+")  # noqa: SIM115
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1",
                 "KERAS_BACKEND": "tensorflow"}  # fmt: skip
        self._process = start(
            "tools.fuzz_inputs.child",
            Confinement(self.scratch, memory=6 << 30),
            environment=quiet,
            arguments=(kind,),
            stderr=self._noise,
        )
        self.held = str((self.answer() or {}).get("ready"))

    def ask(self, kind: str, number: int) -> dict[str, Any] | None:
        """Return what came of a case; None where the child ended or was too slow."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([kind, number]) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.answer()

    def answer(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_S)
        line = self._process.stdout.readline() if ready else ""
        return dict(json.loads(line)) if line.endswith("\n") else None

    def close(self) -> str:
        """End it; return its last words."""
        self._process.kill()
        self._process.wait()
        self._noise.seek(0)
        return self._noise.read()[-600:]


def cases(wanted: dict[str, range], keep: Path | None) -> Iterator[dict[str, Any]]:
    """Give what came of each case, networks in a child that has TensorFlow, all else in one."""
    child: Child | None = None
    group = None
    for kind, numbers in wanted.items():
        if child is not None and group != (kind in NETWORKS):
            child.close()
            child = None
        group = kind in NETWORKS
        for number in numbers:
            child = child or Child(kind, keep)
            told = child.ask(kind, number)
            if told is None:
                ended = "died" if kind in NETWORKS else "fault"
                words = child.close()
                child = None
                told = {"kind": kind, "number": number, "result": ended, "detail": words}
            yield {"seen": [], **told}
    if child is not None:
        child.close()


def run(wanted: dict[str, range], keep: Path | None = None) -> tuple[Counter[str], list[Any]]:
    """Run the cases; return how many ended how, by kind, and those that failed."""
    counts: Counter[str] = Counter()
    failed = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        for told in cases(wanted, keep):
            counts[f"{told['kind']}: {told['result']}"] += 1
            if told["result"] == "fault" or told["seen"]:
                failed.append(told)
        try:
            listening.accept()
            failed.append({"kind": "network", "seen": ["a connection was made"]})
        except BlockingIOError:
            pass
    return counts, failed


def _wanted(texts: list[str]) -> dict[str, range]:
    if not texts:
        return {k: range(n) for k, n in WHOLE.items()}
    found = {}
    for text in texts:
        match = re.fullmatch(r"(\w+)=(\d+)(?:@(\d+))?", text)
        if match is None or match[1] not in KINDS:
            sys.exit(f"{text!r} is not KIND=COUNT or KIND=COUNT@FIRST, of {', '.join(KINDS)}")
        first = int(match[3] or 0)
        found[match[1]] = range(first, first + int(match[2]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="KIND=COUNT[@FIRST]")
    parser.add_argument("--keep", type=Path, help="where the folders of failed cases stay")
    given = parser.parse_args()
    began = time.monotonic()
    total, failed = 0, []
    for kind, numbers in _wanted(given.only).items():
        counts, wrong = run({kind: numbers}, given.keep)
        total += sum(counts.values())
        failed += wrong
        for key, count in sorted(counts.items()):
            print(f"{count:6}  {key}", flush=True)
    print(f"{total} cases in {time.monotonic() - began:.0f} s, {len(failed)} failed")
    for told in failed:
        print(
            f"\n--only {told['kind']}=1@{told.get('number')}  {told['seen']}\n{told.get('detail')}"
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
