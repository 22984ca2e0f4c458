"""`mobilecat explain`: where the source and each artifact look, by the method that fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import DETECTOR, LANDMARKS, CascadeBundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.geometry.resize import ResizePlan
from mobilecat.lanes import Lane, decode_outputs, lanes_of
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.lanes.source import SourceRunner, source_in
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.saliency.cam import Floats, correlation
from mobilecat.saliency.methods import Asked, Made, by_gradient, by_hiding, by_layer
from mobilecat.saliency.result import HeatMap, HeatMaps
from mobilecat.spec import RawHead

METHODS = ("auto", "grad-cam", "eigen-cam", "occlusion")


def explain_picture(
    folder: Path,
    bundle: Bundle,
    image: Picture,
    *,
    class_name: str | None = None,
    method: str = "auto",
    layer: str | None = None,
    runner: str | None = None,
    artifact: str | None = None,
    source: Path | None = None,
    opener: Callable[[Lane], Runner],
    progress: Callable[[str], None] = lambda _: None,
) -> HeatMaps:
    """Return where the source and each artifact look on a picture.

    class_name: a label or its number, whose score it is; the best of any without. method: `auto`
    takes grad-cam where the source's engine gives gradients, else occlusion of a class that is
    named, else eigen-cam.
    Errors: MobileCatError for a class, method or layer that is not there, a bundle without picture
    input, or a source that is missing.
    """
    if method not in METHODS:
        said = Problem(repr(method), "--method", f"one of {', '.join(METHODS)}")
        raise MobileCatError("No such method", [said])
    if method == "eigen-cam" and class_name is not None:
        fix = "leave --class out, or --method grad-cam or occlusion"
        said = Problem("Eigen-CAM shows what a layer sees, of no class", "--class", fix)
        raise MobileCatError("These options do not go together", [said])
    if isinstance(bundle.spec.head, RawHead):
        said = Problem("its head is raw", str(folder), "name a head in the spec; export again")
        raise MobileCatError("This bundle gives tensors, of which no score is known", [said])
    if isinstance(bundle, CascadeBundle):
        fix = f"explain {folder / DETECTOR} and {folder / LANDMARKS}"
        said = Problem("it has two networks", str(folder), fix)
        raise MobileCatError("A cascade is explained by its parts", [said])
    picture = picture_of(image)
    tensors, plan = picture_inputs(bundle, picture)
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    lanes = [x for x in lanes if x.artifact is not None and not x.apples]
    class_id = _class_id(bundle, class_name)
    try:
        original = opener(Lane("source"))
    except NotRun as why:
        raise MobileCatError("The source model cannot be run", [Problem(str(why))]) from None
    found = decode_outputs(original.infer(tensors), plan)
    asked = Asked(folder, bundle, tensors, tuple(lanes), class_id, layer, source, opener, progress)
    taken, why_taken, made = _made(asked, method, source_in(original))
    maps = _maps(made, plan)
    label = "" if taken == "eigen-cam" else class_name or ""
    idle = tuple(made.idle.items())
    return HeatMaps(bundle, picture, taken, why_taken, made.layer, label, maps, found, plan, idle)


def _made(asked: Asked, method: str, source: SourceRunner | None) -> tuple[str, str, Made]:
    """Return the method that was taken, why, and its maps."""
    if method == "occlusion":
        return method, "as asked for", by_hiding(asked)
    if method == "eigen-cam":
        return method, "as asked for", by_layer(asked)
    if source is not None and source.has_gradients:
        why = f"{source.engine}, which runs the source, gives its gradients; artifacts have none"
        try:
            return "grad-cam", why, by_gradient(asked, source)
        except MobileCatError as e:
            if method == "grad-cam":
                raise
            reason = f"no Grad-CAM: {'; '.join(p.what for p in e.problems) or e.summary}"
    else:
        engine = "its engine" if source is None else source.engine
        reason = f"{engine} runs the source here, and gives no gradients, which Grad-CAM needs"
        if method == "grad-cam":
            fix = "leave --method out: the method that fits is taken"
            said = Problem(reason, "--method", fix)
            raise MobileCatError("There are no gradients", [said])
    if asked.class_id is not None:
        return "occlusion", f"{reason}; of one class only hiding tells", by_hiding(asked)
    why = f"{reason}; a layer's values alone are there in every artifact"
    return "eigen-cam", why, by_layer(asked)


def _maps(made: Made, plan: ResizePlan) -> tuple[HeatMap, ...]:
    """Return the maps, each held to the first, which is the source's."""
    maps: list[HeatMap] = []
    for name, (how, values) in made.maps.items():
        alike = correlation(maps[0].values, values) if maps else None
        maps.append(HeatMap(name, values, _peak(values, plan), how, alike))
    return tuple(maps)


def _class_id(bundle: Bundle, name: str | None) -> int | None:
    labels = bundle.spec.labels
    if name is None:
        return None
    if name in labels:
        return labels.index(name)
    if name.isdigit() and int(name) < max(1, len(labels)):
        return int(name)
    said = Problem(repr(name), "--class", f"one of {', '.join(labels)}")
    raise MobileCatError("No such class", [said])


def _peak(values: Floats, plan: ResizePlan) -> tuple[float, float]:
    """Return the brightest place of a map, in pixels of the picture."""
    h, w = values.shape
    i, j = divmod(int(values.argmax()), w)
    place = np.array([[(j + 0.5) * plan.dst_wh[0] / w, (i + 0.5) * plan.dst_wh[1] / h]])
    x, y = plan.image_from_model.points(place)[0]
    return float(x), float(y)
