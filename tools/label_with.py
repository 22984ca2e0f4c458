"""Label pictures with what a bundle's source model finds, as COCO JSON.

    python -m tools.label_with BUNDLE OUT.json PICTURE_OR_FOLDER... --score 0.5

Where nobody has labelled, one model's findings can stand in to compare the artifacts of another:
mAP against them says how far two models agree, not how good either is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from mobilecat.bundle import open_bundle
from mobilecat.disk import write_text
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError
from mobilecat.lanes import Lane, NotRun, detect, open_lane
from mobilecat.measure.datasets.base import PICTURES
from mobilecat.pictures.reading import read_picture


def label_with(folder: Path, pictures: list[Path], out: Path, score: float) -> int:
    """Write the labels of `pictures`, named from the folder of `out`; return how many boxes."""
    bundle = open_bundle(folder)
    source = open_lane(folder, bundle, Lane("source"))
    images, rows = [], []
    for number, path in enumerate(pictures):
        picture = read_picture(path)
        name = os.path.relpath(path, out.parent)
        width, height = picture.size
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        found = detect(source, bundle, picture)
        for box, value, class_id in zip(
            found.boxes_xyxy, found.scores, found.class_ids, strict=True
        ):
            if value >= score:
                x1, y1, x2, y2 = (round(float(v), 2) for v in box)
                bbox = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
                rows.append({"image_id": number, "category_id": int(class_id), "bbox": bbox})
    categories = [{"id": i, "name": name} for i, name in enumerate(bundle.spec.labels)]
    value = {"images": images, "categories": categories, "annotations": rows}
    write_text(out, json.dumps(value, indent=1) + "\n")
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--score", type=float, default=0.5, help="lowest score that is a label")
    given = parser.parse_args()
    if absent := [str(p) for p in given.pictures if not p.exists()]:
        sys.exit(f"label_with: not found: {', '.join(absent)}")
    found = [q for p in given.pictures for q in (sorted(p.iterdir()) if p.is_dir() else [p])]
    pictures = [p.resolve() for p in found if p.suffix.lower() in PICTURES]
    try:
        require_outputs({"out": given.out})
        boxes = label_with(given.bundle, pictures, given.out.resolve(), given.score)
    except (MobileCatError, NotRun) as e:
        sys.exit(f"label_with: {e}")
    print(f"wrote {given.out}: {len(pictures)} pictures, {boxes} boxes")


if __name__ == "__main__":
    main()
