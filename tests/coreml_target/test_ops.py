"""Every lowering, in both formats, against onnxruntime."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.targets.coreml import LOWERINGS
from tests.coreml_target import cases_elementwise, cases_shape, cases_window
from tests.coreml_target.harness import (
    FORMATS,
    OpCase,
    assert_same,
    compiled,
    frozen,
    proto_of,
    reference,
    run_artifact,
    runtime_inputs,
)

CASES = (*cases_elementwise.CASES, *cases_window.CASES, *cases_shape.CASES)
# What these lower to has no layer in a NeuralNetwork, and the refusal says so.
NO_NEURAL_NETWORK = {"GridSample"}
ELSEWHERE = {"mobilecat::NMS": "test_nms.py", "Resize": "test_resize.py"}


def test_every_lowering_has_a_case() -> None:
    assert set(LOWERINGS) - {c.op for c in CASES} == set(ELSEWHERE)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: OpCase, format: str, tmp_path: Path) -> None:
    proto = proto_of(case)
    want = reference(proto, runtime_inputs(case))
    model = frozen(proto, want, tmp_path)
    if format == "mlmodel" and case.op in NO_NEURAL_NETWORK:
        with pytest.raises(UnsupportedError, match="use format mlpackage"):
            compiled(model, tmp_path, format)
        return
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
