"""Train a demo model: `python -m tools.train_demo detector --data FOLDER --out FILE.keras`.

Two networks, two CPU cores, well under 90 minutes together; the figures are in the model cards. A
retrained detector, for trying `mobilecat diff`, takes two minutes and tools.train_demo.freeze after
them: `--from mobilecat/demo/cat_faces.onnx --steps 400 --batch 8 --rate 1e-4 --scenes 60`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

from tools.train_demo import nets
from tools.train_demo.anchors import anchors as all_anchors
from tools.train_demo.batches import DetectorBatches, LandmarkBatches
from tools.train_demo.losses import BOX_LOSSES, DetectorLoss, PointsLoss
from tools.train_demo.pictures import cat_photos, rendered, without_cats
from tools.train_demo.samples import Sources
from tools.train_demo.shipped import take_weights

app = typer.Typer(add_completion=False, no_args_is_help=True)

Data = Annotated[Path, typer.Option(help="The shared data folder: cats/ and models/.")]
Out = Annotated[Path, typer.Option(help="Where the trained network goes (.keras).")]
Steps = Annotated[int, typer.Option(help="Batches in all.")]
Batch = Annotated[int, typer.Option(help="Pictures a batch.")]
Rate = Annotated[float, typer.Option(help="Highest learning rate; it falls along a cosine.")]
Scenes = Annotated[int, typer.Option(help="Rendered scenes to learn from.")]
Seed = Annotated[int, typer.Option()]
BACKBONE = "ssd_mobilenetv2_oidv4_fp16.tflite"


@app.command()
def detector(
    data: Data,
    out: Out,
    box_loss: Annotated[str, typer.Option(help=" or ".join(BOX_LOSSES))] = "ciou",
    steps: Steps = 1800,
    batch: Batch = 16,
    rate: Rate = 5e-4,
    scenes: Scenes = 500,
    seed: Seed = 1,
    begin: Annotated[
        Path | None, typer.Option("--from", help="Go on from a frozen detector (.onnx).")
    ] = None,
) -> None:
    """Train the cat-face detector."""
    keras.utils.set_random_seed(seed)
    training, exported = nets.detector(None if begin else data / "models" / BACKBONE)
    if begin is not None:
        take_weights(training, begin)
    anchors = all_anchors()
    batches = DetectorBatches(
        _sources(data, scenes, seed), nets.DETECTOR_SIZE, batch, 100, seed, anchors=anchors
    )
    _fit(training, DetectorLoss(box_loss, anchors), batches, steps, rate)
    exported.save(out)
    np.save(out.with_suffix(".anchors.npy"), anchors)


@app.command()
def landmarks(
    data: Data,
    out: Out,
    steps: Steps = 4000,
    batch: Batch = 32,
    rate: Rate = 5e-4,
    scenes: Scenes = 500,
    seed: Seed = 1,
) -> None:
    """Train the landmark net."""
    keras.utils.set_random_seed(seed)
    network = nets.landmarks(data / "models" / BACKBONE)
    batches = LandmarkBatches(_sources(data, scenes, seed), nets.LANDMARK_SIZE, batch, 100, seed)
    _fit(network, PointsLoss(), batches, steps, rate)
    network.save(out)


def _sources(data: Path, scenes: int, seed: int) -> Sources:
    photos = cat_photos(data / "cats", held_back=False)
    return Sources(photos, rendered(scenes, seed) if scenes else [], without_cats())


def _fit(network, loss, batches, steps: int, rate: float) -> None:  # type: ignore[no-untyped-def]
    """AdamW, warm-up and cosine, and the mean of the weights over the last steps kept."""
    warm = min(100, steps // 4)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, steps - warm, alpha=0.01, warmup_target=rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=1e-4, clipnorm=5.0, use_ema=True, ema_momentum=0.995
    )
    network.compile(optimizer=optimizer, loss=loss)
    network.fit(batches, epochs=math.ceil(steps / len(batches)), verbose=2)


if __name__ == "__main__":
    app()
