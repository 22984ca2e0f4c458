"""Latency of our .tflite ÷ other converters' of the same network, in LiteRT.

Usage: python benchmarks/tflite_peers.py [--models FOLDER] [--only NETWORK] [--rounds N] [--doc]

Files are written here: ours by `mobilecat export` with a raw head in float32, each peer's by its
own tool in its own environment (peers/compare.py makes it). Each pair of files runs in this
process, in turn, on the same seeded values: with XNNPACK, LiteRT's own delegate, on and off, in one
thread and in two. A figure is the least CPU time of a round, of all threads: other work on the
machine hardly touches it. LiteRT's threads wait for each other busily, so that two threads' CPU
time counts what a badly split operator costs, too. `refused` counts the operators that XNNPACK
leaves to LiteRT.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep, put

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "peers")]

from compare import FILES, HOME, PEERS, environment, off, ours, theirs, timed  # noqa: E402

RUNS = HOME / "latency.json"
DOC = ROOT / "docs" / "speed.md"
MARKS = ("<!-- latency -->", "<!-- /latency -->")
WAYS = tuple((xnnpack, threads) for xnnpack in (True, False) for threads in (1, 2))
WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--doc", action="store_true", help="write the table into docs/speed.md")
    args = parser.parse_args()
    told: dict[str, Any] = json.loads(RUNS.read_text("utf-8")) if RUNS.is_file() else {}
    for name, file in FILES.items():
        if args.only not in name or not (args.models / file).is_file():
            continue
        with tempfile.TemporaryDirectory() as folder:
            told[name] = compared(args.models / file, Path(folder), args.rounds)
        RUNS.parent.mkdir(parents=True, exist_ok=True)
        RUNS.write_text(json.dumps(told, indent=1), encoding="utf-8")
    lines = table(told)
    print("\n".join([*lines, "", *keep("latency", ratios(told))]))
    if args.doc:
        put(DOC, MARKS, "\n".join(lines))


def compared(model: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Return, by converter, its operators and milliseconds a way; or why there is no file."""
    files: dict[str, Path] = {}
    found: dict[str, Any] = {}
    makers = {"mobilecat": lambda home: ours(model, "tflite", home)}
    for peer in (p for p in PEERS if p.target == "tflite" and p.takes == "onnx"):
        if why := environment(peer):
            found[peer.name] = {"failed": f"NOT_RUN: {why}"}
        else:
            makers[peer.name] = lambda home, peer=peer: theirs(peer, model, home)  # type: ignore[misc]
    for who, make in makers.items():
        home = folder / str(len(files))
        home.mkdir()
        done = timed(*make(home), home, HOME / "bytecode" / "tflite")
        if isinstance(done, str):
            found[who] = {"failed": done}
        else:
            files[who] = done.path
            found[who] = {"off": off(model, "tflite", done.path), **operators(done.path)}
    for xnnpack, threads in WAYS:
        runs = {who: engine(path, xnnpack, threads) for who, path in files.items()}
        least = dict.fromkeys(runs, np.inf)
        for number in range(rounds + WARM_UP):
            for who, run in runs.items():
                start = time.process_time()
                run()
                spent = time.process_time() - start
                if number >= WARM_UP:
                    least[who] = min(least[who], spent)
        for who, spent in least.items():
            found[who][way(xnnpack, threads)] = round(spent * 1e3, 3)
    return found


def way(xnnpack: bool, threads: int) -> str:
    return f"{'XNNPACK' if xnnpack else 'without'}, {threads} thread{'s' * (threads > 1)}"


def _opened(path: Path, xnnpack: bool, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    resolver = OpResolverType.AUTO if xnnpack else plain
    made = Interpreter(
        model_path=str(path), num_threads=threads, experimental_op_resolver_type=resolver
    )
    made.allocate_tensors()
    return made


def engine(path: Path, xnnpack: bool, threads: int) -> Callable[[], None]:
    made = _opened(path, xnnpack, threads)
    rng = np.random.default_rng(0)
    for given in made.get_input_details():
        made.set_tensor(given["index"], rng.random(given["shape"], dtype=np.float32))
    return lambda: made.invoke()


def operators(path: Path) -> dict[str, Any]:
    """Return how many operators a file has, and which of them XNNPACK leaves alone."""
    nodes = _opened(path, True, 1)._get_ops_details()
    parts = [n for n in nodes if n["op_name"] == "DELEGATE"]
    own = [n for n in nodes if n["op_name"] != "DELEGATE"]
    makers = {int(t): n for n in own for t in n["outputs"]}
    taken: set[int] = set()
    for part in parts:
        given, todo = set(map(int, part["inputs"])), list(map(int, part["outputs"]))
        while todo:
            node = makers.get(todo.pop())
            if node is None or node["index"] in taken:
                continue
            taken.add(node["index"])
            todo += [int(t) for t in node["inputs"] if int(t) not in given]
    left = Counter(n["op_name"] for n in own if n["index"] not in taken)
    return {"operators": len(own), "parts": len(parts), "refused": dict(left.most_common())}


def ratios(told: dict[str, Any]) -> dict[str, float]:
    """Return our CPU time ÷ each other's, by network and way."""
    found = {}
    for name, files in told.items():
        for who, row in files.items():
            for each in (way(*w) for w in WAYS):
                if who != "mobilecat" and each in row:
                    found[f"{name}, {each}: ÷ {who}"] = files["mobilecat"][each] / row[each]
    return found


def table(told: dict[str, Any]) -> list[str]:
    heads = [way(*w) for w in WAYS]
    lines = [
        f"| network | converter | operators | refused | {' | '.join(f'{h}, ms' for h in heads)} |",
        f"|---|---|---|---|{'---|' * len(heads)}",
    ]
    for name, files in told.items():
        for who, row in files.items():
            if "failed" in row:
                lines.append(f"| {name} | {who} | {row['failed']} | | | | | |")
                continue
            left = ", ".join(f"{n} {op}" for op, n in row["refused"].items()) or "none"
            cells = []
            for each in heads:
                ours_, its = files["mobilecat"].get(each), row[each]
                other = who != "mobilecat" and ours_
                cells.append(f"{its:.1f}" + (f" (ours ÷ it {ours_ / its:.2f})" if other else ""))
            lines.append(f"| {name} | {who} | {row['operators']} | {left} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
