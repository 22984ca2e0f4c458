"""What a child that reads a stranger's file may not do, tried by code that means to do it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mobilecat.confined import FILES, HELD, LIMITS, NETWORK, Confinement, start

PROBE = """
import json, os, socket, subprocess, sys

def tried(act):
    try:
        act()
    except BaseException as e:
        return type(e).__name__
    return "done"

want = json.loads(sys.stdin.readline())
print(json.dumps({
    "held": os.environ["MOBILECAT_CONFINED"].split(","),
    "environment": sorted(os.environ),
    "cwd": os.getcwd(),
    "home": os.path.expanduser("~"),
    "outside": tried(lambda: open(want["outside"], "w")),
    "inside": tried(lambda: open("made", "w").write("x")),
    "secret": tried(lambda: open(want["secret"]).read()),
    "given": tried(lambda: open(want["given"]).read()),
    "program": tried(lambda: subprocess.run(["/bin/echo"], capture_output=True)),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", want["port"]), 2)),
    "memory": tried(lambda: bytearray(3 << 30)),
    "bytes": tried(lambda: open("big", "wb").write(bytes(3 << 20))),
}))
"""


def probe(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str = PROBE) -> Path:
    (folder / "modules").mkdir()
    (folder / "modules" / "the_probe.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(folder / "modules"))
    (folder / "scratch").mkdir()
    return folder / "scratch"


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SECRET_TOKEN", "of the parent")
    scratch = probe(tmp_path, monkeypatch)
    (tmp_path / "given").write_text("x")
    (tmp_path / "secret").write_text("x")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        want = {
            "outside": str(tmp_path / "outside"),
            "secret": str(tmp_path / "secret"),
            "given": str(tmp_path / "given"),
            "port": listening.getsockname()[1],
        }
        room = Confinement(scratch, (tmp_path / "given",), memory=1 << 30, file_bytes=1 << 20)
        with start("the_probe", room) as child:
            said, _ = child.communicate(json.dumps(want) + "\n", timeout=30)
    made: dict[str, Any] = json.loads(said)
    made["scratch"] = str(scratch)
    return made


def test_the_environment_is_its_own(answer: dict[str, Any]) -> None:
    assert "SECRET_TOKEN" not in answer["environment"]
    assert set(answer["environment"]) >= {"HOME", "TMPDIR", HELD}
    assert answer["cwd"] == answer["home"] == answer["scratch"]
    assert answer["inside"] == answer["given"] == "done"


@pytest.mark.parametrize(
    "what, tries",
    [
        (LIMITS, {"memory": "MemoryError", "bytes": "OSError"}),
        (NETWORK, {"network": ("OSError", "PermissionError")}),
        (FILES, {"outside": "PermissionError", "secret": "PermissionError"}),
        (FILES, {"program": "PermissionError"}),
    ],
)
def test_what_holds_is_refused(what: str, tries: dict[str, Any], answer: dict[str, Any]) -> None:
    if what not in answer["held"]:
        pytest.skip(f"NOT_RUN: this system cannot hold {what}")
    for key, expected in tries.items():
        assert answer[key] in ((expected,) if isinstance(expected, str) else expected), key


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT_RUN: Linux only")
def test_limits_hold_on_linux(answer: dict[str, Any]) -> None:
    assert LIMITS in answer["held"]


@pytest.mark.skipif(os.name != "posix", reason="NOT_RUN: needs POSIX signals")
def test_it_ends_with_a_parent_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe(tmp_path, monkeypatch, "import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    parent = (
        "import sys, time; from pathlib import Path\n"
        "from mobilecat.confined import Confinement, start\n"
        f"child = start('the_probe', Confinement(Path({str(tmp_path / 'scratch')!r})))\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        os.kill(pid, 0)
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
