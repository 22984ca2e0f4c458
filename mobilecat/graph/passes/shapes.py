"""Shapes and types of every value, from ONNX's inference and a rule where that has none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir
import onnx_ir.passes.common as common

STAND_INS = {
    "GroupNormalization": "InstanceNormalization",
    "MeanVarianceNormalization": "LpNormalization",
}
"""Ops that onnx 1.23 defines without an inference of shapes, and ops of as many inputs that have
one: all of them give what they take."""


def infer_shapes(model: ir.Model) -> tuple[ir.Model, str]:
    """Return the model with every shape that follows from its inputs, and why some did not.

    A value's own shape, where the model states one, is kept.
    """
    bare = [n for n in model.graph if n.op_type in STAND_INS and not n.domain]
    names = [n.op_type for n in bare]
    for node in bare:
        node.op_type = STAND_INS[node.op_type]
    try:
        with _caught() as failures:
            model = common.ShapeInferencePass()(model).model
    finally:
        for node, name in zip(bare, names, strict=True):
            node.op_type = name
    return model, failures[-1] if failures else ""


@contextmanager
def _caught() -> Iterator[list[str]]:
    """onnx_ir tells a failed inference to a logger, traceback and all, and goes on: keep its reason
    for our own message, and the terminal clean."""
    found: list[str] = []
    logger = logging.getLogger("onnx_ir")

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            found.append(str(error or record.getMessage()))

    handler, propagate = Keep(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
