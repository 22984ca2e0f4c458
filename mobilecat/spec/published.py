"""What families of detectors publish of their preprocessing, and where a spec says otherwise.

Sources are the families' own repositories, as docs/adding-a-head.md lists them. A head that is
taken for networks of anyone's own (`yolov8`, `classify`, `ssd` …) publishes nothing here, unless
the file itself says that it is of the family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.spec.otherwise import ends_of, same_values
from mobilecat.spec.values import ImageSpec, Spec

LETTERBOX: Mapping[str, Any] = {"range": (0.0, 1.0), "resize": "letterbox", "pad": 114}
"""What the YOLO family trains on."""
_FITS = {
    "stretch": "stretch",
    "letterbox": "centred",
    "fit-pad": "centred",  # another rounding, of a pixel at most
    "letterbox-topleft": "top left",
}
"""What a fit makes of a picture, and where it lies in the padding."""
_VALUES = ("range", "mean", "std")
_PLAIN: Mapping[str, Any] = {"range": (0.0, 255.0), "mean": 0.0, "std": 1.0, "color": "RGB"}


@dataclass(frozen=True)
class Published:
    """image: keys of [input]; those of range, mean, std and color that are left out are a spec's
    defaults, a `resize` that is left out is not published. also: other versions of the family."""

    family: str
    image: Mapping[str, Any]
    also: tuple[Mapping[str, Any], ...] = ()


PUBLISHED: Mapping[str, Published] = {
    "yunet": Published("YuNet", {"color": "BGR"}),
    "ultraface": Published("UltraFace", {"mean": 127.0, "std": 128.0, "resize": "stretch"}),
    "blazeface": Published(  # MediaPipe's detectors of faces and poses; of palms
        "BlazeFace",
        {"range": (-1.0, 1.0), "resize": "letterbox"},
        ({"range": (0.0, 1.0), "resize": "letterbox"},),
    ),
    "yolov5": Published("YOLOv5", LETTERBOX),
    "yolov3": Published("YOLOv3", LETTERBOX),
    "yolo5face": Published("YOLO5Face", LETTERBOX),
    "yolox": Published(
        "YOLOX",
        {"color": "BGR", "resize": "letterbox-topleft", "pad": 114},
        # Its first release: https://github.com/Megvii-BaseDetection/YOLOX, "legacy".
        (
            {
                "range": (0.0, 1.0),
                "mean": (0.485, 0.456, 0.406),
                "std": (0.229, 0.224, 0.225),
                "resize": "letterbox-topleft",
                "pad": 114,
            },
        ),
    ),
    "scrfd": Published("SCRFD", {"mean": 127.5, "std": 128.0, "resize": "letterbox-topleft"}),
}
"""By the kind of head."""

TASKS: Mapping[str, Published] = {
    kind: Published(f"the YOLO family (head {kind})", LETTERBOX)
    for kind in ("yolov8", "pose", "masks", "obb")
}
"""Of files whose own metadata says what they were trained for (`task`)."""


@dataclass(frozen=True)
class Difference:
    """One key of [input] that a family publishes otherwise. `range` stands for mean and std too.

    given, published: what the spec has, what the family has, as a spec writes it. write: what to
    do about it.
    ends: the largest magnitude that the family makes of a pixel.
    """

    key: str
    family: str
    given: str
    published: str
    write: str
    ends: float = 0.0

    @property
    def said(self) -> str:
        return (
            f"[input] has {self.given}, but {self.family} is published with {self.published}: "
            f"{self.write}, unless your network was trained with what you have"
        )


def differences(spec: Spec, task: bool = False) -> tuple[Difference, ...]:
    """Return what of a spec's [input] its head's family publishes otherwise; () where it publishes
    nothing that is known here.

    task: whether the file itself says what it was trained for.
    """
    known = PUBLISHED.get(spec.head.kind) or (TASKS.get(spec.head.kind) if task else None)
    if spec.input is None or known is None:
        return ()
    each = [_differences(spec.input, image, known.family) for image in (known.image, *known.also)]
    return () if not all(each) else each[0]


def _differences(
    image: ImageSpec, published: Mapping[str, Any], family: str
) -> tuple[Difference, ...]:
    found = []
    own = {**_PLAIN, **published}
    if image.color != "GRAY" and image.color != own["color"]:
        keys = f'color = "{image.color}"', f'color = "{own["color"]}"'
        found.append(Difference("color", family, *keys, f"write {keys[1]}"))
    values = {k: own[k] for k in _VALUES}
    scalar = not any(isinstance(own[k], tuple) for k in ("mean", "std"))
    if (scalar or image.channels == 3) and not same_values(image, image.model_copy(update=values)):
        given = {k: getattr(image, k) for k in _VALUES}
        said = _written(given), _written(values), _to_write(given, values)
        ends = max(map(abs, ends_of(image.model_copy(update=values))))
        found.append(Difference("range", family, *said, ends))
    fit = published.get("resize")
    if fit is not None and _FITS[fit] != _FITS[image.resize]:
        pad = f", pad = {published['pad']}" if "pad" in published else ""
        gone = [k for k, v in (("pad", image.pad), ("rounding", image.rounding)) if v]
        write = f'write resize = "{fit}"{pad}'
        if fit == "stretch" and gone:
            write += f", and take {' and '.join(gone)} away"
        found.append(
            Difference(
                "resize", family, f'resize = "{image.resize}"', f'resize = "{fit}"{pad}', write
            )
        )
    elif fit is not None and fit != "stretch" and image.pad != published.get("pad", image.pad):
        pad = f"pad = {published['pad']}"
        found.append(Difference("pad", family, f"pad = {image.pad}", pad, f"write {pad}"))
    return tuple(found)


def _written(values: Mapping[str, Any]) -> str:
    """Return range, mean and std as a spec has them; of those that do nothing, the range alone."""
    said = [f"{k} = {_toml(v)}" for k, v in values.items() if v != _PLAIN[k]]
    return ", ".join(said) or f"range = {_toml(_PLAIN['range'])}"


def _to_write(given: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    wrong = [k for k in _VALUES if given[k] != published[k]]
    gone = [k for k in wrong if k != "range" and published[k] == _PLAIN[k]]
    kept = ", ".join(f"{k} = {_toml(published[k])}" for k in wrong if k not in gone)
    said = f"write {kept}" if kept else ""
    if not gone:
        return said
    taken = f"take {' and '.join(gone)} away"
    return f"{said}, and {taken}" if said else taken


def _toml(value: float | Sequence[float]) -> str:
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return f"[{', '.join(f'{v:g}' for v in value)}]"
