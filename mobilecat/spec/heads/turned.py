"""Heads whose boxes are turned."""

from typing import Any, ClassVar, Literal

from mobilecat.spec.heads.base import HeadValue, Name, Units


class ObbHead(HeadValue):
    """Oriented boxes, YOLOv8-style: [1,4+C+1,N] (or [1,N,4+C+1]): a centre box, scores, an angle.

    The box is turned about its centre by the angle. In what follows an angle is in radians,
    clockwise as the picture is seen, of whatever range: turned by π a box is the same. YOLOv8's
    own lie in [−π/4, 3π/4).
    """

    turned: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("obb",)
    carries: ClassVar[tuple[str, ...]] = ("angles",)
    family_nms: ClassVar[dict[str, Any]] = {"where": "app", "overlap": "probiou"}
    kind: Literal["obb"]
    output: Name | None = None
    """The output with the rows, where there are several that could be it."""
    angle: Literal["radians", "degrees"] = "radians"
    """Unit of the network's angles: YOLOv8's are radians, some exports have degrees."""
    direction: Literal["clockwise", "counterclockwise"] = "clockwise"
    """Which way a growing angle turns the box, as the picture is seen (y points down)."""
    angle_column: Literal["last", "fifth"] = "last"
    """Where a row has its angle: behind the scores, or right behind the box."""
    units: Units = "pixels"
    """Of boxes: pixels of the input, or 0..1 of it."""
    layout: Literal["rows-last", "rows-first"] | None = None
    """rows-last: [1,4+C+1,N]. Inferred: N is the longer."""
