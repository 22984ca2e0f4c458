"""The `detection` contract read as the `tensor` contract: both are held to the same goldens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array


class DetectionAsTensors:
    """A runner of TFLite_Detection_PostProcess: its four outputs, by the bundle's names.

    boxes [1,K,4] ymin, xmin, ymax, xmax in 0..1 of the model input become pixels; class_ids and
    count, floats in the artifact, become integers; rows from count on, which the operator may leave
    as they were, become zero.
    """

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; TFLite_Detection_PostProcess"
        self._runner = runner
        spec, nms = bundle.spec.input, bundle.spec.effective_nms
        assert spec is not None and nms is not None
        self._size_wh = spec.size
        self._rows = nms.max_detections

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        four = {name: found.pop(name) for name in ("boxes", "class_ids", "scores", "count")}
        return {**self._tensors(four), **found}

    def _tensors(self, four: Mapping[str, Array]) -> dict[str, Array]:
        k = self._rows
        shapes = {"boxes": (1, k, 4), "class_ids": (1, k), "scores": (1, k), "count": (1,)}
        count = float(np.ravel(four["count"])[0]) if four["count"].size else -1.0
        if {n: v.shape for n, v in four.items()} != shapes or count not in range(k + 1):
            given = ", ".join(f"{n} {v.shape}" for n, v in four.items())
            raise ArtifactError(
                "The four outputs contradict the contract",
                [Problem(f"{given}; {count:g} detections", fix=f"at most {k} rows")],
            )
        n = int(count)
        width, height = self._size_wh
        boxes = np.zeros((1, k, 4), np.float32)
        yxyx = four["boxes"][0, :n].astype(np.float64)
        boxes[0, :n] = yxyx[:, [1, 0, 3, 2]] * np.array([width, height, width, height])
        scores, ids = np.zeros((1, k), np.float32), np.zeros((1, k), np.int32)
        scores[0, :n] = four["scores"][0, :n]
        ids[0, :n] = np.rint(four["class_ids"][0, :n])
        return {"boxes": boxes, "scores": scores, "class_ids": ids, "count": np.array([n], "i4")}
