"""The original model in onnxruntime; everything around it in numpy. The reference.

It shares nothing with the compiled path but the file: no opset conversion, no folding, no baked op.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.disk import sha256_of
from mobilecat.graph import Array
from mobilecat.heads import reference_decode
from mobilecat.heads.reference.nms import suppress
from mobilecat.importers.onnx_file import onnx_with_shapes
from mobilecat.runners.base import NotRun, Runner
from mobilecat.runners.ort import OrtModel
from mobilecat.spec import ImageSpec, NmsSpec, RawHead

CANDIDATES = ("boxes", "scores", "landmarks")


class SourceRunner:
    note = "the original model in onnxruntime, float32; decode and NMS in numpy"

    def __init__(self, path: Path, bundle: Bundle) -> None:
        self._bundle = bundle
        self._model = OrtModel(onnx_with_shapes(path, bundle.source.shapes))

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        bundle = self._bundle
        spec = bundle.spec
        feeds = dict(inputs)
        if spec.input is not None:
            feeds = {self._picture_input(): self._tensor(inputs["image"], spec.input)}
        raw = self._model.run(feeds)
        if isinstance(spec.head, RawHead) or spec.input is None:
            return raw
        decoded = reference_decode(spec.head, raw, spec.input.size)
        results = _padded(decoded, spec.effective_nms or NmsSpec())
        values = dict(raw)
        for contract, value in zip(bundle.candidates, decoded, strict=False):
            values[contract.name] = np.asarray(value, dtype=contract.dtype)
        results.update((tap, values[tap]) for tap in taps if tap in values)
        return results

    def _picture_input(self) -> str:
        spec = self._bundle.spec.input
        assert spec is not None
        shapes = self._bundle.source.shapes
        return spec.tensor or next(n for n, s in shapes.items() if s == self._shape(s, spec))

    @staticmethod
    def _shape(like: tuple[int, ...], spec: ImageSpec) -> tuple[int, ...]:
        width, height = spec.size
        planar = (1, spec.channels, height, width)
        return planar if like == planar else (1, height, width, spec.channels)

    def _tensor(self, pixels: Array, spec: ImageSpec) -> Array:
        x = pixels.astype(np.float64)
        if spec.color == "BGR":
            x = x[..., ::-1]
        low, high = spec.range
        x = low + x / 255.0 * (high - low)
        x = (x - np.array(spec.per_channel(spec.mean))) / np.array(spec.per_channel(spec.std))
        shape = self._bundle.source.shapes[self._picture_input()]
        if shape[1] == spec.channels and shape == self._shape(shape, spec):
            x = x.transpose(2, 0, 1)
        return np.ascontiguousarray(x[None], dtype=np.float32)


def _padded(decoded: Sequence[Array | None], nms: NmsSpec) -> dict[str, Array]:
    """Return the tensor contract: K rows, zero from `count` on."""
    boxes, scores, landmarks = decoded
    assert boxes is not None and scores is not None
    kept = suppress(
        boxes[0],
        scores[0],
        nms.score_threshold,
        nms.iou_threshold,
        nms.max_detections,
        nms.per_class,
    )
    n, k = len(kept), nms.max_detections
    out = {
        "boxes": np.zeros((1, k, 4), np.float32),
        "scores": np.zeros((1, k), np.float32),
        "class_ids": np.zeros((1, k), np.int32),
        "count": np.array([n], np.int32),
    }
    out["boxes"][0, :n] = boxes[0][kept]
    out["scores"][0, :n] = scores[0][kept].max(axis=1, initial=0)
    out["class_ids"][0, :n] = scores[0][kept].argmax(axis=1)
    if landmarks is not None:
        points = landmarks.shape[2] // 2
        out["landmarks"] = np.zeros((1, k, points, 2), np.float32)
        out["landmarks"][0, :n] = landmarks[0][kept].reshape(n, points, 2)
    return out


def open_source(folder: Path, bundle: Bundle, override: Path | None = None) -> Runner:
    """Load the source model; NotRun where it is not there, or not the one that was compiled."""
    path = override or folder / bundle.source.path
    if not path.is_file():
        raise NotRun(f"the source model is not at {path} (give it with --source FILE)")
    if sha256_of(path) != bundle.source.sha256:
        raise NotRun(f"{path} is not the model that was compiled: its SHA-256 differs")
    return SourceRunner(path, bundle)
