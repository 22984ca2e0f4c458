"""What Core ML or Vision do with a model that its author did not think of, read from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecat.formats.coreml.fillers import FILLERS, MULTIPLE
from mobilecat.formats.coreml.runtime.values import DTYPES, literal
from mobilecat.formats.coreml.runtime.weights import WeightFiles

_MOVING = """
cast concat expand_dims gather gather_along_axis identity reshape slice_by_index slice_by_size split
squeeze stack transpose
concatND expandDims flatten permute rankPreservingReshape reshapeStatic slice sliceStatic splitND
"""
_MOVES = frozenset(_MOVING.split())
_ENDS = frozenset(
    ("conv", "conv_transpose", "linear", "matmul", "convolution", "innerProduct", "batchedMatmul")
)
_SOFTMAX = frozenset(("softmax", "softmaxND"))
_OFFSET = 512  # px: no stride or anchor is that large, every class offset is


@dataclass(frozen=True)
class Op:
    """One operation of either kind of Core ML network; its inputs by parameter, or by number."""

    kind: str
    inputs: Mapping[str, tuple[str, ...]]
    constant: Any = None
    half: bool = False

    @property
    def feeds(self) -> Iterator[str]:
        return (name for names in self.inputs.values() for name in names)


Graph = Mapping[str, Op]
"""The operation behind each value."""


def lints(spec: Any, folder: Path) -> tuple[str, ...]:
    """Return facts that a user should know. folder: what `@model_path` stands for."""
    said: list[str] = []
    models = list(spec.pipeline.models) if spec.WhichOneof("Type") == "pipeline" else [spec]
    for model in models:
        said += _offsets(_graph(model), folder)
    if len(models) > 1 and models[-1].WhichOneof("Type") == "nonMaximumSuppression":
        extra = spec.description.metadata.userDefined.get(FILLERS, "")
        said += _vision(models[-2], models[-1].nonMaximumSuppression, extra)
    return tuple(dict.fromkeys(said))


def _vision(detector: Any, nms: Any, extra: str) -> list[str]:
    classes = len(nms.stringClassLabels.vector) or len(nms.int64ClassLabels.vector)
    said = []
    if detector.WhichOneof("Type") == "mlProgram" and classes % MULTIPLE:
        said.append(
            f"{classes} classes: wrong boxes are reported from an ML Program in front of the "
            f"NonMaximumSuppression model unless their number is a multiple of {MULTIPLE} "
            "(github.com/ultralytics/ultralytics/issues/22309); export it with pad_classes = true "
            "(mobilecat's default), or as an mlmodel"
        )
    # How many there are to choose among; the file is a stranger's.
    if extra.isdecimal() and len(extra) < 4:
        classes -= min(int(extra), classes)
    if classes > 1 and not _is_distribution(_graph(detector), nms.confidenceInputFeatureName):
        said.append(
            f"the {classes} confidences of a box may sum to more than 1, and Vision scales "
            "labels[].confidence to a sum of 1: read observation.confidence"
        )
    return said


def _is_distribution(graph: Graph, name: str) -> bool:
    """Whether a softmax lies between the last convolution and `name`."""
    return any(op.kind in _SOFTMAX for op in _behind(graph, name, lambda op: op.kind not in _ENDS))


def _offsets(graph: Graph, folder: Path) -> list[str]:
    """Class-offset NMS in float16: boxes of all classes apart by an offset that eats their bits."""
    for op in graph.values():
        if op.kind != "non_maximum_suppression":
            continue
        for name in op.inputs.get("boxes", ()):
            for at in _behind(graph, name, lambda op: op.kind in _MOVES):
                if at.kind == "add" and at.half and _adds_offset(graph, at, folder):
                    return [
                        "boxes are moved apart by class before the NMS, in float16, which has "
                        "steps of 0.5 px above 512 and 4 px above 4096: keep the NMS in float32"
                    ]
    return []


def _adds_offset(graph: Graph, add: Op, folder: Path) -> bool:
    for name in add.feeds:
        for op in _behind(graph, name, lambda op: op.kind in _MOVES):
            if op.kind == "mul":
                scalars = (_scalar(graph.get(n), folder) for n in op.feeds)
                if any(s is not None and abs(s) >= _OFFSET for s in scalars):
                    return True
    return False


def _scalar(op: Op | None, folder: Path) -> float | None:
    if op is None or op.kind != "const" or op.constant is None:
        return None
    if op.constant.WhichOneof("value") != "immediateValue":
        return None
    value = literal(op.constant, WeightFiles(folder))
    return None if isinstance(value, list) or value.size != 1 else float(value.reshape(())[()])


def _behind(graph: Graph, name: str, through: Callable[[Op], bool]) -> Iterator[Op]:
    """Yield the operations that `name` is made by, going on behind those that `through` takes."""
    waiting, seen = [name], set()
    while waiting:
        name = waiting.pop()
        op = graph.get(name)
        if name in seen or op is None:
            continue
        seen.add(name)
        yield op
        if through(op):
            waiting += op.feeds


def _graph(model: Any) -> Graph:
    kind = model.WhichOneof("Type")
    if kind == "mlProgram":
        functions = model.mlProgram.functions.values()
        blocks = [b for f in functions for b in f.block_specializations.values()]
        return {
            out.name: _program_op(op) for b in blocks for op in b.operations for out in op.outputs
        }
    if kind.startswith("neuralNetwork"):
        return {out: _layer(x) for x in getattr(model, kind).layers for out in x.output}
    return {}


def _program_op(op: Any) -> Op:
    inputs = {k: tuple(b.name for b in a.arguments if b.name) for k, a in op.inputs.items()}
    types = [out.type.tensorType.dataType for out in op.outputs]
    constant = op.attributes["val"] if op.type == "const" and "val" in op.attributes else None
    return Op(op.type, inputs, constant, any(DTYPES.get(t) == "fp16" for t in types))


def _layer(layer: Any) -> Op:
    inputs: Sequence[str] = layer.input
    return Op(layer.WhichOneof("layer") or "", {str(i): (n,) for i, n in enumerate(inputs)})
