"""A CSV of what was found: a row a detection, whole up to a frame whenever it is looked at."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.clips.clip import Frame
from mobilecat.disk import refuse_golden
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.pictures.detections import Detections

OWN = ("frame", "time", "lane", "detection", "class_id", "class", "score", "x1", "y1", "x2", "y2")
_MOST_ROWS = 2_000_000


MASKS = ("mask_area", "mask")
"""Of heads with masks: pixels of the frame, and the mask as JSON has it (`Masks.told`)."""


def columns_of(landmarks: Sequence[str], turned: bool, masked: bool = False) -> list[str]:
    """Return the header: of landmarks, x and y of each by name; `angle` of turned boxes; MASKS."""
    points = [f"{name}_{axis}" for name in landmarks for axis in "xy"]
    return [*OWN, *(["angle"] if turned else []), *points, *(MASKS if masked else ())]


def rows_of(
    frame: Frame, lane: str, found: Detections, labels: Sequence[str], landmarks: Sequence[str]
) -> list[list[str]]:
    """Return a row a detection, in pixels of the upright frame; its mask last, where it has one."""
    rows = []
    angles, marks = found.rows.get("angles"), found.landmarks_xy
    time = "" if frame.seconds is None else f"{frame.seconds:.6f}"
    for i in range(len(found)):
        class_id = int(found.class_ids[i])
        label = labels[class_id] if class_id < len(labels) else ""
        row = [str(frame.index), time, lane, str(i), str(class_id), label]
        row.append(f"{found.scores[i]:.6f}")
        row += [f"{v:.4f}" for v in found.boxes_xyxy[i]]
        row += [] if angles is None else [f"{float(angles.reshape(-1)[i]):.6f}"]
        if landmarks:
            points = np.full((len(landmarks), 2), np.nan) if marks is None else marks[i]
            row += ["" if np.isnan(v) else f"{v:.4f}" for v in points.reshape(-1)]
        if found.masks is not None:
            told = json.dumps(found.masks.told(i), separators=(",", ":"))
            row += [f"{found.masks.area(i):.1f}", told]
        rows.append(row)
    return rows


class CsvWriter:
    """Writes beside `path`, to `path.part`, all of a frame in one step; `finish` renames it.

    A kill at any moment leaves `path.part` whole up to a frame, and `path` as it was.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        refuse_golden(path)
        self._path = path
        self.part = path.with_name(f"{path.name}.part")
        self._file = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._columns = list(columns)
        self.write([self._columns])

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the rows of one frame."""
        data = memoryview(csv_text(rows).encode())
        while data:
            data = data[os.write(self._file, data) :]

    def finish(self) -> None:
        """Put the file in its place."""
        os.fsync(self._file)
        self.close()
        self.part.replace(self._path)

    def close(self) -> None:
        """Close it; what was written stays at `part`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as CSV: RFC 4180, with line feeds."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_rows(path: Path, lane: str | None = None) -> dict[int, tuple[float | None, Detections]]:
    """Return what a CSV of `replay`'s columns holds: frame → its time, and its detections.

    lane: only this one's rows; without it the file must hold one lane, or none said. Columns that
    are not there (lane, detection, class, time, score) are done without.
    Errors: MobileCatError with the first lines that are wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found, lanes, problems = _grouped(csv.DictReader(file), path, lane)
    except (OSError, ValueError, csv.Error) as e:
        why = reason(e) if isinstance(e, OSError) else str(e)
        raise MobileCatError("The rows cannot be read", [Problem(why, str(path))]) from e
    if len(lanes) > 1:
        fix = "run replay with --runner NAME, so that it holds one"
        problems.append(Problem(f"rows of {len(lanes)} lanes: {', '.join(lanes)}", str(path), fix))
    if problems:
        raise MobileCatError("These are not rows of replay", problems[:8])
    return {k: (time, _detections(rows)) for k, (time, rows) in sorted(found.items())}


_Row = tuple[list[float], float, int, list[float]]
_Found = dict[int, tuple[float | None, list[_Row]]]


def _grouped(
    reader: csv.DictReader[str], path: Path, lane: str | None
) -> tuple[_Found, dict[str, None], list[Problem]]:
    names = reader.fieldnames or ()
    missing = [c for c in ("frame", "x1", "y1", "x2", "y2") if c not in names]
    if missing:
        fix = f"the columns of `mobilecat replay --csv`: {', '.join(OWN)}"
        return {}, {}, [Problem(f"no column {', '.join(missing)}", str(path), fix)]
    points = [n for n in names if n.endswith(("_x", "_y"))]
    found: _Found = {}
    lanes: dict[str, None] = {}
    problems = []
    for k, row in enumerate(reader, start=2):
        if k > _MOST_ROWS:
            return found, lanes, [Problem(f"more than {_MOST_ROWS} rows", str(path))]
        if lane is not None and row.get("lane") not in (None, "", lane):
            continue
        lanes.setdefault(row.get("lane") or "")
        try:
            index, time = int(row["frame"]), row.get("time")
            box = [float(row[c]) for c in ("x1", "y1", "x2", "y2")]
            score, class_id = float(row.get("score") or 1), int(row.get("class_id") or 0)
            marks = [float(row[p] or "nan") for p in points]
            seconds = float(time) if time else None
        except (ValueError, TypeError) as e:
            problems.append(Problem(str(e)[:120], f"{path}, line {k}"))
            continue
        if not np.isfinite([*box, score, seconds or 0]).all() or index < 0:
            problems.append(Problem("no finite numbers", f"{path}, line {k}"))
            continue
        found.setdefault(index, (seconds, []))[1].append((box, score, class_id, marks))
    return found, lanes, problems


def _detections(rows: Sequence[_Row]) -> Detections:
    marks = np.array([r[3] for r in rows]).reshape(len(rows), -1, 2)
    carried: Mapping[str, np.ndarray] = {"landmarks": marks} if marks.shape[1] else {}
    return Detections(
        np.array([r[0] for r in rows]).reshape(-1, 4),
        np.array([r[1] for r in rows]),
        np.array([r[2] for r in rows], np.int64),
        carried,
    )
