"""Values that share memory in LiteRT stay what they are until they are read."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.formats.tflite import write as emit
from tests.formats.tflite.lower.engines import (
    assert_agrees,
    assert_lowers,
    graph,
    inputs_of,
    run_lite,
    run_ort,
)

_S = {"s": np.array([15, 1], np.int64), "t": np.array([5, 3], np.int64)}
# `a` lies where `m` did: a chain of shared memory is what the planner loses count of.
_START = "m = Max(x, k)  a = Mul(x, m)  r = Reshape(a, s)  b = Softmax(r)  y = Slice(b, o, e)"
CASES = {
    "read again later": ("float[3,5] z", "c = Neg(a)  z = Abs(c)"),
    "read again in a third shape": ("float[5,3] z", "z = Reshape(a, t)"),
    "read twice again": ("float[3,5] z, float[5,3] v", "c = Neg(a)  z = Abs(c)  v = Reshape(a, t)"),
    "an output itself": ("float[3,5] a", ""),
    "an output, read again": ("float[3,5] a, float[3,5] z", "c = Neg(a)  z = Abs(c)"),
}


def _model(name: str) -> ir.Model:
    outputs, tail = CASES[name]
    return graph(
        f"(float[3,5] x) => (float[2,1] y, {outputs}) {{ {_START}  {tail} }}",
        k=np.float32([0.1]),
        s=_S["s"],
        o=np.array([0], np.int64),
        e=np.array([2], np.int64),
        **({"t": _S["t"]} if "t)" in tail else {}),
    )


@pytest.mark.parametrize("name", CASES)
def test_values_survive(name: str) -> None:
    assert_lowers(_model(name), name)


@pytest.mark.parametrize("name", [n for n in CASES if "output" in n])
def test_a_graph_output_is_made_last_under_its_own_name(name: str) -> None:
    """It has to outlive whatever shares its memory: a copy, after all readers of the group."""
    program = emit.program_from_graph(_model(name))
    (a,) = [t for t in program.outputs if t.name == "a"]
    (maker,) = [i for i, op in enumerate(program.ops) if a in op.outputs]
    readers = [i for i, op in enumerate(program.ops) if a in op.inputs]
    assert program.ops[maker].code == "RESHAPE" and not readers
    assert maker == len(program.ops) - 1


def test_litert_still_needs_this(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails on the day that LiteRT counts the readers of shared memory itself."""
    monkeypatch.setattr(emit, "protect_aliases", lambda program: None)
    model = _model("read again in a third shape")
    inputs = inputs_of(model)
    data = emit.tflite_from_graph(model)
    with pytest.raises(AssertionError):
        assert_agrees(run_lite(data, inputs, xnnpack=False), run_ort(model, inputs))
