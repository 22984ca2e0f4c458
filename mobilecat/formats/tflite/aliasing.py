"""Keep LiteRT from overwriting a value that is still to be read.

Given:   RESHAPE(x) → a;  SOFTMAX(a);  later MUL(x)
Result:  RESHAPE(x) → a;  SOFTMAX(a);  RESHAPE(a) → x';  MUL(x')

Without XNNPACK, RESHAPE gives its output the memory of its input, and an operator that is the only
reader of its input may write its result over it. Where `x` in turn lies where an earlier value did,
the planner loses count: SOFTMAX looks like the only reader, and MUL reads what it wrote. So whoever
reads such memory reads it through a RESHAPE of what was read before: all but the last have two
readers then. Operators that nothing could overwrite too early stay as they are.
Measured in LiteRT 2.3; see InputTensorCanBeShared in
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/arena_planner.cc
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Tensor


def protect_aliases(program: Program) -> None:
    """Rewrite the readers of every tensor whose memory could be overwritten too early."""
    done: set[Tensor] = set()
    while (root := _endangered(program, done)) is not None:
        done.add(_chained(program, root))


def _groups(program: Program) -> dict[Tensor, list[Tensor]]:
    """Return each tensor that shares its memory, and all that have it, itself the first."""
    found: dict[Tensor, list[Tensor]] = {}
    root: dict[Tensor, Tensor] = {}
    for op in program.ops:
        if not _shares(program, op):
            continue
        x = op.inputs[0]
        assert x is not None
        first = root.get(x, x)
        root[op.outputs[0]] = first
        found.setdefault(first, [first]).append(op.outputs[0])
    return found


def _shares(program: Program, op: Op) -> bool:
    return (
        op.code == "RESHAPE"
        and op.inputs[0] not in program.inputs
        and op.outputs[0] not in program.outputs
    )


def _endangered(program: Program, done: set[Tensor]) -> Tensor | None:
    """Return the first of a group that has a sole reader before the last one."""
    end = len(program.ops)
    for root, group in _groups(program).items():
        if root in done:
            continue
        members = set(group)
        reads: dict[Tensor, list[int]] = {t: [] for t in group}
        for i, op in enumerate(program.ops):
            for t in op.inputs:
                if t in members:
                    reads[t].append(i)
        if root in program.outputs:
            reads[root].append(end)
        last = max(i for at in reads.values() for i in at)
        for t, at in reads.items():
            if len(at) == 1 and at[0] < last and _may_overwrite(program.ops[at[0]], t):
                return root
    return None


def _may_overwrite(op: Op, x: Tensor) -> bool:
    size = x.size * x.dtype.itemsize
    return op.code != "RESHAPE" and any(t.size * t.dtype.itemsize == size for t in op.outputs)


def _chained(program: Program, root: Tensor) -> Tensor:
    """Let each reader of a group read a RESHAPE of what the one before read; return the root."""
    members = set(_groups(program)[root])
    inner = root
    if root in program.outputs:
        # A graph output has to outlive them all: it becomes a copy, made last.
        inner = Tensor(root.name, root.shape, root.dtype)
    current = inner
    ops: list[Op] = []
    for op in program.ops:
        if _shares(program, op) and op.inputs[0] in members:
            continue
        op.outputs = [inner if t is root else t for t in op.outputs]
        for i, t in enumerate(op.inputs):
            if t not in members or t is None:
                continue
            if t.shape != current.shape:
                alias = Tensor(t.name, t.shape, t.dtype)
                ops.append(_reshape(current, alias))
                current = alias
            op.inputs[i] = current
        ops.append(op)
    if inner is not root:
        ops.append(_reshape(current, root))
    program.ops = ops
    return inner


def _reshape(x: Tensor, result: Tensor) -> Op:
    shape = np.array(result.shape, np.int32)
    target = Tensor(f"{result.name}/shape", shape.shape, shape.dtype, shape)
    return Op("RESHAPE", [x, target], [result], {"newShape": list(result.shape)})
