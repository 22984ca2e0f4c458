"""What whole numbers are known to break in detectors, found in the plan before a file exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mobilecat.formats.tflite.program import Op, Program, Tensor
from mobilecat.formats.tflite.quantise import steps
from mobilecat.formats.tflite.quantise.kernels import KERNELS, WEIGHED
from mobilecat.formats.tflite.quantise.plan import Scales, data_of
from mobilecat.quantize import lints
from mobilecat.quantize.ranges import Range, Seen

_STEEPEST = 256
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


def too_steep(op: Op, scales: Scales) -> str | None:
    """Return why LiteRT would not load a file that has `op` in int8, or None.

    XNNPACK takes no convolution whose input scale · weight scale / output scale is 256 or more, and
    then none of the network: https://github.com/google/XNNPACK/blob/master/src/subgraph/
    (validation of convolutions and fully connected layers).
    """
    at = KERNELS[op.code].weights
    w, b = (op.inputs[at[0]], op.inputs[-1]) if at is not None else (None, None)
    if at is None or w is None or w.data is None or b is None or b.data is None:
        return None
    x, y = scales.of(data_of(op)[0]), scales.of(op.outputs[0])
    least = steps.least_scales(x, y, b.data)
    own = steps.of_weights(w.data, at[1], least).scales.max()
    steep = float(x.scales[0]) * float(own) / float(y.scales[0])
    if steep < _STEEPEST:
        return None
    return (
        f"{op.node}: one step of what goes in is {steep:.3g} steps of what comes out, and LiteRT "
        f"loads no file where that is {_STEEPEST} or more. It stays float"
    )


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
