"""Evaluation on processes against threads: the same figures, a worker killed, pictures a second.

    python benchmarks/spread.py BUNDLE DATA [--runner source] [--limit N]      the same, to the bit?
    python benchmarks/spread.py BUNDLE DATA --turns 4 --pictures 400           how fast?

DATA: a labelled folder, such as `python -m tools.render_cats scenes --count 2000 --size 160x160`
draws. Three Dask workers, one of which is killed once results come, are held to one thread, bit for
bit. With --turns, two threads and two workers take the pictures in turns, and the best turn of each
counts: what else the machine does makes a turn slower, and never faster. CPU time is of the main
process and its workers, so that a rate that waits is told from one that works.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import mobilecat as mc
from mobilecat.measure.evaluate.kept import Result, Store

WAYS: dict[str, dict[str, Any]] = {"2 threads": {}, "2 workers": {"on": "local"}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runner", help="one engine besides the source; all without")
    parser.add_argument("--turns", type=int, default=0, help="measure rates, in so many turns")
    parser.add_argument("--pictures", type=int, default=400, help="of a turn")
    parser.add_argument("--limit", type=int, help="pictures that are compared")
    asked = parser.parse_args()
    return rates(asked) if asked.turns else equal(asked)


def equal(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        one = figures(asked, Path(folder) / "one", asked.limit, threads=1)
        middle = perf_counter()
        killed: list[int] = []
        kept = Store.put

        def put(self: Store, picture: str, result: Result) -> None:
            kept(self, picture, result)
            if not killed:
                from distributed import get_client

                killed.append(next(iter(get_client().run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        Store.put = put  # type: ignore[method-assign]
        try:
            three = figures(asked, Path(folder) / "three", asked.limit, threads=3, on="local")
        finally:
            Store.put = kept  # type: ignore[method-assign]
        end = perf_counter()
        differ = files_that_differ(Path(folder) / "one", Path(folder) / "three")
    same = one == three and not differ
    print(
        f"{'PASS' if same and killed else 'FAIL'}  {one[0]['pictures']} pictures, "
        f"{len(one) - 1} lanes: 3 workers, one killed, "
        f"{'equal' if same else 'differ from'} 1 thread bit for bit "
        f"({differ} results differ; {middle - start:.0f} s and {end - middle:.0f} s)",
        flush=True,
    )
    return 0 if same and killed else 1


def files_that_differ(one: Path, other: Path) -> int:
    """Count results, one file a picture and lane, that are not the same but for their time."""
    return sum(told(p) != told(other / p.relative_to(one)) for p in one.rglob("*.json"))


def told(path: Path) -> Any:
    import json

    if not path.is_file():
        return None
    return {k: v for k, v in json.loads(path.read_text()).items() if k != "seconds"}


def figures(asked: argparse.Namespace, cache: Path, limit: int | None, **how: Any) -> list[Any]:
    done = mc.evaluate(
        asked.bundle, asked.data, runner=asked.runner, cache=cache, limit=limit, **how
    )
    said = done.to_json()
    own = ("inferred", "kept", "inference_seconds")
    rows = [{k: v for k, v in row.items() if k not in own} for row in said["lanes"]]
    return [{"pictures": said["data"]["pictures"]}, *rows]


@dataclass
class Turn:
    """One evaluation. seconds: all of it; steady: pictures a second once results come."""

    seconds: float = 0.0
    steady: float = 0.0
    cpu: float = 0.0
    came: list[tuple[float, int]] = field(default_factory=list)

    def progress(self, said: str) -> None:
        words = said.split()
        if len(words) > 3 and words[0].isdigit() and words[1] == "of":
            self.came.append((perf_counter(), int(words[0])))


def cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(r.ru_utime + r.ru_stime for r in both)


def turn(asked: argparse.Namespace, how: dict[str, Any]) -> Turn:
    found = Turn()
    with tempfile.TemporaryDirectory() as folder:
        start, before = perf_counter(), cpu()
        more = {**how, "threads": 2, "progress": found.progress}
        figures(asked, Path(folder), asked.pictures, **more)
        found.seconds, found.cpu = perf_counter() - start, cpu() - before
    skip = asked.pictures // 10  # the first pictures wait for engines that are being opened
    came = [c for c in found.came if c[1] >= skip]
    found.steady = (came[-1][1] - came[0][1]) / (came[-1][0] - came[0][0])
    return found


def rates(asked: argparse.Namespace) -> int:
    turns: dict[str, list[Turn]] = {name: [] for name in WAYS}
    for number in range(asked.turns):
        for name, how in WAYS.items():
            t = turn(asked, how)
            turns[name].append(t)
            load = os.getloadavg()[0]
            print(
                f"turn {number + 1}, {name}: {t.steady:.1f} pictures/s once they come, "
                f"{asked.pictures / t.seconds:.1f} with the start, "
                f"{1e3 * t.cpu / asked.pictures:.1f} ms of CPU a picture, load {load:.1f}",
                flush=True,
            )
    steady = {name: max(t.steady for t in mine) for name, mine in turns.items()}
    whole = {name: asked.pictures / min(t.seconds for t in mine) for name, mine in turns.items()}
    work = {name: min(t.cpu for t in mine) for name, mine in turns.items()}
    for what, of in (("once they come", steady), ("with the start", whole)):
        print(f"best {what}: {of['2 workers'] / of['2 threads']:.2f} of two threads' rate")
    print(f"least CPU time: {work['2 workers'] / work['2 threads']:.2f} of two threads'")
    return 0 if steady["2 workers"] >= 0.9 * steady["2 threads"] else 1


if __name__ == "__main__":
    sys.exit(main())
