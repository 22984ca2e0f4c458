"""A classifier's label and dictionary read as the tensor contract, in every format the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import Runner
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.heads.reference.tensors import tensors_from_candidates


class ClassifierAsTensors:
    """A runner of a classifier: its dictionary becomes the best rows of the tensor contract."""

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; classifier"
        self._runner = runner
        spec, nms = bundle.spec.input, bundle.spec.effective_nms
        assert spec is not None and nms is not None
        self._box = np.array([0.0, 0.0, *spec.size]).reshape(1, 1, 4)
        self._labels, self._nms = bundle.spec.labels, nms

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        best = str(np.asarray(found.pop("class_label")).item())
        table = np.asarray(found.pop("class_probabilities")).item()
        if not isinstance(table, dict) or set(table) != set(self._labels):
            given = f"{len(table)} labels" if isinstance(table, dict) else type(table).__name__
            what = f"{given}; the contract has {len(self._labels)}"
            raise ArtifactError("The classifier does not name the contract's classes",
                                [Problem(what)])  # fmt: skip
        scores = np.array([float(table[label]) for label in self._labels])
        if scores[self._labels.index(best)] < scores.max():
            what = f"it says {best!r}, its most probable is {self._labels[int(scores.argmax())]!r}"
            raise ArtifactError("The classifier contradicts itself", [Problem(what)])
        rows = Candidates(self._box, scores.reshape(1, 1, -1))
        return {**tensors_from_candidates(rows, self._nms), **found}
