"""What grows with the pictures: held exactly; figures do not depend on how many come at once."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from mobilecat.disk import spill
from mobilecat.measure.datasets.packed import Each
from mobilecat.measure.evaluate import coco, metrics, scores
from mobilecat.measure.evaluate.held import Found
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.pictures.detections import Detections

CLASSES = 3


def boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    low = rng.uniform(0, 200, (n, 2))
    return np.concatenate([low, low + rng.uniform(4, 150, (n, 2))], axis=1)


def pictures(n: int) -> tuple[list[Truth], list[Detections]]:
    """Boxes of three classes and sizes, some to be ignored, some crowds, scores that tie."""
    rng = np.random.default_rng(5)
    truths, found = [], []
    for _ in range(n):
        count = int(rng.integers(0, 5))
        own = boxes(rng, count)
        ignore = rng.random(count) < 0.15
        areas = np.prod(own[:, 2:] - own[:, :2], axis=1)
        kinds = rng.integers(0, CLASSES, count)
        truths.append(Truth(own, kinds, areas, ignore, ignore & (rng.random(count) < 0.5)))
        more = boxes(rng, int(rng.integers(0, 130)))  # more than COCO counts, at times
        given = np.concatenate([own + rng.normal(0, 3, own.shape), more])
        kinds = np.concatenate([kinds, rng.integers(0, CLASSES, len(more))])
        found.append(Detections(given, np.round(rng.random(len(given)), 2), kinds))
    return truths, found


def test_parts_give_what_pycocotools_gives_of_all_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pycocotools", reason="NOT_RUN: no pycocotools")
    truths, found = pictures(25)
    whole = coco._evaluation(truths, found, CLASSES)
    with contextlib.redirect_stdout(io.StringIO()):
        whole.evaluate()
        whole.accumulate()  # of all, by pycocotools alone
    precision = whole.eval["precision"]
    monkeypatch.setattr(coco, "AT_ONCE", 4)
    monkeypatch.setattr(spill, "IN_MEMORY", 1000)
    told = coco.coco_scores(truths, found, CLASSES)
    assert told.ap == float(precision[..., 0, 0][precision[..., 0, 0] > -1].mean())
    for k in range(CLASSES):
        every = precision[:, :, k, 0, 0]
        assert told.by_class[k] == (float(every.mean()), float(every[0].mean()))
    for size in range(3):
        assert told.by_size[size] == float(precision[..., 1 + size, 0].mean())


def test_figures_are_the_same_however_many_come_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocotools", reason="NOT_RUN: no pycocotools")
    truths, found = pictures(9)
    names = ClassMap(("a", "b", "c"), {k: k for k in range(3)}, {k: k for k in range(3)}, ())
    how = {"single": False, "own_boxes": False}
    once = scores.score(truths, found, names, None, **how)
    monkeypatch.setattr(scores, "AT_ONCE", 2)
    monkeypatch.setattr(metrics, "ROWS", 3)
    again = Each(len(truths), truths.__getitem__), Each(len(found), found.__getitem__)
    assert scores.score(*again, names, None, **how) == once
    assert once.objects == sum(int((~t.ignore).sum()) for t in truths)


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_what_was_found_comes_back_exactly(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(spill, "IN_MEMORY", in_memory)
    _, found = pictures(6)
    store = Found(6)
    for i in (3, 0, 5, 1):
        store.put(i, found[i], "engine", 0.5 if i else None)
    assert (
        [i for i in range(5) if not store.has(i)] == [2, 4]
        and store.engine == "engine"
        and len(store.seconds) == 3
    )
    store.put(2, found[2], "another", None)
    store.put(4, found[4], "another", None)
    for mine, its in zip(store.each, found, strict=True):
        assert mine.boxes_xyxy.tobytes() == its.boxes_xyxy.tobytes()
        assert mine.scores.tobytes() == its.scores.tobytes()
        assert mine.class_ids.tolist() == its.class_ids.tolist()


def test_each_is_made_when_it_is_asked_for() -> None:
    asked: list[int] = []
    each = Each(4, lambda i: (asked.append(i), i * i)[1])
    assert len(each) == 4 and asked == []
    assert (each[-1], each[1:3], list(each)) == (9, [1, 4], [0, 1, 4, 9])
    with pytest.raises(IndexError):
        each[4]
