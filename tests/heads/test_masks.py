"""Masks of coefficients and prototypes: worked by hand, in the graph, through the letterbox."""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.bake import bake
from mobilecat.compare.masks import compare_masks
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.resize import plan_resize
from mobilecat.heads.reference.masks import assembled
from mobilecat.lanes import decode_outputs
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import draw_detections
from mobilecat.pictures.masks import Masks, model_from_mask, off_by, read_masks
from mobilecat.spec import spec_from_text
from tests.heads.networks import frozen, run_graph, save_constant_network
from tests.heads.rows import Case, filled, toml

ALL = slice(None)
LIMITS = Limits(boxes_px=0.5, landmarks_px=0.5, scores=1e-3, tensors=1e-4)
NMS = "nms = { score_threshold = 0.3, iou_threshold = 0.4, max_detections = 3 }"
SIZE = (64, 32)  # a grid of 16 × 8 at stride 4


def sigma(x: float) -> float:
    return 1 / (1 + exp(-x))


# Boxes 8..28 × 8..24 (score .6) and 40..56 × 4..12 (.8): centres and sides; P = 2.
# Prototype 0 is ln 3 everywhere, prototype 1 is 1 in row 3, column 4 alone.
def outputs() -> dict[str, Any]:
    return {
        "out": filled(
            (1, 7, 11),
            ((0, ALL, 2), (18, 16, 20, 16, 0.6, 1, -4)),
            ((0, ALL, 7), (48, 8, 16, 8, 0.8, -1, 0)),
        ),
        "grid": filled((1, 2, 8, 16), ((0, 0), log(3)), ((0, 1, 3, 4), 1)),
    }


def run(head: str, tmp_path: Path, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the baked graph gives in onnxruntime."""
    path = save_constant_network(tmp_path / "net.onnx", SIZE, given or outputs())
    spec = spec_from_text(toml(Case("", f'kind = "masks"\n{head}', SIZE, {}, 0, 0), path, NMS))
    baked = bake(frozen(path), spec, "uint8")
    picture = np.full((1, SIZE[1], SIZE[0], 3), 128, np.uint8)
    return run_graph(baked.model, {"image": picture}, ())


def by_hand() -> np.ndarray[Any, Any]:
    """Row 0: the better one, σ(−ln 3) in columns 10..13, rows 1, 2. Row 1: σ(ln 3) in columns 2..6,
    rows 2..5, and σ(ln 3 − 4) at row 3, column 4. Row 2 is padding."""
    made = np.zeros((3, 8, 16))
    made[0, 1:3, 10:14] = 0.25
    made[1, 2:6, 2:7] = 0.75
    made[1, 3, 4] = sigma(log(3) - 4)
    return made


def test_the_graph_by_hand(tmp_path: Path) -> None:
    got = run("", tmp_path)
    assert set(got) == {"boxes", "scores", "class_ids", "masks", "count"}
    assert got["count"].tolist() == [2] and got["masks"].shape == (1, 3, 8, 16)
    np.testing.assert_allclose(got["masks"][0], by_hand(), atol=1e-6)


def test_numpy_by_hand() -> None:
    grid = outputs()["grid"][0]
    boxes = np.array([[40, 4, 56, 12], [8, 8, 28, 24], [0, 0, 0, 0]], float)
    got = assembled(np.array([[-1, 0], [1, -4], [0, 0]], float), grid, boxes, SIZE)
    np.testing.assert_allclose(got, by_hand(), atol=1e-9)


# Twice as large: between two pixel centres the sums lie at ¼ and ¾; at the edge they stay. One
# prototype of 0 but for 8 in row 0, column 1: along x 0, 2, 6, 6, 2, 0 from column 0 on, in rows 0
# (at the edge: whole) and 1 (¾), 2 (¼).
@pytest.mark.parametrize("form", ["graph", "numpy"])
def test_larger_masks_by_hand(form: str, tmp_path: Path) -> None:
    box = (16, 8, 32, 16, 0.6, 1)  # 0..32 × 0..16, which is columns 0..15, rows 0..7
    given = {
        "out": filled((1, 6, 11), ((0, ALL, 2), box)),
        "grid": filled((1, 1, 8, 16), ((0, 0, 0, 1), 8)),
    }
    if form == "graph":
        got = run("mask_size = [32, 16]", tmp_path, given)["masks"][0, 0]
    else:
        boxes = np.array([[0, 0, 32, 16]], float)
        got = assembled(np.ones((1, 1)), given["grid"][0], boxes, SIZE, (32, 16))[0]
    assert got.shape == (16, 32)
    for row, share in ((0, 1), (1, 0.75), (2, 0.25), (3, 0)):
        want = [sigma(share * v) for v in (0, 2, 6, 6, 2, 0)]
        np.testing.assert_allclose(got[row, :6], want, atol=1e-6)
    assert not got[8:].any() and not got[:, 16:].any() and (got[:8, :16] > 0).all()


def test_left_to_the_app_the_same_masks_come_out(tmp_path: Path) -> None:
    plan = plan_resize((128, 128), SIZE, "letterbox")
    got = run('masks = "app"', tmp_path)
    assert got["mask_coefficients"].shape == (1, 3, 2)
    np.testing.assert_allclose(got["mask_coefficients"][0, 1], [1, -4])
    np.testing.assert_allclose(got["mask_prototypes"], outputs()["grid"], rtol=1e-6)
    app = decode_outputs(got, plan)
    graph = decode_outputs(run("", tmp_path), plan)
    assert app.masks is not None and graph.masks is not None
    np.testing.assert_allclose(app.masks.values, graph.masks.values, atol=1e-6)
    assert app.masks.image_from_mask == graph.masks.image_from_mask
    assert len(app.masks) == 2


# 128 × 128 into 64 × 32 by letterbox: scale ¼, 16 px of padding left and right. Mask pixel (4, 0)
# is 4 px of the input each way: 16..20 × 0..4, in the picture (16 − 16)·4 = 0..16 × 0..16.
def test_mask_pixels_in_the_picture_through_the_letterbox() -> None:
    plan = plan_resize((128, 128), SIZE, "letterbox")
    values = np.zeros((1, 8, 16), np.float32)
    values[0, 0, 4] = values[0, 5, 6] = 1
    values[0, 2, 2] = 1  # in the padding: in no pixel of the picture
    masks = Masks(values, plan.image_from_model @ model_from_mask(SIZE, (16, 8)))
    corners = masks.image_from_mask.points(np.array([[4, 0], [5, 1], [6, 5], [7, 6]], float))
    assert corners.tolist() == [[0, 0], [16, 16], [32, 80], [48, 96]]
    want = np.zeros((128, 128), bool)
    want[0:16, 0:16] = want[80:96, 32:48] = True
    np.testing.assert_array_equal(masks.on_picture(0, (128, 128)), want)


# Sides that do not fit each other: every pixel of the picture is held to its own centre.
@pytest.mark.parametrize("mode", ["letterbox", "stretch", "letterbox-topleft", "fit-pad"])
def test_every_pixel_belongs_to_the_cell_that_its_centre_is_in(mode: Any) -> None:
    wide, high = 101, 67
    plan = plan_resize((wide, high), SIZE, mode)
    values = np.random.default_rng(2).random((1, 8, 16)).astype(np.float32)
    masks = Masks(values, plan.image_from_model @ model_from_mask(SIZE, (16, 8)))
    got = masks.on_picture(0, (wide, high))
    sx, sy = plan.resized_wh[0] / wide, plan.resized_wh[1] / high
    for y in range(high):
        for x in range(wide):
            u = ((x + 0.5) * sx + plan.left) / 4
            v = ((y + 0.5) * sy + plan.top) / 4
            near = min(abs(u - round(u)), abs(v - round(v)))
            if near > 1e-9 and 0 <= u < 16 and 0 <= v < 8:
                assert got[y, x] == (values[0, int(v), int(u)] > 0.5), (x, y)


def found(values: Any, to: Affine | None = None) -> Detections:
    made = np.asarray(values, np.float32)
    n = len(made)
    boxes = np.tile(np.array([[0, 0, 9.0, 9]]), (n, 1))
    place = to or Affine.scale_then_move(4, 4)
    return Detections(boxes, np.ones(n), np.zeros(n, np.int64), {}, Masks(made, place))


def test_json_there_and_back() -> None:
    rng = np.random.default_rng(3)
    whole, none = np.ones((5, 7)), np.zeros((5, 7))
    given = found(np.stack([(rng.random((5, 7)) > 0.5), whole, none]))
    rows = given.to_json()
    # Column by column, and what is not the object's first: COCO's order.
    assert rows[1]["mask"]["counts"] == [0, 35] and rows[2]["mask"]["counts"] == [35]
    assert rows[0]["mask"]["size"] == [5, 7]
    back = Detections.from_json(rows)
    assert back.masks is not None and given.masks is not None
    np.testing.assert_array_equal(back.masks.flags, given.masks.flags)
    assert back.masks.image_from_mask == given.masks.image_from_mask


def test_run_lengths_are_cocos() -> None:
    theirs = pytest.importorskip("pycocotools.mask", reason="NOT_RUN: pycocotools is not installed")
    rng = np.random.default_rng(5)
    flags = rng.random((6, 9)) > 0.6
    told = found(flags[None].astype(np.float32)).to_json()[0]["mask"]
    rle = theirs.frPyObjects({"size": told["size"], "counts": told["counts"]}, 6, 9)
    np.testing.assert_array_equal(theirs.decode(rle).astype(bool), flags)


@pytest.mark.parametrize(
    "told",
    [
        {"size": [5, 7], "counts": [34], "image_from_mask": [1, 0, 0, 0, 1, 0]},
        {"size": [5, 7], "counts": [40, -5], "image_from_mask": [1, 0, 0, 0, 1, 0]},
        {"size": [50000, 70000], "counts": [1], "image_from_mask": [1, 0, 0, 0, 1, 0]},
        {"size": [0, 7], "counts": [], "image_from_mask": [1, 0, 0, 0, 1, 0]},
    ],
)
def test_run_lengths_that_are_none(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mask"):
        read_masks([told])


# 3 of 4 pixels in common of 5 in all; a pixel at .5004 may be either's.
def test_iou_of_masks() -> None:
    e, g = np.zeros((1, 2, 4)), np.zeros((1, 2, 4))
    e[0, 0, :4] = 1
    g[0, 0, 1:4] = g[0, 1, 0] = 0.9
    one, two = found(e).masks, found(g).masks
    assert one is not None and two is not None
    assert off_by(one, two, 0, 0, 1e-3) == pytest.approx(2 / 5)
    g[0, 1, 0] = 0.5004
    three = found(g).masks
    assert three is not None
    assert off_by(one, three, 0, 0, 1e-3) == pytest.approx(1 / 5)


def verdict(e: Detections, g: Detections) -> str:
    checks = compare_masks(e, g, [(0, 0)], LIMITS, "golden")
    return checks[0].verdict if checks else ""


def test_masks_are_held() -> None:
    values = np.zeros((1, 40, 40))
    values[0, 5:35, 5:35] = 1
    fewer = values.copy()
    fewer[0, 5, 5] = 0  # one of 900
    assert verdict(found(values), found(values)) == "PASS"
    assert verdict(found(values), found(fewer)) == "FAIL"
    moved = Affine.scale_then_move(4, 4, 1)
    assert verdict(found(values), found(values, moved)) == "FAIL"
    assert verdict(found(values), found(values[:, :39])) == "FAIL"
    none = Detections(np.zeros((1, 4)), np.ones(1), np.zeros(1, np.int64))
    assert verdict(found(values), none) == verdict(none, found(values)) == "FAIL"
    assert verdict(none, none) == ""


def test_a_mask_is_drawn_where_it_lies() -> None:
    values = np.zeros((1, 4, 4), np.float32)
    values[0, 1:3, 2] = 1
    picture = Image.new("RGB", (64, 64), "white")
    at = found(values, Affine.scale_then_move(16, 16))
    drawn = np.asarray(draw_detections(picture, at)).astype(int)
    coloured = (drawn[30:34, :] != 255).any(axis=(0, 2))  # below the box and its label
    assert coloured[32:48].all() and not coloured[:32].any() and not coloured[48:].any()


@pytest.mark.parametrize("contract", ["vision", "detection"])
def test_contracts_that_carry_no_masks(contract: str) -> None:
    target = "coreml" if contract == "vision" else "tflite"
    text = toml(Case("", 'kind = "masks"', SIZE, {}, 0, 0), "n.onnx")
    asked = f'[targets.{target}]\ncontract = "{contract}"'
    with pytest.raises(mc.SpecError) as caught:
        spec_from_text(text.replace("[targets.onnx]", asked))
    assert "cannot carry mask coefficients" in str(caught.value)


def test_mask_size_and_app_contradict() -> None:
    head = 'kind = "masks"\nmasks = "app"\nmask_size = [32, 16]'
    with pytest.raises(mc.SpecError) as caught:
        spec_from_text(toml(Case("", head, SIZE, {}, 0, 0), "n.onnx"))
    assert "mask_size is set" in str(caught.value)
