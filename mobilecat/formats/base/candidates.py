"""The `candidates` contract read as the `tensor` contract: both are held to the same goldens.

What an app does with an artifact whose suppression is its own, done here in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobilecat.bundle import Bundle
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.masks import finished
from mobilecat.heads.reference.tensors import tensors_from_candidates
from mobilecat.rows import CANDIDATE, MAPS, ROWS

BOXES, SCORES = f"{CANDIDATE}boxes", f"{CANDIDATE}scores"


class CandidatesAsTensors:
    """A runner of decoded candidates: boxes [1,N,4], scores [1,N,C], row values [1,N,D], and maps.

    Their suppression is the bundle's `nms`, on float32 as in artifacts that have it baked in.
    """

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; suppression in numpy"
        self._runner = runner
        nms, image = bundle.spec.effective_nms, bundle.spec.input
        assert nms is not None and image is not None
        self._nms, self._size, self._head = nms, image.size, bundle.spec.head

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        boxes, scores = found.pop(BOXES), found.pop(SCORES)
        there = [row for row in ROWS.values() if row.candidate in found]
        rows = {row.name: found.pop(row.candidate) for row in there}
        maps = {name: found.pop(name) for name in MAPS if name in found and name not in taps}
        kept = tensors_from_candidates(Candidates(boxes, scores, rows, maps), self._nms)
        return {**finished(self._head, kept, self._size), **found}
