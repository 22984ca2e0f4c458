"""A sweep in words: the table, the best row, and what was written or could be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mobilecat.measure.tune.grid import Setting
from mobilecat.measure.tune.measure import Row
from mobilecat.measure.tune.run import Tuned
from mobilecat.shown import Column, Line, Table
from mobilecat.spec import NmsSpec

TITLES = ("score", "IoU", "max", "mAP@.5", "precision", "recall", "F1", "FP/pic", "mean IoU",
          "boxes/pic", "most", "cut", "NMS ms", "")  # fmt: skip
_FEW = 4


def said(found: Tuned) -> Iterator[Line | Table]:
    """Give the table, the best row, and what was written or could be."""
    groups = _alike(found.rows)
    rows, strong = [], []
    for k, alike in enumerate(groups):
        best = found.best in alike
        now = any(_is_baked(r.setting, found.baked) for r in alike)
        mark = " ".join(word for word, yes in (("best", best), ("baked", now)) if yes)
        rows.append((*_cells(alike), mark))
        strong += [k] if best else []
    yield Table([Column(title) for title in TITLES], rows, strong)
    read, swept = found.seconds
    yield Line(
        f"{len(found.data)} pictures, {found.lane}: {found.inferences} inferences "
        f"({read:.1f} s), {len(found.rows)} settings ({swept:.1f} s)"
    )
    yield Line("mAP@.5: COCO's, in points of 100, as evaluate has it.", "dim")
    yield from (Line(note, "dim", "note") for note in found.notes)
    if found.best is None:
        yield Line(f"no row meets {found.objective.name}", "bold red")
        return
    s = found.best.setting
    iou = f"iou_threshold = {s.iou_threshold!r}, " if found.baked.selection == "nms" else ""
    yield Line(
        f"best by {found.objective.name}: score_threshold = {s.score_threshold!r}, "
        f"{iou}max_detections = {s.max_detections}",
        "bold green",
    )
    if why := _why(found, found.best):
        yield Line(f"  {why}", "dim")
    if found.plateau is not None and (reach := found.plateau.words(found.objective)):
        yield Line(f"  {reach}", "dim")
    if found.unwritten is not None:
        yield Line(f"{found.unwritten} is as it was: {found.too_few}", "bold red")
        yield Line("  if you want this row all the same, set its values in [nms] by hand", "dim")
        return
    if found.spec is None:
        yield Line("nothing written; --write SPEC.toml puts it into the spec")
        return
    yield Line(found.diff or f"{found.spec} says so already")
    if found.diff:
        bundle = f"mobilecat export {found.spec} -o {found.folder}"
        yield Line(f"bake it: {'export the cascade again' if found.in_cascade else bundle}")


def _why(found: Tuned, best: Row) -> str:
    """Say what decided between the best row and others that are as good; "" where none is."""
    rank, s = found.objective.rank(best), best.setting
    as_well = [r.setting for r in found.rows if found.objective.rank(r) == rank]
    tied = {(o.score_threshold, o.iou_threshold) for o in as_well} - {
        (s.score_threshold, s.iou_threshold)
    }
    if not tied:
        return ""
    as_good = f"as good by {found.objective.name}: {_listed(sorted(tied))}; "
    if _is_baked(s, found.baked):
        return as_good + "what is baked stays where nothing is better"
    nms = found.baked
    now = Setting(nms.score_threshold, nms.iou_threshold, nms.max_detections)
    if any(o.alike(now) < s.alike(now) for o in as_well):
        return as_good + "of equals the one that changes the fewest keys is taken"
    return as_good + "of equals the middle of the score thresholds is taken, then the lowest IoU"


def _listed(settings: Sequence[tuple[float, float]]) -> str:
    """Name the first few: score/IoU."""
    named = ", ".join(f"{score:g}/{iou:g}" for score, iou in settings[:_FEW])
    return named + (f" and {len(settings) - _FEW} more" if len(settings) > _FEW else "")


def _alike(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows, those together that max_detections alone tells apart, to no effect."""
    groups: list[list[Row]] = []
    for row in rows:
        before = groups[-1][0] if groups else None
        if before and replace(before, setting=row.setting, nms_ms=row.nms_ms) == row:
            same = replace(before.setting, max_detections=row.setting.max_detections)
            if same == row.setting:
                groups[-1].append(row)
                continue
        groups.append([row])
    return groups


def _is_baked(setting: Setting, nms: NmsSpec) -> bool:
    return (setting.score_threshold, setting.iou_threshold, setting.max_detections) == (
        nms.score_threshold,
        nms.iou_threshold,
        nms.max_detections,
    )


def _cells(rows: Sequence[Row]) -> list[str]:
    row = rows[0]
    s = row.setting
    return [
        f"{s.score_threshold:g}",
        f"{s.iou_threshold:g}",
        "/".join(str(r.setting.max_detections) for r in rows),
        f"{100 * row.map50:.2f}",
        "–" if row.precision is None else f"{row.precision:.3f}",
        f"{row.recall:.3f}",
        f"{row.f1:.3f}",
        f"{row.false_positives_a_picture:.2f}",
        "–" if row.mean_iou is None else f"{row.mean_iou:.3f}",
        f"{row.detections_mean:.1f}",
        str(row.detections_max),
        str(row.cut) if row.cut else "",
        f"{row.nms_ms:.2f}",
    ]
