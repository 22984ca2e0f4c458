"""Orientation, Vision, views and other spaces: by Pillow, by turned pictures, by solved corners."""

from __future__ import annotations

import io
import itertools
import random
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from vector_cases.form import Cases, case, from_corners, off_centre_points, refused, through


def pillow_upright(pixels: Any, orientation: int) -> Any:
    """Return what Pillow makes of a stored picture with this EXIF orientation."""
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif)
    stream.seek(0)
    return np.asarray(ImageOps.exif_transpose(Image.open(stream)))


def _numbered(wh: tuple[int, int]) -> Any:
    return np.arange(wh[0] * wh[1], dtype=np.uint8).reshape(wh[1], wh[0])


def _pillow_points(wh: tuple[int, int], orientation: int) -> tuple[list[Any], list[Any], list[int]]:
    """Return every pixel's centre before and after, and the new size, all read off Pillow."""
    upright = pillow_upright(_numbered(wh), orientation)
    before, after = [], []
    for y, x in itertools.product(range(wh[1]), range(wh[0])):
        (at,) = np.argwhere(upright == y * wh[0] + x)
        before.append([x + 0.5, y + 0.5])
        after.append([at[1] + 0.5, at[0] + 0.5])
    return before, after, [upright.shape[1], upright.shape[0]]


def orientation_cases() -> Cases:
    """Pillow on every pixel; pairs by turning twice; phone tables as documented."""
    out: Cases = {name: [] for name in ("upright_from_stored", "stored_from_upright",
                  "apply_orientation", "inverse_orientation", "compose_orientations")}  # fmt: skip
    uprights = {}
    for wh in ((3, 5), (7, 4)):
        for o in range(1, 9):
            before, after, size = _pillow_points(wh, o)
            name = f"{wh[0]}x{wh[1]} exif {o}"
            args = {"orientation": o, "stored_wh": wh}
            out["upright_from_stored"].append(
                case(name, {**args, "points_xy": before}, {"size_wh": size, "points_xy": after})
            )
            out["stored_from_upright"].append(case(name, {**args, "points_xy": after}, before))
            uprights[wh, o] = pillow_upright(_numbered(wh), o)
            out["apply_orientation"].append(
                case(name, {"orientation": o, "pixels": _numbered(wh)}, uprights[wh, o])
            )
    numbered = _numbered((3, 5))
    for first in range(1, 9):
        once = uprights[(3, 5), first]
        for second in range(1, 9):
            twice = pillow_upright(once, second)
            (same,) = [o for o in range(1, 9) if np.array_equal(uprights[(3, 5), o], twice)]
            out["compose_orientations"].append(
                case(f"{second} after {first}", {"second": second, "first": first}, same)
            )
            if np.array_equal(twice, numbered):
                out["inverse_orientation"].append(
                    case(f"exif {first}", {"orientation": first}, second)
                )
    for bad in (0, 9, -1):
        out["upright_from_stored"].append(
            refused(f"exif {bad}", {"orientation": bad, "stored_wh": [3, 5], "points_xy": [[0, 0]]})
        )
    # developer.apple.com/documentation/uikit/uiimage/orientation: up down left right, mirrored
    names = ["up", "down", "left", "right", "upMirrored", "downMirrored", "leftMirrored",
             "rightMirrored"]  # fmt: skip
    exif = ["", "up", "upMirrored", "down", "downMirrored", "leftMirrored", "right",
            "rightMirrored", "left"]  # fmt: skip
    out["orientation_from_ui_image"] = [
        case(n, {"raw": raw}, exif.index(n)) for raw, n in enumerate(names)
    ] + [refused("8", {"raw": 8})]
    out["ui_image_from_orientation"] = [
        case(n, {"orientation": exif.index(n)}, raw) for raw, n in enumerate(names)
    ]
    out["cg_name"] = [case(n, {"orientation": o}, n) for o, n in enumerate(exif) if n]
    return {**out, **_device_cases(exif)}


def _device_cases(exif: list[str]) -> Cases:
    devices = ["portrait", "portraitUpsideDown", "landscapeLeft", "landscapeRight"]
    table = {
        ("back", False): ["right", "left", "up", "down"],
        ("front", False): ["right", "left", "down", "up"],
        ("front", True): ["leftMirrored", "rightMirrored", "downMirrored", "upMirrored"],
    }
    angles = {"back": [90, 270, 0, 180], "front": [90, 270, 180, 0]}
    video = ["portrait", "portraitUpsideDown", "landscapeRight", "landscapeLeft"]
    out: Cases = {
        "orientation_for_buffer": [
            case(f"{device} {camera}{' mirrored' * mirrored}",
                 {"device": device, "camera": camera, "mirrored": mirrored, "upright_angle": None},
                 exif.index(name))
            for (camera, mirrored), row in table.items()
            for device, name in zip(devices, row, strict=True)
        ],
        "rotation_angle": [
            case(f"{device} {camera}", {"device": device, "camera": camera}, angle)
            for camera, row in angles.items()
            for device, angle in zip(devices, row, strict=True)
        ],
        "video_orientation": [
            case(device, {"device": device}, name)
            for device, name in zip(devices, video, strict=True)
        ],
        "orientation_for_rotation": [],
    }  # fmt: skip
    # Front cameras of iPhone 17 and Air: upright portrait frames, a quarter turn less each.
    out["orientation_for_buffer"] += [
        case(f"{device} {camera} reported {angle}{' mirrored' * mirrored}",
             {"device": device, "camera": camera, "mirrored": mirrored, "upright_angle": angle},
             exif.index(name))
        for device, camera, mirrored, angle, name in [
            ("portrait", "front", False, 0, "up"), ("portrait", "front", True, 0, "upMirrored"),
            ("portraitUpsideDown", "front", False, 180, "down"),
            ("landscapeLeft", "front", False, 90, "right"),
            ("landscapeRight", "front", False, 270, "left"),
            ("portrait", "front", False, 270, "left"), ("portrait", "back", False, 90, "right"),
            ("portrait", "front", True, 90, "leftMirrored"),
        ]
    ]  # fmt: skip
    out["orientation_for_buffer"] += [
        refused(name, {"device": device, "camera": "back", "mirrored": device == "portrait",
                       "upright_angle": None})
        for name, device in (("faceUp", "faceUp"), ("back mirrored", "portrait"))
    ]  # fmt: skip
    upright = {o: pillow_upright(_numbered((3, 5)), o) for o in range(1, 9)}
    for degrees in (0, 90, 180, 270):
        turned = np.rot90(_numbered((3, 5)), k=-degrees // 90)  # rot90 turns counter-clockwise
        (same,) = [o for o, u in upright.items() if np.array_equal(u, turned)]
        out["orientation_for_rotation"].append(case(f"{degrees}", {"degrees": degrees}, same))
    out["orientation_for_rotation"].append(refused("45", {"degrees": 45}))
    out["orientation_for_reported"] = _reported_cases()
    return out


def _reported_cases() -> list[Any]:
    """A sensor's picture, turned by the connection; asked for: level, and its mirror image."""
    sensor, cases = _numbered((3, 5)), []
    for asked, applied in itertools.product((0, 90, 180, 270), repeat=2):
        buffer = np.rot90(sensor, k=-applied // 90)
        seen = {o: pillow_upright(buffer, o) for o in range(1, 9)}
        for mirrored in (False, True):
            wanted = np.rot90(sensor, k=-asked // 90)[:, :: -1 if mirrored else 1]
            (same,) = [o for o, u in seen.items() if np.array_equal(u, wanted)]
            args = {"upright_angle": asked, "applied_angle": applied, "mirrored": mirrored}
            name = f"{asked} after {applied}{' mirrored' * mirrored}"
            cases.append(case(name, args, same))
    bad = {"upright_angle": 90, "applied_angle": 10, "mirrored": False}
    return [*cases, refused("10", bad), refused("45", {**bad, "upright_angle": 55})]


def crop_matrix(option: str, size: tuple[float, float], model: tuple[int, int], place: str) -> Any:
    """Return model_from_crop solved from where three corners must land.

    Independent of the closed formulas: the picture's size after scaling is worked out first, its
    corners are put around the model's centre (or at its corner), then the matrix is solved for.
    """
    w, h = size
    turned = option.endswith("Rotate90CCW")
    # turned counter-clockwise, the right edge comes on top: (W,0)→(0,0), (W,H)→(H,0), (0,0)→(0,W)
    src = [(w, 0), (w, h), (0, 0)] if turned else [(0, 0), (w, 0), (0, h)]
    rw, rh = (h, w) if turned else (w, h)
    ratio_w, ratio_h = Fraction(model[0]) / Fraction(rw), Fraction(model[1]) / Fraction(rh)
    if option.startswith("scaleFill"):
        shown = (Fraction(model[0]), Fraction(model[1]))
    else:
        pick = max if option == "centerCrop" else min
        g = pick(ratio_w, ratio_h)
        shown = (g * Fraction(rw), g * Fraction(rh))
    x0 = (Fraction(model[0]) - shown[0]) / 2
    y0 = (Fraction(model[1]) - shown[1]) / 2
    if place == "top-left" and option.startswith("scaleFit"):
        x0 = y0 = Fraction(0)
    dst = [(x0, y0), (x0 + shown[0], y0), (x0, y0 + shown[1])]
    return from_corners(src, [[float(a), float(b)] for a, b in dst])


OPTIONS = ["centerCrop", "scaleFit", "scaleFill", "scaleFitRotate90CCW", "scaleFillRotate90CCW"]


def region_matrix(region: list[float], wh: tuple[int, int]) -> tuple[Any, tuple[float, float]]:
    """Return crop_from_image (3×3) and the crop's size; the region's y counts from below."""
    x, y, w, h = (Fraction(str(v)) for v in region)
    left, upper = x * wh[0], wh[1] - (y + h) * wh[1]
    move = np.array([[1, 0, -float(left)], [0, 1, -float(upper)], [0, 0, 1]])
    return move, (float(w * wh[0]), float(h * wh[1]))


def vision_cases() -> Cases:
    """Crop-and-scale from solved corners; VN… utilities by hand."""
    rng = random.Random(5)
    out: Cases = {"model_from_image": [], "image_from_model": []}
    sizes = [((640, 480), (320, 200)), ((480, 640), (300, 300)), ((1920, 1080), (224, 416))]
    regions = [[0, 0, 1, 1], [0.25, 0.5, 0.5, 0.25], [0.1, 0, 0.3, 0.8]]
    for (image, model), region, option in itertools.product(sizes, regions, OPTIONS):
        for place in ("center", "top-left") if option.startswith("scaleFit") else ("center",):
            move, crop = region_matrix(region, image)
            matrix = crop_matrix(option, crop, model, place) @ move
            points = off_centre_points(*image, rng)
            mapped = through(matrix, points)
            args = {"option": option, "image_wh": image, "model_wh": model, "region": region,
                    "scale_fit_placement": place}  # fmt: skip
            name = f"{image[0]}x{image[1]} {option} {place} {region}"
            out["model_from_image"].append(case(name, {**args, "points_xy": points}, mapped))
            out["image_from_model"].append(case(name, {**args, "points_xy": mapped}, points, 1e-6))
    args = {"option": "scaleFit", "image_wh": [1920, 1080], "model_wh": [640, 640],
            "region": [0, 0, 1, 1], "scale_fit_placement": "center"}  # fmt: skip
    hand = [[0, 140], [640, 500], [320, 320]]
    points = [[0, 0], [1920, 1080], [960, 540]]
    out["model_from_image"].append(case("hand", {**args, "points_xy": points}, hand))
    for name, bad in {
        "outside": [0.6, 0, 0.5, 1], "negative": [-0.1, 0, 0.5, 1], "flat": [0, 0, 0, 1],
    }.items():  # fmt: skip
        out["model_from_image"].append(
            refused(f"region {name}", {**args, "region": bad, "points_xy": points})
        )
    out["model_from_image"].append(
        refused("unknown option", {**args, "option": "aspectFit", "points_xy": points})
    )
    raw = [0, 1, 2, 0x101, 0x102]
    out["crop_and_scale_raw"] = [
        case(o, {"option": o}, r) for o, r in zip(OPTIONS, raw, strict=True)
    ]
    # An 8 × 20 grid: the box covers columns 1–3 and rows 2–6 from the top, so 13–17 from below.
    upper, lower = [1 / 8, 2 / 20, 3 / 8, 5 / 20], [1 / 8, 13 / 20, 3 / 8, 5 / 20]
    out["flip_xywh_norm"] = [
        case("to vision", {"boxes": [upper]}, [lower]),
        case("and back", {"boxes": [lower]}, [upper]),
        case("none", {"boxes": []}, []),
    ]
    out["region_to_full"] = [
        case("a quarter", {"region": [0.25, 0.5, 0.5, 0.25], "boxes_xywh": [[0, 0, 1, 1]]},
             [[0.25, 0.5, 0.5, 0.25]]),
        case("inside", {"region": [0.25, 0.5, 0.5, 0.25], "boxes_xywh": [[0.1, 0.6, 0.2, 0.4]]},
             [[0.3, 0.65, 0.1, 0.1]]),
        case("whole", {"region": [0, 0, 1, 1], "boxes_xywh": [[0.1, 0.6, 0.2, 0.4]]},
             [[0.1, 0.6, 0.2, 0.4]]),
        case("to the right edge", {"region": [0.57, 0.1, 0.43, 0.9],
             "boxes_xywh": [[0, 0, 1, 1]]}, [[0.57, 0.1, 0.43, 0.9]]),
    ]  # fmt: skip
    return {**out, **_utility_cases(rng)}


def _utility_cases(rng: random.Random) -> Cases:
    """VN… functions scale and never flip; Vision's space does: in fractions, off the centre."""
    names = ("image_from_vision", "vn_image_point", "vn_normalized_point", "vn_image_rect",
             "vn_normalized_rect", "vn_face_landmark_point", "image_rects_from_norm")  # fmt: skip
    out: Cases = {name: [] for name in names}
    for w, h in ((640, 480), (480, 640), (1179, 2556), (3, 5)):
        x, y, bw, bh, lx, ly = (Fraction(rng.randint(1, 48), 100) for _ in range(6))
        px, rect = [x * w, y * h], [x * w, y * h, bw * w, bh * h]
        face = [(x + lx * bw) * w, (y + ly * bh) * h]
        wh, name = {"image_wh": [w, h]}, f"{w}x{h}"
        points = [[0, 0], [1, 1], [x, y]]
        out["image_from_vision"].append(
            case(name, {**wh, "points_xy": points}, [[0, h], [w, 0], [x * w, h - y * h]])
        )
        out["vn_image_point"].append(case(name, {**wh, "point": [x, y]}, px))
        out["vn_normalized_point"].append(case(name, {**wh, "point": px}, [x, y]))
        out["vn_image_rect"].append(case(name, {**wh, "rect": [x, y, bw, bh]}, rect))
        out["vn_normalized_rect"].append(case(name, {**wh, "rect": rect}, [x, y, bw, bh]))
        for origin, upper in (("lower-left", y * h), ("top-left", h - y * h - bh * h)):
            out["image_rects_from_norm"].append(
                case(
                    f"{name} {origin}",
                    {**wh, "rects": [[x, y, bw, bh]], "origin": origin},
                    [[x * w, upper, bw * w, bh * h]],
                )
            )
        out["vn_face_landmark_point"].append(
            case(name, {**wh, "landmark": [lx, ly], "face": [x, y, bw, bh]}, face)
        )
    return out


def frame_cases() -> Cases:
    """One point of a 640×480 picture in every unit and from every origin: all pairs."""
    named = {
        ("pixels", "top-left"): [160, 48],
        ("pixels", "lower-left"): [160, 432],
        ("normalized", "top-left"): [0.25, 0.1],
        ("normalized", "lower-left"): [0.25, 0.9],
        ("points", "top-left"): [160, 48],
    }
    frames = {
        k: {"picture": "image", "size_wh": [640, 480], "unit": k[0], "origin": k[1]} for k in named
    }
    cases = [
        case(f"{' '.join(dst)} from {' '.join(src)}",
             {"dst": frames[dst], "src": frames[src], "points_xy": [at]}, [named[dst]])
        for src, at in named.items() for dst in named
    ]  # fmt: skip
    here = frames["pixels", "top-left"]
    cases += [
        refused("another picture",
                {"dst": {**here, "picture": "model"}, "src": here, "points_xy": [[1, 2]]}),
        refused("another size",
                {"dst": {**here, "size_wh": [480, 640]}, "src": here, "points_xy": [[1, 2]]}),
    ]  # fmt: skip
    return {"frame_from_frame": cases}


# mode: (scale, share of the spare space before the picture)
MODES = {
    "resize": ("", "middle"), "resizeAspect": ("fit", "middle"),
    "resizeAspectFill": ("fill", "middle"), "scaleToFill": ("", "middle"),
    "scaleAspectFit": ("fit", "middle"), "scaleAspectFill": ("fill", "middle"),
    "FIT_START": ("fit", "start"), "FIT_CENTER": ("fit", "middle"), "FIT_END": ("fit", "end"),
    "FILL_START": ("fill", "start"), "FILL_CENTER": ("fill", "middle"),
    "FILL_END": ("fill", "end"),
}  # fmt: skip


def view_matrix(mode: str, image: Any, view: Any, mirrored: bool, rtl: bool) -> Any:
    """Return view_from_image solved from corners: the anchored edge is put on the view's edge."""
    scale, place = MODES[mode]
    w, h, vw, vh = (Fraction(v) for v in (*image, *view))
    shown = (vw, vh)
    if scale:
        s = (min if scale == "fit" else max)(vw / w, vh / h)
        shown = (w * s, h * s)
    edges = []
    for axis, (room, size) in enumerate(((vw, shown[0]), (vh, shown[1]))):
        at = place
        if axis == 0 and rtl and mode.isupper():
            at = {"start": "end", "end": "start", "middle": "middle"}[place]
        first = {"start": Fraction(0), "end": room - size, "middle": (room - size) / 2}[at]
        edges.append((float(first), float(first + size)))
    (x0, x1), (y0, y1) = edges
    if mirrored:
        x0, x1 = x1, x0
    return from_corners([(0, 0), (w, 0), (0, h)], [(x0, y0), (x1, y0), (x0, y1)])


def view_cases() -> Cases:
    """Every mode, portrait and landscape, mirrored, right to left; metadata by Pillow's pixels."""
    rng = random.Random(8)
    out: Cases = {"view_from_image": []}
    sizes = [((480, 640), (390, 844)), ((1920, 1080), (820, 1180))]
    for (image, view), mode, mirrored in itertools.product(sizes, MODES, (False, True)):
        for rtl in (False, True) if mode.isupper() else (False,):
            points = off_centre_points(*image, rng)
            matrix = view_matrix(mode, image, view, mirrored, rtl)
            args = {"mode": mode, "image_wh": image, "view_wh": view, "mirrored": mirrored,
                    "rtl": rtl, "points_xy": points}  # fmt: skip
            name = f"{image[0]}x{image[1]} {mode}{' mirrored' * mirrored}{' rtl' * rtl}"
            out["view_from_image"].append(case(name, args, through(matrix, points)))
    out["view_from_image"].append(
        refused("unknown", {"mode": "cover", "image_wh": [3, 5], "view_wh": [7, 4],
                "mirrored": False, "rtl": False, "points_xy": [[0, 0]]})
    )  # fmt: skip
    # Vision's box on the upright picture → where those pixels were stored, by Pillow.
    out["metadata_rects"] = []
    stored_wh = (7, 10)
    for o in range(1, 9):
        upright = pillow_upright(_numbered(stored_wh), o)
        h, w = upright.shape
        x1, y1, x2, y2 = 1, 2, 4, 7  # pixels of the upright picture, from the top
        inside = np.isin(_numbered(stored_wh), upright[y1:y2, x1:x2])
        ys, xs = np.nonzero(inside)
        rect = [xs.min() / 7, ys.min() / 10, (xs.max() + 1 - xs.min()) / 7,
                (ys.max() + 1 - ys.min()) / 10]  # fmt: skip
        box = [x1 / w, (h - y2) / h, (x2 - x1) / w, (y2 - y1) / h]
        out["metadata_rects"].append(
            case(f"exif {o}", {"orientation": o, "boxes_xywh": [box]}, [rect])
        )
    return {**out, **_space_cases()}


def _space_cases() -> Cases:
    uv = [[0, 0], [1, 1], [0.25, 0.125]]
    return {
        "core_image_from_norm": [
            case("at the origin", {"extent": [0, 0, 640, 480], "points_uv": uv},
                 [[0, 480], [640, 0], [160, 420]]),
            case("cropped", {"extent": [100, -50, 200, 80], "points_uv": uv},
                 [[100, 30], [300, -50], [150, 20]]),
        ],
        "spritekit_from_norm": [
            case("scene", {"node_wh": [800, 600], "anchor": [0, 0], "points_uv": uv},
                 [[0, 600], [800, 0], [200, 525]]),
            case("sprite", {"node_wh": [800, 600], "anchor": [0.5, 0.5], "points_uv": uv},
                 [[-400, 300], [400, -300], [-200, 225]]),
            case("odd anchor", {"node_wh": [800, 600], "anchor": [0.25, 1], "points_uv": uv},
                 [[-200, 0], [600, -600], [0, -75]]),
        ],
        "metal_ndc_from_norm": [
            case("corners", {"points_uv": uv}, [[-1, 1], [1, -1], [-0.5, 0.75]])
        ],
        "pixels_from_points": [
            case("3x", {"content_scale": 3, "points_xy": [[10, 20.5]]}, [[30, 61.5]]),
            case("2x", {"content_scale": 2, "points_xy": [[195, 422], [0, 0.5]]},
                 [[390, 844], [0, 1]]),
        ],
        "core_graphics_from_uikit": [
            case("flip", {"height": 844, "points_xy": [[10, 44], [0, 844]]}, [[10, 800], [0, 0]]),
            case("odd", {"height": 5, "points_xy": [[3, 1.5]]}, [[3, 3.5]]),
        ],
        "norm_from_pixels_map": [
            case("sides", {"size_wh": [640, 480], "points_xy": [[160, 360]]}, [[0.25, 0.75]]),
            case("tall", {"size_wh": [3, 5], "points_xy": [[1.5, 4]]}, [[0.5, 0.8]]),
        ],
    }  # fmt: skip


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {**orientation_cases(), **vision_cases(), **frame_cases(), **view_cases()}
