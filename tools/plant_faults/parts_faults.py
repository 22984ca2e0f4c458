"""Faults of poses and masks, in seeded YOLOv8-pose-like and YOLOv8-seg-like networks.

`python -m tools.plant_faults.parts_faults [--formats tflite,…]` plants every one in every format
and prints a line each. Exit code 1 where one was missed, or where the true artifact does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.compile import export
from mobilecat.demo import FOLDER
from mobilecat.formats.importing import import_model
from mobilecat.graph import shape_of
from mobilecat.review.approve import approve, record
from mobilecat.spec import ImageSpec, Spec, spec_from_text
from tools.plant_faults.changes import Edit, columns, graph, head, through, times, unary
from tools.plant_faults.edit import Editor
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import ROOT, TARGETS
from tools.plant_faults.run import Row, try_fault
from tools.plant_faults.workshop import FORMATS, Model, Mutant, stage_of, writable

SIZE, POINTS, COEFFICIENTS, CLASSES = (160, 128), 17, 32, 3
GRID = (SIZE[1] // 4, SIZE[0] // 4)
NETS = {"pose": "yolov8_pose", "masks": "yolov8_seg"}
PICTURES = ("one_at_night", "two_on_a_sofa")
LEFT_RIGHT = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
"""COCO's points with left and right exchanged."""


def spec_of(name: str) -> Spec:
    return spec_from_text(
        f"""
name = "{name}"
source = "-"
input = {{ size = {list(SIZE)}, range = [0, 1], resize = "letterbox", pad = 114 }}
head = {{ kind = "{name}" }}
nms = {{ score_threshold = 0.05, iou_threshold = 0.45, max_detections = 8 }}
{TARGETS}"""
    )


def made(name: str, root: Path) -> Model:
    """Export the network, and approve what its source gives for the demo's pictures."""
    sys.path.insert(0, str(ROOT / "tools"))
    import parts_nets

    spec, source = spec_of(name), root / f"{name}-net.onnx"
    assert isinstance(spec.input, ImageSpec)
    pictures = [FOLDER / "pictures" / f"{p}.png" for p in PICTURES]
    parts_nets.build(NETS[name], spec.input, pictures, source)
    exported = export(spec, root / name, source=source)
    network = import_model(source, dict(exported.bundle.source.shapes))
    model = Model(name, source, root / name, root / "golden", network, exported.bundle)
    with writable():
        for picture in pictures:
            record(model.folder, model.golden, picture, source=source)
        approve(model.folder, model.golden, every=True)
    return model


def holds(model: Model, format: str, folder: Path) -> tuple[str, str]:
    """Return the stage at which the true artifact fails, `held` where it does not."""
    true = Mutant(model, format, folder)
    true.finish()
    return stage_of(true)


def rolled(n: int, by: int = 1) -> list[int]:
    return np.roll(np.arange(n), by).tolist()


def neighbours(name: str) -> Edit:
    """Each row of a candidate's value is the row's before it."""

    def edit(e: Editor) -> None:
        n = shape_of(e.value(name))[1]
        e.through(name, columns(rolled(n), axis=1))

    return edit


def of_the_next_box(e: Editor) -> None:
    """Each mask is cropped with the box of the detection behind it."""
    for name in ("low_x", "high_x", "low_y", "high_y"):
        e.feed(f"nms/{name}", 0, columns(rolled(8, -1), axis=1))


def not_cropped(e: Editor) -> None:
    sure = e.value("masks/sure")
    e.through("masks", lambda e, _: e.op("Mul", sure, np.array(1, np.float32)))


def crossed_crop(e: Editor) -> None:
    """The crop takes y for x."""
    e.feed("nms/low_x", 0, columns([1, 0, 3, 2]))
    e.feed("nms/high_x", 0, columns([1, 0, 3, 2]))


def read_by_columns(e: Editor, v: ir.Value) -> ir.Value:
    """The grid's numbers are taken column by column."""
    rows, cols = GRID
    turned = e.op("Reshape", v, np.array([1, 8, cols, rows]))
    return e.op("Transpose", turned, perm=[0, 1, 3, 2])


def grid_columns(order: Sequence[int]) -> list[int]:
    """Return the order of a flat grid whose columns come in `order`."""
    cells = np.arange(GRID[0] * GRID[1]).reshape(GRID)
    return cells[:, list(order)].reshape(-1).tolist()


_MARKS, _SEEN, _TABLE = (
    "decode/candidate_landmarks",
    "decode/candidate_landmark_scores",
    "decode/points",
)
_FACTORS, _FLAT = f"decode/row.from_{4 + CLASSES}", "masks/flat"
_POSE, _MASKS = ("pose",), ("masks",)


def _pairs(order: Sequence[int]) -> list[int]:
    return [2 * k + i for k in order for i in (0, 1)]


PARTS_FAULTS = (
    Fault("visibility taken for x", "candidates", _POSE, through(_TABLE, columns([2, 1, 0]))),
    Fault("y, x for x, y of points", "candidates", _POSE, through(_TABLE, columns([1, 0, 2]))),
    Fault(
        "points read as all x, all y, all visibility",
        "candidates",
        _POSE,
        through(
            "decode/row.from_5",
            columns(np.arange(3 * POINTS).reshape(POINTS, 3).T.reshape(-1).tolist()),
        ),
    ),
    Fault("visibility's sigmoid a second time", "candidates", _POSE, head(visibility="logit")),
    Fault("stride on visibility", "candidates", _POSE, through(_SEEN, times(8))),
    Fault(
        "left and right points exchanged",
        "candidates",
        _POSE,
        through(_MARKS, columns(_pairs(LEFT_RIGHT))),
    ),
    Fault(
        "left and right exchanged in visibility alone",
        "candidates",
        _POSE,
        through(_SEEN, columns(LEFT_RIGHT)),
    ),
    Fault("points of the row before", "candidates", _POSE, graph(neighbours(_MARKS))),
    Fault("visibility of the row before", "candidates", _POSE, graph(neighbours(_SEEN))),
    Fault("visibility of the point before", "candidates", _POSE,
          through(_SEEN, columns(rolled(17)))),
    Fault("points in 0–1 for pixels", "candidates", _POSE, head(units="normalised")),
    Fault(
        "points mirrored after NMS",
        "detections",
        _POSE,
        through("landmarks", columns(LEFT_RIGHT, axis=2)),
    ),
    Fault(
        "visibility of the next detection after NMS",
        "detections",
        _POSE,
        through("landmark_scores", columns([1, 0, *range(2, 8)], axis=1)),
    ),
    Fault("visibility squared after NMS", "detections", _POSE,
          through("landmark_scores", lambda e, v: e.op("Mul", v, v))),
    Fault("coefficients of the row before", "candidates", _MASKS, graph(neighbours(_FACTORS))),
    Fault("coefficients one column on", "candidates", _MASKS,
          through(_FACTORS, columns(rolled(COEFFICIENTS)))),
    Fault("tanh on the coefficients", "candidates", _MASKS, through(_FACTORS, unary("Tanh"))),
    Fault("prototypes in another order", "detections", _MASKS,
          through(_FLAT, columns(list(range(COEFFICIENTS))[::-1], axis=1))),
    Fault("prototypes transposed", "detections", _MASKS, through("masks/grids", read_by_columns)),
    Fault("prototypes mirrored", "detections", _MASKS,
          through(_FLAT, columns(grid_columns(range(GRID[1])[::-1])))),
    Fault("prototypes one pixel to the right", "detections", _MASKS,
          through(_FLAT, columns(grid_columns(rolled(GRID[1]))))),
    Fault("mask cropped with the box of the next", "detections", _MASKS, graph(of_the_next_box)),
    Fault("mask not cropped", "detections", _MASKS, graph(not_cropped)),
    Fault("mask cropped with y for x", "detections", _MASKS, graph(crossed_crop)),
    Fault("sigmoid of the mask left out", "detections", _MASKS,
          graph(lambda e: e.skip("masks/sure"))),
    Fault("masks of the detection before", "detections", _MASKS,
          through("masks", columns(rolled(8), axis=1))),
    Fault("masks upside down", "detections", _MASKS,
          through("masks", columns(list(range(GRID[0]))[::-1], axis=2))),
)  # fmt: skip
"""In the graph before it is lowered, in one artifact alone; the source gives what is right."""


def try_all(formats: Sequence[str], root: Path) -> list[Row]:
    """Return a row for each true artifact and each fault in each format."""
    rows = []
    for name in NETS:
        model = made(name, root)
        for format in formats:
            stage, detail = holds(model, format, root / "mutant")
            verdict = "held" if stage == "held" else "alarm"
            rows.append(Row("(true)", f"{name}.{format}", "held", stage, verdict, detail))
            for fault in PARTS_FAULTS:
                if name in fault.models:
                    rows.append(try_fault(fault, model, format, root / "mutant"))
                    print(f"{rows[-1].artifact}: {fault.name}: {rows[-1].verdict}", flush=True)
    return rows


def page(rows: Sequence[Row], formats: Sequence[str]) -> str:
    """Return docs/planted_parts.md."""
    caught = {(r.name, r.artifact.partition(".")[2]): r for r in rows}
    lines = []
    for fault in PARTS_FAULTS:
        cells = [caught[fault.name, f].verdict for f in formats]
        lines.append(f"| {fault.models[0]} | {fault.name} | {fault.stage} | {' | '.join(cells)} |")
    done = [r for r in rows if r.name != "(true)"]
    head = f"| head | fault | must show in | {' | '.join('.' + f for f in formats)} |"
    return f"""# Faults of poses and masks

Planted in one artifact alone, each format, of a YOLOv8-pose-like and a YOLOv8-seg-like network of
{SIZE[0]}×{SIZE[1]} (`tools/parts_nets.py`: seeded, the published structure, narrow); goldens of
two pictures of the demo. {sum(r.ok for r in done)} of {len(done)} caught at the stage foretold; the
true artifacts hold. Made by `python -m tools.plant_faults.parts_faults` with `--out`.

{head}
|{"---|" * (3 + len(formats))}
{chr(10).join(lines)}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a page of what was caught")
    args = parser.parse_args()
    formats = tuple(args.formats.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        rows = try_all(formats, Path(temporary))
    for row in rows:
        if not row.ok:
            said = f"expected {row.expected}, found {row.found}; {row.detail[:200]}"
            print(f"{row.artifact}: {row.name}: {row.verdict}: {said}")
    if args.out:
        args.out.write_text(page(rows, formats), encoding="utf-8")
    caught = sum(r.verdict == "caught" for r in rows)
    print(f"{caught} of {sum(r.name != '(true)' for r in rows)} caught at the stage foretold")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
