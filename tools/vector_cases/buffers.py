"""Pixel buffers: byte counts by listing addresses, pixels one by one, colours in fractions."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

from vector_cases.form import Case, Cases, case, refused

# plane: (name, chroma?, bytes in a sample)
PLANES = {
    "32BGRA": [("BGRA", False, 4)],
    "OneComponent8": [("gray", False, 1)],
    "420v": [("Y", False, 1), ("CbCr", True, 2)],
    "420f": [("Y", False, 1), ("CbCr", True, 2)],
    "YUV_420_888": [("Y", False, 1), ("U", True, 1), ("V", True, 1)],
}
# (format, wh, row strides, pixel strides); None is tight
LAYOUTS: list[tuple[str, tuple[int, int], list[int] | None, list[int] | None]] = [
    ("32BGRA", (3, 5), None, None),
    ("32BGRA", (3, 5), [64], None),
    ("32BGRA", (7, 4), [28], None),
    ("OneComponent8", (5, 3), [64], None),
    ("OneComponent8", (5, 3), None, None),
    ("420v", (7, 5), None, None),
    ("420v", (7, 5), [64, 64], None),
    ("420v", (6, 4), [8, 6], None),
    ("420f", (5, 3), [16, 32], None),
    ("420f", (1, 1), None, None),
    ("YUV_420_888", (7, 5), None, None),
    ("YUV_420_888", (6, 4), [8, 8, 8], [1, 2, 2]),
    ("YUV_420_888", (7, 5), [16, 12, 12], [1, 2, 2]),
    ("YUV_420_888", (6, 4), [8, 4, 4], [1, 1, 1]),
    ("32BGRA", (1440, 1080), [5824], None),
    ("420f", (1440, 1080), [1472, 1472], None),
    ("YUV_420_888", (1280, 720), [1536, 1536, 1536], [1, 2, 2]),
]


def describe(fmt: str, wh: Any, rows: Any, pixels: Any) -> list[dict[str, Any]]:
    """Return each plane; byte counts come from its last sample's address, rows from its end."""
    out = []
    for i, (name, chroma, sample) in enumerate(PLANES[fmt]):
        cols = math.ceil(wh[0] / 2) if chroma else wh[0]
        lines = math.ceil(wh[1] / 2) if chroma else wh[1]
        step = pixels[i] if pixels else sample
        # the furthest byte of a row, then of the plane
        row_end = max(x * step + b for x in range(cols) for b in range(sample)) + 1
        stride = rows[i] if rows else row_end
        out.append(
            {"name": name, "cols": cols, "rows": lines, "sample_bytes": sample,
             "pixel_stride": step, "row_stride": stride,
             "min_bytes": (lines - 1) * stride + row_end, "full_bytes": lines * stride}
        )  # fmt: skip
    return out


def _name(fmt: str, wh: Any, rows: Any, pixels: Any) -> str:
    return f"{fmt} {wh[0]}x{wh[1]} rows {rows or 'tight'}" + (f" pixels {pixels}" * bool(pixels))


def layout_cases() -> Cases:
    """Planes, addresses, accepted and refused byte counts."""
    out: Cases = {"plane_layouts": [], "sample_address": [], "check_plane_bytes": []}
    for fmt, wh, rows, pixels in LAYOUTS:
        args = {"format": fmt, "wh": wh, "row_strides": rows, "pixel_strides": pixels}
        planes = describe(fmt, wh, rows, pixels)
        name = _name(fmt, wh, rows, pixels)
        out["plane_layouts"].append(case(name, args, planes))
        for i, plane in enumerate(planes):
            # walk to the sample: whole rows, then steps
            x, y = plane["cols"] - 1, plane["rows"] // 2
            at = sum(plane["row_stride"] for _ in range(y)) + sum(
                plane["pixel_stride"] for _ in range(x)
            )
            out["sample_address"].append(
                case(f"{name} {plane['name']}", {**args, "plane": i, "x": x, "y": y}, at)
            )
        out["check_plane_bytes"] += _counts(name, fmt, args, planes)
    bad = {"format": "420v", "wh": [7, 5], "row_strides": None, "pixel_strides": None}
    out["plane_layouts"] += [
        refused("row stride in pixels", {**bad, "format": "32BGRA", "row_strides": [7]}),
        refused("chroma stride of half", {**bad, "row_strides": [7, 4]}),
        refused("one stride for two planes", {**bad, "row_strides": [8]}),
        refused("no height", {**bad, "wh": [7, 0]}),
        refused("unknown format", {**bad, "format": "x420"}),
        refused("pixel stride below a sample", {**bad, "pixel_strides": [1, 1]}),
    ]
    out["aligned"] = [
        case("1440", {"row_bytes": 1440, "alignment": 64}, 1472),
        case("1000", {"row_bytes": 1000, "alignment": 64}, 1024),
        case("1024", {"row_bytes": 1024, "alignment": 64}, 1024),
        case("1", {"row_bytes": 1, "alignment": 64}, 64),
    ]
    out["element_offset"] = [
        case("rows padded 200 to 224", {"index": [0, 2, 3, 5], "strides": [6720, 2240, 224, 1]},
             2 * 2240 + 3 * 224 + 5),
        case("the first", {"index": [0, 0], "strides": [7, 1]}, 0),
        refused("too few strides", {"index": [1, 2], "strides": [1]}),
    ]  # fmt: skip
    out["tensor_bytes"] = [
        case("1x640x640x3 float32", {"shape": [1, 640, 640, 3], "dtype": "float32"}, 4915200),
        case("uint8", {"shape": [1, 3, 5, 3], "dtype": "uint8"}, 45),
        case("float16", {"shape": [1, 3, 5], "dtype": "float16"}, 30),
        case("int64", {"shape": [7], "dtype": "int64"}, 56),
        case("scalar", {"shape": [], "dtype": "int32"}, 4),
        refused("unknown", {"shape": [7], "dtype": "bfloat"}),
    ]
    return out


def _counts(name: str, fmt: str, args: Any, planes: Any) -> list[Case]:
    full = [p["full_bytes"] for p in planes]
    least = [p["min_bytes"] for p in planes]
    cases = [case(f"{name}: whole rows", {**args, "plane_bytes": full}, True)]
    if fmt == "YUV_420_888":
        cases.append(case(f"{name}: last row cut", {**args, "plane_bytes": least}, True))
        short = [least[0] - 1, *least[1:]]
    else:
        short = [full[0] - 1, *full[1:]]
    cases.append(refused(f"{name}: a byte short", {**args, "plane_bytes": short}))
    cases.append(
        refused(f"{name}: a byte long", {**args, "plane_bytes": [*full[:-1], full[-1] + 1]})
    )
    cases.append(refused(f"{name}: a plane more", {**args, "plane_bytes": [*full, 1]}))
    return cases


KR_KB = {
    "BT.601": (Fraction(299, 1000), Fraction(114, 1000)),
    "BT.709": (Fraction(2126, 10000), Fraction(722, 10000)),
}


def exact_rgb(ycbcr: Any, matrix: str, full: bool) -> list[int]:
    """Return RGB in fractions by the coefficients of the standards, halves up, clipped."""
    kr, kb = KR_KB[matrix]
    kg = 1 - kr - kb
    luma, chroma, offset = (255, 255, 0) if full else (219, 224, 16)
    y = Fraction(int(ycbcr[0]) - offset, luma)
    cb, cr = (Fraction(int(v) - 128, chroma) for v in ycbcr[1:])
    r_cr, b_cb = 2 - 2 * kr, 2 - 2 * kb  # 1.402 and 1.772; 1.5748 and 1.8556
    g_cb, g_cr = -b_cb * kb / kg, -r_cr * kr / kg  # −.3441, −.7141; −.1873, −.4681
    values = (y + r_cr * cr, y + g_cb * cb + g_cr * cr, y + b_cb * cb)
    return [min(255, max(0, math.floor(v * 255 + Fraction(1, 2)))) for v in values]


def color_cases() -> Cases:
    """Corners of the colour cube, grays, out-of-range codes, random triples."""
    rng = random.Random(21)
    named = {
        "black": [16, 128, 128], "white": [235, 128, 128], "below black": [0, 128, 128],
        "above white": [255, 128, 128], "middle": [126, 128, 128], "red 601": [82, 90, 240],
        "green 601": [145, 54, 34], "blue 601": [41, 240, 110], "wild": [200, 255, 0],
    }  # fmt: skip
    triples = list(named.values()) + [[rng.randint(0, 255) for _ in range(3)] for _ in range(15)]
    out: Cases = {"rgb_from_ycbcr": []}
    for matrix in KR_KB:
        for full in (False, True):
            args = {"ycbcr": triples, "matrix": matrix, "full_range": full}
            expect = [exact_rgb(t, matrix, full) for t in triples]
            name = f"{matrix} {'full' if full else 'video'}"
            out["rgb_from_ycbcr"].append(case(name, args, expect, 0))
    hand = {"ycbcr": [[16, 128, 128], [235, 128, 128]], "matrix": "BT.601", "full_range": False}
    out["rgb_from_ycbcr"].append(case("hand: black, white", hand, [[0] * 3, [255] * 3], 0))
    hand = {"ycbcr": [[0, 128, 128], [76, 85, 255]], "matrix": "BT.601", "full_range": True}
    # 76 + 1.402·127 = 254.05; 76 + .3441·43 − .7141·127 = 0.1; 76 − 1.772·43 = −.2
    out["rgb_from_ycbcr"].append(case("hand: black, red", hand, [[0] * 3, [254, 0, 0]], 0))
    out["rgb_from_ycbcr"].append(
        refused("unknown matrix", {"ycbcr": [[1, 2, 3]], "matrix": "BT.999", "full_range": True})
    )
    return out


def picture_cases() -> Cases:
    """Whole buffers of random bytes, read one address at a time."""
    rng = random.Random(33)
    out: Cases = {"rgb_from_buffer": []}
    for i, (fmt, wh, rows, pixels) in enumerate(LAYOUTS):
        if wh[0] > 10:
            continue
        matrix = ("BT.601", "BT.709")[i % 2]
        planes = describe(fmt, wh, rows, pixels)
        size = "min_bytes" if fmt == "YUV_420_888" else "full_bytes"
        data = [[rng.randint(0, 255) for _ in range(p[size])] for p in planes]
        args = {"format": fmt, "wh": wh, "row_strides": rows, "pixel_strides": pixels,
                "planes": data, "matrix": matrix}  # fmt: skip
        image = [
            [_pixel(fmt, planes, data, x, y, matrix) for x in range(wh[0])] for y in range(wh[1])
        ]
        out["rgb_from_buffer"].append(case(_name(fmt, wh, rows, pixels), args, image, 0))
    return out


def _pixel(fmt: str, planes: Any, data: Any, x: int, y: int, matrix: str) -> list[int]:
    at = planes[0]["row_stride"] * y + planes[0]["pixel_stride"] * x
    if fmt == "32BGRA":
        blue, green, red = data[0][at : at + 3]
        return [red, green, blue]
    if fmt == "OneComponent8":
        return [data[0][at]] * 3
    chroma = planes[1]["row_stride"] * (y // 2) + planes[1]["pixel_stride"] * (x // 2)
    if fmt == "YUV_420_888":
        other = planes[2]["row_stride"] * (y // 2) + planes[2]["pixel_stride"] * (x // 2)
        ycbcr = [data[0][at], data[1][chroma], data[2][other]]
    else:
        ycbcr = [data[0][at], data[1][chroma], data[1][chroma + 1]]
    return exact_rgb(ycbcr, matrix, full=fmt != "420v")


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {**layout_cases(), **color_cases(), **picture_cases()}
