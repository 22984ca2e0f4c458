"""A classifier's probabilities read as the tensor contract, in every format the same."""

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
    """A runner of a classifier: its probabilities become the best rows of the tensor contract.

    class_probabilities: [1,C], or a dictionary by label, with class_label, the best, beside it.
    """

    def __init__(self, runner: Runner, bundle: Bundle) -> None:
        self.note = f"{runner.note}; classifier"
        self._runner = runner
        spec, nms = bundle.spec.input, bundle.spec.effective_nms
        assert spec is not None and nms is not None
        self._box = np.array([0.0, 0.0, *spec.size]).reshape(1, 1, 4)
        self._labels, self._nms = bundle.spec.labels, nms
        self._candidates = [t.name for t in bundle.candidates]

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = dict(self._runner.infer(inputs, taps))
        given, best = np.asarray(found.pop("class_probabilities")), found.pop("class_label", None)
        scores = self._by_label(given.item()) if given.dtype == object else given.reshape(-1)
        if len(scores) != len(self._labels):
            raise _wrong(f"{len(scores)} probabilities")
        if best is not None:
            self._require_the_best(str(np.asarray(best).item()), scores)
        rows = Candidates(self._box, scores.astype(np.float64).reshape(1, 1, -1))
        # The probabilities of all classes are its candidates, by which a tie is told from a fault.
        own = dict(zip(self._candidates, (rows.boxes, rows.scores), strict=False))
        own = {name: values.astype(np.float32) for name, values in own.items() if name in taps}
        return {**tensors_from_candidates(rows, self._nms), **own, **found}

    def _by_label(self, table: object) -> Array:
        if not isinstance(table, dict) or set(table) != set(self._labels):
            given = f"{len(table)} labels" if isinstance(table, dict) else type(table).__name__
            raise _wrong(f"{given}; the contract has {len(self._labels)}")
        return np.array([float(table[label]) for label in self._labels])

    def _require_the_best(self, best: str, scores: Array) -> None:
        if best not in self._labels or scores[self._labels.index(best)] < scores.max():
            top = self._labels[int(scores.argmax())]
            what = f"it says {best!r}, its most probable is {top!r}"
            raise ArtifactError("The classifier contradicts itself", [Problem(what)])


def _wrong(given: str) -> ArtifactError:
    text = "The classifier does not name the contract's classes"
    return ArtifactError(text, [Problem(given)])
