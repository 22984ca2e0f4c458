"""Which other preprocessing is tried beside a spec's."""

from __future__ import annotations

from typing import Any

import pytest

from mobilecat.spec.otherwise import otherwise, said_of
from mobilecat.spec.values import ImageSpec

IMAGENET = "ImageNet's mean and std"


@pytest.mark.parametrize(
    ("keys", "kept", "others"),
    [
        ({}, "[0, 255]", ["BGR", "[0, 1]", "[-1, 1]", IMAGENET, "letterbox"]),
        # (0 − 127.5) / 127.5 is −1; the same is not tried as another.
        ({"mean": 127.5, "std": 127.5}, "[-1, 1]",
         ["BGR", "[0, 1]", "[0, 255]", IMAGENET, "letterbox"]),
        ({"range": (0, 1), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}, IMAGENET,
         ["BGR", "[0, 1]", "[-1, 1]", "[0, 255]", "letterbox"]),
        ({"color": "GRAY", "resize": "letterbox-topleft"}, "[0, 255]",
         ["[0, 1]", "[-1, 1]", "stretch"]),
    ],
)  # fmt: skip
def test_each_that_is_not_the_specs_own(keys: dict[str, Any], kept: str, others: list[str]) -> None:
    image = ImageSpec(size=(8, 8), **keys)
    assert said_of(image, "range") == kept
    assert [way.said for way in otherwise(image)] == others
    for way in otherwise(image):  # and each is a spec that is taken
        ImageSpec.model_validate(way.of(image).model_dump())


def test_bytes_have_no_range_and_turned_boxes_no_other_fit() -> None:
    assert [w.key for w in otherwise(ImageSpec(size=(8, 8)), whole=True, fits=False)] == ["color"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mean": 127.5, "std": 127.5}, "range = [0, 1], and take mean and std away"),
        ({"range": (-1, 1)}, "range = [0, 1]"),
    ],
)
def test_what_to_write_leaves_nothing_of_the_old(keys: dict[str, Any], said: str) -> None:
    image = ImageSpec(size=(8, 8), **keys)
    (way,) = (w for w in otherwise(image) if w.said == "[0, 1]")
    assert way.to_write(image) == said


def test_what_to_write_of_a_fit_without_padding() -> None:
    image = ImageSpec(size=(8, 8), resize="letterbox", pad=114)
    (way,) = (w for w in otherwise(image) if w.key == "resize")
    assert way.to_write(image) == 'resize = "stretch", and take pad and rounding away'
