"""What every head provides, and where to find it by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from mobilecat.graph import Array
from mobilecat.rows import rows_among

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.graph.builder import Builder

Shapes = Mapping[str, tuple[int, ...]]

ANCHORS = "mobilecat.anchors"
"""Anchors that come with a network: base64 of little-endian float32 under this key of the frozen
graph's metadata, and an output of this name among the reference's. Rows [N,4]: centre y, centre x,
height, width in 0..1 of the input."""


NETWORKS_OWN = "__network"
"""What a network's output gets behind its name where the contract takes that name."""


@dataclass(frozen=True)
class Candidates:
    """Decoded, before suppression; as graph values or as arrays.

    boxes: [1,N,4] xyxy, pixels of the model input. scores: [1,N,C].
    rows: what each carries besides, [1,N,D] by its name in `mobilecat.rows`; landmarks, [1,N,2·L],
    are x,y pairs in the same pixels. maps: what belongs to the whole picture, by its name in
    `mobilecat.rows.MAPS`: mask_prototypes [1,P,h,w], class_map [1,H,W].
    A head without suppression has N = 1.
    """

    boxes: Any
    scores: Any
    rows: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, Any]:
        """Boxes, scores and row values by name, in the order of the table."""
        carried = {row.name: self.rows[row.name] for row in rows_among(self.rows)}
        return {"boxes": self.boxes, "scores": self.scores, **carried}


@dataclass(frozen=True)
class Network:
    """What a head may know of the network: output shapes, input size, anchors that came with it."""

    outputs: Shapes
    size_wh: tuple[int, int]
    anchors: Array | None = None


@dataclass(frozen=True)
class EncodedAnchors:
    """What encodings ty, tx, th, tw stand for.

    rows: [N,4] centre y, centre x, height, width in 0..1 of the input. scales: what the encodings
    are divided by: cy = ty / scales[0] · height + centre y, h = e^(th / scales[2]) · height.
    """

    rows: Array
    scales: tuple[float, float, float, float]


@dataclass(frozen=True)
class Native:
    """A head whose network speaks of anchors itself.

    write: returns encodings [1,N,4] and scores [1,N,C] as graph values.
    """

    anchors: EncodedAnchors
    write: Callable[[Builder, Mapping[str, ir.Value]], tuple[ir.Value, ir.Value]]


Finish = Callable[["Builder", "Candidates"], dict[str, Any]]
"""(builder of nodes in float32, what was kept: boxes [1,K,4], rows [1,K,D], maps) → outputs by
name, zero from `count` on as the boxes are."""


@dataclass(frozen=True)
class Head:
    """A head settled for one network.

    raw: the network outputs it reads. classes, points: how many it gives. carries: the names of
    the row values beside landmarks (`mobilecat.rows`). finish: what the graph makes of row values
    after suppression, which takes their place.
    settled: what was inferred or chosen, in words, for the user.
    decode: writes the decode into a graph, from the raw outputs by name.
    native: the same before boxes are decoded, where there are anchors.
    """

    raw: tuple[str, ...]
    classes: int
    points: int
    settled: str
    decode: Callable[[Builder, Mapping[str, ir.Value]], Candidates]
    native: Native | None = None
    carries: tuple[str, ...] = ()
    finish: Finish | None = None


def graph_head(
    spec: Any, outputs: Shapes, size_wh: tuple[int, int], anchors: Array | None = None
) -> Head:
    """Return the head of `spec` settled for a network; ModelError where its outputs do not fit."""
    module = import_module(f"mobilecat.heads.{_module(spec.kind)}")
    return cast(Head, module.settle(spec, Network(outputs, size_wh, anchors)))


def reference_decode(
    spec: Any, outputs: Mapping[str, Array], size_wh: tuple[int, int]
) -> Candidates:
    """Return the candidates of one picture in numpy, float64, apart from the graph form."""
    module = import_module(f"mobilecat.heads.reference.{_module(spec.kind)}")
    return cast(Candidates, module.decode(spec, outputs, size_wh))


def _module(kind: str) -> str:
    return kind.replace("+", "_")
