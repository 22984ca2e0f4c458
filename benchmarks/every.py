"""Every benchmark that this machine can run within some minutes, and what changed since the last.

Usage: python benchmarks/every.py [--only WORD] [--limit SECONDS]

Each script is a process of its own. What it prints goes to build/bench/NAME.txt, its ratios to
benchmarks/results.json. At the end those are told beside the ones that the last commit has: a
report and no test, as machines differ, and what else they do. Which one runs is said, and every
half minute for how long and what it said last. A script that lacks what it needs says NOT_RUN; one
that takes longer than the limit is stopped, and said to be, so that all of it ends: the ratios of
such a one stay as they were.
Not among them: peers/compare.py and tflite_peers.py install other converters, large.py takes half
an hour, spread.py needs a bundle and labelled pictures, keras_tflite.py needs TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from kept import RESULTS, changed

ROOT = Path(__file__).resolve().parents[1]
SAID = ROOT / "build" / "bench"
YUNET, YOLOV5N = "examples/yunet/mobilecat.toml", "examples/yolov5n/mobilecat.toml"
_TOLD_EVERY_S = 30.0
RUNS: Mapping[str, tuple[str, ...]] = {
    "yunet": ("benchmarks/yunet.py",),
    "where": ("benchmarks/where.py",),
    "harness": ("benchmarks/harness.py", "--pictures", "16"),
    "memory": ("benchmarks/memory.py", "--counts", "1000,4000"),
    "suppression, dense": ("benchmarks/nms_latency.py", "--dense", YUNET, YOLOV5N, "--rounds", "5"),
    "suppression": ("benchmarks/nms_latency.py", YOLOV5N, "--rounds", "3"),
    "tflite_latency": ("benchmarks/tflite_latency.py", "--rounds", "5"),
    "runtime_speed": ("-m", "benchmarks.runtime_speed", "--rounds", "5"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="benchmarks whose name contains this")
    parser.add_argument("--limit", type=float, default=180, help="seconds that each may take")
    asked = parser.parse_args()
    before = committed()
    SAID.mkdir(parents=True, exist_ok=True)
    runs = {name: words for name, words in RUNS.items() if asked.only in name}
    for number, (name, words) in enumerate(runs.items(), 1):
        print(f"[{number}/{len(runs)}] {name}: {' '.join(words)}", flush=True)
        print(f"      {told(name, words, asked.limit)}", flush=True)
    now = json.loads(RESULTS.read_text("utf-8"))
    lines = [line for section in now for line in changed(before.get(section, {}), now[section])]
    print("\n".join(["", "against the last commit:", *(lines or ["nothing changed"])]))
    return 0


def told(name: str, words: tuple[str, ...], limit: float) -> str:
    """Run one; return what became of it, in words."""
    path = SAID / f"{name.replace(', ', '_').replace(' ', '_')}.txt"
    start = perf_counter()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # what a stopped one said is there
    with path.open("w", encoding="utf-8") as out:
        run = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=out, env=environment,
                               stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        try:
            code = ended(run, path, limit)
        except BaseException as why:
            os.killpg(run.pid, signal.SIGKILL)  # and what it started
            run.wait()
            if not isinstance(why, subprocess.TimeoutExpired):
                raise
            return f"stopped after {limit:.0f} s ({path.relative_to(ROOT)})"
    said = path.read_text("utf-8").splitlines()
    missing = next((line for line in said if line.startswith("NOT_RUN")), "")
    if code:
        last = said[-1] if said else "no word"
        return f"ended with {code}: {last} ({path.relative_to(ROOT)})"
    return missing or f"{perf_counter() - start:.0f} s, {path.relative_to(ROOT)}"


def ended(run: subprocess.Popen[bytes], path: Path, limit: float) -> int:
    """Wait for it, and say every half minute that it runs. Errors: TimeoutExpired at the limit."""
    spent = 0.0
    while True:
        step = min(_TOLD_EVERY_S, limit - spent)
        try:
            return run.wait(step)
        except subprocess.TimeoutExpired:
            spent += step
            if spent >= limit:
                raise
            said = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
            print(f"      {spent:.0f} s … {said[-1][:100] if said else ''}", flush=True)


def committed() -> dict[str, Any]:
    """Return the results that the last commit has; none where there is no git."""
    place = RESULTS.relative_to(ROOT).as_posix()
    words = ["git", "-C", str(ROOT), "show", f"HEAD:{place}"]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return {}
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


if __name__ == "__main__":
    sys.exit(main())
