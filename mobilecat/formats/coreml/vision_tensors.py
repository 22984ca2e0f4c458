"""The `vision` contract read as the `tensor` contract: both are held to the same goldens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array


class VisionAsTensors:
    """A runner of a Vision pipeline: confidence [M,C] and coordinates [M,4] become padded rows.

    coordinates: centre x, centre y, width, height in 0..1 of the model input, origin top-left.
    """

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; Vision pipeline"
        self._runner = runner
        spec, nms = bundle.spec.input, bundle.spec.effective_nms
        assert spec is not None and nms is not None
        self._size_wh = spec.size
        self._rows = nms.max_detections

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        results = self._tensors(found.pop("confidence"), found.pop("coordinates"))
        return {**results, **found}

    def _tensors(self, confidence: Array, coordinates: Array) -> dict[str, Array]:
        n = len(confidence)
        if confidence.ndim != 2 or coordinates.shape != (n, 4) or n > self._rows:
            raise ArtifactError(
                "The Vision pipeline's outputs contradict each other",
                [Problem(f"confidence {confidence.shape}, coordinates {coordinates.shape}, "
                         f"at most {self._rows} rows")],
            )  # fmt: skip
        centre, size = coordinates[:, :2], coordinates[:, 2:]
        pixels = np.array([*self._size_wh, *self._size_wh], dtype=np.float64)
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1) * pixels
        padding = ((0, self._rows - n),)
        return {
            "boxes": np.pad(boxes, (*padding, (0, 0)))[None].astype(np.float32),
            "scores": np.pad(confidence.max(axis=1, initial=0), padding)[None].astype(np.float32),
            "class_ids": np.pad(confidence.argmax(axis=1), padding)[None].astype(np.int32),
            "count": np.array([n], dtype=np.int32),
        }
