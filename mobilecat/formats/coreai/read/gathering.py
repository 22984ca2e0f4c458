"""Reading and writing at indices that are data. An index out of range is an error when it runs, as
in Apple's interpreter; negative ones count from the end once."""

from __future__ import annotations

from mobilecat.formats.coreai.read.op import Call, int64_of, reads
from mobilecat.formats.coreai.read.writer import BOOL, Refused, carried


@reads("coreai.gather_nd", moves=True)
def gather_nd(c: Call) -> str:
    return c.g("GatherND", c[0], int64_of(c.g, c.inputs[1]))


@reads("coreai.gather_along_axis", moves=True)
def gather_along_axis(c: Call) -> str:
    return c.g("GatherElements", c[0], int64_of(c.g, c.inputs[1]), axis=c.axis(2))


@reads("coreai.scatter_nd", moves=True)
def scatter_nd(c: Call) -> str:
    """The region says how old and new meet; the dialect's verifier knows replacing only."""
    block = c.op.regions[0] if c.op.regions else None
    if block is not None and (len(block.ops) != 1 or block.ops[0].operands != block.arguments[1:]):
        raise Refused("with a rule of its own for old and new")
    return c.g("ScatterND", c[0], int64_of(c.g, c.inputs[1]), c[2])


_MODES = {"update": "none", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@reads("coreai.scatter_along_axis")
def scatter_along_axis(c: Call) -> str:
    mode = c.attribute("scatter_mode", "update")
    if mode not in _MODES and mode != "sub":
        raise Refused(f"with mode {mode}")
    if mode != "update" and c.inputs[0].element not in ("f32", "f16", "si32", "si64"):
        raise Refused(f"with mode {mode} on {c.inputs[0].element}")
    updates = c.g("Neg", c[2]) if mode == "sub" else c[2]
    return c.g(
        "ScatterElements",
        c[0],
        int64_of(c.g, c.inputs[1]),
        updates,
        axis=c.axis(3),
        reduction="add" if mode == "sub" else _MODES[mode],
    )


@reads("coreai.non_zero", moves=True)
def non_zero(c: Call) -> str:
    plain = c[0] if c.inputs[0].element == "i1" else c.g.cast(c[0], BOOL)
    found = c.g("Transpose", c.g("NonZero", plain), perm=[1, 0])
    return c.g.cast(found, carried(c.result.element))
