"""From a model file to a bundle that holds on 16 photos: four commands, no key written by hand.

Usage: python -m tools.first_hour [--only WORD] [--fresh] [--page]

Runs for each model exactly what docs/first-hour.md tells a user to type, each as a process of
its own, in an empty folder. What came of a model is kept in build/first_hour, so that a run that
was cut off goes on; --fresh forgets it; --page writes the table into docs/first-hour.md. Exit code
1 where a model fell short. Models and photos: ../shared/data; without them, NOT_RUN. Keras and
TensorFlow files need the extra `tensorflow`, here or on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mobilecat.disk import write_text
from mobilecat.formats.tensorflow.worker import missing_extra

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "first-hour.md"
KEPT = ROOT / "build" / "first_hour"
MARKS = "<!-- tools.first_hour: begin -->", "<!-- tools.first_hour: end -->"
PHOTOS = 16
AS_KERAS = """
import sys, keras
keras.saving.load_model(sys.argv[1], compile=False).save(sys.argv[2])
"""


@dataclass(frozen=True)
class Journey:
    """name: of the row. file: of the models. first: a photo with what it should find. keras: saved
    as a .keras file first, as a user would have it."""

    name: str
    file: str
    first: str = "cats/00000002_003.jpg"
    keras: bool = False

    @property
    def tensorflow(self) -> bool:
        return not self.file.endswith(".onnx")


JOURNEYS = (
    Journey("yolov5n.onnx", "yolov5n.onnx"),
    Journey("yolox_nano.onnx", "yolox_nano.onnx"),
    Journey("yolov3_tiny.onnx", "yolov3_tiny.onnx"),
    Journey(
        "SSDLite, frozen TF1 graph",
        "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb",
        "astronaut.png",
    ),
    Journey("a classifier of faces, .keras", "keras_fer_mini_xception.hdf5", keras=True),
)


def photos_of(journey: Journey) -> list[Path]:
    """Return the first photo and cats, 16 in all."""
    first = DATA / journey.first
    cats = [p for p in sorted((DATA / "cats").glob("0*.jpg")) if p != first]
    return [first, *cats[: PHOTOS - 1]]


def commands(model: Path, photos: Sequence[Path]) -> list[list[str]]:
    """Return what a user types, one after another."""
    return [
        ["mobilecat", "init", str(model), "--image", str(photos[0]), "--draw", "boxes.png"],
        ["mobilecat", "export"],
        ["mobilecat", "golden", "record", *map(str, photos), "--at-once"],
        ["mobilecat", "validate"],
    ]


def walked(journey: Journey, step: Any = print) -> dict[str, Any]:
    """Run the commands; return how long each took, what it said last, and whether all held."""
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        home = Path(folder)
        model = DATA / "models" / journey.file
        if journey.keras:
            saved = home / f"{model.stem}.keras"
            words = [sys.executable, "-c", AS_KERAS, str(model), str(saved)]
            subprocess.run(words, check=True, capture_output=True, env=environment)
            model = saved
        rows = []
        for words in commands(model, photos_of(journey)):
            begun = time.monotonic()
            done = subprocess.run(
                words, cwd=home, env=environment, capture_output=True, text=True, check=False
            )
            took = time.monotonic() - begun
            said = [line for line in done.stdout.splitlines() if line.strip()]
            row = {"command": shlex.join(words[1:3]), "rc": done.returncode, "seconds": took}
            row |= {"said": said, "errors": done.stderr.splitlines()[-20:]}
            rows.append(row)
            step(f"{journey.name}: {row['command']}: exit code {done.returncode}, {took:.0f} s")
            if done.returncode:
                break
        wanted = len(commands(model, photos_of(journey)))
        verdict = next((s for s in rows[-1]["said"] if s.startswith(("HELD", "FELL SHORT"))), "")
        held = len(rows) == wanted and all(r["rc"] == 0 for r in rows)
        held = held and verdict.startswith("HELD") and f"{PHOTOS} golden cases" in verdict
        return {"journey": asdict(journey), "held": held, "verdict": verdict, "rows": rows}


def line_of(told: dict[str, Any]) -> str:
    """Return a row of the page's table."""
    rows = told["rows"]
    seconds = " + ".join(f"{r['seconds']:.0f}" for r in rows)
    said = next((s.strip() for s in rows[0]["said"]), "")
    verdict = "held" if told["held"] else f"fell short at `{rows[-1]['command']}`"
    done = told["verdict"].partition("should. ")[2] or told["verdict"]
    return f"| {told['journey']['name']} | {said} | {verdict}: {done} | {seconds} |"


def page_with(text: str, told: Sequence[dict[str, Any]]) -> str:
    """Return the page with the table in its place."""
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    head = "| model | what `init` says | after four commands | seconds of each |\n|---|---|---|---|"
    table = "\n".join([head, *map(line_of, told)])
    return f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="models whose name has this in it")
    parser.add_argument("--fresh", action="store_true", help="believe nothing that was kept")
    parser.add_argument("--page", action="store_true", help="write the table into the page")
    asked = parser.parse_args()
    if not (DATA / "models").is_dir():
        print(f"NOT_RUN: no models in {DATA}")
        return 0
    KEPT.mkdir(parents=True, exist_ok=True)
    told = []
    for journey in JOURNEYS:
        kept = KEPT / f"{Path(journey.file).stem}.json"
        if asked.only not in journey.name:
            continue
        if journey.tensorflow and (why := missing_extra()):
            print(f"{journey.name}: NOT_RUN, {why}")
            continue
        if asked.fresh or not kept.is_file():
            write_text(kept, json.dumps(walked(journey), indent=1))
        told.append(json.loads(kept.read_text("utf-8")))
        print(f"{'PASS' if told[-1]['held'] else 'FAIL'}  {line_of(told[-1])}")
    if asked.page:
        write_text(PAGE, page_with(PAGE.read_text("utf-8"), told))
    return 0 if all(t["held"] for t in told) else 1


if __name__ == "__main__":
    sys.exit(main())
