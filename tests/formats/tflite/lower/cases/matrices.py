"""Matrix products and resizing."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import OpCase, drawn_f, ints, mixed

MATRICES = [
    mixed("matmul by constant", "y = MatMul(c, k)", "float[1,4,5,3]", k=drawn_f("k", 7, 3)),
    mixed(
        "matmul of rows",
        "t = Transpose<perm=[0,2,3,1]>(c)  y = MatMul(t, k)",
        "float[1,5,7,3]",
        k=drawn_f("k", 4, 3),
    ),
    mixed("matmul of two", "t = Transpose<perm=[0,1,3,2]>(c)  y = MatMul(c, t)", "float[1,4,5,5]"),
    mixed("matmul constant first", "y = MatMul(k, c)", "float[1,4,3,7]", k=drawn_f("k", 3, 5)),
    mixed("matmul broadcast", "y = MatMul(c, k)", "float[2,4,5,3]", k=drawn_f("k", 2, 1, 7, 3)),
    mixed("matmul vector", "y = MatMul(c, k)", "float[1,4,5]", k=drawn_f("k", 7)),
    mixed("vector matmul", "y = MatMul(k, c)", "float[1,4,7]", k=drawn_f("k", 5)),
    mixed("matmul computed", "t = Transpose<perm=[1,0]>(z)  y = MatMul(c, t)", "float[1,4,5,5]"),
    mixed(
        "gemm",
        "f = Flatten(c)  y = Gemm(f, k, b)",
        "float[1,3]",
        k=drawn_f("k", 140, 3),
        b=drawn_f("b", 3),
    ),
    mixed(
        "gemm turned",
        "y = Gemm<transA=1, transB=1, alpha=0.5, beta=2.0>(z, k, b)",
        "float[7,3]",
        k=drawn_f("k", 3, 5),
        b=drawn_f("b", 7, 1),
    ),
    mixed("gemm computed", "y = Gemm<transB=1, alpha=0.3>(z, z)", "float[5,5]"),
    *(
        OpCase(
            f"einsum {eq}",
            f"(float[{a}] a, float[{b}] b) => (float[{out}] y)"
            f' {{ y = Einsum<equation="{eq}">(a, b) }}',
        )
        for eq, a, b, out in (
            ("bij,bjk->bik", "2,3,4", "2,4,5", "2,3,5"),
            ("ij,kj->ki", "3,4", "5,4", "5,3"),
            ("bhqd,bkhd->bhqk", "1,2,3,4", "1,5,2,4", "1,2,3,5"),
            ("i,j->ij", "3", "5", "3,5"),
            ("...ij,jk", "2,3,4", "4,5", "2,3,5"),
        )
    ),
    OpCase(
        "einsum of one", '(float[2,3,5] a) => (float[5,2] y) { y = Einsum<equation="abc->ca">(a) }'
    ),
]


def resize(
    name: str,
    attrs: str,
    out: str,
    *,
    sizes: tuple[int, ...] = (),
    scales: tuple[float, ...] = (),
    opset: int = 19,
) -> OpCase:
    given = {"s": ints(*sizes)} if sizes else {"s": np.array(scales, np.float32)}
    inputs = ", , s" if sizes else ", s"
    body = f"c = Relu(x)  y = Resize<{attrs}>(c, {inputs})"
    text = f"(float[1,3,5,7] x) => (float[{out}] y) {{ {body} }}"
    return OpCase(f"Resize {name}", text, given, opset)


RESIZES = [
    resize(
        f"{mode} {coords} {nearest} {out}",
        f'mode="{mode}", coordinate_transformation_mode="{coords}"'
        + (f', nearest_mode="{nearest}"' if nearest else ""),
        ",".join(map(str, out)),
        sizes=out,
    )
    for mode, coords, nearest in (
        ("nearest", "asymmetric", "floor"),
        ("nearest", "asymmetric", "ceil"),
        ("nearest", "half_pixel", "round_prefer_floor"),
        ("nearest", "half_pixel", "round_prefer_ceil"),
        ("nearest", "align_corners", "round_prefer_ceil"),
        ("nearest", "pytorch_half_pixel", "floor"),
        ("linear", "asymmetric", ""),
        ("linear", "half_pixel", ""),
        ("linear", "align_corners", ""),
        ("linear", "pytorch_half_pixel", ""),
        ("linear", "half_pixel_symmetric", ""),
        ("cubic", "half_pixel", ""),
        ("cubic", "align_corners", ""),
    )
    for out in ((1, 3, 10, 14), (1, 3, 8, 9), (1, 3, 3, 4), (1, 3, 1, 7))
] + [
    resize(
        "scales",
        'mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"',
        "1,3,10,14",
        scales=(1, 1, 2, 2),
    ),
    resize(
        "fractional scales",
        'mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"',
        "1,3,8,9",
        scales=(1, 1, 1.7, 1.3),
    ),
    resize("linear by fractional scales", 'mode="linear"', "1,3,8,9", scales=(1, 1, 1.7, 1.3)),
    resize("antialias", 'mode="linear", antialias=1', "1,3,3,4", sizes=(1, 3, 3, 4)),
    resize(
        "cubic, outside excluded",
        'mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1',
        "1,3,8,9",
        sizes=(1, 3, 8, 9),
    ),
    resize("channels too", 'mode="nearest"', "1,6,5,14", scales=(1, 2, 1, 2)),
    resize(
        "not larger",
        'mode="linear", keep_aspect_ratio_policy="not_larger", axes=[2,3]',
        "1,3,10,14",
        sizes=(10, 20),
    ),
]
