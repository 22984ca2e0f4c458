"""`mobilecat run`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.cli.outputs import require_outputs
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import terminal
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.lanes import Lane, NotRun, decode_outputs, lanes_of, open_lane
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.odd import odd_values
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import RawHead

PictureInputs = tuple[Mapping[str, Array], ResizePlan]


def run_picture(
    folder: Path,
    image: Path,
    runner: str | None,
    artifact: str | None,
    draw: Path | None,
    as_json: bool,
    source: Path | None,
    boxes: Path | None = None,
) -> None:
    require_outputs({"--draw": draw}, "--draw", inputs=(folder, image, source, boxes))
    bundle = open_any(folder)
    if bundle.spec.input is None:
        raise MobileCatError(
            "This bundle takes tensors, not pictures",
            [
                Problem(
                    "its spec has no [input]",
                    str(folder),
                    "compare its tensors: mobilecat validate DIR --random 3",
                )
            ],
        )
    picture = read_picture(image)
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    inputs = picture_inputs(bundle, picture, boxes)
    results: list[dict[str, Any]] = []
    drawn: Detections | None = None
    with progress_line() as progress:
        for lane in lanes:
            progress(lane.name)
            row, found = _run_lane(folder, bundle, lane, inputs, source)
            results.append(row)
            drawn = drawn or found
    if draw is not None and drawn is not None:
        from mobilecat.pictures.drawing import draw_detections, save_picture

        with_boxes = draw_detections(picture, drawn, bundle.spec.labels, bundle.spec.landmarks)
        save_picture(with_boxes, draw)
    if as_json:
        record = {"file": str(image), "sha256": sha256_of(image), "size_wh": list(picture.size)}
        print(json.dumps({"schema": 1, "image": record, "results": results}, indent=2))
    else:
        _show(results, draw if drawn is not None else None)
    if all("not_run" in r for r in results):
        raise MobileCatError("Nothing ran", [Problem(r["not_run"], r["lane"]) for r in results])


def _run_lane(
    folder: Path, bundle: Bundle, lane: Lane, inputs: PictureInputs, source: Path | None
) -> tuple[dict[str, Any], Detections | None]:
    row: dict[str, Any] = {"lane": lane.name, "runner": lane.runner}
    row["artifact"] = lane.artifact.file if lane.artifact else None
    spec = bundle.spec
    try:
        engine = open_lane(folder, bundle, lane, source)
    except NotRun as reason:
        return {**row, "not_run": str(reason)}, None
    tensors, plan = inputs
    start = perf_counter()
    outputs = engine.infer(tensors)
    row |= {"engine": engine.note, "milliseconds": round((perf_counter() - start) * 1e3, 2)}
    if isinstance(spec.head, RawHead):
        row["outputs"] = {
            k: {
                "shape": list(v.shape),
                "dtype": v.dtype.name,
                "min": float(v.min()),
                "max": float(v.max()),
                "mean": float(v.mean()),
            }
            for k, v in outputs.items()
        }
        return row, None
    found = decode_outputs(outputs, plan)
    row["detections"] = found.to_json(spec.labels, spec.landmarks)
    if not isinstance(bundle, CascadeBundle):
        row["odd"] = odd_values(spec, found, plan.model_from_image)
    return row, found


def _show(results: list[dict[str, Any]], drawn: Path | None) -> None:
    console = terminal(width=None)
    for row in results:
        if "not_run" in row:
            console.print(f"{row['lane']}: NOT_RUN, {row['not_run']}")
            continue
        head = f"{row['lane']}  {row['milliseconds']:.1f} ms, {row['engine']}"
        console.print(head, style="bold")
        for name, facts in row.get("outputs", {}).items():
            shape = "×".join(map(str, facts["shape"]))
            console.print(
                f"  {name} {shape} {facts['dtype']}: {facts['min']:.5g} to "
                f"{facts['max']:.5g}, mean {facts['mean']:.5g}"
            )
        for odd in row.get("odd", []):
            console.print(f"  warning: {odd}", style="yellow")
        if row.get("detections") == []:
            console.print("  nothing above the threshold")
        for d in row.get("detections", []):
            box = " ".join(f"{v:.1f}" for v in d["box_xyxy"])
            console.print(f"  {d.get('label', d['class_id'])} {d['score']:.3f}  xyxy {box}")
            if points := d.get("landmarks"):
                text = "  ".join(f"{k} {x:.1f},{y:.1f}" for k, (x, y) in points.items())
                console.print(f"    {text}", style="dim")
    if drawn:
        console.print(f"drew {drawn}")
