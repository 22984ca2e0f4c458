"""`make demo`: compile YuNet, run every artifact here, compare them, draw what they found.

With --svg FILE the terminal's picture is written as well: the one in the README.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "examples" / "yunet" / "mobilecat.toml"
OUT = ROOT / "build" / "demo"
DATA = ROOT.parent / "shared" / "data"


def main() -> int:
    svg = Path(sys.argv[2]) if sys.argv[1:2] == ["--svg"] else None
    console = Console(highlight=False, record=svg is not None, width=100 if svg else None)
    picture = DATA / "astronaut.png"
    model = DATA / "models" / "face_detection_yunet_2023mar.onnx"
    lacking = [str(p) for p in (model, picture) if not p.is_file()]
    if lacking:
        console.print("The demo compiles YuNet, a face detector that is not ours to ship.")
        console.print("It lacks: " + ", ".join(lacking))
        console.print(
            "Get face_detection_yunet_2023mar.onnx from OpenCV's model zoo, then:\n"
            "  .venv/bin/mobilecat export examples/yunet/mobilecat.toml --source FILE -o yunet\n"
            "  .venv/bin/mobilecat run yunet --image PHOTO --draw faces.png"
        )
        return 2
    code = compile_and_compare(console, picture)
    if svg is not None:
        svg.parent.mkdir(parents=True, exist_ok=True)
        svg.write_text(console.export_svg(title="make demo"), encoding="utf-8")
    return code


def compile_and_compare(console: Console, picture_path: Path) -> int:
    """Print one table, artifact by artifact; 0 where every one agrees with the source."""
    import numpy as np

    from mobilecat.draw import draw_detections
    from mobilecat.export import export
    from mobilecat.picture import fit_picture, read_picture
    from mobilecat.runners import NotRun, decode_outputs, lanes_of, open_lane
    from mobilecat.spec import load_spec
    from mobilecat.validate.tolerances import limits_of

    start = perf_counter()
    with console.status("compiling YuNet for Core ML, TFLite and ONNX"):
        done = export(load_spec(SPEC), OUT / "yunet", spec_folder=SPEC.parent)
    console.print(f"compiled in {perf_counter() - start:.1f} s: {done.folder.relative_to(ROOT)}")
    bundle = done.bundle
    assert bundle.spec.input is not None
    picture = read_picture(picture_path)
    pixels, plan = fit_picture(picture, bundle.spec.input)

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("runner", "size", "latency", "faces", "box", "landmark", "score", "verdict"):
        left = title in ("runner", "verdict")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    expected = None
    fell_short = 0
    not_run = []
    for lane in lanes_of(bundle):
        try:
            runner = open_lane(done.folder, bundle, lane)
        except NotRun as reason:
            not_run.append(f"{lane.name}: NOT_RUN, {reason}")
            continue
        runner.infer({"image": pixels})
        times = []
        for _ in range(5):
            begin = perf_counter()
            outputs = runner.infer({"image": pixels})
            times.append(perf_counter() - begin)
        found = decode_outputs(outputs, plan)
        ms = f"{sorted(times)[2] * 1e3:.0f} ms"
        if expected is None:
            expected = found
            draw_detections(picture, found, bundle.spec.labels).save(OUT / "faces.png")
            table.add_row(lane.name, "", ms, str(len(found)), "", "", "", "the reference")
            continue
        assert lane.artifact is not None
        limits = limits_of(lane, bundle)
        size = f"{lane.artifact.bytes / 1e3:.0f} kB"
        if len(found) != len(expected):
            fell_short += 1
            table.add_row(lane.name, size, ms, str(len(found)), "", "", "", "FAIL: another count")
            continue
        to_model = plan.model_from_image
        box = np.abs(
            to_model.boxes_xyxy(found.boxes_xyxy) - to_model.boxes_xyxy(expected.boxes_xyxy)
        ).max(initial=0)
        assert found.landmarks_xy is not None and expected.landmarks_xy is not None
        points = np.abs(
            to_model.points(found.landmarks_xy) - to_model.points(expected.landmarks_xy)
        ).max(initial=0)
        score = np.abs(found.scores - expected.scores).max(initial=0)
        held = box <= limits.boxes_px and points <= limits.landmarks_px and score <= limits.scores
        fell_short += not held
        verdict = "held" if held else "FAIL"
        table.add_row(
            lane.name, size, ms, str(len(found)), f"{box:.4f} px", f"{points:.4f} px",
            f"{score:.1e}", verdict,
        )  # fmt: skip
    console.print(table)
    for line in not_run:
        console.print(line, style="dim")
    console.print(f"drew {(OUT / 'faces.png').relative_to(ROOT)}")
    console.print(
        "Differences are in pixels of the 640×640 input.\n"
        "Your own model next: copy examples/yunet/mobilecat.toml, name your file in it, then\n"
        "  .venv/bin/mobilecat export mobilecat.toml -o bundle"
    )
    return 1 if fell_short else 0


if __name__ == "__main__":
    sys.exit(main())
