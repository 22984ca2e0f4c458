"""Whole models: picture, network, decode and suppression in the file, against the source in numpy.

By two engines, the written bytes both: Apple's interpreter, and the reader with onnxruntime.
MOBILECAT_EVERY_CASE=1 takes every example; without, those that Apple's interpreter runs in seconds.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.demo import FOLDER
from mobilecat.formats.coreai.run import coreai_inputs
from mobilecat.formats.coreai.target import CoreAITarget
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import Spec, load_spec
from mobilecat.spec.values import Targets
from tests.conftest import ROOT, shared_data_path
from tests.formats.coreai.apple import Apple

SMALL = ("cat_faces", "cat_landmarks", "ultraface", "mtcnn_onet")
EVERY = (*SMALL, "yunet", "yolov3_tiny", "yolov5n", "yolox_nano")
NAMES = EVERY if os.environ.get("MOBILECAT_EVERY_CASE") else SMALL
PX, SCORE = 0.05, 1e-4


def compiled(name: str, nms: str, out: Path) -> Bundle:
    own = FOLDER / f"{name}.toml"
    path = own if own.exists() else ROOT / "examples" / name / "mobilecat.toml"
    spec = load_spec(path)
    source = path.parent / spec.source
    if not source.exists():
        data = shared_data_path()
        if data is None:
            pytest.skip("NOT_RUN: no test data (models and photos) beside this checkout")
        source = data / "models" / Path(spec.source).name
    targets = Targets(coreai=(CoreAITarget(nms=nms),))  # type: ignore[arg-type, call-arg]
    export(spec.model_copy(update={"targets": targets}), out, source=source)
    return open_bundle(out)


def picture(spec: Spec) -> np.ndarray:
    assert spec.input is not None
    data = shared_data_path()
    own = FOLDER / "pictures" / "three_in_a_meadow.png"
    path = own if spec.name.startswith("cat") or data is None else data / "astronaut.png"
    image = Image.open(path).convert("L" if spec.input.color == "GRAY" else "RGB")
    pixels = np.asarray(image.resize(spec.input.size))
    return pixels if pixels.ndim == 3 else pixels[..., None]


@pytest.mark.parametrize("name", NAMES)
def test_detections(apple: Apple, name: str, tmp_path: Path) -> None:
    bundle = compiled(name, "graph", tmp_path / "bundle")
    (record,) = bundle.artifacts
    assert record.taps.keys() == {t.name for t in (*bundle.raw_outputs, *bundle.candidates)}
    pixels = picture(bundle.spec)
    lanes = {r: lanes_of(bundle, r)[0] for r in ("source", "coreai")}
    source, ours = (
        open_lane(tmp_path / "bundle", bundle, lane).infer({"image": pixels})
        for lane in lanes.values()
    )
    feeds = coreai_inputs({"image": pixels}, record)
    theirs = apple.run(tmp_path / "bundle" / record.file, feeds)
    assert theirs.pop("settled", np.array([1])).tolist() == [1]
    for found in (ours, theirs):
        assert set(found) == set(source)
        for key in ("count", "class_ids"):
            np.testing.assert_array_equal(found[key], source[key], err_msg=key)
        for key in set(source) & {"boxes", "landmarks"}:
            np.testing.assert_allclose(found[key], source[key], atol=PX, rtol=0, err_msg=key)
        np.testing.assert_allclose(found["scores"], source["scores"], atol=SCORE, rtol=0)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("cat_landmarks", "mtcnn_onet")])
def test_candidates(apple: Apple, name: str, tmp_path: Path) -> None:
    """Suppression left to the app: every candidate, as the source decodes it."""
    bundle = compiled(name, "app", tmp_path / "bundle")
    (record,) = bundle.artifacts
    assert record.contract == "candidates"
    pixels = picture(bundle.spec)
    wanted = open_lane(tmp_path / "bundle", bundle, lanes_of(bundle, "source")[0]).infer(
        {"image": pixels}, [c.name for c in bundle.candidates]
    )
    found = apple.run(tmp_path / "bundle" / record.file, coreai_inputs({"image": pixels}, record))
    assert set(found) == set(record.outputs)
    for tensor in bundle.candidates:
        name = tensor.name.removeprefix("decode/")
        # A score √(cls·obj) near 0 magnifies the last bits: 3e-4 seen.
        limit = 1e-3 if name == "candidate_scores" else PX
        assert found[name].shape == tensor.shape
        np.testing.assert_allclose(found[name], wanted[tensor.name], atol=limit, rtol=1e-5)
