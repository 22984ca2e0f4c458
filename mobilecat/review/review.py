"""What a pending result looks like beside the approved one: numbers in words, and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.errors import MobileCatError
from mobilecat.golden.store import Expected, may_write, read_case_file, read_result
from mobilecat.judge.alike import called
from mobilecat.judge.result import differences
from mobilecat.judge.words import many
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import COLOURS, draw_detections, outline, save_picture
from mobilecat.pictures.reading import read_picture
from mobilecat.review.approve import Pending, base_of

if TYPE_CHECKING:
    from PIL.Image import Image


def lines_of(pending: Pending, doubts: bool = True) -> list[str]:
    """Return the differences as sentences, largest first; what is new where nothing is approved.

    doubts: with what looks wrong, at the end.
    """
    foreign = [of_another(pending)] if pending.other else []
    odd = (f"warning: {text}" for text in pending.doubts if doubts)
    return [*foreign, *contract_words(pending), *_lines(pending), *odd]


def contract_words(pending: Pending) -> list[str]:
    """Say what has changed since the approved result, which is more than numbers that moved."""
    return [f"approved for another contract: {'; '.join(pending.changed)}"] * bool(pending.changed)


def of_another(pending: Pending) -> str:
    """Say that a result is not of this bundle, of which it is, and what is different; "" where it
    is of this one."""
    if not pending.other:
        return ""
    whose = f"of another bundle ({pending.found.bundle})" if pending.found.bundle else _OLDER
    return f"{whose}: {pending.other}. It cannot be approved for this one"


_OLDER = "of another bundle than this one"


def _lines(pending: Pending) -> list[str]:
    if not pending.checks:
        found = pending.found.found
        if frames := pending.found.frames:
            seen = sum(len(f.detections) for f in frames)
            return [f"new: {many(seen, 'detection')} in {many(len(frames), 'frame')}"]
        counts = [] if found is None or pending.whole else [many(len(found), "detection")]
        tensors = len(pending.found.tensors)
        counts += [many(tensors, "tensor")] if tensors or found is None else []
        counts = ["the likeliest classes", *counts] if pending.whole else counts
        said = [f"new: {', '.join(counts)}"]
        said += [f"  {pending.nothing}"] if pending.nothing else []
        return [*said, *_told(pending.found, boxes=not pending.whole)]
    lines = [
        f"{d.stage} {called(d)}: {_amount(d.value, d.limit)}{d.detail}"
        for d in differences(pending.checks)
    ]
    return lines or ["the same within the tolerances"]


_MOST_TOLD = 8


def _told(result: Expected, boxes: bool) -> list[str]:
    """Return a line for each of the first detections: class, score, and where it has one, box."""
    if (found := result.found) is None:
        return []
    lines = [f"  {found.said(i, result.labels, boxes)}" for i in range(min(len(found), _MOST_TOLD))]
    more = len(found) - len(lines)
    return [*lines, f"  and {more} more"] if more else lines


def _amount(value: float | None, limit: float | None) -> str:
    return "" if value is None or limit is None else f"{value:.4g} (limit {limit:g}): "


def draw_review(pending: Pending) -> Path | None:
    """Draw approved, pending and their difference beside the pending file; return the path.

    The difference: approved in blue and pending in orange on a faint picture, pending on top.

    None for tensors, a missing picture, or where CI is set.
    """
    drawn = picture_beside(pending) if may_write() else None
    if drawn is None:
        return None
    path = pending.path.with_suffix(".png")
    save_picture(drawn, path)
    return path


def picture_beside(pending: Pending) -> Image | None:
    """Return approved, pending and their difference side by side; None as `draw_review` says."""
    found = pending.found.found
    if found is None:
        return None
    try:
        record = read_case_file(pending.folder)
        picture = read_picture(pending.folder / record.input.file)
        old = _approved(pending)
    except MobileCatError:
        return None
    sides = [s for s in (old, pending.found) if s is not None and s.found is not None]
    drawn = [_draw(picture, side) for side in sides]
    if old is not None and old.found is not None:
        drawn.append(_difference(picture, old.found, found))
    return _beside(drawn)


def _approved(pending: Pending) -> Expected | None:
    path = base_of(pending.folder, pending.lane)
    return read_result(path) if path is not None else None


def _draw(picture: Image, side: Expected) -> Image:
    found = side.found
    assert found is not None
    return draw_detections(picture, found, side.labels, side.landmarks)


def _difference(picture: Image, old: Detections, new: Detections) -> Image:
    from PIL import Image as Images
    from PIL import ImageDraw

    faint = Images.blend(picture.convert("L").convert("RGB"), Images.new("RGB", picture.size), 0.6)
    pen = ImageDraw.Draw(faint)
    unit = max(1, round(max(picture.size) / 400))
    for found, colour, width in ((old, COLOURS[1], 4 * unit), (new, COLOURS[0], 2 * unit)):
        for i in range(len(found)):
            outline(pen, found, i, colour, width)
            for x, y in () if found.landmarks_xy is None else found.landmarks_xy[i]:
                pen.ellipse((x - width, y - width, x + width, y + width), fill=colour)
    return faint


def _beside(pictures: list[Image]) -> Image:
    from PIL import Image

    gap = 8
    width = sum(p.width for p in pictures) + gap * (len(pictures) - 1)
    canvas = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for p in pictures:
        canvas.paste(p, (left, 0))
        left += p.width + gap
    return canvas
