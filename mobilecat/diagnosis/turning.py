"""What a frame's facts say of a turn: which orientation mends it, and which turns they deny."""
# ruff: noqa: E501  (a table: one fix a line)

from __future__ import annotations

from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.fixes import Fix
from mobilecat.diagnosis.maps import UNIT, turned_by_the_app
from mobilecat.geometry.orientation import Orientation, compose_orientations, stored_from_upright

NEEDS = {
    "4": Orientation.RIGHT,
    "4b": Orientation.LEFT,
    "4c": Orientation.LEFT_MIRRORED,
    "4d": Orientation.RIGHT_MIRRORED,
    "5": Orientation.DOWN,
}
"""The rows whose frame went in turned or mirrored, and what it needs beyond what was done."""
_HOW = {
    "4": "lying on its side",
    "4b": "lying on its other side",
    "4c": "lying on its side and mirrored",
    "4d": "lying on its side and mirrored",
    "5": "upside down",
}
MIRRORED = ("4c", "4d")
TURNED_ELSEWHERE = Fix(
    "look at the orientation of the VNImageRequestHandler that is performed, and turn neither buffer nor boxes once more",
    "look at the rotation that InputImage or the model's input really gets, and turn neither bitmap nor boxes once more",
    "look at the rotation that InputImage really gets, and turn neither image nor boxes once more",
    "look at the rotation that the model's input really gets, and turn neither canvas nor boxes once more",
)
"""Where the facts deny a turn and the boxes show it all the same: no orientation mends it."""


def to_hand_over(row: str, f: Facts) -> Orientation:
    """Return the orientation that the app should have handed over, where `row` happened."""
    if f.known or f.orientation not in (Orientation.UP, f.handed):
        return f.orientation
    return compose_orientations(NEEDS[row], f.handed or Orientation.UP)


def denied(row: str, f: Facts) -> str:
    """Return why the facts deny that a frame went in turned, as half a sentence; else nothing.

    Where it is known what the frame needs and what was handed over, only one turn can be. Where
    nobody knows what it needs, a back camera's frame still needs no mirror.
    """
    if row not in NEEDS:
        return ""
    if not f.known or f.handed is None:
        back = f.camera == "back" and row in MIRRORED and f.handed not in _MIRRORING
        return "a back camera's frame needs no mirror" if back else ""
    if stored_from_upright(NEEDS[row], UNIT).isclose(turned_by_the_app(f)):
        return ""
    handed = f"it was handed over as .{f.handed.cg_name} (EXIF {int(f.handed)})"
    if f.engine == "coreai":
        handed = f"it was turned by .{f.handed.cg_name} (EXIF {int(f.handed)})"
    if f.handed == f.orientation:
        return f"{handed}, which is what the frame needs"
    needs = f"the frame needs .{f.orientation.cg_name} (EXIF {int(f.orientation)})"
    return f"{handed} and {needs}, which moves boxes otherwise"


_MIRRORING = (
    Orientation.UP_MIRRORED,
    Orientation.DOWN_MIRRORED,
    Orientation.LEFT_MIRRORED,
    Orientation.RIGHT_MIRRORED,
)


def as_if(row: str, f: Facts) -> str:
    """Return the sentence of a turn that the facts deny and the boxes show."""
    did = "drawn into the model's input" if f.engine == "coreai" else "handed over"
    return (
        f"The boxes lie as if the frame had been {did} {_HOW[row]}, but by the facts given "
        f"{denied(row, f)}: see whether this value reaches the request that ran, and whether "
        "frame or boxes are turned once more elsewhere."
    )
