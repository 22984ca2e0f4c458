"""What a fault is, and the groups of models and formats that faults are planted in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilecat.compare.compare import Stage
from tools.plant_faults.changes import Plant
from tools.plant_faults.workshop import FORMATS

ALL = ("yunet", "ssdlite", "yolox_nano", "mtcnn_onet")
DETECTORS = ("yunet", "ssdlite", "yolox_nano")
GRIDS = ("yunet", "yolox_nano")  # anchor-free: boxes from the cells of a grid
COREML = ("mlpackage", "mlmodel")


@dataclass(frozen=True)
class Fault:
    """One kind of fault. layer: the node whose weights were changed, for `bisect` to name.
    score: it is the decode of scores that is at fault."""

    name: str
    stage: Stage
    models: Sequence[str]
    plant: Plant
    formats: Sequence[str] = FORMATS
    layer: str = ""
    score: bool = False

    def stage_in(self, model: str, format: str) -> Stage:
        """Return where it must show.

        O-net's .tflite gives out no candidates but scores: boxes and landmarks are one tensor with
        its results, so a fault of their decode shows in the detections there.
        """
        hidden = (model, format) == ("mtcnn_onet", "tflite") and not self.score
        if hidden and self.stage == "candidates":
            return "detections"
        return self.stage
