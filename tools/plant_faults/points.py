"""Faults of landmark, classification and segmentation heads, and of the crop between two models.

    python -m tools.plant_faults.points [--only WORD] [--out docs/planted_faults_points.md]

Each is planted in one artifact alone (or in what one lane does between two models), in every format
and in both precisions of an ML Program, and held to goldens of the true source. Exits with 1 where
one is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compile import export
from mobilecat.compile.cascade import export_cascade
from mobilecat.formats.importing import import_model
from mobilecat.judge.run import validate
from mobilecat.lanes import open_lane
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text
from tools.hand_nets import save_all
from tools.plant_faults.changes import Plant, columns, graph, head, through, times
from tools.plant_faults.edit import Editor
from tools.plant_faults.workshop import Model, Mutant, stage_of, writable
from tools.point_nets import HEADS, save_net, save_pictures, spec_text

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ("mlpackage", "half.mlpackage", "mlmodel", "tflite", "onnx")
TARGETS = """
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
precision = "float16"
name = "{name}.half"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""


@dataclass(frozen=True)
class PointFault:
    """name: what is wrong. model: of HEADS. plant: into one artifact."""

    name: str
    model: str
    plant: Plant


def _exchanged(node: str) -> Plant:
    return graph(lambda e: e.swap_inputs(node, 0, 1))


def _next_bin(e: Editor) -> None:
    for axis in ("x", "y"):
        e.through(f"decode/{axis}_bin", lambda e, v: e.op("Add", v, np.array(1, np.float32)))


def _higher_score(e: Editor) -> None:
    a, b = e.node("decode/lower").inputs
    e.through("decode/lower", lambda e, _: e.op("Max", a, b))  # type: ignore[arg-type]


def _before_softmax(e: Editor) -> None:
    row = e.value("decode/row")
    e.through("decode/all_scores", lambda e, _: e.op("Mul", row, np.array(1, np.float32)))


FAULTS = (
    PointFault("the quarter of a cell left out", "heatmap", head(method="argmax")),
    PointFault("the quarter towards the lower neighbour", "heatmap",
               graph(lambda e: [e.swap_inputs(f"decode/{a}_sign", 0, 1) for a in "xy"])),
    PointFault("half a cell for a quarter", "heatmap", graph(
               lambda e: [e.set_const(f"decode/{a}_quarter", 1, lambda v: v * 2) for a in "xy"])),
    PointFault("x and y of a point exchanged", "heatmap", _exchanged("decode/points")),
    PointFault("half a cell added", "heatmap", head(grid="half-pixel")),
    PointFault("aligned corners for the stride", "heatmap", head(grid="align-corners")),
    PointFault("point scores of the next point", "heatmap",
               through("decode/candidate_landmark_scores", columns([*range(1, 17), 0]))),
    PointFault("left and right points exchanged", "heatmap",
               through("decode/candidate_landmarks", columns([*range(32, 34), *range(32)]))),
    PointFault("a sigmoid over maps that have it", "heatmap", head(activation="sigmoid")),
    PointFault("DARK without its offset", "dark", head(method="argmax")),
    PointFault("DARK's offset the other way", "dark", graph(
               lambda e: [e.swap_inputs(f"decode/d{a}_top", 0, 1) for a in "xy"])),
    PointFault("DARK without its blur", "dark", graph(lambda e: e.feed(
               "decode/at_least", 0, lambda e, _: e.value("heatmaps")))),
    PointFault("DARK's mixed curvature left out", "dark", through("decode/slope_11", times(0.0))),
    PointFault("a quarter for DARK", "dark", head(method="quarter")),
    PointFault("the softmax not sharpened", "soft", head(beta=1.0)),
    PointFault("the highest cell for the mean", "soft", head(method="argmax")),
    PointFault("cells counted from 1", "soft", graph(
               lambda e: e.set_const("decode/x_weighed", 1, lambda v: v + 1))),
    PointFault("bins of x and y exchanged", "simcc", head(x="y", y="x")),
    PointFault("bins off by one", "simcc", graph(_next_bin)),
    PointFault("one bin a pixel for two", "simcc", head(split=1.0)),
    PointFault("the higher of both scores", "simcc", graph(_higher_score)),
    PointFault("a softmax over bins that need none", "simcc", head(activation="softmax")),
    PointFault("visibility from the column of x", "rows", graph(lambda e: [
               e.set_const("decode/seen", i, lambda v: v - 3) for i in (1, 2)])),
    PointFault("presence for visibility", "rows", head(visibility=4)),
    PointFault("visibility without the sigmoid", "rows", head(visibility_activation="none")),
    PointFault("y before x", "rows", head(order="yx")),
    PointFault("pixels for shares", "rows", head(units="normalised")),
    PointFault("logits before the softmax", "classes", graph(_before_softmax)),
    PointFault("a sigmoid for the softmax", "classes", head(activation="sigmoid")),
    PointFault("classes in another order", "classes",
               through("decode/candidate_scores", columns([*range(1, 20), 0]))),
    PointFault("the background's column for the first class", "classes", graph(lambda e: [
               e.set_const("decode/candidate_scores", i, lambda v: v - 1) for i in (1, 2)])),
    PointFault("classes rolled by one", "segments", through("decode/classes",
               lambda e, v: e.op("Sub", v, np.array(1, np.float32)))),
    PointFault("aligned corners for half pixels", "segments", head(upsample="align-corners")),
    PointFault("the nearest cell for a bilinear map", "segments",
               graph(lambda e: e.set_attr("decode/drawn_out", "mode", "nearest"))),
    PointFault("the lowest score for the highest", "segments", graph(
               lambda e: e.feed("decode/best", 0, times(-1.0)))),
    PointFault("the class map mirrored", "segments", through("class_map", lambda e, v: e.op(
               "Gather", v, np.arange(127, -1, -1), axis=2))),
)  # fmt: skip


def _turned(**keys: Any) -> Callable[[CascadeBundle], CascadeBundle]:
    def change(bundle: CascadeBundle) -> CascadeBundle:
        crop, rotation = bundle.file.crop, bundle.file.crop.rotation
        assert rotation is not None
        inner = {k: v for k, v in keys.items() if k in type(rotation).model_fields}
        outer = {k: v for k, v in keys.items() if k not in inner}
        crop = crop.model_copy(
            update={**outer, "rotation": rotation.model_copy(update=inner) if inner else rotation}
        )
        file = bundle.file.model_copy(update={"crop": crop})
        return bundle.model_copy(update={"file": file})

    return change


CROPS = {
    "the crop turned by half a turn": _turned(start=2, end=0),
    "the crop turned by a quarter": _turned(target_degrees=0.0),
    "the crop turned a degree too far": _turned(target_degrees=91.0),
    "the crop not shifted": _turned(shift=(0.0, 0.0)),
    "the crop shifted the other way": _turned(shift=(0.0, 0.5)),
    "the crop shifted along x": _turned(shift=(-0.5, 0.0)),
    "the crop a twentieth too large": _turned(scale=2.73),
    "the crop made of the points": _turned(about="points"),
    "the crop turned by another landmark": _turned(end=3),
    "the crop not squared": _turned(square=False),
    "the crop not turned": lambda b: b.model_copy(
        update={
            "file": b.file.model_copy(
                update={"crop": b.file.crop.model_copy(update={"rotation": None})}
            )
        }
    ),
}


@dataclass(frozen=True)
class Found:
    """What became of one fault in one artifact."""

    name: str
    where: str
    stage: str
    detail: str

    @property
    def caught(self) -> bool:
        return self.stage not in ("held", "short")


def make_model(name: str, root: Path) -> Model:
    """Export a network of HEADS, and approve what its source gives for two pictures."""
    source = save_net(root / f"{name}.onnx", name)
    spec = spec_from_text(spec_text(name, source, TARGETS.format(name=name)))
    exported = export(spec, root / name, source=source)
    golden = root / "golden"
    network = import_model(source, dict(exported.bundle.source.shapes))
    for picture in save_pictures(root):
        record(root / name, golden, picture, source=source)
    approve(root / name, golden, every=True)
    model = Model(name, source, root / name, golden, network, exported.bundle)
    for format in FORMATS:
        true = Mutant(model, format, root / "true")
        true.finish()
        stage, detail = stage_of(true)
        if stage != "held":
            raise SystemExit(f"{true.file} does not hold without any fault: {stage}: {detail}")
    return model


def plant(fault: PointFault, model: Model, format: str, root: Path) -> Found:
    mutant = Mutant(model, format, root / "mutant")
    fault.plant(mutant)
    mutant.finish()
    return Found(fault.name, mutant.file, *stage_of(mutant))


def crop_faults(root: Path, word: str = "") -> Iterator[Found]:
    """Plant each in what the lane onnx does between palm and hand."""
    out = root / "hands"
    export_cascade(save_all(root), out)
    record(out, root / "golden", root / "hands.png")
    approve(out, root / "golden", every=True)
    if not validate(out, root / "golden", runner="onnx").held:
        raise SystemExit("the hands do not hold without any fault")
    for name, change in CROPS.items():
        if word not in name:
            continue

        def wrong(folder: Path, bundle: Any, *rest: Any, change: Any = change) -> Any:
            return open_lane(folder, change(bundle), *rest)

        report = validate(out, root / "golden", runner="onnx", opener=wrong, write_pending=False)
        first = report.failed[0].check if report.failed else None
        yield Found(
            name,
            "hands (onnx)",
            first.stage if first else "held",
            f"{first.name} {first.value or 0:.3g} > {first.limit or 0:g}" if first else "",
        )


def page(found: list[Found]) -> str:
    caught = sum(f.caught for f in found)
    names = dict.fromkeys(f.name for f in found)
    lines = [
        "# Faults planted in landmarks, classes, class maps and turned crops",
        "",
        f"{caught} of {len(found)} are caught: {len(names)} faults, those of heads in "
        f"{', '.join(FORMATS)}.",
        "`python -m tools.plant_faults.points` plants them, in seeded networks "
        "(`tools/point_nets.py`,",
        "`tools/hand_nets.py`), and writes this page. A fault is in one artifact alone, or in what "
        "one lane",
        "does between two models; goldens are of the true source.",
        "",
        "| fault | in | caught at | first said |",
        "|---|---|---|---|",
    ]
    for name in names:
        rows = [f for f in found if f.name == name]
        missed = [f.where for f in rows if not f.caught]
        stages = ", ".join(dict.fromkeys(f.stage for f in rows if f.caught)) or "–"
        where = rows[0].where.split(".")[0] + (f", {len(rows)} files" if len(rows) > 1 else "")
        said = f"MISSED in {', '.join(missed)}" if missed else rows[0].detail[:90].replace("|", "/")
        lines.append(f"| {name} | {where} | {stages} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="those with this in their name; writes no page")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "planted_faults_points.md")
    args = parser.parse_args()
    found: list[Found] = []
    with writable(), tempfile.TemporaryDirectory() as temporary:
        for name in HEADS:
            chosen = [f for f in FAULTS if f.model == name and args.only in f.name]
            if not chosen:
                continue
            root = Path(temporary) / f"of_{name}"
            root.mkdir()
            model = make_model(name, root)
            for fault in chosen:
                for format in FORMATS:
                    found.append(plant(fault, model, format, root))
                    if not found[-1].caught:
                        print(f"MISSED {found[-1].where}: {fault.name}", flush=True)
        crops = Path(temporary) / "crops"
        crops.mkdir()
        if any(args.only in name for name in CROPS):
            found += crop_faults(crops, args.only)
    caught = sum(f.caught for f in found)
    print(f"{caught} of {len(found)} caught")
    if not args.only:
        args.out.write_text(page(found), "utf-8")
    return 0 if found and caught == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
