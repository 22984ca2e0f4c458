"""What whole numbers are known to break in detectors, found in the plan before a file exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mobilecat.formats.tflite.program import Op, Program, Tensor
from mobilecat.formats.tflite.quantise.kernels import WEIGHED
from mobilecat.formats.tflite.quantise.plan import Scales, data_of
from mobilecat.quantize import lints
from mobilecat.quantize.ranges import Range, Seen

_SHOWN = 3
"""Sentences of one kind; a network has hundreds of layers."""


def words(
    ops: list[Op], program: Program, seen: Mapping[Tensor, Seen], scales: Scales
) -> list[str]:
    """Return what is known to go wrong in `ops`, which compute in whole numbers."""
    outliers, silus = list(_outliers(ops, seen, scales)), list(_silus(ops, program, seen, scales))
    return [*_first(outliers, "layers have such a channel"), *_first(silus, "SiLUs are like it")]


def lost_parts(op: Op, ranges: Mapping[Tensor, Range]) -> str | None:
    """Return why what an operator puts together must not share a scale, or None."""
    if op.code != "CONCATENATION":
        return None
    parts = {t.name.removesuffix(":nhwc"): ranges[t] for t in data_of(op) if t in ranges}
    return lints.starved(op.node, parts) if len(parts) > 1 else None


def _outliers(ops: list[Op], seen: Mapping[Tensor, Seen], scales: Scales) -> Iterator[str]:
    for op in ops:
        y = op.outputs[0]
        known = op.code in WEIGHED and y in seen
        if known and (said := lints.outlier(op.node, seen[y], _step(scales, y))):
            yield said


def _silus(
    ops: list[Op], program: Program, seen: Mapping[Tensor, Seen], scales: Scales
) -> Iterator[str]:
    makers = program.makers()
    for op in ops:
        if op.code != "MUL" or op.outputs[0] not in seen:
            continue
        for x, gate in (op.inputs[:2], op.inputs[1::-1]):
            made = makers.get(gate) if gate is not None else None
            if made is not None and made.code == "LOGISTIC" and made.inputs[0] is x:
                y = op.outputs[0]
                if said := lints.silu(op.node, seen[y].range, _step(scales, y)):
                    yield said


def _step(scales: Scales, t: Tensor) -> float:
    return float(scales.of(t).scales[0])


def _first(said: list[str], more: str) -> list[str]:
    left = len(said) - _SHOWN
    return [*said[:_SHOWN], *([f"{left} more {more}"] if left > 0 else [])]
