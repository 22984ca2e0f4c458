"""The three methods: each gives a map of the source and of every lane that can.

grad-cam   the source's gradients of a score, over its own values of a layer and every artifact's
eigen-cam  a layer's values alone
occlusion  results alone
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx_ir as ir

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.graph import Array
from mobilecat.lanes import Lane
from mobilecat.lanes.source import SourceRunner, source_file
from mobilecat.saliency.cam import Floats, eigen_cam, grad_cam
from mobilecat.saliency.layers import (
    by_depth,
    channels_first,
    chosen,
    graph_of,
    maps_of,
    of_artifact,
    of_graph,
)
from mobilecat.saliency.occlusion import occlusion_map
from mobilecat.saliency.slopes import slopes_of

MOST_LAYERS = 24
"""So many layers, the deepest first, are looked for in the source."""


@dataclass(frozen=True)
class Asked:
    """What is looked at. lanes: of artifacts. class_id: None for the best. layer: by its name in
    the graph, None for the deepest. source: its file, where the bundle says another."""

    folder: Path
    bundle: Bundle
    tensors: Mapping[str, Array]
    lanes: tuple[Lane, ...]
    class_id: int | None
    layer: str | None
    source: Path | None
    opener: Callable[[Lane], Runner]
    progress: Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """layer: "" where no one layer was looked at. maps: lane → what it was made from, and the map;
    the source's first. idle: lanes without one, and why."""

    layer: str
    maps: Mapping[str, tuple[str, Floats]]
    idle: Mapping[str, str]


Given = TypeVar("Given")


def over(
    asked: Asked, lanes: Iterable[Lane], look: Callable[[Lane], Given]
) -> tuple[dict[str, Given], dict[str, str]]:
    """Return what `look` gives of each lane, by its name; and why the others give nothing."""
    given, idle = {}, {}
    for lane in lanes:
        asked.progress(f"looking into {lane.name}")
        try:
            given[lane.name] = look(lane)
        except (NotRun, MobileCatError) as why:
            idle[lane.name] = str(why).replace("\n", " ")
    return given, idle


@dataclass(frozen=True)
class _Layers:
    """The frozen graph's feature maps: their shapes, those that every artifact shows, and what
    each artifact gives of them."""

    model: ir.Model
    record: ArtifactRecord
    shapes: Mapping[str, tuple[int, ...]]
    shared: tuple[str, ...]
    given: Mapping[str, Mapping[str, Array]]
    idle: Mapping[str, str]

    def of_source(self, asked: Asked, names: list[str]) -> dict[str, Array]:
        return of_graph(self.model, asked.tensors, asked.bundle, self.record, names)


def _layers(asked: Asked) -> _Layers:
    if not asked.lanes:
        raise MobileCatError("Nothing to compare", [Problem("no artifact is chosen")])
    try:
        path = source_file(asked.folder, asked.bundle, asked.source)
    except NotRun as why:
        raise MobileCatError("The source model is missing", [Problem(str(why))]) from None
    record = asked.lanes[0].artifact
    assert record is not None
    asked.progress(f"baking {path.name} again")
    model = graph_of(asked.folder, asked.bundle, path, record)
    shapes = maps_of(model)

    def look(lane: Lane) -> dict[str, Array]:
        shown = of_artifact(asked.folder, lane, asked.tensors, shapes)
        if not shown:
            raise NotRun("it shows no feature map under the graph's names")
        return shown

    given, idle = over(asked, asked.lanes, look)
    shared = tuple(n for n in shapes if all(n in shown for shown in given.values()))
    return _Layers(model, record, shapes, shared, given, idle)


def by_layer(asked: Asked) -> Made:
    """Eigen-CAM of one layer that the graph and every artifact have, by its name."""
    layers = _layers(asked)
    name = chosen(layers.shapes, layers.shared, asked.layer)
    values = {"source": layers.of_source(asked, [name])[name]}
    values |= {lane: shown[name] for lane, shown in layers.given.items()}
    how = "its values of the layer"
    maps = {lane: (how, eigen_cam(channels_first(v))) for lane, v in values.items()}
    return Made(name, maps, layers.idle)


def by_gradient(asked: Asked, source: SourceRunner) -> Made:
    """Grad-CAM: a score's gradients at a layer, from the source's own engine.

    An artifact has no gradients. Its map is made of its own values of the layer, each channel
    weighted as the source's gradients say: it differs from the source's where those values do.
    """
    layers = _layers(asked)
    chosen(layers.shapes, layers.shared, asked.layer)  # refuses what is not there
    names = [asked.layer] if asked.layer else by_depth(layers.shapes, layers.shared)[:MOST_LAYERS]
    asked.progress("the gradient of the score")
    factors = _factors(source, asked)
    values = layers.of_source(asked, names)
    found = source.gradient(asked.tensors, [channels_first(values[n]) for n in names], factors)
    name, slopes = names[found.place], found.slopes
    if not np.any(slopes):
        what = Problem(f"every gradient of the score at {name} is 0: it is saturated")
        raise MobileCatError("Grad-CAM shows nothing", [what])
    maps = {"source": (f"gradients of {source.engine}", grad_cam(found.values, slopes))}
    for lane, shown in layers.given.items():
        made = grad_cam(channels_first(shown[name]), slopes)
        maps[lane] = ("its values, the source's gradients", made)
    return Made(name, maps, layers.idle)


def _factors(source: SourceRunner, asked: Asked) -> dict[str, Floats]:
    """Return ∂score/∂output of the network's own outputs: of the best candidate's score."""
    raw = source.raw(asked.tensors)
    scores = source.scores(raw)
    if not scores.size:
        raise MobileCatError("Grad-CAM shows nothing", [Problem("the head gives no candidate")])
    best = int(scores.max(0).argmax()) if asked.class_id is None else asked.class_id

    def score(outputs: Mapping[str, Array]) -> float:
        return float(source.scores(outputs)[:, best].max())

    found = slopes_of(score, raw)
    return {n: v for n, v in found.items() if np.any(v)}


def by_hiding(asked: Asked) -> Made:
    """Occlusion of the best candidate's score, of one class or of any."""
    names = (c.name for c in asked.bundle.candidates)
    name = next((n for n in names if n.endswith("candidate_scores")), None)

    def look(lane: Lane) -> tuple[str, Floats]:
        engine = asked.opener(lane)
        tap = name if lane.artifact is None or name in lane.artifact.taps else None

        def score(pixels: Array) -> float:
            outputs = engine.infer({**asked.tensors, "image": pixels}, [tap] if tap else ())
            return _score(outputs, tap, asked.class_id)

        def say(step: str) -> None:
            asked.progress(f"{lane.name}: {step}")

        how = "its scores" if tap else "what it finds"
        return how, occlusion_map(asked.tensors["image"], score, say)

    maps, idle = over(asked, (Lane("source"), *asked.lanes), look)
    if not maps:
        raise MobileCatError("Nothing ran", [Problem(why, n) for n, why in idle.items()])
    return Made("", maps, idle)


def _score(outputs: Mapping[str, Array], tap: str | None, class_id: int | None) -> float:
    """Return the best score, of a class or of any: of candidates, else of what is found."""
    if tap is not None and tap in outputs:
        scores = np.asarray(outputs[tap], np.float64)
        scores = scores if class_id is None else scores[..., class_id : class_id + 1]
        return float(scores.max()) if scores.size else 0.0
    count = int(np.asarray(outputs["count"]).reshape(-1)[0])
    scores = np.asarray(outputs["scores"], np.float64).reshape(-1)[:count]
    if class_id is not None:
        scores = scores[np.asarray(outputs["class_ids"]).reshape(-1)[:count] == class_id]
    return float(scores.max()) if scores.size else 0.0
