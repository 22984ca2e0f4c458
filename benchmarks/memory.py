"""What `evaluate` takes of memory as pictures grow in number: each count in a process of its own.

    python benchmarks/memory.py [--counts 1000,10000,100000] [--keep FOLDER]

Pictures are drawn (64 × 64, no two alike) into a folder of their own, and run by a tiny detector
with two lanes. Said of each count: the most memory of the process, its time, and what one picture
more added. What imports and engines take is in the first count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from kept import keep  # noqa: E402

SIDE = 64


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        return one(Path(sys.argv[2]), int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="1000,10000")
    parser.add_argument("--keep", type=Path, help="draw into this folder, or use what is there")
    asked = parser.parse_args()
    counts = [int(n) for n in asked.counts.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        home = asked.keep or Path(scratch)
        prepare(home, max(counts))
        before: tuple[int, float] | None = None
        told_kb: dict[str, float] = {}
        for count in counts:
            found = told(home, count)
            more = ""
            if before is not None:
                grown = (found["peak_mb"] - before[1]) / (count - before[0]) * 1024
                told_kb[f"evaluate, {before[0]} to {count} pictures: kB a picture"] = grown
                more = f", {grown:.1f} kB a picture more than with {before[0]}"
            before = count, found["peak_mb"]
            print(
                f"{count} pictures, {found['lanes']} lanes: {found['peak_mb']:.0f} MB at most, "
                f"{found['seconds']:.0f} s, {found['cpu_ms']:.2f} ms of CPU a picture{more}",
                flush=True,
            )
        print("\n".join(["", *keep("memory", told_kb)]))
    return 0


def told(home: Path, count: int) -> dict[str, Any]:
    """Return what one evaluation of so many of the pictures took, in a process of its own.

    The labels are written here: to make them takes 1 kB a picture, which is no part of it.
    """
    write_labels(home, count)
    words = [sys.executable, __file__, "--one", str(home), str(count)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare(home: Path, count: int) -> None:
    """Draw pictures and labels, and export the detector, where they are not there yet."""
    import mobilecat as mc
    from tests.tiny import save_yunet_like, yunet_like_spec

    pictures = home / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    images = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        x, y, w, h = (int(v) for v in (*rng.integers(4, 24, 2), *rng.integers(16, 32, 2)))
        name = f"{seed:08d}.png"
        if not (pictures / name).is_file():
            pixels = np.full((SIDE, SIDE, 3), rng.integers(0, 90, 3), np.uint8)
            pixels[y : y + h, x : x + w] = rng.integers(120, 255, 3)
            pixels[0, :4] = rng.integers(0, 255, (4, 3))  # no two pictures have one hash
            Image.fromarray(pixels).save(pictures / name, compress_level=1)
        images.append([name, [x, y, w, h]])
    (home / "images.json").write_text(json.dumps(images))
    if not (home / "bundle").is_dir():
        save_yunet_like(home / "tiny.onnx", (SIDE, SIDE))
        text = yunet_like_spec(Path("tiny.onnx")).replace('["face"]', '["cat face"]')
        (home / "spec.toml").write_text(text.replace("96, 64", f"{SIDE}, {SIDE}"))
        mc.export(home / "spec.toml", home / "bundle")


def labels_of(home: Path, count: int) -> Path:
    return home / "pictures" / f"labels{count}.json"


def write_labels(home: Path, count: int) -> None:
    """Write the first so many pictures' labels, as COCO has them."""
    images = json.loads((home / "images.json").read_text())[:count]
    coco = {
        "images": [
            {"id": i, "file_name": name, "width": SIDE, "height": SIDE}
            for i, (name, _) in enumerate(images)
        ],
        "annotations": [
            {"id": i + 1, "image_id": i, "category_id": 1, "bbox": box, "iscrowd": 0,
             "area": box[2] * box[3]}
            for i, (_, box) in enumerate(images)
        ],
        "categories": [{"id": 1, "name": "cat face"}],
    }  # fmt: skip
    labels_of(home, count).write_text(json.dumps(coco))


def peak_mb() -> float:
    """Return the most memory of this process. `ru_maxrss` is its parent's where that had more."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def one(home: Path, count: int) -> int:
    import mobilecat as mc

    labels = labels_of(home, count)
    with tempfile.TemporaryDirectory(dir=home) as cache:
        start, before = perf_counter(), process_time()
        done = mc.evaluate(home / "bundle", labels, cache=cache)
        seconds, cpu = perf_counter() - start, process_time() - before
    found = {
        "peak_mb": peak_mb(),
        "seconds": seconds,
        "cpu_ms": cpu * 1e3 / count,
        "lanes": len(done.lanes),
    }
    assert done.pictures == count
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
