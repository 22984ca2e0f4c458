"""Heat maps of a bundle's lanes on one picture, as a value: in words, drawn, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.geometry.resize import ResizePlan
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.drawing import data_url, draw_detections
from mobilecat.saliency.cam import Floats, enlarged
from mobilecat.shown import Column, Drawn, Line, Shown, Table

if TYPE_CHECKING:
    from PIL.Image import Image

ALIKE = 0.95
"""Correlation with the source's map from which an artifact looks at the same."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """One lane's map. values: (H, W), 0 to 1, over the model's input. peak: its brightest place, in
    pixels of the upright picture. how: what it was made from, in words. correlation: with the
    source's map, None for the source."""

    lane: str
    values: Floats
    peak: tuple[float, float]
    how: str
    correlation: float | None = None


@dataclass(frozen=True, repr=False, eq=False)
class HeatMaps(Shown):
    """Where each lane looks. method, layer: how it was made; layer is "" for occlusion.

    why: why this method. found: what the source finds, in pixels of the picture. label: the class,
    "" for none, or the best.
    """

    bundle: Bundle
    picture: Image
    method: str
    why: str
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
    def differing(self) -> list[str]:
        """Lanes that look elsewhere than the source, in words."""
        maps = ((m.lane, m.correlation) for m in self.maps if m.correlation is not None)
        return [f"{n} looks elsewhere: correlation {r:.3f}" for n, r in maps if not r > ALIKE]

    @property
    def said(self) -> str:
        """How the maps were made, in a line."""
        where = f" of {self.layer}" if self.layer else ""
        of = f", class {self.label}" if self.label else ""
        return f"{self.method}{where}{of}: {self.why}"

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
        yield Line(f"  {self.why}", "dim")
        columns = [Column("lane", "text"), Column("made from", "text")]
        columns += [Column("looks at x, y"), Column("like the source")]
        rows = []
        for m in self.maps:
            alike = "–" if m.correlation is None else f"{m.correlation:.4f}"
            rows.append((m.lane, m.how, f"{m.peak[0]:.0f}, {m.peak[1]:.0f}", alike))
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
        columns = min(4, len(small))
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
            "why": self.why,
            "layer": self.layer or None,
            "class": self.label or None,
            "alike": self.alike,
            "found": self.found.to_json(spec.labels, spec.landmarks),
            "maps": [
                {
                    "lane": m.lane,
                    "how": m.how,
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
