"""Every lowering, in both formats, against onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mobilecat.formats.coreml import LOWERINGS
from mobilecat.formats.coreml.program import build_program
from tests.formats.coreml.lower import cases_elementwise, cases_shape, cases_window
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

CASES = (*cases_elementwise.CASES, *cases_window.CASES, *cases_shape.CASES)
ELSEWHERE = {"mobilecat::NMS": "test_nms.py", "Resize": "test_resize.py"}


def test_every_lowering_has_a_case() -> None:
    assert set(LOWERINGS) - {c.op for c in CASES} == set(ELSEWHERE)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: OpCase, format: str, tmp_path: Path) -> None:
    proto = proto_of(case)
    want = reference(proto, runtime_inputs(case))
    model = frozen(proto, want, tmp_path)
    got = run_artifact(compiled(model, tmp_path, format), runtime_inputs(case))
    assert set(got) == set(want)
    for name, expected in want.items():
        assert_same(got[name], expected, where=name)


@pytest.mark.parametrize("target", ["iOS16", "iOS17", "iOS18"])
@pytest.mark.parametrize("case", CASES[::7], ids=str)
def test_newer_targets(case: OpCase, target: str, tmp_path: Path) -> None:
    proto = proto_of(case)
    want = reference(proto, runtime_inputs(case))
    model = frozen(proto, want, tmp_path)
    artifact = compiled(model, tmp_path, "mlpackage", deployment_target=target)
    got = run_artifact(artifact, runtime_inputs(case))
    for name, expected in want.items():
        assert_same(got[name], expected, where=name)


# float16 keeps 11 bits: 2⁻¹¹ of rounding a step, over the few dozen steps of the longest case here.
HALF_RTOL = 32 * 2.0**-11
# Differences of what was rounded, or steep functions of it: what comes out is not near in ratio.
STEEP = {"Tan", "LogSoftmax", "Reciprocal", "Pow", "Div", "Mod", "ReduceLogSumExp"}


GENTLE = [c for c in CASES if c.op not in STEEP]
HALVES = [(c, "iOS15") for c in GENTLE] + [(c, "iOS17") for c in GENTLE[::5]]


@pytest.mark.parametrize(("case", "target"), HALVES, ids=str)
def test_float16(case: OpCase, target: str, tmp_path: Path) -> None:
    """Every lowering types its constants for a float16 program; inputs are exact in float16."""
    halves = [None if x is None else _rounded(x) for x in case.inputs]
    rounded = replace(case, inputs=halves)
    proto = proto_of(rounded)
    want = reference(proto, runtime_inputs(rounded))
    artifact = compiled(
        frozen(proto, want, tmp_path),
        tmp_path,
        "mlpackage",
        deployment_target=target,
        precision="float16",
    )
    got = run_artifact(artifact, runtime_inputs(rounded), precision="float16-fast")
    for name, expected in want.items():
        finite = np.abs(np.where(np.isfinite(expected), expected, 0).astype(np.float64))
        assert_same(got[name], expected, HALF_RTOL, HALF_RTOL * finite.max(initial=0), name)


def _rounded(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16).astype(x.dtype) if x.dtype == np.float32 else x


@pytest.mark.parametrize("format", FORMATS)
def test_lrn_of_an_even_size(format: str, tmp_path: Path) -> None:
    """onnxruntime takes odd sizes only; ONNX sums channels c−⌊(size−1)/2⌋ … c+⌈(size−1)/2⌉."""
    x = tensor(2, 6, 3, 5)
    lrn = case("LRN", x, size=4, alpha=0.4, beta=0.6, bias=1.5)
    sums = np.stack([(x[:, max(0, c - 1) : c + 3] ** 2).sum(axis=1) for c in range(6)], axis=1)
    want = x / (1.5 + 0.4 / 4 * sums) ** 0.6
    artifact = compiled(frozen(proto_of(lrn), {"out0": x}, tmp_path), tmp_path, format)
    assert_same(run_artifact(artifact, {"in0": x})["out0"], want.astype(np.float32))


def test_indices_count_from_the_front(tmp_path: Path) -> None:
    """MIL's gathers differ between iOS 15 and 17 on negative indices, so they are given none."""
    indices = np.array([-1, 2, -6], np.int64)
    gather = case("Gather", tensor(6, 4), indices, const=[1])
    want = reference(proto_of(gather), runtime_inputs(gather))
    program = build_program(
        frozen(proto_of(gather), want, tmp_path),
        format="mlpackage",
        ios=15,
        precision="float32",
        float32_names=frozenset(),
        taps=(),
        rename={},
    )
    (op,) = program.mil.functions["main"].find_ops(op_type="gather")
    np.testing.assert_array_equal(op.indices.val, [5, 2, 0])
