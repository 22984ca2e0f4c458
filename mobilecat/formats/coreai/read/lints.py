"""What Apple's devices are reported to do with a Core AI program that its author did not think of.

Nothing of this was measured here: no Apple hardware was at hand. Each sentence says where it is
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mobilecat.formats.coreai.read.ir import Block, Module, Op, Tensor, Type

NOT_OURS = "publicly reported, not measured here"


@dataclass(frozen=True)
class Lint:
    """holds: whether an op shows it."""

    holds: Callable[[Op, tuple[Type, ...]], bool]
    says: str
    source: str


def _named(*names: str) -> Callable[[Op, tuple[Type, ...]], bool]:
    wanted = {f"coreai.{n}" for n in names}
    return lambda op, taken: op.name in wanted


def _tensors(op: Op) -> list[Tensor]:
    return [t for t in op.types if isinstance(t, Tensor)]


def _half_argmax(op: Op, taken: tuple[Type, ...]) -> bool:
    first = taken[0] if taken else None
    wanted = ("coreai.argmax", "coreai.reduce_index")
    return op.name in wanted and isinstance(first, Tensor) and first.element == "f16"


LINTS: tuple[Lint, ...] = (
    Lint(
        _named("argsort", "sort"),
        "sorts in the graph (top-k, NMS): the Neural Engine does not, so the graph is cut there",
        "github.com/apple/coreai-torch/issues/66",
    ),
    Lint(
        _half_argmax,
        "argmax of float16: wrong indices on device under default options, right from float32",
        "github.com/apple/coreai-torch/issues/116",
    ),
    Lint(
        _named("interpolate", "interpolate_coordinates"),
        "interpolate: its kernel ended the process when GPU or Neural Engine compiled it; a gather "
        "does the same",
        "coreai-onnx 1.2.1, comments in its source",
    ),
    Lint(
        _named("concat"),
        "concat: MPSGraph's on the GPU ended the process with some channel-concatenating networks",
        "coreai-onnx 1.2.1, comments in its source",
    ),
    Lint(
        lambda op, _: any(len(t.dims) > 5 for t in _tensors(op)),
        "a tensor of more than 5 dimensions: not on the Neural Engine",
        "apple/coreai-models, skills/working-with-coreai/guidance.md",
    ),
    Lint(
        lambda op, _: any(0 in t.dims for t in _tensors(op) if op.name != "coreai.constant"),
        "a tensor with a side of 0: such a model did not load",
        "github.com/ultralytics/ultralytics/issues/25926",
    ),
    Lint(
        lambda op, _: (
            op.name != "coreai.constant"
            and any(t.element in ("si64", "ui64") for t in _tensors(op))
        ),
        "64-bit integers are computed: not on the Neural Engine",
        "apple/coreai-models, skills/working-with-coreai/guidance.md",
    ),
    Lint(
        _named("while", "if"),
        "control flow: Apple's guidance for iOS is static shapes with limited or none",
        "apple/coreai-models, skills/working-with-coreai/guidance.md",
    ),
)


def lints(module: Module) -> tuple[str, ...]:
    """Return what a user should know, a sentence each."""
    said: dict[str, int] = {}
    for op, taken in _ops(module):
        for lint in LINTS:
            if lint.holds(op, taken):
                said[lint.says] = said.get(lint.says, 0) + 1
    found = [
        f"{lint.says} ({said[lint.says]} ops; {NOT_OURS}: {lint.source})"
        for lint in LINTS
        if lint.says in said
    ]
    inputs = [t for g in module.graphs.values() if not g.private for t in g.body.types]
    if any(isinstance(t, Tensor) and t.element == "f16" for t in inputs):
        found.append(
            f"a float16 input ended Apple's runtime; cast behind it ({NOT_OURS}: coreai-onnx 1.2.1)"
        )
    if any(isinstance(t, Tensor) and t.element == "i1" for t in inputs):
        found.append(f"a bool input ended Apple's runtime ({NOT_OURS}: coreai-onnx 1.2.1)")
    return tuple(found)


def _ops(module: Module) -> Iterator[tuple[Op, tuple[Type, ...]]]:
    for graph in module.graphs.values():
        types: dict[int, Type] = {}
        yield from _block(graph.body, types)


def _block(block: Block, types: dict[int, Type]) -> Iterator[tuple[Op, tuple[Type, ...]]]:
    types.update(zip(block.arguments, block.types, strict=True))
    for op in block.ops:
        types.update(zip(op.results, op.types, strict=True))
        yield op, tuple(types[n] for n in op.operands if n in types)
        for region in op.regions:
            yield from _block(region, types)
