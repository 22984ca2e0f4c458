"""Affine maps, box formats, overlap, resize plans, crops: by matrices, pixels and fractions."""

from __future__ import annotations

import math
import random
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from vector_cases.form import SIZES_WH, Case, Cases, case, homogeneous, refused, through

# (1, 2)–(4, 7) in every format, by counting; then a sliver, and one that touches the origin
BOX_TABLE = [
    {"xyxy": [1, 2, 4, 7], "xywh": [1, 2, 3, 5], "cxcywh": [2.5, 4.5, 3, 5], "yxyx": [2, 1, 7, 4]},
    {"xyxy": [0, 0, 1, 9], "xywh": [0, 0, 1, 9], "cxcywh": [0.5, 4.5, 1, 9], "yxyx": [0, 0, 9, 1]},
    {
        "xyxy": [-3, 5, 10, 6],
        "xywh": [-3, 5, 13, 1],
        "cxcywh": [3.5, 5.5, 13, 1],
        "yxyx": [5, -3, 6, 10],
    },
    {
        "xyxy": [10.5, 20.25, 11, 30],
        "xywh": [10.5, 20.25, 0.5, 9.75],
        "cxcywh": [10.75, 25.125, 0.5, 9.75],
        "yxyx": [20.25, 10.5, 30, 11],
    },
]


def affine_cases() -> Cases:
    """Maps by 3×3 matrices: products, inverses and solving, not the six-number formulas."""
    rng = random.Random(3)
    named = {
        "identity": [1, 0, 0, 0, 1, 0],
        "scale": [2, 0, 0, 0, 0.5, 0],
        "move": [1, 0, 7, 0, 1, -3],
        "quarter-turn": [0, -1, 480, 1, 0, 0],
        "mirror": [-1, 0, 640, 0, 1, 0],
        "shear": [1, 0.25, 3, -0.5, 1, 2],
    }
    for i in range(6):
        named[f"random-{i}"] = [round(rng.uniform(-4, 4), 3) for _ in range(6)]
    out: Cases = {"affine_compose": [], "affine_inverse": [], "affine_points": []}
    keys = list(named)
    for i, key in enumerate(keys):
        for other in (keys[(i + 1) % len(keys)], keys[(i + 4) % len(keys)]):
            second, first = named[key], named[other]
            product = homogeneous(second) @ homogeneous(first)
            out["affine_compose"].append(
                case(
                    f"{key}-after-{other}", {"second": second, "first": first}, product[:2].ravel()
                )
            )
        back = np.linalg.inv(homogeneous(named[key]))[:2].ravel()
        out["affine_inverse"].append(case(key, {"map": named[key]}, back))
        points = [[0, 0], [3, 5], [-2.5, 640], [1e3, 0.125]]
        out["affine_points"].append(
            case(
                key,
                {"map": named[key], "points_xy": points},
                through(homogeneous(named[key]), points),
            )
        )
    out["affine_inverse"].append(refused("flat", {"map": [1, 2, 0, 2, 4, 0]}))
    out["affine_points"].append(case("none", {"map": named["shear"], "points_xy": []}, []))
    boxes = [[1, 2, 4, 7], [-3, 5, 10, 6]]
    corners = {
        # each corner by hand for the first; then the extent of four mapped corners
        "identity": boxes,
        "mirror": [[636, 2, 639, 7], [630, 5, 643, 6]],
        "quarter-turn": [[473, 1, 478, 4], [474, -3, 475, 10]],
        "shear": [
            [1 + 0.5 + 3, -2 + 2 + 2, 4 + 1.75 + 3, -0.5 + 7 + 2],
            [-3 + 1.25 + 3, -5 + 5 + 2, 10 + 1.5 + 3, 1.5 + 6 + 2],
        ],
    }
    out["affine_boxes"] = [
        case(key, {"map": named[key], "boxes_xyxy": boxes}, expect)
        for key, expect in corners.items()
    ] + [case("none", {"map": named["shear"], "boxes_xyxy": []}, [])]
    return out


def _mask(box: list[int], wh: tuple[int, int]) -> Any:
    mask = np.zeros((wh[1], wh[0]), dtype=bool)
    x1, y1, x2, y2 = (max(0, v) for v in box)
    mask[y1:y2, x1:x2] = True
    return mask


def box_cases() -> Cases:
    """Formats from a hand-counted table; overlap, clipping and extents by counting pixels."""
    formats = ("xyxy", "xywh", "cxcywh", "yxyx")
    out: Cases = {"convert_boxes": []}
    for src in formats:
        for dst in formats:
            args = {"boxes": [row[src] for row in BOX_TABLE], "src": src, "dst": dst}
            out["convert_boxes"].append(
                case(f"{dst}-from-{src}", args, [row[dst] for row in BOX_TABLE])
            )
    out["convert_boxes"].append(case("none", {"boxes": [], "src": "xywh", "dst": "yxyx"}, []))
    out["convert_boxes"].append(
        refused("unknown-format", {"boxes": [[1, 2, 3, 4]], "src": "xyxy", "dst": "whxy"})
    )
    out["convert_boxes"].append(
        refused("three-columns", {"boxes": [[1, 2, 3]], "src": "xyxy", "dst": "xywh"})
    )
    # 8 × 20 picture: x over 8, y over 20
    norm = {
        "xyxy": [1 / 8, 2 / 20, 4 / 8, 7 / 20],
        "xywh": [1 / 8, 2 / 20, 3 / 8, 5 / 20],
        "cxcywh": [2.5 / 8, 4.5 / 20, 3 / 8, 5 / 20],
        "yxyx": [2 / 20, 1 / 8, 7 / 20, 4 / 8],
    }
    out["norm_from_pixels"] = [
        case(f, {"boxes": [BOX_TABLE[0][f]], "format": f, "size_wh": [8, 20]}, [norm[f]])
        for f in formats
    ]
    out["pixels_from_norm"] = [
        case(f, {"boxes": [norm[f]], "format": f, "size_wh": [8, 20]}, [BOX_TABLE[0][f]])
        for f in formats
    ]
    rng = random.Random(11)
    out["clip_boxes"], out["iou"], out["boxes_around"] = [], [], []
    for i in range(8):
        wh = (rng.randint(5, 12), rng.randint(13, 24))
        pair = []
        for _ in range(2):
            x1, y1 = rng.randint(-3, wh[0] - 2), rng.randint(-3, wh[1] - 2)
            pair.append([x1, y1, x1 + rng.randint(4, 14), y1 + rng.randint(4, 20)])
        masks = [_mask(b, wh) for b in pair]
        clipped = []
        for mask in masks:
            ys, xs = np.nonzero(mask)
            clipped.append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        out["clip_boxes"].append(case(f"pixels-{i}", {"boxes_xyxy": pair, "size_wh": wh}, clipped))
        inter, union = (masks[0] & masks[1]).sum(), (masks[0] | masks[1]).sum()
        ratio = Fraction(int(inter), int(union))
        plain = [[int(v) for v in c] for c in clipped]
        out["iou"].append(
            case(f"pixels-{i}", {"a_xyxy": plain[:1], "b_xyxy": [plain[1], plain[0]]}, [[ratio, 1]])
        )
        marks = [[round(rng.uniform(0, 50), 2), round(rng.uniform(0, 90), 2)] for _ in range(5)]
        by_x, by_y = sorted(m[0] for m in marks), sorted(m[1] for m in marks)
        around = [by_x[0], by_y[0], by_x[-1], by_y[-1]]
        out["boxes_around"].append(case(f"five-{i}", {"landmarks_xy": marks}, around))
    out["clip_boxes"].append(
        case("outside", {"boxes_xyxy": [[30, 2, 40, 4]], "size_wh": [20, 9]}, [[20, 2, 20, 4]])
    )
    out["iou"] += [
        case("touching", {"a_xyxy": [[0, 0, 3, 5]], "b_xyxy": [[3, 0, 6, 5]]}, [[0]]),
        case("third", {"a_xyxy": [[0, 0, 10, 4]], "b_xyxy": [[5, 0, 15, 4]]}, [[Fraction(1, 3)]]),
        case("both-empty", {"a_xyxy": [[2, 2, 2, 2]], "b_xyxy": [[2, 2, 2, 2]]}, [[0]]),
        case("inverted", {"a_xyxy": [[4, 7, 1, 2]], "b_xyxy": [[1, 2, 4, 7]]}, [[0]]),
        case("none", {"a_xyxy": [], "b_xyxy": [[1, 2, 4, 7]]}, []),
    ]
    out["boxes_around"].append(refused("none", {"landmarks_xy": []}))
    return out


_RULE = {"half-even": ROUND_HALF_EVEN, "half-away": ROUND_HALF_UP, "truncate": ROUND_DOWN}


def _plan(src: tuple[int, int], dst: tuple[int, int], mode: str, rule: str) -> dict[str, Any]:
    """Return the plan by exact fractions and decimal rounding."""
    if mode == "stretch":
        new, left, top = list(dst), 0, 0
    else:
        r = min(Fraction(dst[0], src[0]), Fraction(dst[1], src[1]))
        new = []
        for side in src:
            exact = side * r
            value = Decimal(exact.numerator) / Decimal(exact.denominator)
            new.append(max(1, int(value.quantize(Decimal(1), rounding=_RULE[rule]))))
        spare = [dst[0] - new[0], dst[1] - new[1]]
        centred = mode != "letterbox-topleft"
        # YOLO's own words: left = round(d/2 − .1), right = round(d/2 + .1)
        left, top = (round(s / 2 - 0.1) if centred else 0 for s in spare)
    return {
        "resized_wh": new,
        "left": left,
        "top": top,
        "right": dst[0] - new[0] - left,
        "bottom": dst[1] - new[1] - top,
        "model_from_image": [
            Fraction(new[0], src[0]), 0, left, 0, Fraction(new[1], src[1]), top,
        ],
    }  # fmt: skip


def resize_plan_cases() -> Cases:
    """Every mode and rounding; half-way sides that tell the roundings apart."""
    plans: list[Case] = [
        case(
            "hand 1920x1080 into 640x640: a third, 140 rows above and below",
            {"src_wh": [1920, 1080], "dst_wh": [640, 640], "mode": "letterbox",
             "rounding": "half-even"},
            {"resized_wh": [640, 360], "left": 0, "top": 140, "right": 0, "bottom": 140,
             "model_from_image": [1 / 3, 0, 0, 0, 1 / 3, 140]},
        ),
        case(
            "hand 1280x721 into 640x640: 360.5 rounds to even",
            {"src_wh": [1280, 721], "dst_wh": [640, 640], "mode": "letterbox",
             "rounding": "half-even"},
            {"resized_wh": [640, 360], "left": 0, "top": 140, "right": 0, "bottom": 140,
             "model_from_image": [0.5, 0, 0, 0, 360 / 721, 140]},
        ),
        case(
            "hand 1280x721 into 640x640: 360.5 rounds away, 279 rows left",
            {"src_wh": [1280, 721], "dst_wh": [640, 640], "mode": "letterbox",
             "rounding": "half-away"},
            {"resized_wh": [640, 361], "left": 0, "top": 139, "right": 0, "bottom": 140,
             "model_from_image": [0.5, 0, 0, 0, 361 / 721, 139]},
        ),
        case(
            "hand 1x5000 into 640x320: a side never becomes nothing",
            {"src_wh": [1, 5000], "dst_wh": [640, 320], "mode": "letterbox",
             "rounding": "half-even"},
            {"resized_wh": [1, 320], "left": 319, "top": 0, "right": 320, "bottom": 0,
             "model_from_image": [1, 0, 319, 0, 320 / 5000, 0]},
        ),
    ]  # fmt: skip
    # side · (224 / side) is 224 in fractions; for these sides doubles fall short. The plan follows
    # the doubles, as int(side * r) does in YOLOX and in training code.
    for side in range(225, 400):
        r = min(224 / side, 224 / 200)
        if int(side * r) == 223:
            args = {"src_wh": [side, 200], "dst_wh": [224, 224], "mode": "letterbox-topleft",
                    "rounding": "truncate"}  # fmt: skip
            h = int(200 * r)
            expect = {"resized_wh": [223, h], "left": 0, "top": 0, "right": 1, "bottom": 224 - h,
                      "model_from_image": [223 / side, 0, 0, 0, h / 200, 0]}  # fmt: skip
            plans.append(case(f"last bit: {side}·(224/{side}) is below 224", args, expect))
    boxes = []
    for src in [*SIZES_WH, (1281, 720), (500, 375), (722, 1284)]:
        for dst in [(640, 640), (320, 240), (224, 416)]:
            for mode in ("stretch", "letterbox", "letterbox-topleft", "fit-pad"):
                for rule in ("half-even", "half-away", "truncate"):
                    if mode == "stretch" and rule != "half-even":
                        continue
                    if not _double_is_exact(src, dst):
                        continue
                    expect = _plan(src, dst, mode, rule)
                    args = {"src_wh": src, "dst_wh": dst, "mode": mode, "rounding": rule}
                    name = f"{src[0]}x{src[1]} into {dst[0]}x{dst[1]} {mode} {rule}"
                    plans.append(case(name, args, expect))
                    if mode == "letterbox":
                        boxes.append(
                            case(
                                name,
                                {"src_wh": src, "dst_wh": dst, "rounding": rule},
                                expect["model_from_image"],
                            )
                        )
    default = {"stretch": "half-even", "letterbox": "half-even"}
    for mode in ("stretch", "letterbox", "letterbox-topleft", "fit-pad"):
        rule = default.get(mode, "truncate")
        args = {"src_wh": [1281, 720], "dst_wh": [320, 240], "mode": mode, "rounding": None}
        plans.append(
            case(f"default rounding of {mode}", args, _plan((1281, 720), (320, 240), mode, rule))
        )
    bad = {"src_wh": [3, 5], "dst_wh": [7, 4], "mode": "letterbox", "rounding": "half-even"}
    plans += [
        refused("no width", {**bad, "src_wh": [0, 5]}),
        refused("half a pixel", {**bad, "src_wh": [3.5, 5]}),
        refused("unknown mode", {**bad, "mode": "squash"}),
        refused("unknown rounding", {**bad, "rounding": "up"}),
    ]
    return {"plan_resize": plans, "letterbox": boxes}


def _double_is_exact(src: tuple[int, int], dst: tuple[int, int]) -> bool:
    """Return whether side·r in doubles rounds as the fraction does: others test the last bit."""
    r = min(dst[0] / src[0], dst[1] / src[1])
    exact = min(Fraction(dst[0], src[0]), Fraction(dst[1], src[1]))
    return all(
        (math.floor(s * r), round(s * r), math.floor(s * r + 0.5))
        == (math.floor(s * exact), round(s * exact), math.floor(s * exact + Fraction(1, 2)))
        for s in src
    )


def crop_cases() -> Cases:
    """Crops in fractions, and landmarks that go in and come back by proportion."""
    rules = {
        "tight": {"grow": 0, "grow_by": "longer-side", "square": False},
        "grown": {"grow": 0.25, "grow_by": "longer-side", "square": False},
        "own": {"grow": 0.25, "grow_by": "own-side", "square": False},
        "square": {"grow": 0, "grow_by": "longer-side", "square": True},
        "cat": {"grow": 0.1, "grow_by": "longer-side", "square": True},
    }
    box, wh = [40, 30, 60, 80], [100, 90]  # 20 × 50 about (50, 55)
    hand = {
        ("tight", "pad"): [40, 30, 60, 80],
        ("grown", "pad"): [27.5, 17.5, 72.5, 92.5],
        ("grown", "clip"): [27.5, 17.5, 72.5, 90],
        ("grown", "shift"): [27.5, 15, 72.5, 90],
        ("own", "clip"): [35, 17.5, 65, 90],
        ("square", "clip"): [25, 30, 75, 80],
        ("cat", "clip"): [20, 25, 80, 85],
    }
    out: Cases = {"crop_rect": [], "landmarks_from_crop": []}
    for (rule, edge), expect in hand.items():
        asked = {**rules[rule], "rounding": "none", "edge": edge}
        args = {"box_xyxy": box, "image_wh": wh, "rule": asked}
        out["crop_rect"].append(case(f"{rule} {edge}", args, expect))
    left = [-10.5, 3.25, 20.5, 23.75]  # leaves the picture on the left
    sides = {
        ("none", "pad"): [-10.5, 3.25, 20.5, 23.75],
        ("truncate", "pad"): [-10, 3, 20, 23],
        ("outward", "pad"): [-11, 3, 21, 24],
        ("truncate", "clip"): [0, 3, 20, 23],
        ("outward", "clip"): [0, 3, 21, 24],
        ("outward", "shift"): [0, 3, 32, 24],
        ("none", "clip"): [0, 3.25, 20.5, 23.75],
    }
    for (rounding, edge), expect in sides.items():
        asked = {**rules["tight"], "rounding": rounding, "edge": edge}
        args = {"box_xyxy": left, "image_wh": wh, "rule": asked}
        out["crop_rect"].append(case(f"{rounding} {edge} at the left", args, expect))
    asked = {**rules["tight"], "rounding": "none", "edge": "clip"}
    for name, bad in (("outside", [200, 10, 220, 30]), ("inverted", [60, 80, 40, 30])):
        out["crop_rect"].append(refused(name, {"box_xyxy": bad, "image_wh": wh, "rule": asked}))
    out["crop_rect"].append(
        refused("unknown edge", {"box_xyxy": box, "image_wh": wh, "rule": {**asked, "edge": "x"}})
    )
    marks = [[0, 0], [48, 24], [12.5, 90]]
    for (rule, edge), rect in hand.items():
        args = {
            "box_xyxy": box, "image_wh": wh, "model_wh": [48, 96], "mode": "stretch",
            "rounding": None, "landmarks_xy": marks,
            "rule": {**rules[rule], "rounding": "none", "edge": edge},
        }  # fmt: skip
        w, h = (Fraction(rect[2]) - Fraction(rect[0]), Fraction(rect[3]) - Fraction(rect[1]))
        back = [[rect[0] + x * w / 48, rect[1] + Fraction(y) * h / 96] for x, y in
                ((Fraction(m[0]), m[1]) for m in marks)]  # fmt: skip
        out["landmarks_from_crop"].append(case(f"{rule} {edge}", args, back))
    # Square crop of 60 (cat rule) letterboxed into 48×96: scale .8, 24 rows above.
    args = {
        "box_xyxy": box, "image_wh": wh, "model_wh": [48, 96], "mode": "letterbox",
        "rounding": "half-even", "landmarks_xy": [[0, 24], [48, 72], [20, 30]],
        "rule": {**rules["cat"], "rounding": "truncate", "edge": "clip"},
    }  # fmt: skip
    expect = [[20, 25], [80, 85], [20 + 25, 25 + 7.5]]
    out["landmarks_from_crop"].append(case("cat letterboxed", args, expect))
    out["image_from_box"] = [
        case("corners and a point", {"box_xyxy": [10, 20, 14, 50],
             "points_xy": [[0, 0], [1, 1], [0.25, 0.9]]}, [[10, 20], [14, 50], [11, 47]]),
        case("beyond the box", {"box_xyxy": [-4, 8, 4, 9], "points_xy": [[1.5, -1]]}, [[8, 7]]),
    ]  # fmt: skip
    return out


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return {**affine_cases(), **box_cases(), **resize_plan_cases(), **crop_cases()}
