"""Write drawn scenes and their labels.json, or the golden set. The package's docstring says how."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.render_cats import render_scene  # noqa: E402
from tools.render_cats.files import entries, write_golden, write_labels  # noqa: E402


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not (cross and width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 32):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT of at least 32x32")
    return int(width), int(height)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.render_cats", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, help="folder to write into")
    parser.add_argument("--count", type=_count, default=12, help="scenes (12)")
    parser.add_argument("--seed", type=_count, default=0, help="seed of the first scene (0)")
    parser.add_argument("--size", type=_size, default=(320, 320), help="WIDTHxHEIGHT (320x320)")
    parser.add_argument("--faces", type=int, choices=range(6), help="faces a scene (any number)")
    parser.add_argument("--style", choices=("photo", "book", "chart"), default="photo")
    parser.add_argument("--format", choices=("png", "jpg"), default="jpg", help="(jpg)")
    parser.add_argument("--golden", action="store_true", help="the demo's pictures instead")
    given = parser.parse_args()
    if given.golden:
        folder = given.out or ROOT / "mobilecat" / "demo"
        write_golden(folder)
        print(f"wrote {folder}")
        return
    if given.out is None:
        parser.error("name the folder to write into, or --golden")
    from PIL import Image

    given.out.mkdir(parents=True, exist_ok=True)
    images = []
    for seed in range(given.seed, given.seed + given.count):
        name = f"{seed:08d}.{given.format}"
        scene = render_scene(seed, given.size, given.faces, style=given.style)
        Image.fromarray(scene.picture).save(given.out / name, quality=95)
        images += entries(name, scene)
    write_labels(given.out / "labels.json", images)
    print(f"wrote {given.count} scenes and labels.json to {given.out}")


if __name__ == "__main__":
    main()
