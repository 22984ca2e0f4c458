"""Masks against labelled outlines: COCO's average precision by the IoU of masks.

Source: https://cocodataset.org/#detection-eval. Outlines are polygons or run lengths as COCO files
have them; pycocotools draws and compares them.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.measure.datasets.labelled import Outline
from mobilecat.measure.evaluate.coco import MOST, Tables, evaluation_of, mean_of
from mobilecat.measure.evaluate.metrics import Matched, Truth
from mobilecat.pictures.detections import Detections

Runs = dict[str, Any]
"""pycocotools' compressed run lengths."""


@dataclass(frozen=True)
class MaskScore:
    """ap, ap50: COCO's, by the masks' IoU. mean_iou: of the objects that boxes have found.
    measured, objects: of how many, of all that have an outline."""

    ap: float | None
    ap50: float | None
    mean_iou: float | None
    measured: int
    objects: int


@dataclass(frozen=True)
class RegionScore:
    """Of class maps: miou, the mean over classes of what labels and map share of what either has,
    in the pixels of all pictures together. by_class: by index, None where neither has the class.
    pictures: how many have outlines."""

    miou: float | None
    by_class: tuple[float | None, ...]
    pictures: int


def region_scores(
    both: Sequence[tuple[Truth, Detections, Matched]], classes: int
) -> RegionScore | None:
    """Return the figures of pictures whose objects have outlines; None where none has."""
    from pycocotools import mask

    known = [(t, d) for t, d, _ in both if t.outlines is not None and t.size_wh is not None]
    if not known:
        return None
    shared, either = np.zeros(classes), np.zeros(classes)
    for truth, found in known:
        assert truth.outlines is not None and truth.size_wh is not None
        width, height = truth.size_wh
        for k in range(classes):
            labelled = [
                r
                for r, c in zip(truth.outlines, truth.class_ids, strict=True)
                if c == k and r is not None
            ]
            rows = [i for i in range(len(found)) if found.class_ids[i] == k]
            mine = [_found(found, i, truth.size_wh) for i in rows] if found.masks else []
            empty = mask.encode(np.zeros((height, width), np.uint8, order="F"))
            sides = mask.merge([*labelled, empty]), mask.merge([*mine, empty])
            shared[k] += float(mask.area(mask.merge(list(sides), intersect=True)))
            either[k] += float(mask.area(mask.merge(list(sides))))
    values = [float(s / e) if e else None for s, e in zip(shared, either, strict=True)]
    there = [v for v in values if v is not None]
    return RegionScore(float(np.mean(there)) if there else None, tuple(values), len(known))


def drawn(outline: Outline, size_wh: tuple[int, int]) -> Runs:
    """Return an outline as run lengths of a picture."""
    from pycocotools import mask

    width, height = size_wh
    if isinstance(outline, tuple):
        runs: Runs = mask.merge(mask.frPyObjects([list(p) for p in outline], height, width))
        return runs
    whole: Runs = mask.frPyObjects({"size": [height, width], "counts": list(outline.counts)},
                                   height, width)  # fmt: skip
    return whole


def _found(found: Detections, i: int, size_wh: tuple[int, int]) -> Runs:
    from pycocotools import mask

    assert found.masks is not None
    flags = np.asfortranarray(found.masks.on_picture(i, size_wh).astype(np.uint8))
    runs: Runs = mask.encode(flags)
    return runs


def mask_scores(
    both: Sequence[tuple[Truth, Detections, Matched]], classes: int
) -> MaskScore | None:
    """Return the figures of pictures whose objects have outlines; None where none has."""
    from pycocotools import mask
    from pycocotools.cocoeval import COCOeval

    known = [b for b in both if b[0].outlines is not None]
    objects = sum(sum(o is not None for o in t.outlines or ()) for t, _, _ in known)
    if not objects:
        return None
    truths, founds, values = [], [], []
    for k, (truth, found, matched) in enumerate(known):
        assert truth.outlines is not None and truth.size_wh is not None
        if found.masks is None:
            continue
        made = [_found(found, i, truth.size_wh) for i in range(len(found))]
        founds += [_row(k, found, i, runs) for i, runs in enumerate(made)]
        for j, i, _ in matched.pairs:
            if (own := truth.outlines[j]) is not None:
                values.append(float(mask.iou([made[i]], [own], [0])[0, 0]))
        truths += [r for j in range(len(truth)) if (r := _truth_row(k, truth, j)) is not None]
    with contextlib.redirect_stdout(io.StringIO()):
        sizes = [t.size_wh or (1, 1) for t, _, _ in known]
        evaluation = evaluation_of(Tables(sizes, classes, truths, founds), "segm", COCOeval)
        evaluation.params.maxDets = [MOST]
        evaluation.evaluate()
        evaluation.accumulate()
    every = evaluation.eval["precision"][..., 0, 0]
    mean = float(np.mean(values)) if values else None
    return MaskScore(mean_of(every), mean_of(every[0]), mean, len(values), objects)


def _row(picture: int, found: Detections, i: int, runs: Runs) -> dict[str, Any]:
    from pycocotools import mask

    return {
        "image_id": picture,
        "category_id": int(found.class_ids[i]),
        "segmentation": runs,
        "area": float(mask.area(runs)),
        "score": float(found.scores[i]),
        "iscrowd": 0,
    }


def _truth_row(picture: int, truth: Truth, j: int) -> dict[str, Any] | None:
    runs = truth.outlines[j] if truth.outlines is not None else None
    if runs is None:
        return None
    return {
        "image_id": picture,
        "category_id": int(truth.class_ids[j]),
        "segmentation": runs,
        "area": float(truth.areas[j]),
        "iscrowd": int(truth.crowd[j]),
        "ignore": int(truth.ignore[j]),
    }


def outlines_of(
    outlines: Iterable[Outline | None], size_wh: tuple[int, int]
) -> tuple[Runs | None, ...]:
    return tuple(None if o is None else drawn(o, size_wh) for o in outlines)
