"""Object keypoint similarity: by hand, against pycocotools, in a spec's words, beside a golden."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits
from mobilecat.errors import SpecError
from mobilecat.geometry.affine import Affine
from mobilecat.measure.evaluate.coco import keypoint_scores
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap, PointMap
from mobilecat.measure.evaluate.scores import score
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.similarity import COCO_SIGMAS, oks, sigmas_of
from mobilecat.spec import Spec, spec_from_text

NAN = float("nan")


def spec(more: str = "") -> Spec:
    text = 'name = "a"\nsource = "a.onnx"\n{}[input]\nsize = [64, 64]\n[head]\nkind = "pose"\n'
    return spec_from_text(text.format(more))


# d = 5 over s² = 400, σ = .1: e^(−25/(2·400·.04)); the second is exact, the third not labelled.
def test_by_hand() -> None:
    truth = np.array([[[10, 10], [20, 20], [NAN, NAN]], [[NAN] * 2] * 3])
    found = np.array([[[13, 14], [20, 20], [0, 0]], [[1, 1]] * 3], float)
    got = oks(truth, found, np.array([400.0, 400]), np.full(3, 0.1))
    assert got[0] == pytest.approx((exp(-25 / 32) + 1) / 2) and np.isnan(got[1])
    assert np.isnan(oks(truth[:1], found[:1], np.array([0.0]), np.full(3, 0.1))).all()


def test_sigmas_of_a_spec() -> None:
    names = list(COCO_SIGMAS)
    assert sigmas_of(spec(), 5) is None
    assert sigmas_of(spec("sigmas = 0.05\n"), 3).tolist() == [0.05] * 3  # type: ignore[union-attr]
    given = sigmas_of(spec("sigmas = [0.1, 0.2]\n"), 2)
    assert given is not None and given.tolist() == [0.1, 0.2]
    assert sigmas_of(spec(), 17).tolist() == list(COCO_SIGMAS.values())  # type: ignore[union-attr]
    turned = [n.replace(" ", "_") for n in names[::-1]]
    back = sigmas_of(spec(f"landmarks = {turned}\n"), 17)
    assert back is not None and back.tolist() == list(COCO_SIGMAS.values())[::-1]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('landmarks = ["a", "b"]\nskeleton = [["a", "c"]]\n', "skeleton names 'c'"),
        ('landmarks = ["a", "b"]\nskeleton = [["a", "a"]]\n', "joins 'a' to itself"),
        ('landmarks = ["a", "b"]\nsigmas = [0.1, 0.1, 0.1]\n', "sigmas has 3 values, landmarks 2"),
        ("sigmas = 0.0\n", "sigmas"),
    ],
)
def test_specs_that_contradict_themselves(said: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(said)
    assert why in str(caught.value)


def truths_and_found(rng: np.random.Generator, noise: float) -> tuple[Truth, Detections]:
    low = rng.uniform(0, 50, (4, 2))
    boxes = np.concatenate([low, low + rng.uniform(30, 80, (4, 2))], axis=1)
    marks = rng.uniform(0, 100, (4, 17, 2))
    labelled = marks.copy()
    labelled[rng.random((4, 17)) < 0.3] = NAN
    no, ids = np.zeros(4, np.bool_), np.zeros(4, np.int64)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * 0.6
    moved = {"landmarks": marks + rng.normal(0, noise, marks.shape)}
    truth = Truth(boxes, ids, areas, no, no, labelled)
    return truth, Detections(boxes + rng.normal(0, 1, boxes.shape), rng.random(4), ids, moved)


def test_mean_is_the_librarys_own() -> None:
    """pycocotools' computeOks, over every pair of object and detection."""
    pytest.importorskip("pycocotools", reason="NOT_RUN: pycocotools is not installed")
    from mobilecat.measure.evaluate.coco import _evaluation

    sigmas = np.array(list(COCO_SIGMAS.values()))
    truth, found = truths_and_found(np.random.default_rng(1), 4.0)
    evaluation = _evaluation([truth], [found], 1, "keypoints")
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation._prepare()
    theirs = evaluation.computeOks(0, 0)  # rows by falling score
    order = np.argsort(-found.scores)
    for j in range(4):
        ours = oks(
            truth.points[[j] * 4],  # type: ignore[index]
            found.rows["landmarks"][order],
            truth.areas[[j] * 4],
            sigmas,
        )
        np.testing.assert_allclose(ours, theirs[:, j], rtol=1e-9)


def test_average_precision_falls_with_noise() -> None:
    pytest.importorskip("pycocotools", reason="NOT_RUN: pycocotools is not installed")
    sigmas = np.array(list(COCO_SIGMAS.values()))
    values = []
    for noise in (0.0, 4.0, 60.0):
        pairs = [truths_and_found(np.random.default_rng(k), noise) for k in range(5)]
        truths, found = [t for t, _ in pairs], [d for _, d in pairs]
        values.append(keypoint_scores(truths, found, 1, sigmas)[0])
    assert values[0] == pytest.approx(1) and values[2] is not None and values[2] < 0.05
    assert values[1] is not None and 0.1 < values[1] < 0.95


def test_scores_tell_the_points_in_common() -> None:
    """The model's points in another order, with a σ each: exact but for one, 5 px off."""
    pytest.importorskip("pycocotools", reason="NOT_RUN: pycocotools is not installed")
    box, no = np.array([[0.0, 0, 20, 20]]), np.zeros(1, np.bool_)
    points = np.array([[[3.0, 3], [9, 9]]])
    truth = Truth(box, np.zeros(1, np.int64), np.array([400.0]), no, no, points)
    given = {"landmarks": np.array([[[9.0, 9], [6, 7]]])}  # the second point first; 3, 4 off
    found = Detections(box, np.ones(1), np.zeros(1, np.int64), given)
    both = PointMap(((0, 1), (1, 0)), None)
    classes = ClassMap(("a",), {0: 0}, {0: 0})
    sigmas = np.array([0.9, 0.1])  # of the model's; .1 belongs to the one that is off
    got = score([truth], [found], classes, both, single=False, own_boxes=False, sigmas=sigmas)
    assert got.landmarks is not None
    alike = (1 + exp(-25 / 32)) / 2
    assert got.landmarks.oks == pytest.approx(alike)
    assert got.landmarks.oks_ap50 == pytest.approx(1)
    assert got.landmarks.oks_ap == pytest.approx(np.mean(alike >= np.arange(0.5, 0.99, 0.05)))


def test_a_goldens_landmarks_say_it() -> None:
    box = np.array([[0.0, 0, 20, 20]])

    def found(x: float) -> Detections:
        rows = {"landmarks": np.array([[[10 + x, 10], [20, 20]]])}
        return Detections(box, np.ones(1), np.zeros(1, np.int64), rows)

    limits = Limits(boxes_px=0.5, landmarks_px=9, scores=1e-3, tensors=1e-4)
    for sigmas, said in ((np.full(2, 0.1), True), (None, False), (np.full(3, 0.1), False)):
        checks = compare_detections(
            found(0), found(5), limits, Affine.identity(), 0.3, sigmas=sigmas
        )
        (mark,) = [c for c in checks if c.name == "landmarks"]
        assert (f"OKS {(1 + exp(-25 / 32)) / 2:.6f}" in mark.detail) is said, mark.detail
