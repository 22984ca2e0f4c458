"""What a .tflite's metadata says: of each tensor, its labels, its normalisation; whoever wrote it.

Numbers of fields are their places in the tables of the schema; enums and unions are written out.
Source: https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import flatbuffers
from flatbuffers import number_types as types
from flatbuffers import table

BUFFER, IDENTIFIER = "TFLITE_METADATA", b"M001"
TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS = 2, 3
LABEL_FILES = {TENSOR_AXIS_LABELS: "axis labels", TENSOR_VALUE_LABELS: "value labels"}
COLORS = {1: "GRAYSCALE", 3: "RGB"}
COLOR_IDS = {1: 2, 3: 1}
FEATURE, IMAGE, BOX = 1, 2, 3  # ContentProperties
NORMALIZATION = 1  # ProcessUnitOptions
BOUNDARIES = 1
# Where left, top, right, bottom lie in ymin, xmin, ymax, xmax.
BOX_INDEX = (1, 0, 3, 2)
BOX_TYPES = ("UNKNOWN", "BOUNDARIES", "UPPER_LEFT", "CENTER")
COORDINATES = ("RATIO", "PIXEL")
_MOST = 256
"""Entries of one vector that are read: tensors, files, channels."""


@dataclass(frozen=True)
class Said:
    """What metadata says of the first input and of the classes.

    mean, std: what pixels of 0–255 are normalised by, one for all channels or one each; () without.
    color: RGB, GRAYSCALE or ''. labels: name of the file of the classes' names, in a zip behind the
    model; '' without.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    color: str = ""
    labels: str = ""


def said_in(data: bytes) -> Said:
    """Return what the metadata says; nothing where it is damaged, or of another kind."""
    try:
        return _said(data) if data[4:8] == IDENTIFIER else Said()
    except (struct.error, IndexError, ValueError, TypeError):
        return Said()


def _said(data: bytes) -> Said:
    said = Said()
    for graph in Table.root(data).tables(3)[:1]:
        for tensor in graph.tables(2)[:1]:
            for content in tensor.tables_at(3):
                if content.number(0, types.Uint8Flags) == IMAGE:
                    colors = {COLOR_IDS[k]: v for k, v in COLORS.items()}
                    numbers = [x.number(0, types.Int8Flags) for x in content.tables_at(1)]
                    said = replace(said, color=colors.get(numbers[0] if numbers else 0, ""))
            for unit in tensor.tables(4):
                if unit.number(0, types.Uint8Flags) == NORMALIZATION:
                    for norm in unit.tables_at(1):
                        mean, std = (norm.numbers(i, types.Float32Flags) for i in (0, 1))
                        if len(mean) in (1, 3) and len(std) in (1, 3) and all(v > 0 for v in std):
                            said = replace(said, mean=_plain(mean), std=_plain(std))
        for tensor in graph.tables(3):
            for file in tensor.tables(6):
                if file.number(2, types.Int8Flags) in LABEL_FILES and not said.labels:
                    said = replace(said, labels=file.text(0))
    return said


def _plain(values: list[Any]) -> tuple[float, ...]:
    """Return floats as they were meant: a float32 of 127.5 or 0.1, to seven digits."""
    return tuple(float(f"{v:.7g}") for v in values)


def described(data: bytes) -> dict[str, str]:
    """Return what metadata says of each tensor, by name in its own order; whoever wrote it.

    Errors: IndexError, ValueError, TypeError or struct.error where the bytes are damaged.
    """
    if data[4:8] != IDENTIFIER:
        return {}
    root = Table.root(data)
    said = {"name": root.text(0), "description": root.text(1), "parser": root.text(7)}
    for graph in root.tables(3)[:1]:
        for kind, field in (("input", 2), ("output", 3)):
            for i, tensor in enumerate(graph.tables(field)):
                said[f"{kind} {i}"] = ", ".join([repr(tensor.text(0)), *_details(tensor)])
    return {k: v for k, v in said.items() if v}


def _details(tensor: Table) -> list[str]:
    said = []
    for content in tensor.tables_at(3):
        kind = content.number(0, types.Uint8Flags)
        for properties in content.tables_at(1):
            if kind == IMAGE:
                channels = {v: k for k, v in COLOR_IDS.items()}
                color = channels.get(properties.number(0, types.Int8Flags), 0)
                size = [
                    "×".join(str(x.number(i, types.Uint32Flags)) for i in (0, 1))
                    for x in properties.tables_at(1)
                ]
                said.append(" ".join(["image", COLORS.get(color, "of unknown colours"), *size]))
            elif kind == BOX:
                index = properties.numbers(0, types.Uint32Flags)
                box = BOX_TYPES[properties.number(1, types.Int8Flags)]
                said.append(f"boxes {box} {COORDINATES[properties.number(2, types.Int8Flags)]}")
                said.append(f"index {index}")
    for unit in tensor.tables(4):
        if unit.number(0, types.Uint8Flags) == NORMALIZATION:
            for norm in unit.tables_at(1):
                mean, std = (norm.numbers(i, types.Float32Flags) for i in (0, 1))
                said.append(f"mean {mean}, std {std}")
    for file in tensor.tables(6):
        what = LABEL_FILES.get(file.number(2, types.Int8Flags), "file")
        said.append(f"{what} in {file.text(0)}")
    return said


@dataclass(frozen=True)
class Table:
    """A table of a FlatBuffer, its fields by number."""

    at: Any

    @staticmethod
    def root(data: bytes) -> Table:
        start = flatbuffers.encode.Get(types.UOffsetTFlags.packer_type, data, 0)
        return Table(table.Table(data, start))

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

    def tables_at(self, field: int) -> list[Table]:
        """Return the table, or none."""
        place = self._place(field)
        if not place:
            return []
        return [Table(table.Table(self.at.Bytes, self.at.Indirect(place + self.at.Pos)))]

    def tables(self, field: int) -> list[Table]:
        """Return the tables of a vector."""
        start, count = self._span(field)
        ends = (self.at.Indirect(start + 4 * i) for i in range(count))
        return [Table(table.Table(self.at.Bytes, end)) for end in ends]

    def _span(self, field: int) -> tuple[int, int]:
        place = self._place(field)
        if not place:
            return 0, 0
        return self.at.Vector(place), min(self.at.VectorLen(place), _MOST)
