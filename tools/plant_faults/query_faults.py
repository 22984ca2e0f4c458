"""Faults that only heads without suppression can have: queries, end-to-end rows, their selection.

    python -m tools.plant_faults.query_faults [--only WORD] [--verbose]

Planted in seeded networks of the families' structures (`tools/query_nets.py`), one artifact alone;
a page of its own, docs/planted_faults_queries.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir

from mobilecat.compile import export
from mobilecat.formats.importing import import_model
from mobilecat.review.approve import approve, record
from mobilecat.spec import ImageSpec, spec_from_text
from tools.plant_faults.changes import graph, head, nms
from tools.plant_faults.edit import Editor
from tools.plant_faults.kinds import Fault
from tools.plant_faults.models import ROOT
from tools.plant_faults.run import Row, try_fault
from tools.plant_faults.workshop import FORMATS, Model, Mutant, stage_of, writable

PAGE = ROOT / "docs" / "planted_faults_queries.md"
HEADS = {
    "rtdetr": ('kind = "detr"\nactivation = "sigmoid"', "pairs", 5),
    "detr": ('kind = "detr"\nactivation = "softmax"', "best", 5),
    "yolov10": ('kind = "end2end"', "pairs", 3),
    "yolo26": ('kind = "end2end"', "pairs", 3),
}
PAIRS = ("rtdetr", "yolo26")
SPEC = """
name = "{name}"
source = "-"
labels = {labels}
nms = {{ selection = "{selection}", score_threshold = 0.3, max_detections = 60 }}
input = {{ size = [320, 256], range = [0, 1], resize = "stretch" }}
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
[head]
{head}
"""
"""60 of 100 queries: there are more pairs above the threshold than the list holds, or nearly."""


def make_model(name: str, data: Path, root: Path) -> Model:
    """Export the network, and approve what its source gives for two cats; both must hold."""
    sys.path.insert(0, str(ROOT / "tools"))
    import query_nets

    said, selection, classes = HEADS[name]
    pictures = sorted((data / "cats").glob("*.jpg"))[:2]
    source = root / f"{name}-source.onnx"
    image = ImageSpec(size=(320, 256), range=(0.0, 1.0))
    query_nets.build(name, image, pictures, source)
    labels = [f"class {i}" for i in range(classes)]
    text = SPEC.format(name=name, labels=labels, selection=selection, head=said)
    made = export(spec_from_text(text), root / name, source=source)
    network = import_model(source, dict(made.bundle.source.shapes))
    model = Model(name, source, root / name, root / "golden", network, made.bundle)
    for picture in pictures:
        record(model.folder, model.golden, picture, source=source)
    approve(model.folder, model.golden, every=True)
    for format in FORMATS:
        true = Mutant(model, format, root / "true")
        true.finish()
        stage, detail = stage_of(true)
        if stage != "held":
            raise AssertionError(f"the true {true.file} does not hold: {stage}: {detail}")
    return model


def other_division(e: Editor) -> None:
    """The pair's place is read from its rest, and its class from the whole part."""
    places, classes = e.node("nms/places"), e.node("nms/classes")
    places.op_type, classes.op_type = classes.op_type, places.op_type  # Div and Mod


def places_for_rows(e: Editor) -> None:
    """Rows by their place among the best, where there is more than those."""
    e.through("nms/rows_of_pairs", lambda e, _: e.op("Add", e.value("nms/places"), np.array(0)))


def backwards(e: Editor) -> None:
    """The list from its last row to its first, scores and all."""
    ends = (np.array([v]) for v in (-1, -100_000, 0, -1))
    start, end, axis, step = ends
    for name in ("nms/top", "nms/top.1"):
        e.through(name, lambda e, old: e.op("Slice", old, start, end, axis, step))


def smallest(e: Editor) -> None:
    e.set_attr("nms/top", "largest", 0)


def next_class(e: Editor) -> None:
    one = np.array(1, np.int32)
    e.through("class_ids", lambda e, old: e.op("Add", old, one))


def nothing_kept(e: Editor) -> None:
    """The column of no object is one class more, and competes with the others."""
    rows = e.node("nms/rows_of_scores")
    first, end, axis = (np.array([k]) for k in (5, 6, 2))
    none = e.op("Slice", e.value("decode/every_score"), first, end, axis)
    joined = e.op("Concat", e.value("decode/candidate_scores"), none, axis=2)
    rows.replace_input_with(0, joined)
    e.set_const("nms/rows_of_scores", 1, lambda a: a + np.array([0, 1]))
    rows.outputs[0].shape = None  # one column more than it was; all behind it stays


def no_sigmoid(e: Editor) -> None:
    logits = e.node("decode/every_score").inputs[0]
    assert logits is not None
    least = np.array(-1e9, np.float32)  # an op that stays one: the logits keep their own name
    e.through("decode/every_score", lambda e, _: e.op("Max", logits, least))


def softmax_of_classes(e: Editor) -> None:
    """The column of no object goes before the softmax, not behind it."""
    logits = e.node("decode/every_score").inputs[0]
    assert logits is not None
    first, end, axis = (np.array([k]) for k in (0, 5, 2))
    e.through(
        "decode/candidate_scores",
        lambda e, _: e.op("Softmax", e.op("Slice", logits, first, end, axis), axis=2),
    )


def best_class_twice(e: Editor) -> None:
    """Each row's best class for whatever pair it came by."""
    best = e.op("ArgMax", e.value("nms/rows_of_scores"), axis=1, keepdims=0)
    e.through("nms/classes", lambda e, _: e.op("Gather", best, e.value("nms/places"), axis=0))


def columns(first: int, second: int) -> graph:  # type: ignore[valid-type]
    """Two columns of the rows exchanged."""

    def edit(e: Editor) -> None:
        a, b = (e.node(f"decode/row.from_{i}") for i in (first, second))
        x, y = a.outputs[0], b.outputs[0]
        readers = [(u, i, y) for u, i in x.uses()] + [(u, i, x) for u, i in y.uses()]
        for user, index, other in readers:
            user.replace_input_with(index, other)

    return graph(edit)


def without_half(e: Editor) -> None:
    for s in (8, 16, 32):
        for side in ("low", "high"):
            e.set_const(f"decode/stride_{s}.{side}", 0, lambda a, s=s: a - s / 2)


def cells_for_pixels(e: Editor) -> None:
    for s in (8, 16, 32):
        for side in ("before", "behind"):
            e.set_const(f"decode/stride_{s}.{side}", 1, lambda a: a / a)


def other_sides(e: Editor) -> None:
    """Right and lower distances for left and upper ones."""
    for s in (8, 16, 32):
        e.swap_inputs(f"decode/stride_{s}.boxes", 0, 1)


def aligned(e: Editor) -> None:
    for node in e.of_type("GridSample"):
        e.set_attr(node.name or "", "align_corners", 1)


def turned_grid(e: Editor) -> None:
    """x and y of where to sample exchanged."""
    for node in e.of_type("GridSample"):
        e.feed(node.name or "", 1, _turned)


def _turned(e: Editor, grid: ir.Value) -> ir.Value:
    return e.op("Gather", grid, np.array([1, 0]), axis=3)


def query_faults() -> list[Fault]:
    both = ("rtdetr", "detr")
    every = tuple(HEADS)
    return [
        Fault("corners aligned in GridSample", "raw", ("rtdetr",), graph(aligned)),
        Fault("x and y exchanged in GridSample", "raw", ("rtdetr",), graph(turned_grid)),
        Fault("cxcywh read as xyxy", "candidates", both, head(format="xyxy")),
        Fault("0–1 read as pixels", "candidates", both, head(units="pixels")),
        Fault(
            "sigmoid missing",
            "candidates",
            ("rtdetr",),
            graph(no_sigmoid),
        ),
        Fault("softmax for sigmoid", "candidates", ("rtdetr",),
              head(activation="softmax", no_object="none")),
        Fault("sigmoid for softmax", "candidates", ("detr",),
              head(activation="sigmoid", no_object="last")),
        Fault("first column dropped for the last", "candidates", ("detr",),
              head(no_object="first")),
        Fault("no object dropped before the softmax", "candidates", ("detr",),
              graph(softmax_of_classes)),
        Fault("no object kept as a class", "contract", ("detr",), graph(nothing_kept)),
        Fault("class index off by one", "contract", both, graph(next_class)),
        Fault("index // C for index % C", "contract", PAIRS, graph(other_division)),
        Fault("best class for the pair's own", "detections", ("rtdetr",),
              graph(best_class_twice)),
        Fault("place among the best rows for the row", "detections", ("yolo26",),
              graph(places_for_rows)),
        Fault("TopK gives the smallest", "detections", ("rtdetr", "yolov10", "yolo26"),
              graph(smallest)),
        # Of rows as many are above the threshold: they come last, behind what should be padding.
        Fault("TopK gives the smallest", "contract", ("detr",), graph(smallest)),
        Fault("TopK in reverse order", "contract", every, graph(backwards)),
        Fault("threshold ignored", "detections", every, nms(score_threshold=0.0)),
        Fault("threshold 0.3 → 0.31", "detections", every, nms(score_threshold=0.31)),
        Fault("30 rows for 60", "contract", ("rtdetr",), nms(max_detections=30)),
        Fault("best class of a row for every pair", "detections", PAIRS, nms(selection="best")),
        Fault("every pair for the best class of a row", "detections", ("detr",),
              nms(selection="pairs")),
        Fault("an NMS where none belongs", "detections", every,
              nms(selection="nms", iou_threshold=0.45, per_class=True)),
        Fault("score and class exchanged", "candidates", ("yolov10",), columns(4, 5)),
        Fault("corners exchanged", "candidates", ("yolov10",), columns(0, 2)),
        Fault("cells' corners for their centres", "candidates", ("yolo26",), graph(without_half)),
        Fault("distances in cells for pixels", "candidates", ("yolo26",), graph(cells_for_pixels)),
        Fault("left and right exchanged", "candidates", ("yolo26",), graph(other_sides)),
    ]  # fmt: skip


def page(rows: Sequence[Row]) -> str:
    """Return docs/planted_faults_queries.md."""
    caught = sum(row.ok for row in rows)
    lines = [
        "# Planted faults: queries and end-to-end rows",
        "",
        "Made by `python -m tools.plant_faults.query_faults`; do not edit. Each fault is in one "
        "artifact alone, of a seeded network by its family's structure (`tools/query_nets.py`), "
        "and must fail at the stage that was foretold.",
        "",
        f"{caught} of {len(rows)} caught, {len({r.name for r in rows})} kinds.",
        "",
        "| fault | artifact | stage | what was said |",
        "|---|---|---|---|",
    ]
    for r in rows:
        verdict = r.found if r.ok else f"**{r.verdict}**: {r.found or 'nothing'}, not {r.expected}"
        said = " ".join(r.detail.split()).replace("|", "∣")[:90]
        lines.append(f"| {r.name} | {r.artifact} | {verdict} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="those with this in their name; writes no page")
    parser.add_argument("--verbose", action="store_true", help="a line for each")
    args = parser.parse_args()
    data = Path(os.environ.get("MOBILECAT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "cats").is_dir():
        print("NOT_RUN: no photos; set MOBILECAT_SHARED_DATA")
        return 3
    rows = []
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, writable():
        root = Path(folder)
        for name in HEADS:
            chosen = [f for f in query_faults() if name in f.models and args.only in f.name]
            if not chosen:
                continue
            model = make_model(name, data, root)
            for fault in chosen:
                for format in FORMATS:
                    began = time.perf_counter()
                    row = try_fault(fault, model, format, root / "mutant")
                    rows.append(row)
                    if args.verbose or not row.ok:
                        seconds = time.perf_counter() - began
                        print(
                            f"{seconds:4.0f} s {row.artifact}: {row.name}: {row.verdict}; expected "
                            f"{row.expected}, found {row.found}; {row.detail[:140]}",
                            flush=True,
                        )
    print(f"{sum(r.ok for r in rows)} of {len(rows)} caught")
    if not args.only:
        PAGE.write_text(page(rows), "utf-8")
    return 0 if all(r.ok for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
