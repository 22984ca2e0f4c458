"""What every head provides, and where to find it by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mobilecat.graph import Array

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.bake.builder import Builder

Shapes = Mapping[str, tuple[int, ...]]


class Candidates(NamedTuple):
    """Decoded, before suppression; as graph values or as arrays.

    boxes: [1,N,4] xyxy, pixels of the model input. scores: [1,N,C].
    landmarks: [1,N,2·L] x,y pairs in the same pixels, or None.
    """

    boxes: Any
    scores: Any
    landmarks: Any


@dataclass(frozen=True)
class Head:
    """A head settled for one network.

    raw: the network outputs it reads. classes, points: how many it gives.
    settled: what was inferred or chosen, in words, for the user.
    decode: writes the decode into a graph, from the raw outputs by name.
    """

    raw: tuple[str, ...]
    classes: int
    points: int
    settled: str
    decode: Callable[[Builder, Mapping[str, ir.Value]], Candidates]


def graph_head(spec: Any, outputs: Shapes, size_wh: tuple[int, int]) -> Head:
    """Return the head of `spec` settled for a network; ModelError where its outputs do not fit."""
    module = import_module(f"mobilecat.heads.{spec.kind}")
    return cast(Head, module.settle(spec, outputs, size_wh))


def reference_decode(
    spec: Any, outputs: Mapping[str, Array], size_wh: tuple[int, int]
) -> Candidates:
    """Return the candidates of one picture in numpy, float64, apart from the graph form."""
    module = import_module(f"mobilecat.heads.reference.{spec.kind}")
    return cast(Candidates, module.decode(spec, outputs, size_wh))
