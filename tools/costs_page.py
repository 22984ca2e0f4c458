"""docs/costs.md, from what `tools.costs` measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any

MILLION = 1_000_000
WRAP: dict[str, Any] = {"width": 110, "break_on_hyphens": False, "break_long_words": False}
WORKERS = (1, 2, 4, 8)
"""Beyond these one main process is what everybody waits for."""


def page(told: dict[str, Any]) -> str:
    """Return the page. told: docs/costs.json."""
    parts = (_head, _networks, _sizes, _main, _million, _delays)
    lines = [line for part in parts for line in part(told)]
    return "\n".join(
        line if line.startswith("|") else fill(line, **WRAP) for line in [*lines, *_end()]
    )


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [header, ["---"] * len(header), *rows]
    return [*("| " + " | ".join(map(str, row)) + " |" for row in cells), ""]


def lane_words(lane: str) -> str:
    """Return a lane as words that wrap in a narrow table: `Core ML .mlpackage`, the source."""
    engine, _, file = lane.partition(":")
    names = {"coreml": "Core ML", "coreai": "Core AI", "tflite": "TFLite", "onnx": "ONNX"}
    if not file:
        return lane
    suffix = f" .{file.rpartition('.')[2]}" if engine == "coreml" else ""
    return names.get(engine, engine) + suffix


def named_once(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out the first cell where it is that of the row above."""
    before = ["", *(row[0] for row in rows)]
    return [("" if row[0] == old else row[0], *row[1:])
            for row, old in zip(rows, before, strict=False)]  # fmt: skip


def alone_ms(told: dict[str, Any]) -> float:
    """Return the main process's CPU time of one picture more, before workers run and after."""
    few, many = told["whole"]
    every = (many["cpu_s"] - few["cpu_s"]) / (many["pictures"] - few["pictures"]) * 1e3
    return max(0.0, float(every - many["lanes"] * many["feed_ms"]))


def duration(seconds: float) -> str:
    """Return a time in the unit that one says it in."""
    for unit, of in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * of:
            return f"{seconds / of:.1f} {unit}"
    return f"{seconds:.0f} s"


def whole_s(cpu_ms: float, feed_ms: float, alone_ms: float, workers: int) -> float:
    """Return seconds for a million pictures in one lane.

    Workers share their part, and wait where the main process keeps results more slowly than they
    come; what it does before and after is nobody else's.
    """
    return MILLION * (max(cpu_ms / workers, feed_ms) + alone_ms) / 1e3


def _head(told: dict[str, Any]) -> Iterator[str]:
    m = told["machine"]
    used = ", ".join(f"{n} {v}" for n, v in told["versions"].items() if v)
    yield "# What a million pictures cost"
    yield ""
    yield (
        "`evaluate` and its kin [spread pictures over "
        "workers](evaluate.md#beyond-one-machine). What that takes follows from what one "
        "core does. Figures were measured by `python -m tools.costs --measure`, which writes "
        "`docs/costs.json`; `python -m tools.costs` makes this page of it. What is computed "
        "from them, or simulated, says so."
    )
    yield ""
    yield (
        f"Measured on {m['cpu']}, {m['cores']} cores (load "
        f"{m['load']}), {m['memory_gb']} GB, {m['system']}; {used}. CPU time is what is told, "
        "the least of three rounds: it hardly depends on who else computes, though caches "
        "that are shared make it somewhat longer."
    )
    yield ""


def _networks(told: dict[str, Any]) -> Iterator[str]:
    yield "## A core, and a worker's memory"
    yield ""
    rows = [
        (
            r["network"],
            lane_words(r["lane"]),
            f"{r['cpu_ms']:.1f}",
            f"{1e3 / r['cpu_ms']:.0f}",
            f"{r['open_s']:.1f}",
            f"{r['first_mb']} → {r['last_mb']}",
        )
        for r in told["networks"]
    ]
    header = ("network", "lane", "ms a picture", "pictures/s a core",
              "start, s", "memory, MB")  # fmt: skip
    yield from table(header, named_once(rows))
    for r in told["absent"]:
        yield f"{r['network']}: {r['why']}."
        yield ""
    count = max(r["pictures"] for r in told["networks"])
    yield (
        "One worker, one engine thread, one core, pictures of 640 × 480 (JPEG). A picture is "
        "CPU time of reading, fitting, inference and decode, which for the source is done in "
        "numpy. Start: Python, imports, the bundle's hashes, the engine, and the "
        "first eight pictures, once a worker. Memory: resident after those eight, and after "
        f"{count} more: a worker keeps no picture and no result. A worker with several lanes "
        "reads a picture once for all of them, and has all their engines open."
    )
    yield ""


def _sizes(told: dict[str, Any]) -> Iterator[str]:
    yield "## The size of pictures"
    yield ""
    rows = [
        (size.replace("x", " × "), f"{r['cpu_ms']:.1f}") for size, r in told["pictures"].items()
    ]
    yield from table(("JPEG", "ms a picture"), rows)
    yield (
        "The cats' detector, its source. Decoding a large JPEG can take longer than a small "
        "network: where pictures are measured again and again, keep copies near the model's "
        "input size, made once, and hold the model to those."
    )
    yield ""


def _main(told: dict[str, Any]) -> Iterator[str]:
    many = told["whole"][1]
    feed, alone = many["feed_ms"], alone_ms(told)
    fastest = min(r["cpu_ms"] for r in told["networks"])
    yield "## The main process"
    yield ""
    yield (
        f"While workers run, it hands out pictures and keeps results, {feed:.2f} ms of CPU time a "
        f"result: so it keeps at most {fastest / feed:.0f} cores busy with the fastest lane above, "
        "and more with slower ones. Beyond that, `--shard I/N` gives each its own main process, "
        "and `--merge` joins what they found. Part of it is what Dask does by the second, so on "
        "a machine that is not as busy it is less. Before, it reads labels and sizes and hashes "
        "pictures, and "
        f"afterwards computes figures: {alone:.1f} ms a picture with {many['lanes']} lanes."
    )
    yield ""
    yield (
        f"On disk a result of the cats' detector takes {many['kept_kb']:.1f} kB and a file of its "
        "own."
    )
    yield ""
    yield from _memory(told["memory"])


def _memory(told: dict[str, Any]) -> Iterator[str]:
    """Its memory: measured by itself at times, so that it names its own machine."""
    rows, m = told["rows"], told["machine"]
    used = ", ".join(f"{n} {v}" for n, v in told["versions"].items() if v)
    yield "### Its memory"
    yield ""
    each, before = [], None
    for row in rows:
        more = "" if before is None else f"{_grown_kb(before, row):.1f}"
        each.append((f"{row['pictures']:,}", f"{row['peak_mb']:.0f}", more, f"{row['cpu_ms']:.1f}"))
        before = row
    header = ("pictures", "MB at most", "kB a picture more", "CPU ms a picture")
    yield from table(header, each)
    first, last = rows[0], rows[-1]
    kb = _grown_kb(first, last)
    yield (
        "`python -m tools.costs --memory`: drawn pictures of 64 × 64, each with one labelled "
        "object, two lanes with some six boxes in each, everything in one process; CPU time is of "
        "both lanes and of all else. What imports and engines take is in the first row. "
        f"Measured on {m['cpu']}, {m['cores']} cores (load {m['load']}), {m['memory_gb']} GB, "
        f"{m['system']}; {used}."
    )
    yield ""
    yield (
        "Labels are read a row at a time, and lie on disk like results, and like what precision "
        "follows from: of each box its score and whether it is right. Figures are taken of some "
        "pictures at a time. Held are the hash of each picture and where the rest lies, and, while "
        "the figures of a class are computed, its boxes. "
        f"From {first['pictures']:,} to {last['pictures']:,} pictures that is {kb:.1f} kB a "
        f"picture: a million like these would want {kb * MILLION / 1024**2:.1f} GB, computed. "
        "Sets with more boxes of one class want more; `--limit` takes a sample, spread evenly."
    )
    yield ""


def _grown_kb(few: dict[str, Any], many: dict[str, Any]) -> float:
    """Return how much memory one picture more takes, in kB."""
    mb = many["peak_mb"] - few["peak_mb"]
    return float(mb * 1024 / (many["pictures"] - few["pictures"]))


def _million(told: dict[str, Any]) -> Iterator[str]:
    yield "## 1,000,000 pictures, computed"
    yield ""
    feed, alone = told["whole"][1]["feed_ms"], alone_ms(told)
    rows = [
        (
            r["network"],
            lane_words(r["lane"]),
            *(f"{whole_s(r['cpu_ms'], feed, alone, n) / 3600:.1f} h" for n in WORKERS),
        )
        for r in told["networks"]
    ]
    header = ("network", "lane", *(f"{n} core{'s' if n > 1 else ''}" for n in WORKERS))
    yield from table(header, named_once(rows))
    limit, own, least = (
        duration(whole_s(0, *of, 1)) for of in ((feed, 0), (0, alone), (feed, alone))
    )
    yield (
        "Not run, but computed: a million times the CPU time above over so many cores like that "
        "one, "
        f"or what the main process takes to keep the results of one lane ({limit}), whichever is "
        f"longer; and what it does alone ({own}, as measured with two lanes). The start of workers "
        f"runs beside. With one main process it never takes less than {least}, on however many "
        "cores. Pictures are near, on a disk that makes nobody wait."
    )
    yield ""


def _delays(told: dict[str, Any]) -> Iterator[str]:
    yield "## Pictures from afar, simulated"
    yield ""
    base = told["delays"]["0"]["cpu_ms"]
    feed, alone = told["whole"][1]["feed_ms"], alone_ms(told)
    rows = []
    for ms, r in told["delays"].items():
        each = base + float(ms)
        rows.append(
            (
                f"{ms} ms",
                f"{each:.1f}",
                f"{r['wall_ms']:.1f}",
                duration(whole_s(each, feed, alone, 16)),
                f"{each / base:.1f}",
            )
        )
    header = ("delay of a picture", "ms, computed", "ms, by the clock", "a million, 16 workers",
              "workers a core that hide it")  # fmt: skip
    yield from table(header, rows)
    yield (
        "The delay is simulated: the worker sleeps before it reads a picture, as it would "
        "wait for an object store or a disk across a network. By the clock is what it then "
        "took here, with whatever else the machine did; computed is CPU time and delay. A "
        "worker reads one picture at a time, so it waits: start more workers than cores "
        "(`dask worker --nworkers`), as the last column says, and have memory for them. A "
        "delay of the scheduler itself is hidden, as each worker has four tasks of eight "
        "pictures under way."
    )
    yield ""


def _end() -> Iterator[str]:
    yield "## Reckoning your own"
    yield ""
    yield (
        "`mobilecat evaluate bundle --data photos --limit 200 --threads 1 --fresh` with "
        "`MOBILECAT_ENGINE_THREADS=1` in the environment says what a picture takes on your "
        "machine. Pictures × time ÷ cores is the wait; add a worker's start, and memory for "
        "each."
    )
    yield ""
