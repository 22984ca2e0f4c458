"""What a user may write; `mypy --strict` takes it as it is."""

from pathlib import Path

import numpy as np
from PIL import Image

import mobilecat as mc


def ship(spec: str, pictures: list[Path]) -> int:
    made: mc.Exported = mc.export(spec, Path("bundle"), ios="App/Model", progress=print)
    opened: mc.OpenBundle = mc.open(made)
    for picture in pictures:
        found: mc.PictureRun = opened.run(picture)
        for row in found:
            print(row.lane.name, row.not_run or row.milliseconds)
        boxes = found.detections.boxes_xyxy
        print(float(boxes.max(initial=0.0)), found["onnx"].outputs["scores"].shape)
    blank = np.zeros((48, 64, 3), np.uint8)
    seen = [mc.run("bundle", p).detections for p in (blank, Image.fromarray(blank), "a.png")]
    print([len(d) for d in seen], opened.inspect().parameters)
    waiting = mc.golden.record(opened, "golden", blank, case="blank")
    if waiting is not None:
        mc.golden.approve(opened, "golden", "blank", reason=f"looked at {waiting.name}")
    held: mc.Validation = opened.validate("golden", random=1, junit=Path("held.xml"))
    scored: mc.Evaluation = opened.evaluate("data", max_drop=0.2)
    best = mc.tune(opened, "data", scores=[0.1, 0.2]).best
    layer = opened.bisect("coreml", blank).first
    bug: mc.Diagnosis = mc.diagnose(image=blank, bundle=opened, frame=(64, 48))
    print(scored.shortfalls, best and best.f1, layer and layer.op, bug.wrong)
    outputs = mc.runtime.load("bundle/m.mlpackage").predict({"image": blank})
    print(sorted(outputs))
    return held.exit_code


def main() -> int:
    try:
        return ship("mobilecat.toml", sorted(Path().glob("*.png")))
    except mc.MobileCatError as e:
        for problem in e.problems:
            print(problem.where, problem.what, problem.fix)
        return 2
