"""The two demo networks: an SSD for cat faces, a landmark net for the crop.

Both take RGB in −1..1 (x / 127.5 − 1), NHWC. No layer depends on Keras' backend.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tools.train_demo.anchors import GRIDS
from tools.train_demo.backbone import mobilenet_v2, normal, weights_from_tflite

DETECTOR_SIZE = 224
LANDMARK_SIZE = 128
POINTS = 9


def detector(backbone: Path | None, frozen: int = 4) -> tuple[Any, Any]:
    """Return the network for training, one output [B,N,5], and the same for export.

    Columns: encoded ty, tx, th, tw, then the face's logit. The exported network has two outputs,
    `box_encodings` [1,N,4] and `class_predictions` [1,N,2], column 0 the background as in the TF
    object detection API.
    """
    image = keras.Input((DETECTOR_SIZE, DETECTOR_SIZE, 3), name="image")
    weights = weights_from_tflite(backbone) if backbone else None
    maps = mobilenet_v2(image, weights, frozen)
    small = _halved(maps["block_16"], "extra_4", 128)
    smallest = _halved(small, "extra_2", 128)
    boxes, faces = [], []
    features = (maps["block_13_expand"], maps["block_16"], small, smallest)
    for (cells, sides), feature in zip(GRIDS, features, strict=True):
        name, k = f"grid_{cells}", len(sides)
        wide = layers.Conv2D(128, 1, activation="relu6", name=f"{name}_reduce")(feature)
        wide = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_depthwise")(wide)
        wide = layers.Conv2D(128, 1, activation="relu6", name=f"{name}_mix")(wide)
        encoded = layers.Conv2D(4 * k, 1, kernel_initializer=normal(), name=f"{name}_boxes")(wide)
        # A prior of one face in a hundred anchors: https://arxiv.org/abs/1708.02002, section 4.1.
        logit = layers.Conv2D(
            k,
            1,
            kernel_initializer=normal(),
            bias_initializer=keras.initializers.Constant(-math.log(99)),
            name=f"{name}_faces",
        )(wide)
        boxes.append(layers.Reshape((cells * cells * k, 4), name=f"{name}_encodings")(encoded))
        faces.append(layers.Reshape((cells * cells * k, 1), name=f"{name}_logits")(logit))
    encodings = layers.Concatenate(axis=1, name="box_encodings")(boxes)
    logits = layers.Concatenate(axis=1, name="logits")(faces)
    training = layers.Concatenate(axis=2, name="rows")([encodings, logits])
    classes = layers.Concatenate(axis=2, name="class_predictions")([-logits, logits])
    return keras.Model(image, training), keras.Model(image, [encodings, classes])


def landmarks(backbone: Path | None, frozen: int = 2) -> Any:
    """Return the network: [B,18], x and y by turns in 0..1 of the crop.

    Heat maps of 16 × 16, whose mean position is the point (integral regression,
    https://arxiv.org/abs/1711.08229): finer than a cell, and any translation is learned at once.
    """
    image = keras.Input((LANDMARK_SIZE, LANDMARK_SIZE, 3), name="image")
    weights = weights_from_tflite(backbone) if backbone else None
    maps = mobilenet_v2(image, weights, frozen)
    coarse = layers.Conv2D(64, 1, name="lateral_32")(maps["block_16"])
    middle = layers.Conv2D(64, 1, name="lateral_16")(maps["block_12"])
    fine = layers.Conv2D(64, 1, name="lateral_8")(maps["block_5"])
    x = _merged(coarse, middle, "merge_16")
    x = _merged(x, fine, "merge_8")
    x = layers.Conv2D(POINTS, 1, name="heat")(x)
    cells = LANDMARK_SIZE // 8
    x = layers.Reshape((cells * cells, POINTS), name="cells")(x)
    x = layers.Permute((2, 1), name="by_point")(x)
    x = layers.Softmax(axis=-1, name="weights")(x)
    centres = (np.arange(cells) + 0.5) / cells
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2).astype(np.float32)
    # A layer with fixed weights: the mean over the cells' centres.
    mean = layers.Dense(2, use_bias=False, trainable=False, name="mean_position")
    x = mean(x)
    mean.set_weights([grid])
    return keras.Model(image, layers.Reshape((2 * POINTS,), name="landmarks")(x))


def _halved(x: Any, name: str, filters: int) -> Any:
    x = layers.Conv2D(filters, 1, activation="relu6", name=f"{name}_reduce")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name=f"{name}_depthwise")(x)
    return layers.Conv2D(filters, 1, activation="relu6", name=f"{name}_mix")(x)


def _merged(coarse: Any, fine: Any, name: str) -> Any:
    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_up")(coarse)
    x = layers.Add(name=f"{name}_add")([x, fine])
    x = layers.ReLU(6.0, name=f"{name}_relu")(x)
    x = layers.DepthwiseConv2D(5, padding="same", name=f"{name}_depthwise")(x)
    return layers.Conv2D(64, 1, activation="relu6", name=f"{name}_mix")(x)


def decoded(rows: Any, at: Any) -> Any:
    """Return boxes [B,N,4] ymin, xmin, ymax, xmax in 0..1 from encodings [B,N,4+]."""
    centre = rows[..., :2] / 10.0 * at[:, 2:] + at[:, :2]
    half = ops.exp(ops.clip(rows[..., 2:4] / 5.0, -4.0, 4.0)) * at[:, 2:] / 2.0
    return ops.concatenate([centre - half, centre + half], axis=-1)
