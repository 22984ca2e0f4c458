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
from flatbuffers import number_types as types
from flatbuffers import table

BUFFER, IDENTIFIER, LABELS = "TFLITE_METADATA", b"M001", "labels.txt"
# The newest of what is used: TensorGroup came with 1.2.0.
_PARSER = "1.2.0"

_TENSOR_AXIS_LABELS, _TENSOR_VALUE_LABELS = 2, 3
_LABEL_FILES = {_TENSOR_AXIS_LABELS: "axis labels", _TENSOR_VALUE_LABELS: "value labels"}
_COLORS = {1: "GRAYSCALE", 3: "RGB"}
_COLOR_IDS = {1: 2, 3: 1}
_FEATURE, _IMAGE, _BOX = 1, 2, 3  # ContentProperties
_NORMALIZATION = 1  # ProcessUnitOptions
_BOUNDARIES = 1
# Where left, top, right, bottom lie in ymin, xmin, ymax, xmax.
_BOX_INDEX = (1, 0, 3, 2)
_BOX_TYPES = ("UNKNOWN", "BOUNDARIES", "UPPER_LEFT", "CENTER")
_COORDINATES = ("RATIO", "PIXEL")

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
    files = [_label_file(b, _TENSOR_VALUE_LABELS)] if info.labels else []
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
        3: _content(b, _FEATURE, _table(b, 0, {})),
        6: _vector(b, [_label_file(b, _TENSOR_AXIS_LABELS)]),
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


def with_labels(model: bytes, labels: Sequence[str]) -> bytes:
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
    image = _table(b, 2, {1: size}, {0: ("Int8", _COLOR_IDS[info.channels])})
    fields = {
        0: b.CreateString("image"),
        1: b.CreateString(picture),
        3: _content(b, _IMAGE, image),
    }
    if info.input == "float32":
        # Mandatory for floats. The model does its own: mean 0, std 1 hands the values 0–255 on.
        norm = _table(b, 2, {0: _floats(b, [0.0]), 1: _floats(b, [1.0])})
        unit = _table(b, 2, {1: norm}, {0: ("Uint8", _NORMALIZATION)})
        fields[4] = _vector(b, [unit])
    return _table(b, 7, fields)


def _output(b: Any, i: int, files: list[int]) -> int:
    name, description = _DETECTED[i]
    if i == 0:
        index = _numbers(b, "Uint32", 4, _BOX_INDEX)
        box = _table(b, 3, {0: index}, {1: ("Int8", _BOUNDARIES)})  # coordinate_type: RATIO
        content = _content(b, _BOX, box, per_row=True)
    else:
        content = _content(b, _FEATURE, _table(b, 0, {}), per_row=i < 3)
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


def described(data: bytes) -> dict[str, str]:
    """Return what metadata says of each tensor, by name in its own order; whoever wrote it.

    Errors: IndexError, ValueError, TypeError or struct.error where the bytes are damaged.
    """
    if data[4:8] != IDENTIFIER:
        return {}
    root = _Reader.root(data)
    said = {"name": root.text(0), "description": root.text(1), "parser": root.text(7)}
    for graph in root.tables(3)[:1]:
        for kind, field in (("input", 2), ("output", 3)):
            for i, tensor in enumerate(graph.tables(field)):
                said[f"{kind} {i}"] = ", ".join([repr(tensor.text(0)), *_details(tensor)])
    return {k: v for k, v in said.items() if v}


def _details(tensor: _Reader) -> list[str]:
    said = []
    for content in tensor.tables_at(3):
        kind = content.number(0, types.Uint8Flags)
        for properties in content.tables_at(1):
            if kind == _IMAGE:
                channels = {v: k for k, v in _COLOR_IDS.items()}
                color = channels.get(properties.number(0, types.Int8Flags), 0)
                size = [
                    "×".join(str(x.number(i, types.Uint32Flags)) for i in (0, 1))
                    for x in properties.tables_at(1)
                ]
                said.append(" ".join(["image", _COLORS.get(color, "of unknown colours"), *size]))
            elif kind == _BOX:
                index = properties.numbers(0, types.Uint32Flags)
                box = _BOX_TYPES[properties.number(1, types.Int8Flags)]
                said.append(f"boxes {box} {_COORDINATES[properties.number(2, types.Int8Flags)]}")
                said.append(f"index {index}")
    for unit in tensor.tables(4):
        if unit.number(0, types.Uint8Flags) == _NORMALIZATION:
            for norm in unit.tables_at(1):
                mean, std = (norm.numbers(i, types.Float32Flags) for i in (0, 1))
                said.append(f"mean {mean}, std {std}")
    for file in tensor.tables(6):
        what = _LABEL_FILES.get(file.number(2, types.Int8Flags), "file")
        said.append(f"{what} in {file.text(0)}")
    return said


@dataclass(frozen=True)
class _Reader:
    """A table of a FlatBuffer, its fields by number."""

    at: Any

    @staticmethod
    def root(data: bytes) -> _Reader:
        start = flatbuffers.encode.Get(types.UOffsetTFlags.packer_type, data, 0)
        return _Reader(table.Table(data, start))

    def _place(self, field: int) -> int:
        return int(self.at.Offset(4 + 2 * field))

    def text(self, field: int) -> str:
        place = self._place(field)
        return self.at.String(place + self.at.Pos).decode("utf-8", "replace") if place else ""

    def number(self, field: int, flags: Any) -> int:
        place = self._place(field)
        return int(self.at.Get(flags, place + self.at.Pos)) if place else 0

    def numbers(self, field: int, flags: Any) -> list[Any]:
        start, count = self._span(field)
        return [self.at.Get(flags, start + i * flags.bytewidth) for i in range(count)]

    def tables_at(self, field: int) -> list[_Reader]:
        """Return the table, or none."""
        place = self._place(field)
        if not place:
            return []
        return [_Reader(table.Table(self.at.Bytes, self.at.Indirect(place + self.at.Pos)))]

    def tables(self, field: int) -> list[_Reader]:
        """Return the tables of a vector."""
        start, count = self._span(field)
        ends = (self.at.Indirect(start + 4 * i) for i in range(count))
        return [_Reader(table.Table(self.at.Bytes, end)) for end in ends]

    def _span(self, field: int) -> tuple[int, int]:
        place = self._place(field)
        return (self.at.Vector(place), self.at.VectorLen(place)) if place else (0, 0)
