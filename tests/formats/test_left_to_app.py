"""Decoded candidates, which an app suppresses itself, read as the tensor contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.errors import ArtifactError
from mobilecat.formats.base.candidates import CandidatesAsTensors
from mobilecat.spec import NmsSpec

BUNDLE = Path(__file__).resolve().parents[1] / "ios/yunet"
LEFT, RIGHT, FAR = [0, 0, 20, 10], [10, 0, 30, 10], [100, 50, 120, 90]  # LEFT, RIGHT: IoU 1/3


class Given:
    """An engine whose outputs are there already."""

    note = "given"

    def __init__(self, outputs: dict[str, Any]) -> None:
        self._outputs = {k: np.asarray(v, np.float32) for k, v in outputs.items()}

    def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> dict[str, Any]:
        return {**self._outputs, **{t: np.zeros(1) for t in taps}}


def bundle(**nms: Any) -> Bundle:
    plain = {"score_threshold": 0.25, "iou_threshold": 0.3, "max_detections": 3}
    whole = open_bundle(BUNDLE, verify=False)
    return whole.model_copy(
        update={"spec": whole.spec.model_copy(update={"nms": NmsSpec(**plain | nms)})}
    )


def tensors(
    outputs: dict[str, Any], taps: Sequence[str] = (), its: Bundle | None = None
) -> dict[str, Any]:
    return CandidatesAsTensors(Given(outputs), its or bundle()).infer({}, taps)


CANDIDATES = {
    "candidate_boxes": [[LEFT, RIGHT, FAR]],
    "candidate_scores": [[[0.1, 0.7], [0.2, 0.6], [0.9, 0.3]]],
    "candidate_landmarks": [[[1, 2, 3, 4], [5, 6, 7, 8], [110, 60, 115, 80]]],
}


def test_what_is_left_comes_in_padded_rows() -> None:
    found = tensors(CANDIDATES, ["inner"])
    assert found["count"].tolist() == [2]
    assert found["boxes"].tolist() == [[FAR, LEFT, [0, 0, 0, 0]]]
    assert found["class_ids"].tolist() == [[0, 1, 0]]
    np.testing.assert_allclose(found["scores"], [[0.9, 0.7, 0]], rtol=1e-6)
    marks = [[[110, 60], [115, 80]], [[1, 2], [3, 4]], [[0, 0], [0, 0]]]
    assert found["landmarks"].tolist() == [marks]
    assert [found[n].dtype.name for n in ("boxes", "class_ids", "count")] == [
        "float32", "int32", "int32",
    ]  # fmt: skip
    assert "inner" in found and not {n for n in found if n.startswith("candidate")}


def test_the_bundles_thresholds_are_taken() -> None:
    loose = bundle(iou_threshold=0.5, max_detections=2)
    assert tensors(CANDIDATES, its=loose)["boxes"].tolist() == [[FAR, LEFT]]
    loose = bundle(iou_threshold=0.5)
    assert tensors(CANDIDATES, its=loose)["count"].tolist() == [3]


def test_no_candidate_at_all() -> None:
    none = {"candidate_boxes": np.zeros((1, 0, 4)), "candidate_scores": np.zeros((1, 0, 2))}
    found = tensors(none)
    assert found["count"].tolist() == [0] and found["boxes"].shape == (1, 3, 4)
    assert "landmarks" not in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("candidate_boxes", [[LEFT, RIGHT]]),
        ("candidate_boxes", [LEFT, RIGHT, FAR]),
        ("candidate_scores", [[0.1, 0.2, 0.9]]),
        ("candidate_landmarks", [[[1, 2, 3]] * 3]),
    ],
)
def test_contradictions_are_told(name: str, value: Any) -> None:
    with pytest.raises(ArtifactError, match="contradict the contract") as e:
        tensors(CANDIDATES | {name: value})
    assert "expected [1, N, 4]" in str(e.value)
