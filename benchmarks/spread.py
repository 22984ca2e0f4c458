"""Evaluation on processes against threads: the same figures, a worker killed, pictures a second.

    python benchmarks/spread.py BUNDLE SCENES [--runner source] [--turns 400]

SCENES: a labelled folder, such as `python -m tools.render_cats scenes --count 2000 --size 160x160`
draws. Three Dask workers, one of which is killed once results come, are held to one thread, bit for
bit; then two workers and two threads take `--turns` pictures each, in turns.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import mobilecat as mc
from mobilecat.measure.evaluate.kept import Result, Store


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--runner", default="source")
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--limit", type=int)
    asked = parser.parse_args()
    same = equal(asked)
    for turn in range(2):
        rates = {}
        for name, options in (("2 threads", {}), ("2 workers", {"on": "local"})):
            rates[name] = rate(asked, {**options, "threads": 2})
        ratio = rates["2 workers"] / rates["2 threads"]
        told = ", ".join(f"{name} {v:.1f} pictures/s" for name, v in rates.items())
        print(f"turn {turn + 1}: {told}: {ratio:.2f}", flush=True)
    return 0 if same else 1


def equal(asked: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        one = figures(asked, Path(folder) / "one", asked.limit, threads=1)
        took = perf_counter() - start
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
    count = one[0]["pictures"]
    same = one == three
    print(
        f"{'PASS' if same and killed else 'FAIL'}  {count} pictures: 3 workers, one killed, "
        f"{'equal' if same else 'differ from'} 1 thread bit for bit (1 thread: {took:.0f} s)",
        flush=True,
    )
    return same and bool(killed)


def figures(asked: argparse.Namespace, cache: Path, limit: int | None, **how: Any) -> list[Any]:
    done = mc.evaluate(
        asked.bundle, asked.scenes, runner=asked.runner, cache=cache, limit=limit, **how
    )
    told = done.to_json()
    own = ("inferred", "kept", "inference_seconds")
    rows = [{k: v for k, v in row.items() if k not in own} for row in told["lanes"]]
    return [{"pictures": told["data"]["pictures"]}, *rows]


def rate(asked: argparse.Namespace, how: dict[str, Any]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        figures(asked, Path(folder), asked.turns, **how)
        return float(asked.turns / (perf_counter() - start))


if __name__ == "__main__":
    sys.exit(main())
