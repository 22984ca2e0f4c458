"""Which classes and landmarks are the same; what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import MobileCatError
from mobilecat.measure.datasets import Dataset, Labelled
from mobilecat.measure.datasets.crawford import ORDER
from mobilecat.measure.evaluate.names import PointMap, match_classes, match_landmarks


def data(classes: tuple[str, ...], ids: list[int]) -> Dataset:
    n = len(ids)
    boxes = np.tile([0.0, 0, 3, 5], (n, 1))
    no = np.zeros(n, np.bool_)
    picture = Labelled(Path("a.png"), (3, 5), boxes, np.array(ids, np.int64), np.ones(n), no, no)
    return Dataset(Path("set"), "x", classes, (), (picture,))


def test_by_name_whatever_the_spelling() -> None:
    found = match_classes(data(("Traffic_Light", "cat"), [0, 1]), ["dog", "CAT", "traffic light"])
    assert found.names == ("traffic light", "CAT")
    assert found.data == {0: 0, 1: 1}
    assert found.model == {2: 0, 1: 1}
    assert found.notes == ()


def test_what_the_model_does_not_know_is_counted() -> None:
    found = match_classes(data(("cat", "dog", "emu"), [1, 2, 1, 0]), ["cat", "bird"])
    assert found.names == ("cat",) and found.data == {0: 0} and found.model == {0: 0}
    assert found.notes == (
        "2 classes that the model does not know, 3 objects, are left out: dog 2, emu 1",
    )


def test_a_given_name() -> None:
    found = match_classes(data(("moggy", "dog"), []), ["bird", "cat"], {"moggy": "cat"})
    assert found.names == ("cat",) and found.data == {0: 0} and found.model == {1: 0}


@pytest.mark.parametrize(
    ("classes", "labels", "said"),
    [
        (("cat",), ["face"], "'cat' of the labels is taken for 'face', the only class"),
        (("cat",), [], "the bundle names no classes: its class 0 is taken for 'cat'"),
    ],
)
def test_one_class_on_either_side(classes: tuple[str, ...], labels: list[str], said: str) -> None:
    found = match_classes(data(classes, [0]), labels)
    assert found.data == {0: 0} and found.model == {0: 0} and found.notes == (said,)


def test_without_any_object_all_of_the_models_classes_count() -> None:
    found = match_classes(data((), []), ["a", "b"])
    assert found.names == ("a", "b") and found.model == {0: 0, 1: 1}


@pytest.mark.parametrize(
    ("classes", "labels", "given", "words"),
    [
        (("emu",), ["cat", "dog"], {}, ["--class-map emu=CLASS", "the labels have emu"]),
        (("emu", "owl"), ["cat"], {}, ["--class-map emu=cat"]),
        (("emu", "owl"), [], {}, ["write `labels` into the spec"]),
        (("emu",), ["cat", "dog"], {"owl": "cat", "emu": "cow"},
         ["no class 'owl'", "they have emu", "no class 'cow'", "it has cat, dog"]),
    ],
)  # fmt: skip
def test_nothing_in_common(
    classes: tuple[str, ...], labels: list[str], given: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(MobileCatError) as e:
        match_classes(data(classes, []), labels, given)
    for word in words:
        assert word in str(e.value)


FIVE = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")


@pytest.mark.parametrize(
    ("labels", "model", "count", "pairs", "eyes", "note"),
    [
        (ORDER, ORDER, 9, tuple((i, i) for i in range(9)), (0, 1), ""),
        (ORDER, ("Left_Eye", "right-eye"), 2, ((0, 0), (1, 1)), (0, 1),
         "landmarks: 2 have a name in both, of 9 and 2"),
        (ORDER, FIVE, 5, ((0, 1), (1, 0)), (0, 1),
         "landmarks: 2 have a name in both, of 9 and 5"),
        (ORDER, (), 5, ((0, 0), (1, 1), (2, 2), (4, 3), (7, 4)), (0, 1),
         "landmarks: taken for eyes, mouth and ear tips, in the labels' order"),
        (("p", "q"), (), 2, ((0, 0), (1, 1)), None,
         "landmarks: no names in common, so taken in the labels' order"),
    ],
)  # fmt: skip
def test_landmarks(
    labels: tuple[str, ...],
    model: tuple[str, ...],
    count: int,
    pairs: tuple[tuple[int, int], ...],
    eyes: tuple[int, int] | None,
    note: str,
) -> None:
    assert match_landmarks(labels, model, count) == PointMap(pairs, eyes, note)


@pytest.mark.parametrize(
    ("labels", "count", "said"),
    [
        ((), 5, "the labels have no landmarks"),
        (ORDER, None, "the model gives no landmarks"),
        (("p", "q"), 3, "the labels have 2 landmarks, the model 3, with no name in common"),
    ],
)
def test_no_landmarks_in_common(labels: tuple[str, ...], count: int | None, said: str) -> None:
    assert match_landmarks(labels, (), count) == said
