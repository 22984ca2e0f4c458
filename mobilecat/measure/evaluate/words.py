"""An evaluation in words: what was evaluated, the tables, what did not run, shortfalls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.measure.evaluate.report import Evaluation, LaneScores
from mobilecat.measure.evaluate.scores import Scores
from mobilecat.shown import Column, Line, Table, human_size

_CLASSES = 12


def said(report: Evaluation) -> Iterator[Line | Table]:
    """Give what was evaluated, the tables, what did not run, notes, shortfalls."""
    yield Line(_head(report), "bold")
    first = next(r.scores for r in report.lanes if r.scores is not None)
    yield _lanes(report, first)
    if any(r.scores and r.scores.ap is not None for r in report.lanes):
        yield _by_size(report, first)
        yield _by_class(report, first)
        rest = sum(c.objects > 0 for c in first.by_class) - _CLASSES
        if rest > 0:
            yield Line(f"{rest} more classes with objects: --json", "dim")
    if (files := _files(report)).rows:
        yield files
    if (rounded := _moved(report)).rows:
        yield rounded
    yield from map(Line, _words(first))
    if rounded.rows:
        yield Line(
            "new: boxes that the source has not; score: of the source's boxes that are found, the "
            "median change; a tenth falls by: that much or more; IoU: with the source's box, the "
            "median. mAP asks for none of them but new ones."
        )
    for engine, lanes in _engines(report).items():
        yield Line(f"{', '.join(lanes)}: {engine}", "dim")
    for row in report.lanes:
        if row.not_run:
            yield Line(f"{row.lane.name}: {row.not_run}", "yellow", "NOT_RUN")
        if row.scores is not None and row.scores.not_finite:
            what = f"{row.lane.name}: {row.scores.not_finite} detections are not finite, left out"
            yield Line(what, "red", "FAIL")
    yield from (Line(text, "bold yellow", LOOKS_WRONG) for text in report.doubts)
    yield from (Line(note, "dim", "note") for note in report.notes)
    if report.preprocessing is not None:
        yield from report.preprocessing.words()
    yield from (Line(text, "bold red", "FELL SHORT") for text in report.shortfalls)
    if report.max_drop is not None and not report.shortfalls:
        held = f"no artifact loses more than {report.max_drop:g} points of mAP"
        if left := report.unmeasured:
            many = len(report.bundle.artifacts)
            held = f"of {many - len(left)} of {many} files: {held}. Not measured: {', '.join(left)}"
        yield Line(held, "bold green", "HELD")


def _head(report: Evaluation) -> str:
    of = f" of {len(report.data)}" if report.pictures < len(report.data) else ""
    objects = next(r.scores.objects for r in report.lanes if r.scores is not None)
    ran = sum(r.inferred for r in report.lanes)
    kept = sum(r.kept for r in report.lanes)
    did = _many(ran, "inference") + (f", {kept} kept from before" if kept else "")
    n = len({c.name for r in report.lanes if r.scores for c in r.scores.by_class if c.objects})
    classes = "1 class" if n == 1 else f"{n} classes"
    return (
        f"{report.bundle.name} on {report.data.path} ({report.data.format}): {report.pictures}{of} "
        f"pictures, {_many(objects, 'object')} of {classes}. {did}."
    )


def _lanes(report: Evaluation, first: Scores) -> Table:
    if first.classifier is not None:
        return _classifiers(report)
    if first.class_map is not None:
        return _class_maps(report, first)
    boxes = first.ap is not None
    titles = ["mAP", "loss", "mAP@.5", "loss", "VOC07"] if boxes else []
    titles += ["recall", "FP/pic"]
    titles += ["IoU"] if first.single_iou is None else ["1-box IoU"]
    titles += ["NME"] if first.landmarks is not None else []
    by_points = first.landmarks is not None and first.landmarks.oks_ap is not None
    titles += ["OKS mAP", "OKS"] if by_points else []
    titles += ["mask mAP", "mask IoU"] if first.masks is not None else []
    rows = []
    for row in report.lanes:
        s = row.scores
        if s is None:  # a line below says NOT_RUN, and why
            continue
        loss = report.loss(row)
        cells = []
        if boxes:
            cells = [
                _points(s.ap),
                _lost(loss.ap if loss else None),
                _points(s.ap50),
                _lost(loss.ap50 if loss else None),
                _points(s.voc07),
            ]
        cells += [_share(s.recall), f"{s.wrong_a_picture:.3f}"]
        cells.append(_share(s.mean_iou if first.single_iou is None else s.single_iou))
        if first.landmarks is not None:
            cells.append(_share(s.landmarks.nme if s.landmarks else None, 4))
        if by_points:
            cells.append(_points(s.landmarks.oks_ap if s.landmarks else None))
            cells.append(_share(s.landmarks.oks if s.landmarks else None, 4))
        if first.masks is not None:
            cells.append(_points(s.masks.ap if s.masks else None))
            cells.append(_share(s.masks.mean_iou if s.masks else None))
        rows.append([row.lane.name, *cells])
    return _table("lane", titles, rows)


def _classifiers(report: Evaluation) -> Table:
    rows = []
    for row in report.lanes:
        if row.scores is not None and (found := row.scores.classifier) is not None:
            loss = report.loss(row)
            cells = [_points(found.top1), _lost(loss.ap if loss else None)]
            cells += [_points(found.top5), _lost(loss.ap50 if loss else None)]
            rows.append([row.lane.name, *cells, str(found.pictures)])
    return _table("lane", ["top-1", "loss", "top-5", "loss", "pictures"], rows)


def _class_maps(report: Evaluation, first: Scores) -> Table:
    """Return mIoU, and the IoU of the first classes that are there."""
    assert first.class_map is not None
    shown = [k for k, v in enumerate(first.class_map.by_class) if v is not None][:6]
    rows = []
    for row in report.lanes:
        if row.scores is not None and (found := row.scores.class_map) is not None:
            loss = report.loss(row)
            cells = [_points(found.miou), _lost(loss.ap if loss else None)]
            cells += [_points(found.by_class[k]) for k in shown]
            rows.append([row.lane.name, *cells])
    return _table("lane", ["mIoU", "loss", *(report.classes[k] for k in shown)], rows)


def _files(report: Evaluation) -> Table:
    """Return what each artifact costs: bytes, accuracy, time."""
    rows = []
    for row in report.lanes:
        if row.scores is None or row.lane.artifact is None:
            continue
        loss, marks = report.loss(row), row.scores.landmarks
        rows.append(
            [
                row.lane.name,
                human_size(row.lane.artifact.bytes),
                _lost(loss.ap if loss else None),
                _share(marks.nme if marks else None, 4),
                "–" if row.seconds is None else f"{1000 * row.seconds:.1f}",
            ]
        )
    return _table("artifact", ["size", "loss", "NME", "ms a picture"], rows)


def _moved(report: Evaluation) -> Table:
    """Return how far what each quantised lane finds is from what the source finds."""
    rows = [
        [
            row.lane.name,
            str(m.boxes),
            str(m.lost),
            str(m.new),
            f"{m.score + 0.0:+.3f}" if m.found else "–",
            f"{max(0.0, -m.fell):.3f}" if m.found else "–",
            _share(m.overlap if m.found else None),
        ]
        for row in report.lanes
        if row.rounds and (m := row.moved) is not None
    ]
    titles = ["source's boxes", "lost", "new", "score", "a tenth falls by", "IoU"]
    return _table("quantised", titles, rows)


LOOKS_WRONG = "LOOKS WRONG"


def doubts_of(report: Evaluation) -> list[str]:
    """Return a sentence for each quantised lane whose boxes are far from the source's."""
    return [
        told_far(report, row, far)
        for row in report.lanes
        if row.rounds and row.moved is not None and (far := row.moved.far(report.score_loss(row)))
    ]


def told_far(report: Evaluation, row: LaneScores, far: Sequence[str], allowed: str = "") -> str:
    """Say of a quantised lane how far it is from the source, and what to do."""
    said = "; ".join([" and ".join(far), *([allowed] if allowed else [])])
    return (
        f"{row.lane.name}: {said}. mAP hardly asks how high a score is, but an app's "
        f"threshold does. {_way_out(report, row)}"
    )


def _way_out(report: Evaluation, row: LaneScores) -> str:
    bundle = report.bundle
    parts = bundle.parts.values() if isinstance(bundle, CascadeBundle) else [bundle]
    pictures = [p.calibration.pictures for p in parts if p.calibration is not None]
    assert row.lane.artifact is not None
    larger = (
        'precision = "int8-weights"' if row.lane.artifact.kind == "tflite" else 'weights = "int8"'
    )
    if not pictures or row.lane.artifact.precision == "int8-weights":
        return (
            "The network does not bear this rounding: mobilecat compress finds the smallest file "
            "that it bears (docs/compress.md)"
        )
    of = "1 picture" if min(pictures) == 1 else f"{min(pictures)} pictures"
    return (
        f"It was calibrated on {of}: name twenty photos or more from the app's camera, none of "
        "those evaluated here, as [quantize] calibration, and export again. If they are such, "
        f"the network does not bear this rounding: take {larger} (docs/quantize.md)"
    )


def _by_size(report: Evaluation, first: Scores) -> Table:
    titles = [f"{z.name} ({z.objects})" for z in first.by_size]
    rows = [
        [row.lane.name, *(_points(z.ap) for z in row.scores.by_size)]
        for row in report.lanes
        if row.scores is not None
    ]
    return _table("mAP by size (objects)", titles, rows)


def _by_class(report: Evaluation, first: Scores) -> Table:
    """Return a row a class with objects: the first lane's figures, and who loses most of them."""
    rows = []
    ranked = sorted(range(len(first.by_class)), key=lambda k: -first.by_class[k].objects)
    for k in [k for k in ranked if first.by_class[k].objects][:_CLASSES]:
        c = first.by_class[k]
        losses = [
            (100 * (c.ap - mine), row.lane.name)
            for row in report.lanes
            if row.scores is not None and row.scores is not first
            if c.ap is not None and (mine := row.scores.by_class[k].ap) is not None
        ]
        worst = max(losses, default=None)
        rows.append(
            [
                c.name,
                str(c.objects),
                _points(c.ap),
                _points(c.ap50),
                _points(c.voc07),
                _lost(worst[0] if worst else None),
                worst[1] if worst and worst[0] >= 0.005 else "",
            ]
        )
    titles = ["objects", "mAP", "mAP@.5", "VOC07", "largest loss"]
    return _table("class", titles, rows, Column("in", "text"))


def _words(first: Scores) -> list[str]:
    """Return what the columns mean where a name alone would not tell."""
    said = ["mAP: COCO, mean over IoU .5 to .95, in points of 100; loss: against the source."]
    if first.ap is None:
        said = []
    if first.empty_pictures:
        what = f"{first.wrong_in_empty} false positives in {first.empty_pictures} pictures"
        said.append(f"{what} without objects (first lane).")
    marks = first.landmarks
    if marks is not None:
        said.append(
            f"NME: {marks.points} landmarks over the {marks.unit}, mean of {marks.measured} of "
            f"{marks.objects} labelled objects (first lane)."
        )
    if marks is not None and marks.oks_ap is not None:
        said.append(
            "OKS mAP: COCO's, mean over a keypoint similarity of .5 to .95, in points of 100; OKS: "
            "mean of the same objects."
        )
    if first.masks is not None:
        said.append(
            f"mask mAP: COCO's, by the masks' IoU; mask IoU: mean of {first.masks.measured} of "
            f"{first.masks.objects} objects with an outline (first lane)."
        )
    if first.single_iou is not None:
        said.append(f"1-box IoU: over the {first.single_pictures} pictures with one object.")
    return said


def _engines(report: Evaluation) -> dict[str, list[str]]:
    """Return what ran, with the lanes that did in it."""
    found: dict[str, list[str]] = {}
    for row in report.lanes:
        if row.scores is not None:
            found.setdefault(row.engine, []).append(row.lane.name)
    return found


def _table(
    first: str, numbers: Sequence[str], rows: Sequence[Sequence[str]], *more: Column
) -> Table:
    return Table([Column(first, "text"), *map(Column, numbers), *more], rows)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _lost(value: float | None) -> str:
    """Say a loss in points; what is below 0 is a gain, and is called so."""
    if value is None:
        return "–"
    points = round(value, 2) + 0.0
    return f"{points:.2f}" if points >= 0 else f"gain {-points:.2f}"


def _share(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
