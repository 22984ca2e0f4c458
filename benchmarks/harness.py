"""What `validate` and `evaluate` take beside the inference of their lanes.

Usage: python benchmarks/harness.py [--only NETWORK] [--pictures 16,64] [--doc] [--profile]

One process, engines opened before the clock starts, each with one thread, as `validate` and
`evaluate` open them where they have as many lanes as cores. The lanes' own inferences are each
lane's run, once a picture, the source's among them, with its decode and suppression in numpy: CPU
time of the thread that it runs in. What counts against them is CPU time of the whole process. A
ratio is of sums within one run, so that what else the machine does falls on both sides.

`validate` holds N approved goldens in every lane: with nothing kept, and again, with the verdicts
that it keeps. `evaluate` runs the labelled pictures, nothing kept, with one worker and with one a
core. Its trial of other preprocessing is a row of its own, and not in the others. Of each number of
pictures all is measured once; two numbers say what a verb takes once, and what a picture takes.

Pictures a second are by the clock: all lanes of a picture count as one. They are held to the same
engines with the same fitted pictures in as many threads, which do nothing but infer, before and
after.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kept import keep, put

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

DATA = ROOT.parent / "shared" / "data"
RUNS = ROOT / "build" / "harness.json"
DOC = ROOT / "docs" / "speed.md"
NETWORKS = ("yunet", "yolox_nano", "yolov5n")
Row = dict[str, float]
MARKS = ("<!-- harness -->", "<!-- /harness -->")
ONCE = ("<!-- harness once -->", "<!-- /harness once -->")
TRIAL = "its trial of other preprocessing"
AIMS = {"validate": 1.2, "evaluate": 1.1}


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
    parser.add_argument("--pictures", default="16,64", help="how many, separated by commas")
    parser.add_argument("--profile", action="store_true", help="say where the rest goes")
    parser.add_argument("--doc", action="store_true", help="write the tables into docs/speed.md")
    args = parser.parse_args()
    counts = [int(n) for n in args.pictures.split(",")]
    from mobilecat.spec import load_spec

    told: dict[str, dict[int, dict[str, Row]]] = {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        for name in NETWORKS:
            spec = load_spec(ROOT / "examples" / name / "mobilecat.toml")
            model = (spec.folder / spec.source).resolve()
            if args.only not in name:
                continue
            if not model.is_file() or not (DATA / "cats").is_dir():
                print(f"NOT_RUN: {model} or {DATA / 'cats'} is not there")
                continue
            found = {n: measured_of(spec.folder, n, args.profile) for n in counts}
            # Of labels that have none of a network's objects no trial is made.
            told[name] = {
                n: {work: row for work, row in rows.items() if row["inference"]}
                for n, rows in found.items()
            }
            print(f"{name}: measured", file=sys.stderr, flush=True)
    if not told:
        return
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    RUNS.write_text(json.dumps(told, indent=1), encoding="utf-8")
    alone = {
        f"{name}, {n} pictures, {work}: CPU time ÷ inference": row["cpu"] / row["inference"]
        for name, of in told.items()
        for n, rows in of.items()
        for work, row in rows.items()
    }
    tables = {MARKS: table(told), ONCE: once(told)}
    for lines in tables.values():
        print("\n".join([*lines, ""]))
    print("\n".join(keep("harness", alone)))
    for marks, lines in tables.items() if args.doc else ():
        put(DOC, marks, "\n".join(lines))


def measured_of(spec: Path, count: int, profile: bool) -> dict[str, Row]:
    """Return the rows of one network and so many pictures."""
    import mobilecat as mc

    with tempfile.TemporaryDirectory() as folder:
        bundle, golden = Path(folder) / "bundle", Path(folder) / "golden"
        mc.export(spec, bundle)
        rows = validated(bundle, golden, count, profile)
        rows |= evaluated(bundle, Path(folder), count, 1, profile)
        rows |= evaluated(bundle, Path(folder), count, None, False)
    return rows


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
    opened.held = held  # type: ignore[attr-defined]
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
    first = min(p.name for p in golden.iterdir() if p.is_dir())
    validate(bundle, golden, opener=ready, write_pending=False, cases=[first])  # engines are warm
    rows = {"validate, nothing kept": measured(work, profile)}
    del os.environ["MOBILECAT_CACHE"]
    work()
    rows["validate, again"] = measured(work, profile)
    return rows


def evaluated(
    bundle: Path, folder: Path, count: int, threads: int | None, profile: bool
) -> dict[str, Row]:
    """Measure `evaluate` on so many labelled pictures, nothing kept from before, without its trial
    of other preprocessing, and that by itself."""
    from mobilecat.measure.evaluate import evaluate

    ready = opener(bundle)
    known = (bundle / "labels.txt").read_text("utf-8").split("\n")
    mapped = None if "cat" in known else {"cat": known[0]}

    def work(limit: int, cache: Path) -> None:
        evaluate(bundle, DATA / "cats", limit=limit, cache=cache, threads=threads, opener=ready,
                 class_map=mapped)  # fmt: skip

    work(2, folder / "warm")
    before = alone(bundle, ready.held, count, threads)
    with trial_apart() as trial:
        row = measured(lambda: work(count, folder / f"cache {threads}"), profile)
    after = alone(bundle, ready.held, count, threads)
    row["cpu"] -= trial["cpu"]
    row["a second"] = count / (row["wall"] - trial["wall"])
    row["alone, a second"] = 2 * count / (before + after)
    words = "one worker" if threads == 1 else "a worker a core"
    return {f"evaluate, {words}": row, f"evaluate, {words}, {TRIAL}": trial}


@contextmanager
def trial_apart() -> Iterator[Row]:
    """Give what the trial of other preprocessing takes within, CPU time of all that it does."""
    from mobilecat.lanes.source import SourceRunner
    from mobilecat.measure.evaluate import run, trial

    told: Row = {"cpu": 0.0, "inference": 0.0, "calls": 0, "wall": 0.0}
    busy = threading.Lock()
    whole, beside, raw = run.tried_otherwise, trial.LowScores.take, SourceRunner.raw

    def asked(*of: Any, **more: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return whole(*of, **more)
        finally:
            told["cpu"] += time.process_time() - cpu
            told["wall"] += time.perf_counter() - wall

    def took(*of: Any) -> None:
        cpu = time.thread_time()
        beside(*of)
        with busy:
            told["cpu"] += time.thread_time() - cpu

    def inferred(self: SourceRunner, inputs: Mapping[str, Any]) -> Any:
        cpu = time.thread_time()
        try:
            return raw(self, inputs)
        finally:
            with busy:
                told["inference"] += time.thread_time() - cpu
                told["calls"] += 1

    run.tried_otherwise, trial.LowScores.take = asked, took  # type: ignore[method-assign]
    SourceRunner.raw = inferred  # type: ignore[method-assign, assignment]
    try:
        yield told
    finally:
        run.tried_otherwise, trial.LowScores.take = whole, beside  # type: ignore[method-assign]
        SourceRunner.raw = raw  # type: ignore[method-assign]


def alone(bundle: Path, held: Mapping[str, Any], count: int, threads: int | None) -> float:
    """Return the seconds by the clock that the lanes take to infer on as many fitted pictures: a
    worker takes a picture through all lanes, of which each runs one picture at a time."""
    import mobilecat as mc
    from mobilecat.lanes.inputs import picture_inputs
    from mobilecat.pictures.reading import read_picture
    from mobilecat.spread import cores

    contract = mc.open(bundle).contract
    paths = sorted((DATA / "cats").rglob("*.jpg"))[:count]
    fitted = iter([picture_inputs(contract, read_picture(path))[0] for path in paths])
    lanes = [(runner.inner, threading.Lock()) for runner in held.values()]
    taking = threading.Lock()

    def many(first: int) -> None:
        turned = lanes[first % len(lanes) :] + lanes[: first % len(lanes)]
        while True:
            with taking:
                if (tensors := next(fitted, None)) is None:
                    return
            for runner, busy in turned:
                with busy:
                    runner.infer(tensors)

    start = time.perf_counter()
    with ThreadPoolExecutor(threads or cores()) as pool:
        list(pool.map(many, range(threads or cores())))
    return time.perf_counter() - start


Told = Mapping[str, Mapping[int, Mapping[str, Row]]]


def table(told: Told) -> list[str]:
    """Return all that was measured, a row each."""
    lines = [
        "| work | inferences | CPU s | of it inference | CPU ÷ inference "
        "| pictures/s | ÷ inference alone |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, counts in told.items():
        for count, rows in counts.items():
            for work, row in rows.items():
                cells = [f"{row['calls']:.0f}", f"{row['cpu']:.2f}", f"{row['inference']:.2f}"]
                cells.append(f"{row['cpu'] / row['inference']:.2f}" if row["inference"] else "")
                if (rate := row.get("a second")) is not None:
                    cells += [f"{rate:.1f}", f"{rate / row['alone, a second']:.2f}"]
                else:
                    cells += ["", ""]
                lines.append(f"| {name}, {count} pictures, {work} | {' | '.join(cells)} |")
    return lines


def once(told: Told) -> list[str]:
    """Return what a verb takes once, and what a picture takes, from the fewest and the most."""
    lines = [
        "| work | once, CPU s | then CPU ÷ inference of a picture | the aim | reached from |",
        "|---|---|---|---|---|",
    ]
    for name, counts in told.items():
        few, many = min(counts), max(counts)
        for work, row in counts[many].items() if few < many else ():
            less, aim = counts[few][work], AIMS[work.partition(",")[0]]
            if work.endswith(TRIAL):
                continue
            rest, before = (r["cpu"] - r["inference"] for r in (row, less))
            a_picture = (rest - before) / (many - few)
            fixed = before - few * a_picture
            inference = row["inference"] / many
            room = (aim - 1) * inference - a_picture
            reached = f"{max(1, math.ceil(fixed / room))} pictures" if room > 0 else "none"
            ratio = 1 + a_picture / inference
            lines.append(f"| {name}, {work} | {fixed:.2f} | {ratio:.2f} | {aim} | {reached} |")
    return lines


if __name__ == "__main__":
    main()
