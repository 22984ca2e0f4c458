"""An ML Program parsed into frozen blocks: which op reads what, and when a value is last used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.formats.coreml.runtime.errors import malformed
from mobilecat.formats.coreml.runtime.values import TensorType, tensor_type

MAX_DEPTH = 24  # nested blocks


@dataclass(frozen=True)
class Literal:
    """A value written into the program; `proto` is read when it is first needed."""

    proto: Any


@dataclass(frozen=True)
class Operation:
    """One op. `inputs` binds each name to variables (str) or literals."""

    type: str
    name: str
    inputs: Mapping[str, Sequence[str | Literal]]
    attributes: Mapping[str, Literal]
    outputs: Sequence[str]
    types: Sequence[TensorType | None]
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Block:
    """Ops in order. `dies_after[i]` are the variables nobody reads after op i."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    operations: Sequence[Operation]
    dies_after: Sequence[Sequence[str]]


@dataclass(frozen=True)
class FunctionInput:
    name: str
    type: TensorType
    is_state: bool


@dataclass(frozen=True)
class Function:
    """A function of the program, in the one opset it was written for (15 = iOS 15)."""

    inputs: Sequence[FunctionInput]
    opset: int
    body: Block

    @property
    def outputs(self) -> Sequence[str]:
        return self.body.outputs


def parse_function(name: str, proto: Any) -> Function:
    """Parse one function; ArtifactError where names are read before they are made."""
    block = proto.block_specializations.get(proto.opset) if proto.opset else None
    if block is None:
        raise malformed(f"function {name!r} has no block for its opset {proto.opset!r}")
    inputs = [
        FunctionInput(i.name, tensor_type(i.type, i.name), i.type.WhichOneof("type") == "stateType")
        for i in proto.inputs
    ]
    body = _parse_block(block, {i.name for i in inputs}, 0)
    return Function(tuple(inputs), _opset(proto.opset), body)


def _opset(text: str) -> int:
    digits = text.removeprefix("CoreML")
    if not digits.isdigit() or len(digits) > 3:
        raise malformed(f"unknown opset {text!r}")
    return int(digits) + 10  # CoreML5 is the opset of iOS 15


def _parse_block(proto: Any, outer: set[str], depth: int) -> Block:
    if depth > MAX_DEPTH:
        raise malformed("blocks are nested too deeply")
    inputs = tuple(i.name for i in proto.inputs)
    scope = outer | set(inputs)
    operations = []
    for op in proto.operations:
        parsed = _parse_operation(op, scope, depth)
        operations.append(parsed)
        for name in parsed.outputs:
            if name in scope:
                raise malformed(f"the name {name!r} is given twice", f"{op.type} {name!r}")
            scope.add(name)
    for name in proto.outputs:
        if name not in scope:
            raise malformed(f"the block returns {name!r}, which nothing makes")
    local = scope - outer
    return Block(
        inputs, tuple(proto.outputs), tuple(operations), _deaths(operations, local, proto.outputs)
    )


def _parse_operation(op: Any, scope: set[str], depth: int) -> Operation:
    where = f"{op.type} {op.outputs[0].name if op.outputs else ''!r}"
    inputs = {}
    for key, argument in op.inputs.items():
        bound: list[str | Literal] = []
        for a in argument.arguments:
            if a.WhichOneof("binding") == "name":
                if a.name not in scope:
                    raise malformed(f"input {key!r} reads {a.name!r}, which nothing makes", where)
                bound.append(a.name)
            else:
                bound.append(Literal(a.value))
        inputs[key] = tuple(bound)
    types = tuple(
        tensor_type(o.type, where) if o.type.WhichOneof("type") == "tensorType" else None
        for o in op.outputs
    )
    blocks = tuple(_parse_block(b, scope, depth + 1) for b in op.blocks)
    outputs = tuple(o.name for o in op.outputs)
    name = outputs[0] if outputs else ""
    attributes = {k: Literal(v) for k, v in op.attributes.items()}
    return Operation(op.type, name, inputs, attributes, outputs, types, blocks)


def reads(op: Operation) -> set[str]:
    """Return the variables that `op` and the blocks inside it read."""
    found = {a for bound in op.inputs.values() for a in bound if isinstance(a, str)}
    for block in op.blocks:
        found.update(block.outputs)
        for inner in block.operations:
            found |= reads(inner)
    return found


def end_of(block: Block, given: Collection[str], keep: Collection[str]) -> Block:
    """Return the block with only the ops that its outputs and `keep` follow from, where the values
    of `given` are known."""
    wanted, ops = {*block.outputs, *keep}, list[Operation]()
    for op in reversed(block.operations):
        if any(name in wanted and name not in given for name in op.outputs):
            ops.append(op)
            wanted |= reads(op)
    ops.reverse()
    local = {name for op in ops for name in op.outputs}.union(block.inputs, given)
    return Block(block.inputs, block.outputs, tuple(ops), _deaths(ops, local, block.outputs))


def _deaths(
    operations: Sequence[Operation], local: set[str], outputs: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    last: dict[str, int] = {}
    for i, op in enumerate(operations):
        for name in (*op.outputs, *reads(op)):
            last[name] = i
    dying: list[list[str]] = [[] for _ in operations]
    for name, i in last.items():
        if name in local and name not in outputs:
            dying[i].append(name)
    return tuple(tuple(d) for d in dying)
