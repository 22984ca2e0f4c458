"""Resizing, cropping and resampling of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.crops import crop_bilinear, split_roi
from mobilecat.formats.coreml.runtime.graph import FLOAT, Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.sampling import positions, resize_linear, resize_nearest


def _image(op: Op) -> Val:
    x = op["x"]
    if x.rank < 3 or 0 in x.shape:
        raise op.broken(f"x has shape {x.shape}, no picture")
    return x


def _target(op: Op, height: float, width: float) -> tuple[int, int]:
    if not (1 <= height <= 1 << 20 and 1 <= width <= 1 << 20):
        raise op.broken(f"a target size of {height} × {width}")
    return int(height), int(width)


def _scaled(op: Op, x: Val) -> tuple[int, int]:
    h, w = x.shape[-2:]
    scale = [op.number(f"scale_factor_{side}", 1) for side in ("height", "width")]
    # the scales are float32: 1.1 · 10 must floor to 11, as it does in float32
    return _target(op, np.floor(np.float32(scale[0]) * h), np.floor(np.float32(scale[1]) * w))


@mil_op("upsample_nearest_neighbor", moves=True)
def onnx_from_upsample_nearest_neighbor(op: Op) -> Val:
    x = _image(op)
    height, width = _scaled(op, x)
    return _nearest(op, x, height, width)


@mil_op("resize_nearest_neighbor", moves=True)
def onnx_from_resize_nearest_neighbor(op: Op) -> Val:
    size = op.integer("target_size_height"), op.integer("target_size_width")
    return _nearest(op, _image(op), *_target(op, *size))


def _nearest(op: Op, x: Val, height: int, width: int) -> Val:
    """Pixel floor(i·in/out)."""
    h, w = x.shape[-2:]
    return resize_nearest(op.g, x, np.arange(height) * h // height, np.arange(width) * w // width)


@mil_op("upsample_bilinear")
def onnx_from_upsample_bilinear(op: Op) -> Val:
    x = _image(op)
    align = op.flag("align_corners", True)
    mode = "STRICT_ALIGN_CORNERS"
    if not align:
        mode = "UNALIGN_CORNERS" if op.flag("half_pixel_centers", True) else "DEFAULT"
    return resize_linear(op.g, x, mode, *_scaled(op, x))


@mil_op("resize_bilinear")
def onnx_from_resize_bilinear(op: Op) -> Val:
    size = op.integer("target_size_height", 1), op.integer("target_size_width", 1)
    return resize_linear(op.g, _image(op), op.text("sampling_mode", "DEFAULT"), *_target(op, *size))


@mil_op("resize")
def onnx_from_resize(op: Op) -> Val:
    x = op["x"]
    shape, count = op.ints("shape"), op.integer("resized_dims")
    if not 0 <= count <= min(len(shape), x.rank):
        raise op.broken(f"resized_dims is {count} for a shape of {len(shape)}")
    sizes = shape[len(shape) - count :]
    if count not in (1, 2):
        raise op.refuse(f"resize of {count} dimensions")
    kept = x.shape[x.rank - count :]
    wanted = [s or k for s, k in zip(sizes, kept, strict=True)]
    height, width = wanted if count == 2 else (x.shape[-2], wanted[0])
    height, width = _target(op, height, width)
    mode = op.text("sampling_mode", "DEFAULT")
    if op.text("interpolation_mode", "LINEAR") == "LINEAR":
        y = resize_linear(op.g, as_type(op, x, np.float32), mode, height, width)
        return as_type(op, y, x.dtype)
    h, w = x.shape[-2:]
    # half rounds up: position 0.5 reads pixel 1
    rows = np.floor(positions(mode, h, height) + 0.5)
    columns = np.floor(positions(mode, w, width) + 0.5)
    return resize_nearest(op.g, x, np.minimum(rows, h - 1), np.minimum(columns, w - 1))


@mil_op("crop", moves=True)
def onnx_from_crop(op: Op) -> Val:
    x = _image(op)
    (top, bottom), (left, right) = op.ints("crop_height"), op.ints("crop_width")
    starts, ends = np.array([top, left]), np.array([x.shape[-2] - bottom, x.shape[-1] - right])
    return op.g("Slice", x, starts, ends, np.array([x.rank - 2, x.rank - 1]))


# crop_resize ----------------------------------------------------------------------------------


@mil_op("crop_resize")
def onnx_from_crop_resize(op: Op) -> Val:
    """From iOS 17 boxes [N,4] and box_indices; before, roi [N,1,4|5,1,1], index in front."""
    x = op["x"]
    if x.rank != 4:
        raise op.broken(f"x has rank {x.rank}")
    batch, channels = x.shape[:2]
    height, width = _target(op, op.integer("target_height", 1), op.integer("target_width", 1))
    pictures: Val | None = None
    if op.opset >= 17:
        boxes = as_type(op, op["boxes"], np.float32)
        count = boxes.shape[0]
        pictures = op.get("box_indices") or op.g.const(np.arange(count, dtype=np.int32))
        out = [count, channels, height, width]
    else:
        boxes, pictures = split_roi(op.g, op["roi"])
        count = boxes.shape[0]
        out = [count, batch if pictures is None else 1, channels, height, width]
    y = crop_bilinear(
        op.g,
        x,
        boxes,
        pictures,
        size_hw=(height, width),
        box_mode=op.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST"),
        sampling_mode=op.text("sampling_mode", "DEFAULT"),
        spatial_scale=op.number("spatial_scale", 1.0),
        normalized=op.flag("normalized_coordinates", False),
        pad_value=op.number("pad_value", 0.0),
    )
    return op.g("Reshape", y, np.array(out))


# resampling at given coordinates --------------------------------------------------------------

_GRID_MODES = {
    "constant": "zeros",
    "border": "border",
    "reflection": "reflection",
    "symmetric": "reflection",
}


@mil_op("affine")
def onnx_from_affine(op: Op) -> Val:
    x = op["x"]
    height, width = _target(op, op.integer("output_height"), op.integer("output_width"))
    steps = [
        np.linspace(-1, 1, n, dtype=np.float32) if n > 1 else np.zeros(1, np.float32)
        for n in (width, height)
    ]
    us, vs = np.meshgrid(*steps)
    base = np.stack([us, vs, np.ones_like(us)], axis=-1).reshape(1, -1, 3)
    matrix = op.g("Reshape", op["transform_matrix"], np.array([-1, 2, 3]))
    grid = op.g("MatMul", op.g.const(base), op.g("Transpose", matrix, perm=[0, 2, 1]))
    grid = op.g(
        "Expand",
        op.g("Reshape", grid, np.array([-1, height, width, 2])),
        np.array([x.shape[0], 1, 1, 1]),
    )
    return op.g("GridSample", x, grid, mode="linear", padding_mode="zeros", align_corners=1)


@mil_op("resample")
def onnx_from_resample(op: Op) -> Val:
    x = op["x"]
    mode, padding = op.text("sampling_mode"), op.text("padding_mode")
    space, align = op.text("coordinates_mode"), op.flag("align_corners")
    if mode not in ("bilinear", "nearest") or padding not in _GRID_MODES or x.rank != 4:
        raise op.refuse(f"resample with {mode!r}, {padding!r} at rank {x.rank}")
    coordinates = op["coordinates"]
    if not coordinates.is_float:
        coordinates = op.g("Cast", coordinates, to=FLOAT)
    size = np.array([x.shape[3], x.shape[2]], np.float32)
    # reflection about pixel centres is GridSample's with aligned corners, about edges without
    aligned = {"reflection": True, "symmetric": False}.get(padding, align)
    if space != "normalized_minus_one_to_one" or aligned != align:
        coordinates = _renormalised(op, coordinates, size, space, align, aligned)
    value = op.array("padding_value", np.float32(0)).astype(np.float32).reshape(())
    shift = padding == "constant" and bool(value)
    picture = op.g("Sub", x, op.g.const(value)) if shift else x
    y = op.g(
        "GridSample",
        picture,
        coordinates,
        mode="linear" if mode == "bilinear" else "nearest",
        padding_mode=_GRID_MODES[padding],
        align_corners=int(aligned),
    )
    return op.g("Add", y, op.g.const(value)) if shift else y


def _renormalised(op: Op, c: Val, size: Any, space: str, align: bool, aligned: bool) -> Val:
    """Return coordinates in [−1, 1] by the convention `aligned`, by way of pixel centres."""
    one = np.float32(1)
    if space == "unnormalized":
        scale, offset = np.ones(2, np.float32), np.zeros(2, np.float32)
    elif space == "normalized_zero_to_one":
        scale, offset = (size - 1, 0 * size) if align else (size, 0 * size - np.float32(0.5))
    elif space == "normalized_minus_one_to_one":
        scale, offset = ((size - 1) / 2, (size - 1) / 2) if align else (size / 2, (size - 1) / 2)
    else:
        raise op.refuse(f"coordinates_mode {space!r} is unknown")
    if aligned:
        back = 2 / np.maximum(size - 1, one)
        scale, offset = scale * back, offset * back - one
    else:
        scale, offset = scale * 2 / size, (offset * 2 + one) / size - one
    scaled = op.g("Mul", c, op.g.const(np.asarray(scale, np.float32)))
    return op.g("Add", scaled, op.g.const(np.asarray(offset, np.float32)))
