"""What int8 is known to break in detectors: each is said before anyone runs it."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.quantize import Range, Seen
from mobilecat.quantize.lints import outlier, silu, starved, unseen
from tests.formats.tflite.lower.engines import drawn, graph
from tests.formats.tflite.quantise.files import made, ops_of, tensor

HEAD = """(float[1,8,4,4] x) => (float[1,6,4,4] y) {
  f = Conv (x, w)
  boxes = Conv (f, b)
  logits = Conv (f, s)
  scores = Sigmoid (logits)
  y = Concat <axis = 1> (boxes, scores)
}"""
RANGES = {
    "x": (-3, 3),
    "f": (-9, 9),
    "boxes": (0, 640),
    "logits": (-8, 3),
    "scores": (0, 1),
    "y": (0, 640),
}


def _head() -> object:
    weights = {n: drawn(n, (k, 8, 1, 1)) for n, k in {"w": 8, "b": 4, "s": 2}.items()}
    return graph(HEAD, **weights)


def test_boxes_in_pixels_and_scores_never_share_a_scale() -> None:
    file = made(_head(), "int8", RANGES)  # type: ignore[arg-type]
    assert ops_of(file.data)["CONCATENATION"] == 1
    assert tensor(file.data, "y").type == 0  # float32
    with pytest.raises(UnsupportedError) as said:
        made(_head(), "int8", RANGES, whole=True, outputs=("y",))  # type: ignore[arg-type]
    text = str(said.value)
    assert "boxes (0 to 640)" in text and "would share a scale whose step is 2.5" in text
    assert "bring both to 0 to 1 in the model" in text


def test_boxes_from_0_to_1_may_share_it() -> None:
    ranges = {**RANGES, "boxes": (0, 1), "scores": (0, 1), "y": (0, 1)}
    file = made(_head(), "int8", ranges, whole=True, outputs=("y",))  # type: ignore[arg-type]
    assert "all of the network is in whole numbers" in file.lints[-1]


def test_a_softmax_over_anchors_stays_float() -> None:
    """Over 1,000 anchors each is about 0.001, and the kernel counts in 1/256."""
    text = """(float[1,8,10,100] x) => (float[1,1000] y) {
      f = Conv (x, w)
      shape = Constant <value = int64[2] {1, 1000}> ()
      flat = Reshape (f, shape)
      y = Softmax <axis = 1> (flat)
    }"""
    model = graph(text, w=drawn("w", (1, 8, 1, 1)))
    ranges = {"x": (-3, 3), "f": (-9, 9), "flat": (-9, 9), "y": (0, 0.3)}
    assert tensor(made(model, "int8", ranges).data, "y").type == 0
    with pytest.raises(UnsupportedError, match=r"over 1000 values, .* about 0\.001 each"):
        made(model, "int8", ranges, whole=True, outputs=("y",))


def test_the_range_of_a_silu_is_looked_at() -> None:
    text = """(float[1,8,4,4] x) => (float[1,8,4,4] y) {
      a = Conv (x, w)
      g = Sigmoid (a)
      s = Mul (a, g)
      y = Conv (s, w)
    }"""
    model = graph(text, w=drawn("w", (8, 8, 1, 1)))
    ranges = {"x": (-3, 3), "a": (-60, 60), "y": (-9, 9)}
    far = made(model, "int8", ranges | {"s": (-0.28, 60.0)}).lints
    assert len(far) == 1 and "this SiLU reaches 60, a step is 0.24" in far[0]
    assert 'method = "percentile"' in far[0]
    assert made(model, "int8", ranges | {"s": (-0.28, 8.0)}).lints == ()


def test_one_channel_far_out_is_named() -> None:
    text = "(float[1,8,4,4] x) => (float[1,8,4,4] y) { a = Conv (x, w)  y = Conv (a, w) }"
    model = graph(text, w=drawn("w", (8, 8, 1, 1)))
    high = np.full(8, 2.0)
    high[5] = 400.0
    file = made(model, "int8", {"x": (-3, 3), "a": np.stack([-high / 10, high]), "y": (-9, 9)})
    assert len(file.lints) == 1
    assert "channel 5 reaches 400, all others 2 at most" in file.lints[0]
    assert "keep_float" in file.lints[0]


# The sentences alone.


def _seen(lows: list[float], highs: list[float]) -> Seen:
    return Seen(Range(min(lows), max(highs)), np.array(lows), np.array(highs), 1)


def test_channels_of_a_kind_are_no_outliers() -> None:
    assert (
        outlier("n", _seen([-1.0] * 8, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 9 / 255) is None
    )


def test_an_outlier_that_leaves_steps_enough_is_none() -> None:
    assert outlier("n", _seen([0.0] * 8, [2.0] * 7 + [10.0]), 10 / 255) is None


def test_parts_of_one_size_may_share() -> None:
    assert starved("n", {"a": Range(0, 3), "b": Range(-1, 1)}) is None


def test_a_silu_with_steps_enough_is_not_mentioned() -> None:
    assert silu("n", Range(-0.28, 10.0), 10.28 / 255) is None


def test_a_class_that_calibration_never_saw_is_named() -> None:
    scores = Seen(Range(0, 1), np.zeros(3), np.array([0.9, 0.02, 0.1]), 2)
    said = unseen(scores, ["cat", "dog", "bird"], 0.3)
    assert said is not None
    assert "no calibration picture has dog, bird (no score above 0.3)" in said
    assert "Add pictures of them" in said
    assert unseen(scores, ["cat", "dog", "bird"], 0.01) is None
