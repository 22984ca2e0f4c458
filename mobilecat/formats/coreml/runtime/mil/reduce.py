"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import INT32, Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


def _reduction(onnx_op: str, *, in_float: bool = False) -> Any:
    """Return a translation; `in_float`: no integer kernel in onnxruntime, go through float32."""

    def translate(op: Op) -> Val:
        x = op["x"]
        axes = op.axes("axes", x.rank, list(range(x.rank)))
        operand = as_type(op, x, np.float32) if in_float else x
        y: Val = op.g(onnx_op, operand, np.array(axes), keepdims=int(op.flag("keep_dims", False)))
        return as_type(op, y, x.dtype)

    return translate


for _mil, _onnx in {
    "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin",
}.items():
    mil_op(_mil, moves=True)(_reduction(_onnx))
for _mil, _onnx in {"reduce_prod": "ReduceProd", "reduce_sum": "ReduceSum"}.items():
    mil_op(_mil)(_reduction(_onnx))
for _mil, _onnx in {
    "reduce_l1_norm": "ReduceL1",
    "reduce_l2_norm": "ReduceL2",
    "reduce_log_sum": "ReduceLogSum",
    "reduce_log_sum_exp": "ReduceLogSumExp",
    "reduce_mean": "ReduceMean",
    "reduce_sum_square": "ReduceSumSquare",
}.items():
    mil_op(_mil)(_reduction(_onnx, in_float=True))


def _arg(onnx_op: str) -> Any:
    def translate(op: Op) -> Val:
        keep = int(op.flag("keep_dims", False))
        found = op.g(onnx_op, op["x"], axis=op.axis(default=-1), keepdims=keep)
        return op.g("Cast", found, to=INT32)

    return translate


mil_op("reduce_argmax")(_arg("ArgMax"))
mil_op("reduce_argmin")(_arg("ArgMin"))
