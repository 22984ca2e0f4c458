"""The demo's detector and drawn pictures: a real network for tests that any detector serves."""

from __future__ import annotations

from mobilecat.demo import DETECTOR, FOLDER
from mobilecat.spec import Spec, spec_from_text

SOURCE = FOLDER / "cat_faces.onnx"
PICTURES = FOLDER / "pictures"
ONE = PICTURES / "one_at_night.png"
"""One cat, 300×500: its face at x 79 to 186, y 224 to 314, as it was drawn."""


def cat_faces_spec(targets: str = "[targets.onnx]\n") -> Spec:
    """Return the demo's spec with other targets; its source is `SOURCE`."""
    return spec_from_text(DETECTOR.read_text("utf-8").split("[[targets", 1)[0] + targets)
