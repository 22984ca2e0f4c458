"""A frame on the machine: what a model finds through each chain and harmless change, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.looks import LOOKS, Pixels
from mobilecat.diagnosis.machine import Chain, Machine, Trial
from mobilecat.geometry.affine import F64


@dataclass
class Bench:
    """truth: true boxes, xyxy in pixels of the upright picture, where they are known."""

    machine: Machine
    frame: Pixels
    truth: npt.NDArray[np.float64] | None
    progress: Callable[[str], None]
    trials: list[Trial] = field(default_factory=list)
    _known: dict[tuple[Chain, int], Trial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Many looks at a frame of many megapixels cost more than the model.
        self.every = max(1, int(max(self.frame.shape[:2]) // (2 * max(self.machine.spec.size))))
        self.small = self.frame if self.every == 1 else _averaged(self.frame, self.every)

    def tried(self, chain: Chain) -> Trial:
        """Return the trial of a chain, without any change of the picture."""
        for t in self.trials:
            if t.chain == chain:
                return t
        self.progress(f"as {chain.words()}")
        trial = self.machine.run(chain, self.frame, self.truth)
        self.trials.append(trial)
        self._known[chain, 0] = trial
        return trial

    def looked(self, chain: Chain, look: int) -> Trial:
        """Return the trial of a chain, seen through one of `LOOKS`."""
        if look == 0:
            return self.tried(chain)
        if (chain, look) not in self._known:
            frame = self.frame if self.truth is not None else self.small
            self._known[chain, look] = self.machine.run(chain, frame, self.truth, LOOKS[look])
        return self._known[chain, look]

    def candidates(self, chain: Chain, look: int) -> F64:
        """Return the best candidates through a look, xyxy in the frame's pixels from its centre.

        look: one that leaves the centre and the size of what is there: `CENTRED`.
        """
        smaller = self.every if look and self.truth is None else 1
        return self.looked(chain, look).candidates * smaller

    def strengths(self, chain: Chain, looks: Sequence[int]) -> F64:
        """Return what each look finds through a chain."""
        return np.array([self.looked(chain, k).strength for k in looks])


def _averaged(frame: Pixels, every: int) -> Pixels:
    """Return the frame with `every` × `every` pixels made one."""
    h, w = frame.shape[0] // every * every, frame.shape[1] // every * every
    blocks = frame[:h, :w].reshape(h // every, every, w // every, every, 3)
    averaged: Pixels = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return averaged
