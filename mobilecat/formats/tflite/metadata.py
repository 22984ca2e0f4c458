"""TFLite metadata of a detector or a classifier, as MediaPipe Tasks and the Task Library read it.

A FlatBuffer beside the model, in a buffer named TFLITE_METADATA; labels lie in a zip behind it.

Source: https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs
Numbers of fields are their places in the tables there; enums and unions are written out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers

from mobilecat.formats.tflite.read.metadata import (
    BOUNDARIES,
    BOX,
    BOX_INDEX,
    COLOR_IDS,
    FEATURE,
    IDENTIFIER,
    IMAGE,
    NORMALIZATION,
    TENSOR_AXIS_LABELS,
    TENSOR_VALUE_LABELS,
)

LABELS = "labels.txt"
# The newest of what is used: TensorGroup came with 1.2.0.
_PARSER = "1.2.0"

_DETECTED = (
    ("location", "The locations of the detected boxes."),
    ("category", "The categories of the detected boxes."),
    ("score", "The scores of the detected boxes."),
    ("number of detections", "The number of the detected boxes."),
)


@dataclass(frozen=True)
class ModelInfo:
    """What a model's metadata says. input: what the picture tensor takes, values 0–255."""

    name: str
    description: str
    size_wh: tuple[int, int]
    channels: int
    input: str
    labels: tuple[str, ...] = ()


def detector_metadata(info: ModelInfo) -> bytes:
    """Return the metadata of a model with one picture and the four outputs of `detection`."""
    b = flatbuffers.Builder(1024)
    files = [_label_file(b, TENSOR_VALUE_LABELS)] if info.labels else []
    outputs = [_output(b, i, files if i == 1 else []) for i in range(len(_DETECTED))]
    group = _table(
        b, 2, {0: b.CreateString("detection_result"),
               1: _vector(b, [b.CreateString(name) for name, _ in _DETECTED[:3]])}
    )  # fmt: skip
    return _finished(b, info, "Input image to be detected.", outputs, {8: _vector(b, [group])})


def classifier_metadata(info: ModelInfo) -> bytes:
    """Return the metadata of a model with one picture and one row of probabilities."""
    b = flatbuffers.Builder(1024)
    fields = {
        0: b.CreateString("probability"),
        1: b.CreateString("The probability of each category."),
        3: _content(b, FEATURE, _table(b, 0, {})),
        6: _vector(b, [_label_file(b, TENSOR_AXIS_LABELS)]),
    }
    output = _table(b, 7, fields)
    return _finished(b, info, "Input image to be classified.", [output], {})


def _finished(
    b: Any, info: ModelInfo, picture: str, outputs: Sequence[int], more: Mapping[int, int]
) -> bytes:
    inputs = _vector(b, [_input(b, info, picture)])
    graph = _table(b, 10, {2: inputs, 3: _vector(b, outputs), **more})
    root = _table(
        b,
        8,
        {
            0: b.CreateString(info.name),
            1: b.CreateString(info.description),
            3: _vector(b, [graph]),
            7: b.CreateString(_PARSER),
        },
    )
    b.Finish(root, IDENTIFIER)
    return bytes(b.Output())


def with_labels(model: bytes | memoryview, labels: Sequence[str]) -> bytes | memoryview:
    """Return the model with labels.txt in a zip behind it; the same labels, the same bytes."""
    if not labels:
        return model
    file = io.BytesIO()
    file.write(model)
    entry = zipfile.ZipInfo(LABELS, (1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as packed:
        packed.writestr(entry, "\n".join(labels) + "\n")
    return file.getvalue()


def _input(b: Any, info: ModelInfo, picture: str) -> int:
    size = _table(b, 2, {}, {0: ("Uint32", info.size_wh[0]), 1: ("Uint32", info.size_wh[1])})
    image = _table(b, 2, {1: size}, {0: ("Int8", COLOR_IDS[info.channels])})
    fields = {
        0: b.CreateString("image"),
        1: b.CreateString(picture),
        3: _content(b, IMAGE, image),
    }
    if info.input == "float32":
        # Mandatory for floats. The model does its own: mean 0, std 1 hands the values 0–255 on.
        norm = _table(b, 2, {0: _floats(b, [0.0]), 1: _floats(b, [1.0])})
        unit = _table(b, 2, {1: norm}, {0: ("Uint8", NORMALIZATION)})
        fields[4] = _vector(b, [unit])
    return _table(b, 7, fields)


def _output(b: Any, i: int, files: list[int]) -> int:
    name, description = _DETECTED[i]
    if i == 0:
        index = _numbers(b, "Uint32", 4, BOX_INDEX)
        box = _table(b, 3, {0: index}, {1: ("Int8", BOUNDARIES)})  # coordinate_type: RATIO
        content = _content(b, BOX, box, per_row=True)
    else:
        content = _content(b, FEATURE, _table(b, 0, {}), per_row=i < 3)
    fields = {0: b.CreateString(name), 1: b.CreateString(description), 3: content}
    if files:
        fields[6] = _vector(b, files)
    return _table(b, 7, fields)


def _content(b: Any, kind: int, properties: int, per_row: bool = False) -> int:
    fields = {1: properties}
    if per_row:
        fields[2] = _table(b, 2, {}, {0: ("Int32", 2), 1: ("Int32", 2)})
    return _table(b, 3, fields, {0: ("Uint8", kind)})


def _label_file(b: Any, kind: int) -> int:
    fields = {0: b.CreateString(LABELS), 1: b.CreateString("Labels of the categories.")}
    return _table(b, 5, fields, {2: ("Int8", kind)})


def _table(
    b: Any, fields: int, offsets: Mapping[int, int], numbers: Mapping[int, tuple[str, int]] = {}
) -> int:
    b.StartObject(fields)
    for field, offset in offsets.items():
        b.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, (kind, value) in numbers.items():
        getattr(b, f"Prepend{kind}Slot")(field, value, 0)
    return int(b.EndObject())


def _vector(b: Any, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def _floats(b: Any, values: Sequence[float]) -> int:
    return _numbers(b, "Float32", 4, values)


def _numbers(b: Any, kind: str, size: int, values: Sequence[float]) -> int:
    b.StartVector(size, len(values), size)
    for value in reversed(values):
        getattr(b, f"Prepend{kind}")(value)
    return int(b.EndVector())
