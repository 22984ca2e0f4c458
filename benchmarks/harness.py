"""What `validate` and `evaluate` take beside the inference of their lanes.

Usage: python benchmarks/harness.py [--pictures N] [--spec SPEC] [--model FILE] [--doc] [--profile]

One process, engines opened before the clock starts, and every inference of a lane measured where
it happens: CPU time of the whole process, all threads, before and after. A ratio is of sums within
one run, so that what else the machine does falls on both sides. `validate` holds N approved goldens
in every lane. `evaluate` runs the labelled pictures with one worker, for the ratio, and with one a
core, for how busy it keeps them: CPU seconds over seconds by the clock, which other work lessens.
"""

from __future__ import annotations

import argparse
import json
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
MARKS = ("<!-- harness -->", "<!-- /harness -->")


class Timed:
    """A runner whose inferences are measured. spent: CPU seconds of the threads they ran in."""

    spent = 0.0
    calls = 0
    busy = threading.Lock()

    def __init__(self, runner: Any) -> None:
        self._runner = runner
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
    parser.add_argument("--spec", type=Path, default=ROOT / "examples" / "yunet")
    parser.add_argument("--model", type=Path, help="by default the one that the spec names")
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--profile", action="store_true", help="say where the rest goes")
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    from mobilecat.spec import load_spec

    if args.model is None:
        named = load_spec(args.spec / "mobilecat.toml")
        args.model = (named.folder / named.source).resolve()
    if not args.model.is_file() or not (DATA / "cats").is_dir():
        print(f"NOT_RUN: {args.model} or {DATA / 'cats'} is not there")
        return
    import mobilecat as mc

    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        mc.export(args.spec, bundle, source=args.model)
        rows = {
            "validate": validated(bundle, Path(folder) / "golden", args.pictures, args.profile),
            "evaluate, one worker": evaluated(bundle, Path(folder), args.pictures, 1, args.profile),
            "evaluate, a worker a core": evaluated(
                bundle, Path(folder), args.pictures, None, False
            ),
        }
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    RUNS.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    lines = table(rows)
    alone = {
        f"{name}: CPU time ÷ inference": row["cpu"] / row["inference"]
        for name, row in rows.items()
        if "inference" in row
    }
    alone = {f"{args.spec.name}, {args.pictures} pictures, {k}": v for k, v in alone.items()}
    print("\n".join([*lines, "", *keep("harness", alone)]))
    busy = ", ".join(f"{name} {row['cpu'] / row['wall']:.2f}" for name, row in rows.items())
    print(f"busy cores: {busy}")
    if args.doc:
        put(DOC, MARKS, "\n".join(lines))


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


def measured(work: Callable[[], object], profile: bool) -> dict[str, float]:
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


def validated(bundle: Path, golden: Path, count: int, profile: bool) -> dict[str, float]:
    """Measure `validate` on goldens of so many pictures, each lane run once before."""
    import mobilecat as mc
    from mobilecat.judge.run import validate

    pictures = sorted((DATA / "cats").rglob("*.jpg"))[:count]
    for picture in pictures:
        mc.golden.record(bundle, golden, picture, link=True)
    mc.golden.approve(bundle, golden, every=True, by="benchmark")
    ready = opener(bundle)
    validate(bundle, golden, opener=ready, cases=None, write_pending=False)
    return measured(lambda: validate(bundle, golden, opener=ready, write_pending=False), profile)


def evaluated(
    bundle: Path, folder: Path, count: int, threads: int | None, profile: bool
) -> dict[str, float]:
    """Measure `evaluate` on so many labelled pictures, nothing kept from before."""
    from mobilecat.measure.evaluate import evaluate

    ready = opener(bundle)
    known = (bundle / "labels.txt").read_text("utf-8").split("\n")
    mapped = None if "cat" in known else {"cat": known[0]}

    def work(limit: int, cache: Path) -> None:
        evaluate(bundle, DATA / "cats", limit=limit, cache=cache, threads=threads, opener=ready,
                 class_map=mapped)  # fmt: skip

    work(2, folder / "warm")
    row = measured(lambda: work(count, folder / f"cache {threads}"), profile)
    if threads != 1:
        del row["inference"]  # of several at a time, the clock of one counts the others'
    return row


def table(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = [
        "| work | inferences | CPU s | of it inference | CPU ÷ inference |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        alone = row.get("inference")
        cells = [f"{row['calls']:.0f}", f"{row['cpu']:.2f}"]
        cells += [f"{alone:.2f}", f"{row['cpu'] / alone:.2f}"] if alone else ["", ""]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
