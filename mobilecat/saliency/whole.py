"""`mobilecat explain`: where the source and each artifact look, on one layer or by hiding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.lanes import Lane, decode_outputs, lanes_of
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.lanes.source import source_file
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import data_url, draw_detections
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.saliency.cam import Floats, correlation, eigen_cam, enlarged
from mobilecat.saliency.layers import (
    channels_first,
    chosen,
    graph_of,
    maps_of,
    of_artifact,
    of_graph,
)
from mobilecat.saliency.occlusion import occlusion_map
from mobilecat.shown import Column, Drawn, Line, Shown, Table

if TYPE_CHECKING:
    from PIL.Image import Image

METHODS = ("eigen-cam", "occlusion")
ALIKE = 0.95
"""Correlation with the source's map from which an artifact looks at the same."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """One lane's map. values: (H, W), 0 to 1, over the model's input. peak: its brightest place, in
    pixels of the upright picture. correlation: with the source's map, None for the source."""

    lane: str
    values: Floats
    peak: tuple[float, float]
    correlation: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class HeatMaps(Shown):
    """Where each lane looks. method, layer: how it was made; layer is "" for occlusion.

    found: what the source finds, in pixels of the picture. label: the class, "" for the best.
    """

    bundle: Bundle
    picture: Image
    method: str
    layer: str
    label: str
    maps: tuple[HeatMap, ...]
    found: Detections
    plan: ResizePlan
    not_run: tuple[tuple[str, str], ...] = ()

    @property
    def alike(self) -> bool:
        """Whether every artifact looks where the source does."""
        return all(m.correlation is None or m.correlation > ALIKE for m in self.maps)

    @property
    def exit_code(self) -> int:
        return 0 if self.alike else 1

    def __getitem__(self, name: str) -> HeatMap:
        """Return the map of the lane, or of a runner's first."""
        for m in self.maps:
            if name in (m.lane, m.lane.partition(":")[0]):
                return m
        raise KeyError(name)

    def words(self) -> Iterator[Line | Table]:
        where = f" of {self.layer}" if self.layer else ""
        of = f", class {self.label}" if self.label else ""
        yield Line(f"{self.method}{where}{of}", "bold")
        columns = [Column("lane", "text"), Column("looks at x, y"), Column("like the source")]
        rows = []
        for m in self.maps:
            alike = "–" if m.correlation is None else f"{m.correlation:.4f}"
            rows.append((m.lane, f"{m.peak[0]:.0f}, {m.peak[1]:.0f}", alike))
        yield Table(columns, rows)
        yield from (Line(f"{n}: NOT_RUN, {why}", "dim") for n, why in self.not_run)
        if len(self.maps) > 1:
            said = "every artifact looks where its source does"
            other = f"an artifact looks elsewhere than its source: correlation below {ALIKE:g}"
            yield Line(said, "bold green") if self.alike else Line(other, "bold red")

    def drawings(self) -> Iterator[Drawn]:
        yield Drawn(data_url(self.draw(), 960), f"{self.method}: where each lane looks")

    def draw(self) -> Image:
        """Return the picture with the source's boxes, and beside it each lane's map over it."""
        from PIL import Image, ImageDraw, ImageFont

        spec = self.bundle.spec
        panels = [(draw_detections(self.picture, self.found, spec.labels), "found by the source")]
        panels += [(self._over(m.values), _titled(m)) for m in self.maps]
        side = 320
        small = []
        for panel, title in panels:
            panel.thumbnail((side, side))
            small.append((panel, title))
        w, h = small[0][0].size
        bar, gap = 38, 10
        pad = max(0, 210 - w) // 2  # a title needs its width
        w += 2 * pad
        columns = min(3, len(small))
        rows = -(-len(small) // columns)
        sheet = Image.new("RGB", (columns * (w + gap) - gap, rows * (h + bar + gap) - gap), "white")
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
        for k, (panel, title) in enumerate(small):
            x, y = k % columns * (w + gap), k // columns * (h + bar + gap)
            pen.text((x + 2, y + 3), title, fill="black", font=font)
            sheet.paste(panel, (x + pad, y + bar))
        return sheet

    def _over(self, values: Floats) -> Image:
        """Return the picture, grey, with a map over it: blue, through red, to yellow."""
        from PIL import Image

        wh = self.picture.size
        heat = self._on_picture(values)
        t = heat[..., None]
        colours = np.concatenate([np.clip(2 * t, 0, 1), np.clip(2 * t - 1, 0, 1), 0.6 - 0.6 * t], 2)
        grey = np.asarray(self.picture.convert("L"), np.float64)[..., None] / 255
        mixed = (0.55 - 0.25 * t) * grey + (0.45 + 0.25 * t) * colours
        assert heat.shape == wh[::-1]
        return Image.fromarray(np.rint(255 * np.clip(mixed, 0, 1)).astype(np.uint8))

    def _on_picture(self, values: Floats) -> Floats:
        """Return a map over the model's input at each pixel of the picture."""
        return on_picture(values, self.plan)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        spec = self.bundle.spec
        return {
            "schema": 1,
            "method": self.method,
            "layer": self.layer or None,
            "class": self.label or None,
            "alike": self.alike,
            "found": self.found.to_json(spec.labels, spec.landmarks),
            "maps": [
                {
                    "lane": m.lane,
                    "peak_xy": [round(v, 2) for v in m.peak],
                    "correlation": None if m.correlation is None else round(m.correlation, 6),
                    "values": np.round(m.values, 4).tolist(),
                }
                for m in self.maps
            ],
            "not_run": dict(self.not_run),
        }


def _titled(m: HeatMap) -> str:
    return m.lane if m.correlation is None else f"{m.lane}\nr = {m.correlation:.3f}"


def on_picture(values: Floats, plan: ResizePlan) -> Floats:
    """Return a map (h, w) over the model's input at each pixel of the picture, (H, W)."""
    whole = enlarged(values, plan.dst_wh)
    w, h = plan.src_wh
    to = plan.model_from_image
    xs = np.clip(np.floor(to.a * (np.arange(w) + 0.5) + to.tx), 0, plan.dst_wh[0] - 1).astype(int)
    ys = np.clip(np.floor(to.d * (np.arange(h) + 0.5) + to.ty), 0, plan.dst_wh[1] - 1).astype(int)
    out: Floats = whole[ys][:, xs]
    return out


def explain_picture(
    folder: Path,
    bundle: Bundle,
    image: Picture,
    *,
    class_name: str | None = None,
    method: str = "eigen-cam",
    layer: str | None = None,
    runner: str | None = None,
    artifact: str | None = None,
    source: Path | None = None,
    opener: Callable[[Lane], Runner],
    progress: Callable[[str], None] = lambda _: None,
) -> HeatMaps:
    """Return where the source and each artifact look on a picture.

    class_name: a label or its number; of occlusion, whose score it is; the best of any without.
    Errors: MobileCatError for a class, method or layer that is not there, a bundle without picture
    input, or a source that is missing.
    """
    if method not in METHODS:
        said = Problem(repr(method), "--method", f"one of {', '.join(METHODS)}")
        raise MobileCatError("No such method", [said])
    if method == "eigen-cam" and class_name is not None:
        fix = "leave --class out, or --method occlusion"
        said = Problem("Eigen-CAM shows what a layer sees, of no class", "--class", fix)
        raise MobileCatError("These options do not go together", [said])
    picture = picture_of(image)
    tensors, plan = picture_inputs(bundle, picture)
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    lanes = [x for x in lanes if x.artifact is not None and not x.apples]
    found = decode_outputs(opener(Lane("source")).infer(tensors), plan)
    class_id = _class_id(bundle, class_name)
    work = _occluded if method == "occlusion" else _on_layer
    layer, made, idle = work(
        folder, bundle, tensors, lanes, class_id, layer, source, opener, progress
    )
    first = made[0][1]
    maps = []
    for k, (name, values) in enumerate(made):
        r = None if k == 0 else correlation(first, values)
        maps.append(HeatMap(name, values, _peak(values, plan), r))
    label = class_name or ""
    return HeatMaps(
        bundle, picture, method, layer or "", label, tuple(maps), found, plan, tuple(idle)
    )


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


_Work = tuple[str, list[tuple[str, Floats]], list[tuple[str, str]]]


def _on_layer(
    folder: Path,
    bundle: Bundle,
    tensors: Mapping[str, Array],
    lanes: Sequence[Lane],
    class_id: int | None,
    asked: str | None,
    source: Path | None,
    opener: Callable[[Lane], Runner],
    progress: Callable[[str], None],
) -> _Work:
    """Eigen-CAM of one layer that the graph and every artifact have, by its name."""
    if not lanes:
        raise MobileCatError("Nothing to compare", [Problem("no artifact is chosen")])
    try:
        path = source_file(folder, bundle, source)
    except NotRun as why:
        raise MobileCatError("The source model is missing", [Problem(str(why))]) from None
    record = lanes[0].artifact
    assert record is not None
    progress(f"baking {path.name} again")
    model = graph_of(folder, bundle, path, record)
    shapes = maps_of(model)
    given: dict[str, dict[str, Array]] = {}
    idle = []
    for lane in lanes:
        progress(f"looking into {lane.name}")
        try:
            shown = of_artifact(folder, lane, tensors, shapes)
        except (NotRun, MobileCatError) as why:
            idle.append((lane.name, str(why).replace("\n", " ")))
            continue
        if shown:
            given[lane.name] = shown
        else:
            idle.append((lane.name, "it shows no feature map under the graph's names"))
    shared = [n for n in shapes if all(n in shown for shown in given.values())]
    name = chosen(shapes, shared, asked)
    own = of_graph(model, tensors, bundle, record, [name])[name]
    made = [("source", eigen_cam(channels_first(own)))]
    made += [(n, eigen_cam(channels_first(shown[name]))) for n, shown in given.items()]
    return name, made, idle


def _occluded(
    folder: Path,
    bundle: Bundle,
    tensors: Mapping[str, Array],
    lanes: Sequence[Lane],
    class_id: int | None,
    asked: str | None,
    source: Path | None,
    opener: Callable[[Lane], Runner],
    progress: Callable[[str], None],
) -> _Work:
    """Occlusion of the best candidate's score, of one class or of any."""
    made, idle = [], []
    name = next((c.name for c in bundle.candidates if c.name.endswith("candidate_scores")), None)
    for lane in (Lane("source"), *lanes):
        try:
            engine = opener(lane)
        except NotRun as why:
            idle.append((lane.name, str(why)))
            continue
        tap = name if lane.artifact is None or name in lane.artifact.taps else None

        def score(pixels: Array, engine: Runner = engine, tap: str | None = tap) -> float:
            outputs = engine.infer({**tensors, "image": pixels}, [tap] if tap else ())
            return _score(outputs, tap, class_id)

        def say(step: str, lane: Lane = lane) -> None:
            progress(f"{lane.name}: {step}")

        made.append((lane.name, occlusion_map(tensors["image"], score, say)))
    if not made:
        raise MobileCatError("Nothing ran", [Problem(why, n) for n, why in idle])
    return "", made, idle


def _score(outputs: dict[str, Array], tap: str | None, class_id: int | None) -> float:
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


def _peak(values: Floats, plan: ResizePlan) -> tuple[float, float]:
    """Return the brightest place of a map, in pixels of the picture."""
    h, w = values.shape
    i, j = divmod(int(values.argmax()), w)
    place = np.array([[(j + 0.5) * plan.dst_wh[0] / w, (i + 0.5) * plan.dst_wh[1] / h]])
    x, y = plan.image_from_model.points(place)[0]
    return float(x), float(y)
