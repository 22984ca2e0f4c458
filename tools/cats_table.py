"""YOLO networks over photos of cats, from every artifact, held to the source decoded in numpy.

Usage: python tools/cats_table.py [--only NAME] [--step N] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecat.compile import export
from mobilecat.formats.coreai.dialect import missing
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import Spec, spec_from_text

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from systems_table import NOT_HERE, TARGETS, Agreement, compare  # noqa: E402

NAMES = ("yolov3_tiny", "yolov5n", "yolox_nano")
LIMIT_PX = 1.0


@dataclass
class Found:
    """cats: photos in which an artifact finds one above the example's threshold, 0.3."""

    cats: int
    agreement: Agreement


def spec_of(name: str) -> Spec:
    """Return the example's spec with every target in float32, the `vision` contract too; an
    .aimodel where coreai-core is installed."""
    folder = HERE.parent / "examples" / name
    text = (folder / "mobilecat.toml").read_text("utf-8")
    made = [text for column, text in TARGETS.items() if column != ".aimodel" or not missing()]
    targets = "\n".join(made).replace('"vision"', '"vision"\nname = "vision"')
    return spec_from_text(text[: text.index("[[targets.")] + targets, folder=folder)


def measure(name: str, data: Path, photos: list[Path], folder: Path) -> dict[str, Found]:
    """Return what each artifact finds and how far it is from `source`, in px of its input."""
    spec = spec_of(name)
    assert spec.input is not None
    cat = spec.labels.index("cat")
    bundle = export(spec, folder, source=data / "models" / f"{name}.onnx").bundle
    lanes = [a for a in lanes_of(bundle) if a.name == "source" or a.runner not in NOT_HERE]
    runners = {lane.name: open_lane(folder, bundle, lane) for lane in lanes}
    found = {n: Found(0, Agreement()) for n in runners}
    for photo in photos:
        pixels, _ = fit_picture(read_picture(photo), spec.input)
        results = {n: runner.infer({"image": pixels}) for n, runner in runners.items()}
        for n, got in results.items():
            rows = int(np.ravel(got["count"])[0])
            found[n].cats += bool((got["class_ids"].reshape(-1)[:rows] == cat).any())
            found[n].agreement.add(compare(spec, results["source"], got))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name contains this")
    parser.add_argument("--step", type=int, default=1, help="every N-th photo")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    args = parser.parse_args()
    photos = sorted((args.data / "cats").glob("*.jpg"))[:: args.step]
    if not photos:
        print(f"NOT_RUN: no photos in {args.data / 'cats'}")
        return 3
    print("| network | artifact | photos with a cat | detections | without partner | largest px |")
    print("|---|---|---|---|---|---|")
    failed = False
    for name in (n for n in NAMES if args.only in n):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(name, args.data, photos, Path(folder) / "bundle")
        for lane, f in found.items():
            a = f.agreement
            figures = f"{a.detections} | {a.unmatched} | {a.boxes_px:.6f} |"
            print(f"| {name} | {lane} | {f.cats} of {len(photos)} | {figures}", flush=True)
            failed |= bool(a.unmatched) or a.boxes_px > LIMIT_PX
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
