"""What a SiLU takes: x · sigmoid(x) of whatever lies far below zero is nothing, and needs no steps.

A convolution that reaches from −119 to 119 has a step of 0.93 in front of its SiLU; from −8 on it
has one of 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mobilecat.formats.tflite.program import Program, Tensor
from mobilecat.quantize.ranges import Range, Seen

NOTHING_BELOW = -8.0
"""x · sigmoid(x) there is −0.0027, and nearer to zero below."""


def without_tails(program: Program, seen: Mapping[Tensor, Seen]) -> dict[Tensor, Seen]:
    """Return what was seen, less what saturates anyway where a SiLU alone reads the value."""
    users = program.users()
    found = dict(seen)
    for op in program.ops:
        x = op.inputs[0] if op.code == "LOGISTIC" else None
        if x is None or x not in seen or x in program.outputs:
            continue
        gate = op.outputs[0]
        products = [u for u in users[x] if u is not op]
        if products and all(u.code == "MUL" and gate in u.inputs for u in products):
            low, high = seen[x].range.low, seen[x].range.high
            range_ = Range(min(max(low, NOTHING_BELOW), high), high)
            found[x] = replace(seen[x], range=range_)
    return found
