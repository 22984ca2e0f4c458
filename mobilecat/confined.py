"""A child process that reads a stranger's file gets no more than it needs.

`start` gives the child a scratch folder for its whole world, an environment of its own, and limits.
The child confines itself (`python -m mobilecat.confined`) before it imports anything else: the
kernel then refuses what even native code inside it may ask for. What holds on which system:
docs/security.md.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import site
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HELD = "MOBILECAT_CONFINED"
"""In the child's environment: which of LIMITS, NETWORK, FILES hold, by commas."""

LIMITS, NETWORK, FILES = "limits", "network", "files"

_PASSED_ON = (
    *("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)
_LIBRARIES = ("/usr", "/lib", "/lib64", "/lib32", "/proc", "/sys")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf")
_DEVICES = ("null", "zero", "random", "urandom")
_POLL_S = 1.0
_PER_CORE = 64 << 20
"""Bytes that each core's threads take for their stacks and heaps."""


@dataclass(frozen=True)
class Confinement:
    """What a child may have.

    scratch: its working folder, home and place for temporary files; all that it may write to.
    reads:   the files and folders that it is about; links are followed now, and not by the child.
    memory:  bytes of private memory. file_bytes: of each file that it writes.
    """

    scratch: Path
    reads: tuple[Path, ...] = ()
    memory: int = 8 << 30
    file_bytes: int = 8 << 30


def start(
    module: str,
    confinement: Confinement,
    *,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    stderr: IO[Any] | int | None = None,
) -> subprocess.Popen[str]:
    """Start `python -m module` confined, with pipes to its stdin and stdout.

    environment: what it needs besides; nothing of ours is passed on but where libraries lie.
    It ends with us, also where we are killed.
    """
    said = {
        "scratch": str(confinement.scratch.resolve()),
        "reads": [str(p.resolve()) for p in confinement.reads],
        "memory": confinement.memory,
        "file_bytes": confinement.file_bytes,
        "parent": os.getpid(),
        # The kernel means the thread that started the child, not our process: prctl(2).
        "dies_with_thread": threading.current_thread() is threading.main_thread(),
    }
    # -P: the user's folder may hold a module of the same name.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, json.dumps(said), module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="backslashreplace",
        cwd=confinement.scratch,
        env={**_environment(confinement.scratch), **(environment or {})},
    )


def _environment(scratch: Path) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *(p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)]
    home = str(scratch.resolve())
    own = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "KERAS_HOME"), home)
    base = site.getuserbase()  # packages of `pip install --user`, which lie in the home folder
    return {
        **{k: os.environ[k] for k in _PASSED_ON if k in os.environ},
        **own,
        **({"PYTHONUSERBASE": base} if base else {}),
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HDF5_PLUGIN_PRELOAD": "::",  # no filter library that an HDF5 file asks for
    }


def confine(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Take from this process, which must have one thread, what it does not need.

    Returns which of LIMITS, NETWORK and FILES hold from now on, and in all that it starts.
    """
    held = [LIMITS] if _limit(said["memory"], said["file_bytes"]) else []
    if sys.platform.startswith("linux"):
        if said["dies_with_thread"]:
            _call("prctl", 1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        held += [NETWORK] if _leave_network() else []
        readable = [*_readable(), *map(Path, said["reads"])]
        held += [FILES] if _landlock(readable, Path(said["scratch"])) else []
    return tuple(held)


def _limit(memory: int, file_bytes: int) -> bool:
    """RLIMIT_DATA counts private memory that can be written; address space (RLIMIT_AS) would count
    what threads only reserve, which is gigabytes on a machine of many cores. getrlimit(2)."""
    try:
        import resource
    except ImportError:
        return False
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_DATA: memory + _PER_CORE * (os.cpu_count() or 1),
    }
    for which, limit in wanted.items():
        _, hard = resource.getrlimit(which)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (allowed, allowed))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full file is an error, not an end
    return sys.platform.startswith("linux")


def _leave_network() -> bool:
    """Move into a network of its own, where not even the loopback is up: unshare(2).

    Who is not root first needs a user namespace, which some systems refuse.
    """
    new_user, new_net = 0x10000000, 0x40000000
    if _call("unshare", new_net):
        return True
    uid, gid = os.getuid(), os.getgid()
    if not _call("unshare", new_user | new_net):
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with suppress(OSError):
            Path("/proc/self", name).write_text(text)
    return True


def _readable() -> list[Path]:
    """Return where Python, its packages and the system's libraries lie."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *_LIBRARIES]
    found += os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    found += [f"/etc/{name}" for name in _SETTINGS]
    return [Path(p) for p in dict.fromkeys(found) if p and Path(p).exists()]


_FILE = {"execute": 1 << 0, "write": 1 << 1, "read": 1 << 2, "truncate": 1 << 14, "ioctl": 1 << 15}
_READ_DIR = 1 << 3
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files, by the version of Landlock that knows them."""


def _landlock(readable: Iterable[Path], scratch: Path) -> bool:
    """Let this process read `readable`, write in `scratch`, start no program, and no more.

    https://docs.kernel.org/userspace-api/landlock.html; the numbers are those of linux/landlock.h
    and of the one system call table that all but Alpha share.
    """
    create, add, restrict, version_flag = 444, 445, 446, 1
    version = _syscall(create, None, 0, version_flag)
    if version < 1:
        return False
    handled = _RIGHTS[max(v for v in _RIGHTS if v <= version)]
    network = 0b11 if version >= 4 else 0  # bind and connect of TCP
    scoped = 0b11 if version >= 6 else 0  # abstract sockets and signals of others
    attributes = struct.pack("QQQ", handled, network, scoped)
    size = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}.get(version, 24)
    ruleset = _syscall(create, attributes, size, 0)
    if ruleset < 0:
        return False
    reading = _FILE["read"] | _READ_DIR
    rules = [(path, reading) for path in readable]
    rules += [(Path("/dev", name), _FILE["read"] | _FILE["write"]) for name in _DEVICES]
    rules += [(scratch, handled & ~_FILE["execute"])]
    try:
        for path, allowed in rules:
            if not path.is_dir():
                allowed &= sum(_FILE.values())
            with suppress(OSError):
                opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
                try:
                    _syscall(add, ruleset, 1, struct.pack("=Qi", allowed & handled, opened), 0)
                finally:
                    os.close(opened)
        no_new_privileges = 38
        if not _call("prctl", no_new_privileges, 1, 0, 0, 0):
            return False
        return _syscall(restrict, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _call(function: str, *arguments: int) -> bool:
    try:
        return bool(getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) == 0)
    except (AttributeError, OSError):
        return False


def _syscall(number: int, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    made: int = libc.syscall(ctypes.c_long(number), *given)
    return made


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)


def main() -> None:
    """Confine this process as argv[1] says, and become `python -m` of the rest."""
    said, module, *rest = sys.argv[1:]
    asked = json.loads(said)
    os.environ[HELD] = ",".join(confine(asked))
    # Where the kernel does not end us with our parent; not while native code holds Python's lock.
    threading.Thread(target=_end_with, args=(asked["parent"],), daemon=True).start()
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
