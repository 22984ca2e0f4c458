"""Batches for `fit`, made in the background; batch k of a seed is always the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tools.train_demo.matching import targets
from tools.train_demo.pictures import extents
from tools.train_demo.samples import Sources, detector_sample, landmark_sample


def inputs(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 pixels as both networks take them: −1..1."""
    return pixels.astype(np.float32) / 127.5 - 1


class Batches(keras.utils.PyDataset):
    """`steps` batches an epoch, never the same twice."""

    def __init__(self, sources: Sources, size: int, batch: int, steps: int, seed: int):
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.sources, self.size, self.batch, self.steps, self.seed = (
            sources, size, batch, steps, seed,
        )  # fmt: skip
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        pairs = [self.sample(rng) for _ in range(self.batch)]
        return inputs(np.stack([p for p, _ in pairs])), np.stack([t for _, t in pairs])

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


class DetectorBatches(Batches):
    """Scenes and anchor rows [N,6]."""

    def __init__(self, *arguments: Any, anchors: np.ndarray):
        super().__init__(*arguments)
        self.anchors = anchors

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pixels, faces = detector_sample(rng, self.sources, self.size)
        return pixels, targets(extents(faces), self.anchors, self.size)


class LandmarkBatches(Batches):
    """Crops and points [18]."""

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pixels, points = landmark_sample(rng, self.sources, self.size)
        return pixels, points.reshape(18).astype(np.float32)
