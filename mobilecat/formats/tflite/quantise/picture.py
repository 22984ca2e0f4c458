"""The preprocessing as the scale of the picture: pixels are whole numbers already.

Given:   image uint8 → CAST → MUL a → ADD b → convolution
Result:  image int8, or uint8 and one QUANTIZE, with scale a and zero point −b/a → convolution

Where −b/a is no whole number, what is left of it goes into the convolution's bias. That is exact
but for the padding, which then is off by less than half a level of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Quant, Tensor, constant
from mobilecat.formats.tflite.quantise.steps import INT8, one

_UINT8 = np.dtype(np.uint8)
_TO_INT8 = 128
_EXACT = 1e-6
"""Of a level: what float32 makes of a whole zero point."""


@dataclass(frozen=True)
class Front:
    """end: what the network reads. ops: what leads there. real = scale · pixel + offset."""

    image: Tensor
    end: Tensor
    ops: tuple[Op, ...]
    scale: float
    offset: float

    @property
    def zero(self) -> int:
        """The pixel that stands nearest to zero; there may be none from 0 to 255."""
        return round(-self.offset / self.scale)

    @property
    def left(self) -> float:
        """What `scale` · (pixel − `zero`) lacks."""
        return self.offset + self.scale * self.zero


def front_of(program: Program) -> Front | None:
    """Return the preprocessing in front of a program, where it is one scale and one offset."""
    image = program.inputs[0]
    if image.dtype != _UINT8 or image in program.outputs:
        return None
    users = program.users()
    ops: list[Op] = []
    end, scale, offset = image, 1.0, 0.0
    while len(readers := users.get(end, [])) == 1 and end not in program.outputs:
        op = readers[0]
        value = _number(op)
        if op.code == "CAST" and op.outputs[0].dtype == np.float32:
            pass
        elif op.code == "MUL" and value is not None:
            scale, offset = scale * value, offset * value
        elif op.code in ("ADD", "SUB") and value is not None and op.inputs[0] is end:
            offset += value if op.code == "ADD" else -value
        else:
            break
        ops.append(op)
        end = op.outputs[0]
    front = Front(image, end, tuple(ops), scale, offset)
    fits = end.dtype == np.float32 and scale > 0 and 0 <= front.zero <= 255
    return front if fits and _corrected(program, front, try_only=True) else None


def _number(op: Op) -> float | None:
    """Return the one number of an operator without an activation that has a constant operand."""
    if op.options.get("fusedActivationFunction", 0):
        return None
    constants = [t.data for t in op.inputs if t is not None and t.data is not None]
    if len(constants) != 1 or constants[0].size != 1:
        return None
    return float(constants[0].reshape(()))


def fold(
    program: Program, front: Front, input_type: str, whole: bool
) -> tuple[Tensor | None, list[Op]]:
    """Take the preprocessing out of `program`; return the int8 value that the network reads, and
    what makes it of the picture.

    input_type: `int8`, pixels less 128, which the network reads as they are; `uint8`. whole:
    whether anybody reads it as int8; otherwise a uint8 picture becomes float at once, and there is
    no such value.
    """
    _corrected(program, front, try_only=False)
    program.ops = [op for op in program.ops if op not in front.ops]
    image = front.image
    as_int8 = one(front.scale, front.zero - _TO_INT8)
    if input_type == "int8":
        image.dtype, image.quant = INT8, as_int8
        return image, []
    image.quant = one(front.scale, front.zero)
    if not whole:
        return None, [Op("DEQUANTIZE", [image], [front.end], {})]
    made = Tensor(front.end.name, front.end.shape, INT8, None, as_int8)
    return made, [Op("QUANTIZE", [image], [made], {})]


def quant_of(front: Front) -> Quant:
    """Return the scale of the int8 value that the network reads."""
    return one(front.scale, front.zero - _TO_INT8)


def _corrected(program: Program, front: Front, try_only: bool) -> bool:
    """Put what the zero point lacks into the biases that follow; return whether it can be."""
    if abs(front.left) <= _EXACT * front.scale:
        return True
    users = program.users()
    waiting, convs = [front.end], []
    while waiting:
        for op in users.get(waiting.pop(), ()):
            if op.code == "PAD":
                waiting.append(op.outputs[0])
            elif op.code in ("CONV_2D", "DEPTHWISE_CONV_2D") and _constants(op):
                convs.append(op)
            else:
                return False
    for op in () if try_only else convs:
        w, b = op.inputs[1], op.inputs[2]
        assert w is not None and w.data is not None and b is not None and b.data is not None
        over = (0, 1, 2) if op.code == "DEPTHWISE_CONV_2D" else (1, 2, 3)
        more = front.left * w.data.astype(np.float64).sum(axis=over)
        op.inputs[2] = constant(b.name, (b.data + more).astype(np.float32))
    return True


def _constants(op: Op) -> bool:
    return all(t is not None and t.data is not None for t in op.inputs[1:3])
