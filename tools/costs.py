"""What `evaluate` costs at scale, measured on this machine → docs/costs.md.

    python -m tools.costs --measure     measures, and writes docs/costs.json; some minutes
    python -m tools.costs --memory      measures what the main process takes of memory, alone;
                                        --counts 1000,10000; --keep FOLDER: its pictures stay there
    python -m tools.costs               writes docs/costs.md from it

Each network is run by one process, as one of Dask's workers runs it: one engine thread, one core,
eight pictures a task. CPU time is what counts, as it hardly depends on what else the machine does;
of several rounds over the same pictures the least one. A network whose file is not here is NOT_RUN.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import memory  # noqa: E402
from tools.costs_page import page  # noqa: E402

DATA = ROOT / "docs" / "costs.json"
PAGE = ROOT / "docs" / "costs.md"
NETWORKS = {
    "cats' faces, SSD MobileNetV2, 224": ROOT / "mobilecat" / "demo" / "cat_faces.toml",
    "YuNet, 640": ROOT / "examples" / "yunet" / "mobilecat.toml",
    "YOLOX-nano, 416": ROOT / "examples" / "yolox_nano" / "mobilecat.toml",
}
SIZES = ((160, 160), (640, 480), (1920, 1080))
ROUNDS = 3
PICTURES = 24
DELAYS_MS = (0, 20, 100)
GROWN = (1000, 10_000, 100_000)


def main() -> int:
    if sys.argv[1:2] == ["--worker"]:
        return as_worker(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5]))
    if sys.argv[1:2] == ["--whole"]:
        return as_main(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--memory", action="store_true", help="measure the main process's anew")
    parser.add_argument("--counts", default=",".join(map(str, GROWN)), help="of how many pictures")
    parser.add_argument("--keep", type=Path, help="draw into this folder, or use what is there")
    asked = parser.parse_args()
    if asked.measure or asked.memory:
        told = measured() if asked.measure else json.loads(DATA.read_text("utf-8"))
        counts = [int(n) for n in asked.counts.split(",")]
        told["memory"] = grown(counts, asked.keep)
        DATA.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(json.loads(DATA.read_text("utf-8"))), "utf-8")
    return 0


def grown(counts: Sequence[int], keep: Path | None) -> dict[str, Any]:
    """Return the most memory of an evaluation by its pictures, and what machine said so."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = keep or Path(folder)
        memory.prepare(home, max(counts))
        for n in counts:
            found = memory.told(home, n)
            row = {"pictures": n, "peak_mb": round(found["peak_mb"], 1)}
            rows.append({**row, "cpu_ms": round(found["cpu_ms"], 2)})
            print(f"memory: {rows[-1]}", file=sys.stderr, flush=True)
    return {"machine": machine(), "versions": versions(), "rows": rows}


def measured() -> dict[str, Any]:
    import mobilecat as mc

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for wh in SIZES:
            draw(home / _name(wh), PICTURES, wh)
        rows, absent = [], []
        for name, spec in NETWORKS.items():
            try:
                bundle = Path(mc.export(spec, home / spec.parent.name / spec.stem))
            except mc.MobileCatError as e:
                absent.append({"network": name, "why": f"NOT_RUN: {e.summary}"})
                continue
            for lane in ["source", *lanes_here(bundle)]:
                rows.append(row(name, bundle, lane, home / _name((640, 480))))
        first = home / "demo" / "cat_faces"
        pictures = {_name(wh): child(first, "source", home / _name(wh)) for wh in SIZES}
        slow = {
            str(ms): child(first, "source", home / _name((640, 480)), ms / 1e3) for ms in DELAYS_MS
        }
        draw(home / "many", 600, (160, 160))
        whole = [in_child("--whole", first, home / "many", n) for n in (200, 600)]
    return {
        "machine": machine(),
        "versions": versions(),
        "networks": rows,
        "absent": absent,
        "pictures": pictures,
        "delays": slow,
        "whole": whole,
    }


def lanes_here(bundle: Path) -> list[str]:
    """Return the artifacts' lanes that run on this system, and not in seconds a picture."""
    from mobilecat.bundle.cascade import open_any
    from mobilecat.lanes import lanes_of

    lanes = lanes_of(open_any(bundle), slow=False)
    return [lane.name for lane in lanes if lane.artifact is not None and not lane.apples]


def _name(wh: tuple[int, int]) -> str:
    return f"{wh[0]}x{wh[1]}"


def row(network: str, bundle: Path, lane: str, pictures: Path) -> dict[str, Any]:
    print(f"{network}: {lane}", file=sys.stderr, flush=True)
    return {"network": network, "lane": lane, **child(bundle, lane, pictures)}


def child(bundle: Path, lane: str, pictures: Path, delay: float = 0.0) -> dict[str, Any]:
    return in_child("--worker", lane, bundle, pictures, delay)


def in_child(*words: object) -> dict[str, Any]:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    if words[0] == "--worker":
        env["MOBILECAT_ENGINE_THREADS"] = "1"
    asked = [sys.executable, "-m", "tools.costs", *map(str, words)]
    done = subprocess.run(asked, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def draw(folder: Path, count: int, wh: tuple[int, int]) -> None:
    from PIL import Image

    from tools.render_cats import render_scene
    from tools.render_cats.files import entries, write_labels

    folder.mkdir()
    images = []
    for seed in range(count):
        scene = render_scene(seed, wh)
        Image.fromarray(scene.picture).save(folder / f"{seed:08d}.jpg", quality=95)
        images += entries(f"{seed:08d}.jpg", scene)
    write_labels(folder / "labels.json", images)


def as_worker(name: str, folder: Path, data: Path, delay: float) -> int:
    """Run pictures as a worker does, and print what that took, as JSON.

    delay: seconds that each picture takes to come, slept, as a disk far away would.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    from time import sleep

    from mobilecat.bundle.cascade import open_any
    from mobilecat.lanes.worker import home_of
    from mobilecat.measure.datasets import load_dataset
    from mobilecat.measure.evaluate import collect, spread

    read = collect.read_picture

    def slowly(path: Path) -> Any:
        sleep(delay)
        return read(path)

    if delay:
        collect.read_picture = slowly  # type: ignore[assignment]
    home = home_of(folder, open_any(folder), None)
    pictures = [(str(i), p, (name,)) for i, p in enumerate(load_dataset(data).pictures)]
    tasks = [
        spread.Task(home, {}, tuple(pictures[k : k + spread.AT_ONCE]))
        for k in range(0, len(pictures), spread.AT_ONCE)
    ]
    answer = spread.work(tasks[0])
    assert not answer.not_run, answer.not_run
    opened, at_first = process_time(), resident_mb()
    rounds = []
    for _ in range(ROUNDS):
        begun, clock = process_time(), perf_counter()
        for task in tasks:
            spread.work(task)
        rounds.append((process_time() - begun, perf_counter() - clock))
    cpu, wall = (min(r[i] for r in rounds) * 1e3 / len(pictures) for i in (0, 1))
    told = {
        "cpu_ms": round(cpu, 2),
        "wall_ms": round(wall, 2),
        "open_s": round(opened, 2),
        "first_mb": round(at_first),
        "last_mb": round(resident_mb()),
        "pictures": len(pictures) * ROUNDS,
    }
    print(json.dumps(told))
    return 0


def as_main(folder: Path, data: Path, count: int) -> int:
    """Evaluate on two local workers, and print what the main process alone took, as JSON."""
    import mobilecat as mc

    came: list[tuple[int, float]] = []

    def progress(said: str) -> None:
        words = said.split()
        if len(words) > 3 and words[0].isdigit() and words[1] == "of":
            came.append((int(words[0]), process_time()))

    with tempfile.TemporaryDirectory() as cache:
        done = mc.evaluate(
            folder,
            data,
            runner="onnx",
            limit=count,
            cache=cache,
            on="local",
            threads=2,
            progress=progress,
        )
        size = sum(p.stat().st_size for p in Path(cache).rglob("*.json"))
    own = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "pictures": count,
        "lanes": len(done.lanes),
        "cpu_s": round(own.ru_utime + own.ru_stime, 2),
        "feed_ms": round(
            (came[-1][1] - came[0][1]) * 1e3 / (came[-1][0] - came[0][0]) / len(done.lanes), 3
        ),
        "kept_kb": round(size / 1024 / count / len(done.lanes), 2),
    }
    print(json.dumps(told))
    return 0


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine() -> dict[str, Any]:
    from mobilecat.spread import cores

    named: Sequence[str] = []
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": named[0] if named else platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    from mobilecat.disk.origin import version_of

    return {n: version_of(n) for n in ("onnxruntime", "ai-edge-litert", "distributed", "pillow")}


if __name__ == "__main__":
    sys.exit(main())
