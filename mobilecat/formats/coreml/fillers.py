"""Filler classes: behind an ML Program, Vision's NMS is right for multiples of 80 classes only.

Reported of Core ML's pipelines of an ML Program and the NonMaximumSuppression model, and not of
NeuralNetworks: wrong boxes or none unless the number of classes is a multiple of 80, right where
the scores are padded to one (github.com/ultralytics/ultralytics/issues/22309 and pull/22310;
github.com/apple/coremltools/issues/2445, where the stages run one by one are right).

A filler's score is the box's best one where that is below 0, else 0. So it never wins: real classes
come first, and the best is the first on ties. −∞ would not do: Vision scales a box's labels to a
sum of 1, which it would make NaN, and a number below 0 would turn their order round.
"""

from __future__ import annotations

from collections.abc import Sequence

MULTIPLE = 80
FILLERS = "fillers"
"""The key of a file's user metadata that says how many of its last classes are fillers."""


def fillers(labels: Sequence[str], format: str, wanted: bool = True) -> tuple[str, ...]:
    """Return names for what lacks to a multiple of 80, none of which a label begins like.

    None for an mlmodel, whose NMS is right for any number.
    """
    if format != "mlpackage" or not wanted:
        return ()
    count = -len(labels) % MULTIPLE
    name = "filler"
    while any(label.startswith(name) for label in labels):
        name = f"no {name}"
    return tuple(f"{name} {i}" for i in range(1, count + 1))
