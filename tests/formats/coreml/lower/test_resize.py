"""Resize: every mode by onnxruntime, the matrices by hand, and which of them are native."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.formats.base.resampling import AxisResize, matrix
from mobilecat.formats.coreml.lower.resize import mil_matrix
from tests.formats.coreml.lower.harness import (
    FORMATS,
    OpCase,
    assert_same,
    case,
    compiled,
    frozen,
    proto_of,
    reference,
    run_artifact,
    runtime_inputs,
    tensor,
)

X = tensor(1, 2, 5, 7)
MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


def to_size(*sizes: int, x: np.ndarray = X, **attrs: object) -> OpCase:
    given = np.array([*x.shape[:-2], *sizes], np.int64)
    return case("Resize", x, None, None, given, const=[3], opset=19, **attrs)


def by_scale(height: float, width: float, **attrs: object) -> OpCase:
    scales = np.array([1, 1, height, width], np.float32)
    return case("Resize", X, None, scales, const=[2], opset=19, **attrs)


CASES = (
    *(
        to_size(*size, mode="linear", coordinate_transformation_mode=c, note=c)
        for c in MODES
        for size in ((10, 14), (13, 8), (3, 4), (1, 1))
    ),
    *(
        to_size(*size, mode="cubic", coordinate_transformation_mode=c, note=c)
        for c in ("half_pixel", "align_corners", "asymmetric")
        for size in ((10, 14), (3, 9))
    ),
    *(
        to_size(11, 4, mode="nearest", coordinate_transformation_mode=c, nearest_mode=m, note=c + m)
        for c in ("half_pixel", "align_corners", "asymmetric")
        for m in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    to_size(
        10, 21, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    ),
    to_size(10, 21, mode="nearest"),
    by_scale(2.0, 3.0, mode="nearest"),
    by_scale(2.0, 3.0, mode="linear"),
    by_scale(1.3, 0.7, mode="linear", note="scales that give no whole size"),
    by_scale(1.3, 0.7, mode="nearest", note="scales that give no whole size"),
    to_size(3, 9, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1),
    to_size(3, 4, mode="linear", antialias=1),
    to_size(3, 4, mode="cubic", antialias=1),
    case(
        "Resize",
        X,
        np.float32([0.1, -0.2, 0.9, 1.1]),
        None,
        np.array([4, 6], np.int64),
        const=[1, 3],
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=9.0,
        axes=[2, 3],
        opset=19,
    ),
    case(
        "Resize",
        X,
        None,
        None,
        np.array([9, 9], np.int64),
        const=[3],
        mode="linear",
        axes=[3, 2],
        keep_aspect_ratio_policy="not_larger",
        opset=19,
    ),
    case(
        "Resize",
        tensor(1, 5, 7, 2),
        None,
        np.float32([1, 2, 2, 1]),
        const=[2],
        mode="linear",
        opset=19,
        note="channels last",
    ),
    case(
        "Resize",
        tensor(1, 5, 7, 2),
        None,
        np.float32([1, 2, 2, 1]),
        const=[2],
        mode="nearest",
        opset=19,
        note="channels last",
    ),
    case("Resize", tensor(3, 5), None, np.float32([2, 3]), const=[2], mode="linear", opset=19),
)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_resize(case: OpCase, format: str, tmp_path: Path) -> None:
    proto = proto_of(case)
    want = reference(proto, runtime_inputs(case))
    artifact = compiled(frozen(proto, want, tmp_path), tmp_path, format)
    got = run_artifact(artifact, runtime_inputs(case))
    assert_same(got["out0"], want["out0"])


NATIVE = [  # case, format, MIL op or NeuralNetwork layer that must do it alone
    (by_scale(2, 3, mode="nearest"), "mlpackage", "upsample_nearest_neighbor"),
    (by_scale(2, 3, mode="nearest"), "mlmodel", "upsample"),
    (by_scale(2, 3, mode="linear"), "mlpackage", "resize_bilinear"),
    (by_scale(2, 3, mode="linear"), "mlmodel", "upsample"),
    (to_size(13, 8, mode="linear"), "mlpackage", "resize_bilinear"),
    (to_size(13, 8, mode="linear"), "mlmodel", "batchedMatmul"),
    *(
        (to_size(13, 8, mode="linear", coordinate_transformation_mode=c), f, op)
        for c in ("align_corners", "asymmetric")
        for f, op in (("mlpackage", "resize_bilinear"), ("mlmodel", "resizeBilinear"))
    ),
    (to_size(13, 8, mode="cubic"), "mlpackage", "matmul"),
]


@pytest.mark.parametrize(("case", "format", "op"), NATIVE, ids=str)
def test_what_does_the_work(case: OpCase, format: str, op: str, tmp_path: Path) -> None:
    from mobilecat.formats.coreml import runtime

    proto = proto_of(case)
    model = frozen(proto, reference(proto, runtime_inputs(case)), tmp_path)
    artifact = compiled(model, tmp_path, format)
    ops = runtime.load(artifact.path).ops
    assert ops[op] >= 1
    by_matrix = op in {"matmul", "batchedMatmul"}
    assert bool(artifact.lints) == by_matrix
    if not by_matrix:
        assert sum(v for k, v in ops.items() if k != "const") == 1


def test_ambiguous_sizes_are_refused(tmp_path: Path) -> None:
    scaled = by_scale(1.3, 0.7, mode="linear", coordinate_transformation_mode="align_corners")
    proto = proto_of(scaled)
    model = frozen(proto, reference(proto, runtime_inputs(scaled)), tmp_path)
    with pytest.raises(UnsupportedError, match="give sizes instead"):
        compiled(model, tmp_path, "mlpackage")
    assert not (tmp_path / "model.mlpackage").exists()


HALF_PIXEL = [  # 2 → 5, worked by hand: x = (k+½)·2/5−½ = −.3, .1, .5, .9, 1.3
    [1.0, 0.0],
    [0.9, 0.1],
    [0.5, 0.5],
    [0.1, 0.9],
    [0.0, 1.0],
]
ALIGNED = [[1, 0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0, 1]]  # x = k/4
ASYMMETRIC = [[1, 0], [0.6, 0.4], [0.2, 0.8], [0, 1], [0, 1]]  # x = 0.4·k


@pytest.mark.parametrize(
    ("coordinates", "mil", "weights"),
    [
        ("half_pixel", "UNALIGN_CORNERS", HALF_PIXEL),
        ("align_corners", "STRICT_ALIGN_CORNERS", ALIGNED),
        ("asymmetric", "DEFAULT", ASYMMETRIC),
    ],
)
def test_matrices_by_hand(coordinates: str, mil: str, weights: list[list[float]]) -> None:
    np.testing.assert_allclose(matrix(AxisResize(2, 5, 2.5, coordinates)), weights, atol=1e-6)
    np.testing.assert_allclose(mil_matrix(mil, 2, 5), weights, atol=1e-12)
