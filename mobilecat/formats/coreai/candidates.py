"""The `candidates` contract read as the `tensor` contract: both are held to the same goldens.

What an app does with an artifact whose suppression is its own, done here in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobilecat.bundle import Bundle
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array
from mobilecat.heads.reference.tensors import tensors_from_candidates

BOXES, SCORES, LANDMARKS = "candidate_boxes", "candidate_scores", "candidate_landmarks"


class CandidatesAsTensors:
    """A runner of decoded candidates: boxes [1,N,4], scores [1,N,C], landmarks [1,N,2L].

    Their suppression is the bundle's `nms`, on float32 as in artifacts that have it baked in.
    """

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; suppression in numpy"
        self._runner = runner
        nms = bundle.spec.effective_nms
        assert nms is not None
        self._nms = nms

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        boxes, scores = found.pop(BOXES), found.pop(SCORES)
        landmarks = found.pop(LANDMARKS, None)
        return {**tensors_from_candidates(boxes, scores, landmarks, self._nms), **found}
