"""Run a bundle's Core ML artifacts on a Mac, on its goldens' inputs, and write what they gave.

    python tools/mac_lane.py BUNDLE --golden GDIR -o results.json

Three ways: `predict` through coremltools on every kind of compute unit, `stages`, a pipeline's
models one after another, and `vision`, through MobileCatKit's vision-golden tool. The file is read
by `mobilecat validate BUNDLE --golden GDIR --from results.json`. Exit code 2 where this is no Mac:
NOT_RUN.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord, Bundle, open_bundle
from mobilecat.errors import MobileCatError
from mobilecat.formats.coreml.run import coreml_inputs
from mobilecat.formats.coreml.vision_tensors import VisionAsTensors
from mobilecat.geometry.vision import image_from_vision
from mobilecat.golden.store import Case, read_cases
from mobilecat.judge.observe import Inputs, load_inputs
from mobilecat.lanes import decode_outputs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ios_sample" / "MobileCatKit"
UNITS = {
    "all": "ALL",
    "cpuOnly": "CPU_ONLY",
    "cpuAndGPU": "CPU_AND_GPU",
    "cpuAndNeuralEngine": "CPU_AND_NE",
}
Tensors = dict[str, Any]


class _Given:
    """A runner whose outputs are there already: what VisionAsTensors reads."""

    note = ""

    def __init__(self, outputs: Tensors) -> None:
        self._outputs = outputs

    def infer(self, inputs: Mapping[str, Any], taps: object = ()) -> Tensors:
        return self._outputs


def by_bundle_names(found: Mapping[str, Any], record: ArtifactRecord, bundle: Bundle) -> Tensors:
    """Return an artifact's outputs as the tensor contract's."""
    named = {k: np.asarray(found[v]) for k, v in record.outputs.items()}
    return (
        VisionAsTensors(_Given(named), bundle).infer({}) if record.contract == "vision" else named
    )


def tensors_from_vision(
    answer: Mapping[str, Any], record: ArtifactRecord, bundle: Bundle
) -> Tensors:
    """Return vision-golden's JSON as the tensor contract's outputs, boxes in model pixels."""
    if "tensors" in answer:
        found = {
            name: np.array(t["values"], dtype=np.float64).reshape(t["shape"])
            for name, t in answer["tensors"].items()
        }
        return {k: found[v] for k, v in record.outputs.items()}
    image = bundle.spec.input
    assert image is not None
    seen = answer["observations"]
    xywh = np.array([o["box_xywh"] for o in seen], dtype=np.float64).reshape(-1, 4)
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return {
        "boxes": image_from_vision(image.size).boxes_xyxy(xyxy)[None],
        "scores": np.array([[o["score"] for o in seen]], dtype=np.float64),
        "class_ids": np.array([[bundle.spec.labels.index(o["label"]) for o in seen]], dtype=int),
        "count": np.array([len(seen)]),
    }


def predict(path: Path, record: ArtifactRecord, inputs: Inputs, units: str) -> Tensors:
    """Run the artifact through coremltools."""
    import coremltools as ct

    model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[UNITS[units]])
    return dict(model.predict(coreml_inputs(inputs.tensors, record)))


def stages(path: Path, record: ArtifactRecord, inputs: Inputs, units: str) -> Tensors:
    """Run a pipeline's models one after another, each fed by name from all before it."""
    import coremltools as ct

    whole = ct.models.MLModel(str(path), skip_model_load=True)
    values: Tensors = dict(coreml_inputs(inputs.tensors, record))
    for part in whole.get_spec().pipeline.models:
        model = ct.models.MLModel(
            part, compute_units=ct.ComputeUnit[UNITS[units]], weights_dir=whole.weights_dir
        )
        wanted = {i.name for i in part.description.input}
        values |= model.predict({k: v for k, v in values.items() if k in wanted})
    return values


def vision(path: Path, inputs: Inputs, units: str) -> Mapping[str, Any]:
    """Run Vision on the picture, fitted to the model's size beforehand."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "input.png"
        Image.fromarray(np.asarray(inputs.tensors["image"])).save(picture)
        command = ["swift", "run", "--package-path", str(PACKAGE), "-c", "release"]
        command += ["vision-golden", str(path), str(picture), units]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    answer: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def runs_of(folder: Path, bundle: Bundle, cases: list[Case]) -> Iterator[dict[str, Any]]:
    """Yield a run for each artifact, way, compute unit and case; what fails says why."""
    for record in (a for a in bundle.artifacts if a.kind == "coreml"):
        path = folder / record.file
        hows = ["predict", "vision", *(["stages"] if record.contract == "vision" else [])]
        for how in hows:
            for units in UNITS:
                for case in cases:
                    inputs = load_inputs(case.input, bundle)
                    run: dict[str, Any] = {
                        "artifact": record.file,
                        "artifact_sha256": record.sha256,
                        "how": how,
                        "compute_units": units,
                        "case": case.name,
                        "input_sha256": case.input_sha256,
                    }
                    assert inputs.plan is not None
                    try:
                        if how == "vision":
                            outputs = tensors_from_vision(
                                vision(path, inputs, units), record, bundle
                            )
                        else:
                            way = predict if how == "predict" else stages
                            found = way(path, record, inputs, units)
                            outputs = by_bundle_names(found, record, bundle)
                        rows = decode_outputs(outputs, inputs.plan)
                        run["detections"] = rows.to_json(bundle.spec.labels, bundle.spec.landmarks)
                    except Exception as e:  # Core ML raises whatever it likes; the reason is kept
                        run["not_run"] = f"{type(e).__name__}: {e}"
                    yield run


def results_of(folder: Path, bundle: Bundle, cases: list[Case]) -> dict[str, Any]:
    """Return the results file: mobilecat.report.results_file describes every key."""
    return {
        "schema": 1,
        "bundle": bundle.name,
        "spec_sha256": bundle.spec_sha256,
        "machine": f"{platform.machine()}, macOS {platform.mac_ver()[0]}",
        "versions": {"coremltools": version("coremltools")},
        "runs": list(runs_of(folder, bundle, cases)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--golden", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    if platform.system() != "Darwin":
        print(f"mac lane: NOT_RUN, Core ML itself runs on macOS only; this is {platform.system()}")
        return 2
    try:
        bundle = open_bundle(asked.bundle)
        cases, _ = read_cases(asked.golden, bundle)
        results = results_of(asked.bundle, bundle, cases)
    except MobileCatError as e:
        print(e, file=sys.stderr)
        return 2
    asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    failed = sum("not_run" in r for r in results["runs"])
    print(f"wrote {asked.out}: {len(results['runs'])} runs, {failed} NOT_RUN")
    return 0


if __name__ == "__main__":
    sys.exit(main())
