"""Laws that hold for every input. Each algebraic law has an anchored one beside it: a swapped width
and height passes every round trip, and fails where a corner must land."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecat.geometry.affine import Affine, Size
from mobilecat.geometry.assumptions import Assumptions
from mobilecat.geometry.boxes import (
    BOX_FORMATS,
    boxes_around,
    clip_xyxy,
    convert_boxes,
    iou,
    norm_from_pixels,
    pixels_from_norm,
)
from mobilecat.geometry.crops import CropRule, crop_rect, plan_crop
from mobilecat.geometry.frames import Frame, frame_from_frame, vision_frame
from mobilecat.geometry.orientation import (
    Orientation,
    compose_orientations,
    inverse_orientation,
    stored_from_upright,
    upright_from_stored,
    upright_size,
)
from mobilecat.geometry.resize import RESIZE_MODES, ROUNDINGS, plan_resize
from mobilecat.geometry.sampling import CONVENTIONS, source_indices
from mobilecat.geometry.spaces import Extent, core_image_from_norm, spritekit_from_norm
from mobilecat.geometry.views import VIEW_MODES, View, metadata_from_vision
from mobilecat.geometry.vision import (
    CropAndScale,
    Region,
    flip_xywh_norm,
    image_from_vision,
    model_from_image,
    vision_from_image,
)

law = settings(max_examples=40, deadline=None, derandomize=True, database=None)

numbers = st.floats(-500, 500, allow_nan=False).map(lambda v: round(v, 3))
sides = st.integers(1, 2000)
sizes = st.tuples(sides, sides)
points = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4)
boxes = st.tuples(numbers, numbers, st.floats(0.5, 300), st.floats(0.5, 300)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
orientations = st.sampled_from(list(Orientation))
options = st.sampled_from(list(CropAndScale))
maps = st.tuples(*[st.floats(-4, 4).map(lambda v: round(v, 2))] * 6).map(lambda v: Affine(*v))
regular = maps.filter(lambda m: abs(m.determinant) > 0.05)
shares = st.floats(0.05, 0.45).map(lambda v: round(v, 3))
regions = st.tuples(shares, shares, shares, shares).map(lambda r: Region(*r))


def close(a: object, b: object, atol: float = 1e-6) -> bool:
    return np.allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=0, atol=atol)


@law
@given(regular, points)
def test_a_map_and_its_inverse_cancel(m: Affine, p: list[tuple[float, float]]) -> None:
    assert close(m.inverse().points(m.points(p)), p)
    assert close((m.inverse() @ m).matrix, Affine.identity().matrix)


@law
@given(maps, maps, maps, points)
def test_composition_applies_the_right_one_first(
    c: Affine, b: Affine, a: Affine, p: list[tuple[float, float]]
) -> None:
    assert close((b @ a).points(p), b.points(a.points(p)))
    assert ((c @ b) @ a).isclose(c @ (b @ a), 1e-9)


@law
@given(maps, boxes)
def test_a_mapped_box_is_sorted_and_holds_its_mapped_corners(
    m: Affine, box: tuple[float, float, float, float]
) -> None:
    x1, y1, x2, y2 = m.boxes_xyxy(box)
    corners = m.points([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])])
    assert close([x1, y1, x2, y2], boxes_around(corners))
    assert x1 <= x2
    assert y1 <= y2


@law
@given(boxes, st.sampled_from(BOX_FORMATS), st.sampled_from(BOX_FORMATS), sizes)
def test_formats_and_normalising_go_there_and_back(box, src, dst, wh) -> None:  # type: ignore[no-untyped-def]
    assert close(convert_boxes(convert_boxes(box, dst, src), src, dst), box)
    assert close(pixels_from_norm(norm_from_pixels(box, src, wh), src, wh), box)


@law
@given(boxes, boxes, numbers, st.floats(0.1, 8))
def test_iou_is_symmetric_and_ignores_moves_and_scales(a, b, t, s) -> None:  # type: ignore[no-untyped-def]
    one, other = iou([a], [b])[0, 0], iou([b], [a])[0, 0]
    assert one == other
    assert 0 <= one <= 1
    moved = Affine.scale_then_move(s, s, t, -t)
    assert close(iou(moved.boxes_xyxy([a]), moved.boxes_xyxy([b])), one)
    assert close(iou([a], [a]), 1)


@law
@given(boxes, sizes)
def test_clipping_is_inside_and_idempotent(box, wh) -> None:  # type: ignore[no-untyped-def]
    once = clip_xyxy(box, wh)
    assert (once[[0, 1]] >= 0).all()
    assert once[2] <= wh[0]
    assert once[3] <= wh[1]
    assert (clip_xyxy(once, wh) == once).all()


@law
@given(orientations, sizes, points)
def test_orientation_there_and_back(o, wh, p) -> None:  # type: ignore[no-untyped-def]
    back = stored_from_upright(o, wh)
    assert close(back.points(upright_from_stored(o, wh).points(p)), p)
    other = upright_from_stored(inverse_orientation(o), upright_size(o, wh))
    assert other.isclose(back)
    assert abs(upright_from_stored(o, wh).determinant) == 1


@law
@given(orientations, orientations, sizes)
def test_two_orientations_are_the_composed_one(second, first, wh) -> None:  # type: ignore[no-untyped-def]
    both = upright_from_stored(second, upright_size(first, wh)) @ upright_from_stored(first, wh)
    assert both.isclose(upright_from_stored(compose_orientations(second, first), wh))


@law
@given(orientations, sizes)
def test_an_upright_picture_fills_its_own_size(o, wh) -> None:  # type: ignore[no-untyped-def]
    w, h = upright_size(o, wh)
    assert close(upright_from_stored(o, wh).boxes_xyxy([0, 0, *wh]), [0, 0, w, h])


@law
@given(sizes, sizes, st.sampled_from(RESIZE_MODES), st.sampled_from(ROUNDINGS))
def test_a_resized_picture_lies_inside_the_input(src, dst, mode, rounding) -> None:  # type: ignore[no-untyped-def]
    plan = plan_resize(src, dst, mode, rounding)
    x1, y1, x2, y2 = plan.model_from_image.boxes_xyxy([0, 0, *src])
    assert close([x1, y1], [plan.left, plan.top])
    assert close([x2, y2], [dst[0] - plan.right, dst[1] - plan.bottom])
    assert min(plan.left, plan.top, plan.right, plan.bottom) >= 0
    if mode == "letterbox-topleft":
        assert (plan.left, plan.top) == (0, 0)
    elif mode != "stretch":
        assert plan.right - plan.left in (0, 1)
        assert plan.bottom - plan.top in (0, 1)
        # one side is filled, but for the pixel that rounding may take
        assert min(plan.left + plan.right, plan.top + plan.bottom) <= 1
    assert plan.image_from_model.isclose(plan.model_from_image.inverse())


@law
@given(options, sizes, sizes, regions, points)
def test_crop_and_scale_anchors(option, image, model, region, p) -> None:  # type: ignore[no-untyped-def]
    m = model_from_image(option, image, model, region)
    assert close(m.inverse().points(m.points(p)), p, 1e-4)
    rect = image_from_vision(image).boxes_xyxy(
        [region.x, region.y, region.x + region.w, region.y + region.h]
    )
    x1, y1, x2, y2 = m.boxes_xyxy(rect)
    assert close([(x1 + x2) / 2, (y1 + y2) / 2], [model[0] / 2, model[1] / 2], 1e-4)
    if option in (CropAndScale.SCALE_FILL, CropAndScale.SCALE_FILL_ROTATE_90_CCW):
        assert close([x1, y1, x2, y2], [0, 0, *model], 1e-4)
    elif option is CropAndScale.CENTER_CROP:
        assert x1 <= 1e-6
        assert y1 <= 1e-6
        assert close(max(x1, y1), 0, 1e-4)
    else:
        assert x1 >= -1e-6
        assert y1 >= -1e-6
        assert close(min(x1, y1), 0, 1e-4)
    # the picture's top-left corner lands at the top left, or at the lower left when turned
    corner = m.points([rect[0], rect[1]])
    assert close(corner, [x1, y2] if option.turns else [x1, y1], 1e-4)


@law
@given(sizes, sizes)
def test_scale_fit_at_the_top_left_touches_the_corner(image, model) -> None:  # type: ignore[no-untyped-def]
    at = Assumptions(scale_fit_placement="top-left")
    x1, y1, x2, y2 = model_from_image(
        CropAndScale.SCALE_FIT, image, model, assumptions=at
    ).boxes_xyxy([0, 0, *image])
    assert close([x1, y1], [0, 0])
    assert close(x2, model[0], 1e-4) or close(y2, model[1], 1e-4)


@law
@given(boxes, sizes, points)
def test_vision_flips_there_and_back(box, wh, p) -> None:  # type: ignore[no-untyped-def]
    assert close(flip_xywh_norm(flip_xywh_norm(box)), box)
    assert close(image_from_vision(wh).points(vision_from_image(wh).points(p)), p)
    assert close(image_from_vision(wh).points([[0, 0], [1, 1]]), [[0, wh[1]], [wh[0], 0]])


@law
@given(sizes, sizes, st.sampled_from(sorted(VIEW_MODES)), st.booleans(), st.booleans())
def test_view_anchors(image, view, mode, mirrored, rtl) -> None:  # type: ignore[no-untyped-def]
    m = View(Size(*view), mode, mirrored, rtl).view_from_image(image)
    rect = m.boxes_xyxy([0, 0, *image])
    spare = np.array([view[0] - (rect[2] - rect[0]), view[1] - (rect[3] - rect[1])])
    assert (m.determinant < 0) == mirrored
    if VIEW_MODES[mode][0] == "fit":
        assert (spare > -1e-6).all()
    if VIEW_MODES[mode][0] == "fill":
        assert (spare < 1e-6).all()
    assert close(np.abs(spare).min(), 0)
    if mode.endswith("_START"):
        assert close([rect[2] - view[0] if rtl else rect[0], rect[1]], [0, 0])
    elif mode.endswith("_END"):
        assert close([rect[0] if rtl else rect[2] - view[0], rect[3] - view[1]], [0, 0])
    else:
        assert close(rect[:2] + rect[2:], view)


@law
@given(orientations)
def test_metadata_space_is_a_unit_square(o: Orientation) -> None:
    assert close(metadata_from_vision(o).boxes_xyxy([0, 0, 1, 1]), [0, 0, 1, 1])


@law
@given(boxes, sizes, st.sampled_from(["clip", "pad", "shift"]), st.booleans(), shares)
def test_a_crop_holds_what_it_must(box, wh, edge, square, grow) -> None:  # type: ignore[no-untyped-def]
    inside = clip_xyxy(box, wh)
    if min(inside[2] - inside[0], inside[3] - inside[1]) < 1:
        return
    rule = CropRule(grow=grow, square=square, edge=edge, rounding="outward")
    x1, y1, x2, y2 = crop_rect(inside, wh, rule)
    if edge != "pad":
        assert min(x1, y1) >= 0
        assert x2 <= wh[0]
        assert y2 <= wh[1]
    assert x1 <= inside[0] + 1e-9
    assert y1 <= inside[1] + 1e-9
    assert x2 >= inside[2] - 1e-9
    assert y2 >= inside[3] - 1e-9
    plan = plan_crop(inside, wh, (48, 96), rule)
    assert close(plan.model_from_image.boxes_xyxy(plan.rect), [0, 0, 48, 96], 1e-6)
    assert close(plan.image_from_model.points([[0, 0]]), [[x1, y1]])


@law
@given(st.sampled_from(CONVENTIONS), st.integers(1, 40), st.integers(1, 40))
def test_source_indices_rise_and_stay_inside(convention, n_in, n_out) -> None:  # type: ignore[no-untyped-def]
    indices = source_indices(n_in, n_out, convention)
    assert indices.shape == (n_out,)
    assert (np.diff(indices) >= 0).all()
    assert indices.min() >= 0
    assert indices.max() <= n_in - 1
    if convention == "align-corners" and n_out > 1:
        assert close(indices[[0, -1]], [0, n_in - 1])
    if convention == "half-pixel":
        assert close(indices + indices[::-1], n_in - 1)


@law
@given(sizes, numbers, numbers)
def test_an_extent_or_anchor_moves_without_scaling(wh, x, y) -> None:  # type: ignore[no-untyped-def]
    m = core_image_from_norm(Extent(x, y, *wh))
    assert close(m.points([[0, 1], [1, 0]]), [[x, y], [x + wh[0], y + wh[1]]])
    node = spritekit_from_norm(wh, (0.5, 0.25)).boxes_xyxy([0, 0, 1, 1])
    assert close(node, [-wh[0] / 2, -wh[1] / 4, wh[0] / 2, wh[1] * 0.75])


@pytest.mark.parametrize("unit", ["pixels", "normalized", "points"])
@pytest.mark.parametrize("origin", ["top-left", "lower-left"])
def test_frames_of_one_picture_convert(unit: str, origin: str) -> None:
    frame = Frame("image", Size(640, 480), unit, origin)  # type: ignore[arg-type]
    vision = vision_frame(Size(640, 480))
    there = frame_from_frame(frame, vision)
    w, h = (1, 1) if unit == "normalized" else (640, 480)
    # Vision's (.25, .75) is a quarter from the left and a quarter from the top.
    assert close(there.points([0.25, 0.75]), [w / 4, h / 4 if origin == "top-left" else h * 3 / 4])
    assert close(frame_from_frame(vision, frame).points(there.points([0.1, 0.3])), [0.1, 0.3])
