"""A network with some layers rounded, run on the calibration pictures that show most."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx
import onnx_ir as ir

from mobilecat.disk.cache import cached, keep, scratch_file
from mobilecat.graph import Array
from mobilecat.quantize.calibrate import Calibration, session_of
from mobilecat.quantize.movement import movement, sureness
from mobilecat.quantize.pruned import pruned
from mobilecat.quantize.sensitivity import LIMIT, Found, search
from mobilecat.quantize.simulate import Layer, Step, rounded_name, simulated

PICTURES = 8
"""That detections are compared on: of all pictures those where the float network is surest."""


@dataclass
class Trial:
    """model: the float graph, its names known. watched: the values that are compared: candidates
    before suppression, or what the network gives. fitted: see `simulated`."""

    calibration: Calibration
    model: ir.Model
    watched: tuple[str, ...]
    steps: Mapping[str, Step]
    fitted: Mapping[str, Array] = field(default_factory=dict)
    runs: int = 0
    _fed: list[Array] = field(default_factory=list)
    _before: list[dict[str, Array]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._input = self.model.graph.inputs[0].name or ""
        self._proto = pruned(ir.to_proto(self.model), self.watched)

    def moved(self, layers: Sequence[Layer]) -> float:
        """Return how far detections move with `layers` rounded; see `movement`."""
        if not self._fed:
            self._prepare()
        self.runs += 1
        self.calibration.progress(f"rounding layers one by one: try {self.runs}")
        made = simulated(self._proto, layers, self.steps, self.fitted)
        given = {v for layer in layers for v in layer.gives}
        names = {v: rounded_name(v) if v in given and v in self.steps else v for v in self.watched}
        return movement(self._before, self._run(made, names, self._fed))

    def found(
        self,
        layers: Sequence[Layer],
        limit: float = LIMIT,
        costs: Mapping[str, float] | None = None,
    ) -> Found:
        """Return `sensitivity.search` of the layers, kept between runs by content."""
        key = self._key(layers, limit, costs or {})
        if (kept := cached(key, ".json")) is not None:
            told = json.loads(kept.read_text("utf-8"))
            by_name = {layer.name: layer for layer in layers}
            worst = tuple(by_name[n] for n in told["kept"])
            return Found(told["whole"], told["left"], worst, told["own"])
        found = search(layers, self.moved, limit, costs)
        told = {
            "whole": found.whole,
            "left": found.left,
            "kept": [layer.name for layer in found.kept],
            "own": found.own,
        }
        with scratch_file(".json") as file:
            file.write_text(json.dumps(told), encoding="utf-8")
            keep(key, file, ".json")
        return found

    def _prepare(self) -> None:
        names = {v: v for v in self.watched}
        fed = list(self.calibration.feeds(self.model.graph.inputs[0]))
        before = self._run(self._proto, names, fed)
        surest = sorted(range(len(fed)), key=lambda i: -sureness(before[i]))[:PICTURES]
        self._fed = [fed[i] for i in sorted(surest)]
        self._before = [before[i] for i in sorted(surest)]

    def _run(
        self, proto: onnx.ModelProto, names: Mapping[str, str], fed: Sequence[Array]
    ) -> list[dict[str, Array]]:
        session = session_of(proto, list(names.values()))
        found = (session.run(list(names.values()), {self._input: x}) for x in fed)
        return [dict(zip(names, values, strict=True)) for values in found]

    def _key(self, layers: Sequence[Layer], limit: float, costs: Mapping[str, float]) -> str:
        digest = hashlib.sha256(self._proto.SerializeToString(deterministic=True))
        said = (
            *(repr(layer) for layer in layers),
            *(f"{n}{s}" for n, s in self.steps.items()),
            *self.watched,
            *(f"fitted {n}" for n in self.fitted),
            *self.calibration.hashes,
            self.calibration.image.model_dump_json(),
            f"{limit} {PICTURES}",
            *(f"{n} {c:g}" for n, c in costs.items()),
        )
        digest.update("\0".join(said).encode())
        return f"floats-{digest.hexdigest()[:32]}"
