"""A model's inputs and outputs as its description declares them, and values at that boundary."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.formats.coreml.runtime.errors import InputError, malformed
from mobilecat.formats.coreml.runtime.values import check_size

Array = npt.NDArray[Any]
Kind = Literal[
    "image", "multiarray", "dictionary", "string", "int64", "double", "sequence", "state"
]

_ARRAY_DTYPES = {
    65552: "float16",
    65568: "float32",
    65600: "float64",
    131104: "int32",
    131080: "int8",
}
_COLORS = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}
_MODES = {"GRAYSCALE": "L", "RGB": "RGB", "BGR": "RGB", "GRAYSCALE_FLOAT16": "F"}
_KINDS: dict[str, Kind] = {
    "imageType": "image",
    "multiArrayType": "multiarray",
    "dictionaryType": "dictionary",
    "stringType": "string",
    "int64Type": "int64",
    "doubleType": "double",
    "sequenceType": "sequence",
    "stateType": "state",
}


@dataclass(frozen=True)
class Feature:
    """One input or output.

    shape:    of a multiarray, () where the description leaves it open.
    shapes:   the enumerated shapes it may have; () where it has one, or a range.
    bounds:   per axis (lowest, highest), highest −1 without a limit; () without ranges.
    size_wh:  of an image; `sizes_wh` and `bounds` (height, width) are its flexible forms.
    color:    RGB, BGR, GRAYSCALE or GRAYSCALE_FLOAT16; "" unless an image.
    rank5:    a NeuralNetwork input that may also come as [sequence, batch, C, H, W].
    default:  what an optional input holds when it is left out.
    """

    name: str
    kind: Kind
    dtype: str = ""
    shape: tuple[int, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    bounds: tuple[tuple[int, int], ...] = ()
    color: str = ""
    size_wh: tuple[int, int] = (0, 0)
    sizes_wh: tuple[tuple[int, int], ...] = ()
    optional: bool = False
    default: float = 0.0
    keys: str = ""
    rank5: bool = False

    def __str__(self) -> str:
        if self.kind == "image":
            return f"{self.name}: {self.color} image {self.size_wh[0]}×{self.size_wh[1]}"
        if self.kind == "multiarray":
            return f"{self.name}: {self.dtype} {list(self.shape)}"
        return f"{self.name}: {self.kind}"


def read_features(protos: Sequence[Any]) -> tuple[Feature, ...]:
    """Return the features in a description; ArtifactError where two of a name differ.

    coremltools writes an output twice where a program returns one value twice.
    """
    found: dict[str, Feature] = {}
    for f in (_feature(p) for p in protos):
        if found.setdefault(f.name, f) != f:
            raise malformed(f"the description has two features {f.name!r}")
    return tuple(found.values())


def _feature(proto: Any) -> Feature:
    which = proto.type.WhichOneof("Type")
    if which not in _KINDS:
        raise malformed(f"feature {proto.name!r} has no type")
    kind, optional = _KINDS[which], bool(proto.type.isOptional)
    if kind == "image":
        return _image_feature(proto.name, proto.type.imageType, optional)
    if kind in ("multiarray", "state"):
        t = proto.type.multiArrayType if kind == "multiarray" else proto.type.stateType.arrayType
        return _array_feature(proto.name, kind, t, optional)
    keys = (
        str(proto.type.dictionaryType.WhichOneof("KeyType") or "") if kind == "dictionary" else ""
    )
    return Feature(proto.name, kind, optional=optional, keys=keys)


def _array_feature(name: str, kind: Kind, t: Any, optional: bool) -> Feature:
    if t.dataType not in _ARRAY_DTYPES:
        raise malformed(f"feature {name!r} has the unknown element type {t.dataType}")
    shape = tuple(int(d) for d in t.shape)
    shapes: tuple[tuple[int, ...], ...] = ()
    bounds: tuple[tuple[int, int], ...] = ()
    flexible = t.WhichOneof("ShapeFlexibility")
    if flexible == "enumeratedShapes":
        shapes = tuple(tuple(int(d) for d in s.shape) for s in t.enumeratedShapes.shapes)
    elif flexible == "shapeRange":
        bounds = tuple((int(r.lowerBound), int(r.upperBound)) for r in t.shapeRange.sizeRanges)
    for s in (shape, *shapes):
        if any(d < 0 for d in s):
            raise malformed(f"feature {name!r} has the shape {list(s)}")
        check_size(s, name)
    which = t.WhichOneof("defaultOptionalValue")
    default = float(getattr(t, which)) if which else 0.0
    dtype = _ARRAY_DTYPES[t.dataType]
    return Feature(name, kind, dtype, shape, shapes, bounds, optional=optional, default=default)


def _image_feature(name: str, t: Any, optional: bool) -> Feature:
    if t.colorSpace not in _COLORS:
        raise malformed(f"image {name!r} has the unknown colour space {t.colorSpace}")
    size = (int(t.width), int(t.height))
    if not (0 < size[0] <= 1 << 16 and 0 < size[1] <= 1 << 16):
        raise malformed(f"image {name!r} is {size[0]}×{size[1]} pixels")
    sizes: tuple[tuple[int, int], ...] = ()
    bounds: tuple[tuple[int, int], ...] = ()
    flexible = t.WhichOneof("SizeFlexibility")
    if flexible == "enumeratedSizes":
        sizes = tuple((int(s.width), int(s.height)) for s in t.enumeratedSizes.sizes)
    elif flexible == "imageSizeRange":
        r = t.imageSizeRange
        bounds = tuple(
            (int(b.lowerBound), int(b.upperBound)) for b in (r.heightRange, r.widthRange)
        )
    color = _COLORS[t.colorSpace]
    dtype = "float16" if color == "GRAYSCALE_FLOAT16" else "uint8"
    return Feature(
        name,
        "image",
        dtype,
        color=color,
        size_wh=size,
        sizes_wh=sizes,
        bounds=bounds,
        optional=optional,
    )


# values in ------------------------------------------------------------------------------------


def bind_inputs(features: Sequence[Feature], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return one value per input: [1,H,W,C] for images, an array of the declared type otherwise.

    Errors: InputError that lists every missing, unknown and unfit input.
    """
    problems: list[Problem] = []
    bound: dict[str, Any] = {}
    by_name = {f.name: f for f in features}
    for name in given:
        if name not in by_name:
            problems.append(Problem("the model has no such input", name))
    for name, f in by_name.items():
        try:
            if name in given and given[name] is not None:
                bound[name] = _value(f, given[name])
            elif f.optional and f.kind == "multiarray" and f.shape:
                bound[name] = np.full(f.shape, f.default, f.dtype)
            elif not f.optional:
                problems.append(Problem(f"no value was given for {f}", name))
        except InputError as e:
            problems.extend(e.problems)
    if problems:
        raise InputError("These inputs do not fit the Core ML model", problems)
    return bound


def _value(f: Feature, value: Any) -> Any:
    if f.kind == "image":
        return image_array(f, value)
    if f.kind == "multiarray":
        return _array_value(f, value)
    if f.kind in ("int64", "double"):
        return np.asarray(value, np.int64 if f.kind == "int64" else np.float64).reshape(-1)[:1]
    return value


def _array_value(f: Feature, value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise _unfit(f, f"its elements are {array.dtype}")
    if not _shape_fits(f, array.shape):
        raise _unfit(f, f"its shape is {list(array.shape)}{_allowed(f)}")
    return np.ascontiguousarray(array, dtype=f.dtype)


def _shape_fits(f: Feature, shape: tuple[int, ...]) -> bool:
    if f.rank5 and len(shape) == 5 and len(f.shape) in (1, 3):
        return shape[2 : 2 + len(f.shape)] == f.shape
    if f.shapes:
        return shape in f.shapes or shape == f.shape
    if f.bounds:
        return len(shape) == len(f.bounds) and all(
            low <= d and (high < 0 or d <= high)
            for d, (low, high) in zip(shape, f.bounds, strict=True)
        )
    return not f.shape or shape == f.shape


def _allowed(f: Feature) -> str:
    if f.shapes:
        return f", allowed are {[list(s) for s in f.shapes]}"
    if f.bounds:
        return ", allowed are " + " × ".join(f"{a}…{b if b >= 0 else ''}" for a, b in f.bounds)
    return f", {list(f.shape)} is needed"


def image_array(f: Feature, value: Any) -> Array:
    """Return the picture as [1, H, W, C], uint8 in RGB order, or float16 with C = 1.

    Takes a PIL image, or an array [H, W], [H, W, 1] or [H, W, 3]. Sizes must match: Core ML does
    not resize what is handed to a model.
    """
    from PIL import Image

    mode = _MODES[f.color]
    if isinstance(value, str | os.PathLike):
        said = "a path is no picture, and Core ML opens none: pass PIL's Image.open(path)"
        raise _unfit(f, said)
    if isinstance(value, Image.Image):
        # an alpha channel is ignored, as Core ML does with 32-bit pixel buffers
        if mode == "RGB" and value.mode in ("RGBA", "RGBX"):
            value = value.convert("RGB")
        if value.mode != mode:
            raise _unfit(f, f"the picture's mode is {value.mode!r}, {mode!r} is needed")
    array = np.asarray(value)
    if array.ndim == 2:
        array = array[:, :, None]
    channels = 3 if mode == "RGB" else 1
    if array.ndim != 3 or array.shape[2] != channels:
        raise _unfit(f, f"a picture of shape {list(array.shape)} has not {channels} channels")
    if mode != "F" and array.dtype != np.uint8:
        raise _unfit(f, f"its pixels are {array.dtype}, uint8 is needed")
    height, width = array.shape[:2]
    if not _size_fits(f, width, height):
        raise _unfit(f, f"the picture is {width}×{height}, {f.size_wh[0]}×{f.size_wh[1]} is needed")
    return np.ascontiguousarray(array[None], dtype=np.float16 if mode == "F" else np.uint8)


def _size_fits(f: Feature, width: int, height: int) -> bool:
    if f.bounds:
        return all(
            low <= d and (high < 0 or d <= high)
            for d, (low, high) in zip((height, width), f.bounds, strict=True)
        )
    return (width, height) == f.size_wh or (width, height) in f.sizes_wh


def _unfit(f: Feature, what: str) -> InputError:
    return InputError("This input does not fit", [Problem(what, f.name)])


# values out -----------------------------------------------------------------------------------


def output_value(f: Feature, value: Any) -> Any:
    """Return a result as the description declares it: an array, an image, a label, a dictionary."""
    if f.kind == "image":
        return _picture(f, np.asarray(value))
    if f.kind == "multiarray":
        return np.asarray(value).astype(f.dtype, copy=False)
    if f.kind == "int64" and isinstance(value, np.ndarray):
        return int(value.reshape(-1)[0])
    if f.kind == "double" and isinstance(value, np.ndarray):
        return float(value.reshape(-1)[0])
    return value


def _picture(f: Feature, value: Array) -> Any:
    from PIL import Image

    planes = value.reshape(-1, *value.shape[-2:])
    if f.color == "GRAYSCALE_FLOAT16":
        return Image.fromarray(planes[0].astype(np.float16).astype(np.float32))
    pixels = np.clip(np.round(planes), 0, 255).astype(np.uint8)
    if f.color == "GRAYSCALE":
        return Image.fromarray(pixels[0])
    if len(pixels) != 3:
        raise malformed(f"the image {f.name!r} has {len(pixels)} planes")
    order = [2, 1, 0] if f.color == "BGR" else [0, 1, 2]
    return Image.fromarray(np.ascontiguousarray(pixels[order].transpose(1, 2, 0)))
