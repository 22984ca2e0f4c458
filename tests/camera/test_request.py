"""The whole chain on pixels: what is drawn where, against Pillow and OpenCV."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from mobilecat.camera.buffer import buffer_from_rgb
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.camera.sample import enlarge_plane, render
from mobilecat.errors import ImageError, MobileCatError
from mobilecat.geometry.affine import Affine, GeometryError, Size
from mobilecat.geometry.assumptions import Assumptions
from mobilecat.geometry.orientation import Orientation
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale, Region
from tests.geometry.test_engines import _pillow

FITS: list[Any] = [
    *CropAndScale,
    AppResize("letterbox"),
    AppResize("letterbox-topleft"),
    AppResize("stretch"),
]


def _photo(w: int, h: int) -> Any:
    """Return a smooth picture without any symmetry."""
    y, x = np.mgrid[0:h, 0:w]
    channels = [x * 255 / w, y * 255 / h, 128 + 100 * np.sin(x / 9) * np.cos(y / 5)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _opencv_input(upright: Any, fit: Any, model_wh: tuple[int, int]) -> Any:
    """Return the model input made with OpenCV from an upright picture: resize, then crop or pad."""
    import cv2

    if isinstance(fit, CropAndScale) and fit.turns:
        upright = np.rot90(upright)
    h, w = upright.shape[:2]
    mw, mh = model_wh
    name = fit.mode if isinstance(fit, AppResize) else fit.value
    if name.startswith("scaleFill") or name == "stretch":
        return cv2.resize(upright, model_wh, interpolation=cv2.INTER_LINEAR)
    g = max(mw / w, mh / h) if name == "centerCrop" else min(mw / w, mh / h)
    new_w, new_h = round(w * g), round(h * g)
    grown = cv2.resize(
        np.ascontiguousarray(upright), (new_w, new_h), interpolation=cv2.INTER_LINEAR
    )
    if name == "centerCrop":
        x, y = (new_w - mw) // 2, (new_h - mh) // 2
        return grown[y : y + mh, x : x + mw]
    out = np.full((mh, mw, 3), 114.0 if isinstance(fit, AppResize) else 0.0)
    x, y = (0, 0) if name.endswith("topleft") else ((mw - new_w) // 2, (mh - new_h) // 2)
    out[y : y + new_h, x : x + new_w] = grown
    return out


@pytest.mark.parametrize("fit", FITS, ids=str)
@pytest.mark.parametrize("o", list(Orientation))
def test_model_input_is_what_pillow_and_opencv_make(o: Orientation, fit: Any) -> None:
    # 36 × 24 into 60 × 84: whole sizes and paddings for every fit, so OpenCV can draw them
    frame = _photo(36, 24)
    request = SimulatedRequest(Size(36, 24), Size(60, 84), o, fit)
    expected = _opencv_input(_pillow(frame, o).astype(np.float32), fit, (60, 84))
    got = request.model_input(frame, antialias=False)
    assert got.shape == (84, 60, 3)
    assert np.abs(got - expected).max() <= 0.501  # half a code of rounding


@pytest.mark.parametrize("fmt", ["32BGRA", "420v", "420f", "YUV_420_888"])
def test_a_buffer_gives_the_same_input_as_its_picture(fmt: Any) -> None:
    frame = _photo(40, 30)
    request = SimulatedRequest(
        Size(40, 30), Size(20, 24), Orientation.RIGHT, CropAndScale.SCALE_FIT
    )
    plain = request.model_input(frame).astype(int)
    packed = request.model_input(buffer_from_rgb(frame, fmt)).astype(int)
    assert np.abs(packed - plain).max() <= (0 if fmt == "32BGRA" else 9)


def _request(o: Orientation, fit: Any, region: Region, **view: Any) -> SimulatedRequest:
    shown = View(Size(390, 844), view.get("mode", "resizeAspectFill"), view.get("mirrored", False))
    return SimulatedRequest(Size(64, 48), Size(96, 80), o, fit, region, shown)


@pytest.mark.parametrize(("o", "fit"), list(itertools.product(Orientation, CropAndScale)))
def test_a_dot_in_the_frame_is_found_where_the_maps_say(o: Orientation, fit: CropAndScale) -> None:
    region = Region(0.25, 0.125, 0.5, 0.75)
    request = _request(o, fit, region)
    # the region's centre, then off it by a few pixels so that no symmetry hides a swap
    centre = request.image_from_frame.inverse().points(
        [(region.x + region.w / 2) * request.image_wh.w,
         (1 - region.y - region.h / 2) * request.image_wh.h]
    )  # fmt: skip
    x, y = (int(v) for v in centre + np.array([5, -3]))
    frame = np.zeros((48, 64, 3), dtype=np.uint8)
    frame[y, x] = 255
    lit = request.model_input(frame)[..., 0].astype(float)
    total = lit.sum()
    ys, xs = np.mgrid[0:80, 0:96] + 0.5
    found = [(lit * xs).sum() / total, (lit * ys).sum() / total]
    expected = request.model_from_frame.points([x + 0.5, y + 0.5])
    assert np.abs(found - expected).max() < 0.25


def test_nothing_outside_the_region_is_seen() -> None:
    frame = np.full((48, 64, 3), 200, dtype=np.uint8)
    request = SimulatedRequest(
        Size(64, 48), Size(80, 80), Orientation.UP, CropAndScale.SCALE_FIT, Region(0, 0, 0.5, 0.25)
    )
    seen = request.model_input(frame)[..., 0]
    # the region is 32 × 12: scaled by 2.5 it is 80 × 30, with 25 rows of padding on both sides
    assert (seen[:25] == 0).all()
    assert (seen[55:] == 0).all()
    assert (seen[25:55] == 200).all()
    white = Assumptions(scale_fit_fill=255, scale_fit_placement="top-left")
    seen = SimulatedRequest(
        Size(64, 48), Size(80, 80), region=Region(0, 0, 0.5, 0.25), fit=CropAndScale.SCALE_FIT,
        assumptions=white,
    ).model_input(frame)[..., 0]  # fmt: skip
    assert (seen[:30] == 200).all()
    assert (seen[30:] == 255).all()


@pytest.mark.parametrize("relative", [True, False])
def test_observations_and_view_boxes_by_hand(relative: bool) -> None:
    # 640×480 handed over as right: upright 480×640. Region: the upper half of it, 480×320, filled
    # into 240×160, so half size. Model box (24,16)–(120,144) is image (48,32)–(240,288).
    request = SimulatedRequest(
        Size(640, 480),
        Size(240, 160),
        Orientation.RIGHT,
        CropAndScale.SCALE_FILL,
        Region(0, 0.5, 1, 0.5),
        View(Size(360, 800), "resizeAspect"),
        Assumptions(observations_relative_to_roi=relative),
    )
    box = [[24, 16, 120, 144]]
    assert np.allclose(request.image_boxes(box).values, [[48, 32, 240, 288]])
    observed = request.observations(box)
    # in the region: y from below (320 − 288)/320 = .1, height .8; in the image: .55 and .4
    expected = [0.1, 0.1, 0.4, 0.8] if relative else [0.1, 0.55, 0.4, 0.4]
    assert np.allclose(observed, [expected])
    # view: scale .75, 160 points above
    assert np.allclose(request.view_boxes(observed), [[36, 184, 180, 376]])
    assert np.allclose(request.view_from_model.boxes_xyxy(box), [[36, 184, 180, 376]])
    marks = request.image_landmarks([[[24, 16], [100, 60]]])
    assert np.allclose(marks.values, [[[48, 32], [200, 120]]])
    assert marks.frame == request.frame("image")


@pytest.mark.parametrize(("o", "fit"), list(itertools.product(Orientation, FITS)))
def test_the_chain_composes_and_inverts(o: Orientation, fit: Any) -> None:
    region = Region() if isinstance(fit, AppResize) else Region(0.25, 0.125, 0.5, 0.75)
    r = _request(o, fit, region, mirrored=True)
    assert r.model_from_frame.isclose(r.model_from_image @ r.image_from_frame)
    assert (r.image_from_model @ r.model_from_image).isclose(Affine.identity(), 1e-9)
    view_from_frame = r.view_from_model @ r.model_from_frame
    assert view_from_frame.isclose(r.view_from_image @ r.image_from_frame, 1e-6)
    assert (view_from_frame.inverse() @ view_from_frame).isclose(Affine.identity(), 1e-6)
    boxes = np.array([[10.0, 20, 40, 31], [3, 5, 90, 79]])
    drawn = r.view_boxes(r.observations(boxes))
    assert np.allclose(drawn, r.view_from_model.boxes_xyxy(boxes))


def test_supersampling_averages_what_a_pixel_spans() -> None:
    stripes = np.zeros((4, 12, 1), dtype=np.uint8)
    stripes[:, ::3] = 255  # one column in three
    third = Affine.scale_then_move(1 / 3, 1 / 2)
    assert (render(stripes, third, (4, 2))[..., 0] == 85).all()
    sparse = render(stripes, third, (4, 2), antialias=False)[..., 0]
    assert set(sparse.ravel().tolist()) == {0}


def test_only_quarter_turns_are_drawn() -> None:
    with pytest.raises(GeometryError, match="quarter turns"):
        render(_photo(5, 3), Affine(1, 0.5, 0, 0, 1, 0), (5, 3))


def test_frames_and_refusals() -> None:
    request = SimulatedRequest(Size(64, 48), Size(32, 32), Orientation.LEFT)
    assert request.image_wh == Size(48, 64)
    assert request.frame("vision").origin == "lower-left"
    assert request.frame("buffer").size == Size(64, 48)
    assert request.frame("model").size == Size(32, 32)
    for make in (lambda: request.view_from_image, lambda: request.frame("view")):
        with pytest.raises(GeometryError, match="draws nowhere"):
            make()
    with pytest.raises(ImageError) as refusal:
        request.model_input(np.zeros((64, 48, 3), dtype=np.uint8))
    assert "expected (48, 64, 3)" in str(refusal.value)
    with pytest.raises(GeometryError) as region:
        SimulatedRequest(
            Size(64, 48), Size(32, 32), fit=AppResize("stretch"), region=Region(0, 0, 0.5, 1)
        )
    assert "belongs to Vision" in str(region.value)
    with pytest.raises(MobileCatError):
        SimulatedRequest(Size(64.5, 48), Size(32, 32))


def test_chroma_planes_grow_to_odd_sizes() -> None:
    plane = np.array([[[0], [100]], [[50], [200]]], dtype=np.uint8)
    assert enlarge_plane(plane, (3, 3), "nearest")[..., 0].tolist() == [
        [0, 0, 100],
        [0, 0, 100],
        [50, 50, 200],
    ]
    linear = enlarge_plane(plane, (3, 3), "linear")[..., 0]
    assert linear[0].tolist() == [0, 25, 75]
    assert linear[:, 0].tolist() == [0, 12.5, 37.5]


def test_a_row_drawn_by_hand() -> None:
    """0, 60, 120 at twice the width reads at −.25, .25, .75 …; at a third, the mean of all."""
    row = np.repeat(np.array([[[0], [60], [120]]], np.uint8), 3, axis=2)
    wide = render(row, Affine(2, 0, 0, 0, 1, 0), (6, 1))
    assert wide[0, :, 0].tolist() == [0, 15, 45, 75, 105, 120]
    assert render(row, Affine(1 / 3, 0, 0, 0, 1, 0), (1, 1))[0, 0].tolist() == [60, 60, 60]
    down = render(row, Affine(0, -1, 1, 1, 0, 0), (1, 3))  # a quarter clockwise
    assert down[:, 0, 1].tolist() == [0, 60, 120]


@pytest.mark.parametrize("wh", [(61, 37), (451, 300), (5, 3)])
@pytest.mark.parametrize("turned", [False, True])
def test_no_block_shows(monkeypatch: pytest.MonkeyPatch, wh: tuple[int, int], turned: bool) -> None:
    frame = _photo(*wh)
    to = Affine(0, -1.3, 90, 0.7, 0, 2) if turned else Affine(0.7, 0, 3, 0, 1.3, -2)
    pictures = []
    for block in (1, 1 << 15, 1 << 40):
        monkeypatch.setattr("mobilecat.camera.sample.BLOCK", block)
        pictures.append(render(frame, to, (97, 83), 40))
    assert np.array_equal(pictures[0], pictures[1]) and np.array_equal(pictures[0], pictures[2])
    assert pictures[0].shape == (83, 97, 3) and pictures[0].std() > 1
