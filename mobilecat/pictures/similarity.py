"""How alike two sets of landmarks are: COCO's object keypoint similarity. Pure functions.

Source: https://cocodataset.org/#keypoints-eval. OKS = mean over the points that are labelled of
e^(−d² / (2·s²·k²)), k = 2σ, s² the object's area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mobilecat.spec import Spec

Floats = npt.NDArray[np.float64]

COCO_SIGMAS = {
    "nose": 0.026, "left eye": 0.025, "right eye": 0.025, "left ear": 0.035, "right ear": 0.035,
    "left shoulder": 0.079, "right shoulder": 0.079, "left elbow": 0.072, "right elbow": 0.072,
    "left wrist": 0.062, "right wrist": 0.062, "left hip": 0.107, "right hip": 0.107,
    "left knee": 0.087, "right knee": 0.087, "left ankle": 0.089, "right ankle": 0.089,
}  # fmt: skip
"""Of COCO's 17 points, in its order."""


def sigmas_of(spec: Spec, points: int) -> Floats | None:
    """Return σ of each point: the spec's, or COCO's where there are 17; None for others.

    COCO's go by name where the landmarks bear its names, else by its order.
    """
    if isinstance(spec.sigmas, float):
        return np.full(points, spec.sigmas)
    if spec.sigmas is not None:
        return np.array(spec.sigmas) if len(spec.sigmas) == points else None
    if points != len(COCO_SIGMAS):
        return None
    names = [name.casefold().replace("_", " ").replace("-", " ") for name in spec.landmarks]
    known = set(names) == set(COCO_SIGMAS)
    return np.array([COCO_SIGMAS[n] for n in (names if known else COCO_SIGMAS)])


def oks(truth: Floats, found: Floats, areas: Floats, sigmas: Floats) -> Floats:
    """Return OKS of each pair, NaN where no point is labelled or the object has no area.

    Shapes: (n,L,2), (n,L,2), (n,) px², (L,) → (n,). NaN in `truth`: not labelled.
    """
    labelled = np.asarray(np.isfinite(truth).all(axis=-1))
    apart = np.where(labelled[..., None], truth - found, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = (apart**2).sum(axis=-1) / (2 * areas[:, None] * (2 * sigmas) ** 2)
        alike = np.where(labelled, np.exp(-exponent), 0.0).sum(axis=1) / labelled.sum(axis=1)
    result: Floats = np.where(areas > 0, alike, np.nan)
    return result
