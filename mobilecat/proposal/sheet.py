"""What a proposed spec finds, drawn: one picture, or a sheet of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import draw_detections
from mobilecat.proposal.trial import Shot, Tried
from mobilecat.spec import Spec

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDE, _CAPTION, _GAP = 480, 26, 8
_MOST_ROWS, _COLUMNS = 6, 3


def sheet_of(tried: Tried, spec: Spec, both: bool) -> Image:
    """Return the picture with boxes; of several, or of both ways to fit it, a sheet of them.

    both: whether each is drawn as the spec fits it and, beside it, the other way.
    """
    other = tried.resize if both else None
    if len(tried.shots) == 1 and (other is None or tried.shots[0].resized is None):
        return _drawn(tried.shots[0], spec)
    shots = [s for s in tried.shots if s.resized is not None] if other is not None else []
    if other is None or not shots:
        cells = [_cell(shot, spec) for shot in tried.shots[: _MOST_ROWS * _COLUMNS]]
        return _sheet([cells[i : i + _COLUMNS] for i in range(0, len(cells), _COLUMNS)])
    rows = []
    for shot in shots[:_MOST_ROWS]:
        assert shot.resized is not None
        again = Shot(shot.sample, *shot.resized)
        rows.append([_cell(shot, spec, other.kept), _cell(again, spec, other.what)])
    return _sheet(rows)


def _cell(shot: Shot, spec: Spec, way: str = "") -> tuple[str, Image]:
    return f"{way}: {shot.sample.name}" if way else shot.sample.name, _small(_drawn(shot, spec))


def _drawn(shot: Shot, spec: Spec) -> Image:
    shown: Detections = shot.found if shot.below is None else shot.below
    broken = shot.below is not None
    return draw_detections(shot.sample.picture, shown, spec.labels, spec.landmarks, broken=broken)


def _small(picture: Image) -> Image:
    small = picture.copy()
    small.thumbnail((_WIDE, _WIDE))
    return small


def _sheet(rows: list[list[tuple[str, Image]]]) -> Image:
    from PIL import Image, ImageDraw, ImageFont

    columns = max(len(row) for row in rows)
    tall = [max(picture.height for _, picture in row) + _CAPTION + _GAP for row in rows]
    sheet = Image.new("RGB", (columns * (_WIDE + _GAP) + _GAP, sum(tall) + _GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    y = _GAP
    for row, height in zip(rows, tall, strict=True):
        for k, (caption, picture) in enumerate(row):
            x = _GAP + k * (_WIDE + _GAP)
            pen.text((x, y), _fitting(caption, font), fill="black", font=font)
            sheet.paste(picture, (x, y + _CAPTION - 4))
        y += height
    return sheet


def _fitting(text: str, font: object) -> str:
    """Return as much of a caption as fits above its picture."""
    while font.getlength(text) > _WIDE and len(text) > 2:  # type: ignore[attr-defined]
        text = text[:-2] + "…"
    return text
