"""Candidates below the score threshold are dropped before suppression, in every target alike.

Fed at the candidates are 3,000 above the threshold, and as many just below it that overlap them.
What should come out is onnxruntime's NonMaxSuppression over all of them, with no threshold: of its
rows, by falling score, the first max_detections that are above.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import mobilecat as mc
from mobilecat.bundle import Bundle, open_bundle
from mobilecat.formats.coreai.dialect import missing
from mobilecat.formats.table import FORMATS
from mobilecat.heads.reference.nms import BLOCK, suppress
from mobilecat.lanes.base import as_tensors
from tests.tiny import save_yunet_like, yunet_like_spec

ABOVE, THRESHOLD, IOU, MOST = 3000, 0.4, 0.45, 300
TARGETS = (
    '[targets.onnx]\n[targets.tflite]\n[[targets.coreml]]\nformat = "mlpackage"\n'
    'precision = "float32"\n[[targets.coreml]]\nformat = "mlmodel"\nprecision = "float32"\n'
)
FILES = ["tiny.onnx", "tiny.tflite", "tiny.mlpackage", "tiny.mlmodel"]
if not missing():
    TARGETS += "[targets.coreai]\n"
    FILES.append("tiny.aimodel")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    home = tmp_path_factory.mktemp("dense")
    save_yunet_like(home / "tiny.onnx", (640, 640))
    text = yunet_like_spec(Path("tiny.onnx"), TARGETS)
    text = text.replace("96, 64", "640, 640").replace(
        "max_detections = 12", f"max_detections = {MOST}"
    )
    text = text.replace(
        "score_threshold = 0.5", f"score_threshold = {THRESHOLD}\niou_threshold = {IOU}"
    )
    (home / "mobilecat.toml").write_text(text)
    mc.export(home / "mobilecat.toml", home / "bundle")
    return home / "bundle", open_bundle(home / "bundle")


def candidates(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes [n,4] and scores [n]: some 1,500 places, each with several boxes on top of each
    other, whose scores are nowhere equal, nor within 1e-5 of the threshold."""
    rng = np.random.default_rng(9)
    places = rng.uniform(0, 560, (1500, 2))
    low = places[rng.integers(0, len(places), n)] + rng.uniform(-6, 6, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(24, 72, (n, 2))], axis=1)
    above = np.linspace(THRESHOLD + 1e-4, 0.99, ABOVE)
    below = np.linspace(THRESHOLD - 0.1, THRESHOLD - 1e-4, ABOVE)
    scores = np.concatenate([above, below, np.linspace(0, 0.2, n - 2 * ABOVE)])
    return boxes.astype(np.float32), rng.permutation(scores).astype(np.float32)


def over_all(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the rows that onnxruntime keeps of all, by falling score: no threshold, no limit."""
    values = {"boxes": [1, len(boxes), 4], "scores": [1, 1, len(boxes)]}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values.items()]
    out = helper.make_tensor_value_info("rows", TensorProto.INT64, [None, 3])
    limits = [helper.make_tensor("most", TensorProto.INT64, [1], [len(boxes)]),
              helper.make_tensor("iou", TensorProto.FLOAT, [1], [IOU])]  # fmt: skip
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou"], ["rows"])
    graph = helper.make_graph([node], "nms", inputs, [out], limits)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feeds = {"boxes": boxes[None], "scores": scores[None, None]}
    rows: np.ndarray = session.run(None, feeds)[0][:, 2]
    return rows[np.argsort(-scores[rows], kind="stable")]


@pytest.mark.parametrize("file", FILES)
def test_what_is_below_takes_no_part(made: tuple[Path, Bundle], file: str) -> None:
    folder, bundle = made
    record = bundle.artifact(file)
    n = bundle.candidates[0].shape[1]
    said = FORMATS[record.kind].nms(folder / file)["score_threshold"]  # of what suppresses
    assert {round(t, 5) for t in said} == {THRESHOLD}
    boxes, scores = candidates(n)
    rows = over_all(boxes, scores)
    assert (scores[rows] < THRESHOLD).sum() > 100  # with no threshold, many below it are kept
    rows = rows[scores[rows] > THRESHOLD][:MOST]
    given = {
        bundle.candidates[0].name: boxes[None],
        bundle.candidates[1].name: scores[None, :, None],
        bundle.candidates[2].name: np.tile(boxes, (1, 3))[None, :, : bundle.candidates[2].shape[2]],
    }
    engine = as_tensors(FORMATS[record.kind].cut(folder / file, record, given), record, bundle)
    found = engine.infer(given)
    count = int(found["count"].reshape(-1)[0])
    assert count == len(rows) == MOST
    np.testing.assert_allclose(found["scores"][0, :count], scores[rows], atol=1e-6)
    np.testing.assert_allclose(found["boxes"][0, :count], boxes[rows], atol=1e-2)


def test_the_source_drops_them_too() -> None:
    boxes, scores = candidates(8400)
    rows = over_all(boxes, scores)
    kept = suppress(boxes, scores[:, None], THRESHOLD, IOU, 10_000, True)
    assert kept == rows[scores[rows] > THRESHOLD].tolist()
    assert len(kept) > 4 * BLOCK
