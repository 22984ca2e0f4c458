"""What `validate` and `evaluate` take beside the inference of their lanes.

Usage: python benchmarks/harness.py [--only NETWORK] [--pictures N] [--doc] [--profile]

One process, engines opened before the clock starts, each with one thread, as `validate` and
`evaluate` open them where they have as many lanes as cores. The lanes' own inferences are each
lane's run, once a picture, the source's among them, with its decode and suppression in numpy: CPU
time of the thread that it runs in. What counts against them is CPU time of the whole process. A
ratio is of sums within one run, so that what else the machine does falls on both sides.

`validate` holds N approved goldens in every lane: with nothing kept, and again, with the verdicts
that it keeps. `evaluate` runs the labelled pictures, nothing kept, with one worker and with one a
core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kept import keep, put

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

DATA = ROOT.parent / "shared" / "data"
RUNS = ROOT / "build" / "harness.json"
DOC = ROOT / "docs" / "speed.md"
NETWORKS = {"yunet": 16, "yolox_nano": 8, "yolov5n": 4}
"""Examples, and of how many pictures."""
Row = dict[str, float]
MARKS = ("<!-- harness -->", "<!-- /harness -->")


class Timed:
    """A runner whose inferences are measured. spent: CPU seconds of the threads they ran in."""

    spent = 0.0
    calls = 0
    busy = threading.Lock()

    def __init__(self, runner: Any) -> None:
        self.inner = self._runner = runner
        self.note = runner.note

    def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> Any:
        start = time.thread_time()  # an engine of one thread computes in the one that calls it
        try:
            return self._runner.infer(inputs, taps)
        finally:
            with Timed.busy:
                Timed.spent += time.thread_time() - start
                Timed.calls += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--pictures", type=int, help="by default as many as stand in the script")
    parser.add_argument("--profile", action="store_true", help="say where the rest goes")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    from mobilecat.spec import load_spec

    told: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        for name, count in NETWORKS.items():
            spec = load_spec(ROOT / "examples" / name / "mobilecat.toml")
            model = (spec.folder / spec.source).resolve()
            if args.only not in name:
                continue
            if not model.is_file() or not (DATA / "cats").is_dir():
                print(f"NOT_RUN: {model} or {DATA / 'cats'} is not there")
                continue
            told |= measured_of(name, spec.folder, args.pictures or count, args.profile)
    if not told:
        return
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    RUNS.write_text(json.dumps(told, indent=1), encoding="utf-8")
    lines = table(told)
    alone = {
        f"{name}: CPU time ÷ inference": row["cpu"] / row["inference"] for name, row in told.items()
    }
    print("\n".join([*lines, "", *keep("harness", alone)]))
    if args.doc:
        put(DOC, MARKS, "\n".join(lines))


def measured_of(name: str, spec: Path, count: int, profile: bool) -> dict[str, Row]:
    """Return the rows of one network."""
    import mobilecat as mc

    with tempfile.TemporaryDirectory() as folder:
        bundle, golden = Path(folder) / "bundle", Path(folder) / "golden"
        mc.export(spec, bundle)
        rows = validated(bundle, golden, count, profile)
        for threads, words in ((1, "one worker"), (None, "a worker a core")):
            told = evaluated(bundle, Path(folder), count, threads, profile and threads == 1)
            rows[f"evaluate, {words}"] = told
    return {f"{name}, {count} pictures, {work}": row for work, row in rows.items()}


def opener(bundle: Path) -> Callable[..., Any]:
    """Return what gives every lane of a bundle, opened now."""
    from mobilecat.bundle import Bundle
    from mobilecat.bundle.cascade import open_any
    from mobilecat.foreign import engines_of
    from mobilecat.formats.base.runner import NotRun
    from mobilecat.lanes import Lane, lanes_of, open_lane

    whole = open_any(bundle)
    held: dict[str, Any] = {}
    for lane in lanes_of(whole, slow=False):
        try:
            with engines_of(1):
                held[lane.name] = Timed(open_lane(bundle, whole, lane, None))
        except NotRun:
            continue

    def opened(folder: Path, _: Bundle, lane: Lane, source: Path | None) -> Any:
        if lane.name not in held:
            raise NotRun("not measured here")
        return held[lane.name]

    opened.opener = open_lane  # type: ignore[attr-defined]  # the lanes are live ones
    return opened


def measured(work: Callable[[], object], profile: bool) -> Row:
    """Return CPU seconds of the work and of the inferences in it, and seconds by the clock."""
    Timed.spent, Timed.calls = 0.0, 0
    wall, cpu = time.perf_counter(), time.process_time()
    if profile:
        import cProfile
        import pstats

        profiler = cProfile.Profile()
        profiler.runcall(work)
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(60)
    else:
        work()
    return {
        "cpu": time.process_time() - cpu,
        "inference": Timed.spent,
        "calls": Timed.calls,
        "wall": time.perf_counter() - wall,
    }


def validated(bundle: Path, golden: Path, count: int, profile: bool) -> dict[str, Row]:
    """Measure `validate` on goldens of so many pictures, each lane run once before."""
    import mobilecat as mc
    from mobilecat.judge.run import validate

    pictures = sorted((DATA / "cats").rglob("*.jpg"))[:count]
    for picture in pictures:
        mc.golden.record(bundle, golden, picture, link=True)
    mc.golden.approve(bundle, golden, every=True, by="benchmark")
    ready = opener(bundle)

    def work() -> None:
        assert validate(bundle, golden, opener=ready, write_pending=False).held

    os.environ["MOBILECAT_CACHE"] = "off"
    work()
    rows = {"validate, nothing kept": measured(work, profile)}
    del os.environ["MOBILECAT_CACHE"]
    work()
    rows["validate, again"] = measured(work, profile)
    return rows


def evaluated(bundle: Path, folder: Path, count: int, threads: int | None, profile: bool) -> Row:
    """Measure `evaluate` on so many labelled pictures, nothing kept from before."""
    from mobilecat.measure.evaluate import evaluate

    ready = opener(bundle)
    known = (bundle / "labels.txt").read_text("utf-8").split("\n")
    mapped = None if "cat" in known else {"cat": known[0]}

    def work(limit: int, cache: Path) -> None:
        evaluate(bundle, DATA / "cats", limit=limit, cache=cache, threads=threads, opener=ready,
                 class_map=mapped)  # fmt: skip

    work(2, folder / "warm")
    return measured(lambda: work(count, folder / f"cache {threads}"), profile)


def table(rows: Mapping[str, Row]) -> list[str]:
    lines = [
        "| work | inferences | CPU s | of it inference | CPU ÷ inference |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = [f"{row['calls']:.0f}", f"{row['cpu']:.2f}", f"{row['inference']:.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['cpu'] / row['inference']:.2f} |")
    return lines


if __name__ == "__main__":
    main()
