"""The table of docs/placement.md: models of the examples and the demo, by the public rules.

    python -m tools.placement_table [--data FOLDER]

FOLDER has the published models (`shared/data/models`). Where one is not there, it is NOT_RUN, and
the table stays as it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import mobilecat as mc
from mobilecat.demo import DETECTOR, LANDMARKS
from mobilecat.disk import write_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "placement.md"
BEGIN, END = "<!-- made by tools/placement_table.py -->", "<!-- end -->"
EXAMPLES = ROOT / "examples"
MODELS = {
    "YuNet (640×640)": (EXAMPLES / "yunet" / "mobilecat.toml", "face_detection_yunet_2023mar.onnx"),
    "YOLOv5n (640×640)": (EXAMPLES / "yolov5n" / "mobilecat.toml", "yolov5n.onnx"),
    "cat faces, SSD (224×224)": (DETECTOR, ""),
    "cat landmarks (128×128)": (LANDMARKS, ""),
}
KINDS = (".tflite", ".mlpackage")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "models")
    data = parser.parse_args().data
    rows = []
    for name, (spec, model) in MODELS.items():
        source = data / model if model else None
        if source is not None and not source.is_file():
            print(f"NOT_RUN  {name}: {source} is not here")
            return 1
        out = ROOT / "build" / "placement" / spec.parent.name / spec.stem
        made = mc.export(spec, out, source=source)
        files = [a.file for a in made.bundle.artifacts if a.file.endswith(KINDS)]
        for file in files:
            rows += row(name, out / file)
            print(f"{name}: {file}")
    head = (
        "| model | unit | ops | taken | unknown | refused | parts | largest part | "
        "what is mended most cheaply | G multiply-adds | MB moved |\n" + "|---" * 11 + "|"
    )
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    write_text(PAGE, f"{before}{BEGIN}\n\n{head}\n{chr(10).join(rows)}\n\n{END}{after}")
    return 0


def row(name: str, path: Path) -> list[str]:
    (file,) = mc.place(path).files
    said = []
    for u in file.units:
        if u.unit.retired:
            continue
        counts = " | ".join(str(u.count(v)) for v in ("taken", "unknown", "refused"))
        mended = "–"
        if u.breaks:
            b = u.breaks[0]
            parts = f"{b.without[0]} part{'s' * (b.without[0] != 1)}"
            mended = f"{b.name} ({b.ops}): then {parts}, {100 * b.without[1]:.0f}%"
        said.append(
            f"| {name} {path.suffix} | {u.unit.title} | {len(file.operations)} | {counts} | "
            f"{len(u.parts)} | {u.largest.ops} ops, {100 * u.share:.0f}% | {mended} | "
            f"{file.macs / 1e9:.2f} | {file.bytes / 1e6:.0f} |"
        )
    return said


if __name__ == "__main__":
    sys.exit(main())
