"""Other preprocessing than a spec's: what is tried where that of the training is in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mobilecat.spec.values import ImageSpec

PIXEL_VALUES = (0.0, 255.0)
RANGES = ((0.0, 1.0), (-1.0, 1.0), PIXEL_VALUES)
"""What networks are trained on, most often."""
IMAGENET: Mapping[str, Any] = {
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "range": [0, 1],
}
_ALIKE = 0.02
"""Two normalisations whose ends differ by less, of their span, are one: a std of 127.5 or 128."""

Key = Literal["color", "range", "resize"]
WORDS: Mapping[Key, str] = {"color": "colour", "range": "range", "resize": "fit"}


@dataclass(frozen=True)
class Otherwise:
    """One other way. key: of [input], `range` also for mean and std. values: what it changes."""

    key: Key
    said: str
    values: Mapping[str, Any]

    def of(self, image: ImageSpec) -> ImageSpec:
        return image.model_copy(update=dict(self.values))

    def to_write(self, image: ImageSpec) -> str:
        """Say what to write into a spec that has `image`."""
        if self.key != "range":
            said = f'{self.key} = "{self.values[self.key]}"'
            padded = self.values[self.key] == "stretch" and (image.pad or image.rounding)
            return f"{said}, and take pad and rounding away" if padded else said
        low, high = self.values["range"]
        said = f"range = [{low:g}, {high:g}]"
        if self.values["mean"] != 0.0:
            mean, std = (list(self.values[k]) for k in ("mean", "std"))
            return f"{said}, mean = {mean}, std = {std}"
        named = [k for k, plain in (("mean", 0.0), ("std", 1.0)) if _plain(image, k) != plain]
        return f"{said}, and take {' and '.join(named)} away" if named else said


def said_of(image: ImageSpec, key: Key) -> str:
    """Return what a spec has, in words: `[-1, 1]`, `BGR`, `letterbox`."""
    if key != "range":
        return str(getattr(image, key))
    ends = ends_of(image)
    low, high = ends[: image.channels], ends[image.channels :]
    if len(set(low)) == len(set(high)) == 1:
        return f"[{low[0]:g}, {high[0]:g}]"
    same = image.channels == 3 and same_values(image, image.model_copy(update=_imagenet(image)))
    return "ImageNet's mean and std" if same else "its mean and std"


def otherwise(image: ImageSpec, *, whole: bool = False, fits: bool = True) -> Iterator[Otherwise]:
    """Give the other colour order, the usual ranges, and the other fit.

    whole: the network takes whole numbers, which no range changes. fits: whether a picture can be
    brought to size another way.
    """
    if swapped := {"RGB": "BGR", "BGR": "RGB"}.get(image.color):
        yield Otherwise("color", swapped, {"color": swapped})
    if not whole:
        tried: list[dict[str, Any]] = [{"range": r, "mean": 0.0, "std": 1.0} for r in RANGES]
        if image.channels == 3:
            tried.append(_imagenet(image))
        for values in tried:
            other = image.model_copy(update=values)
            if not same_values(image, other):
                yield Otherwise("range", said_of(other, "range"), values)
    if fits:
        fitted = "letterbox" if image.resize == "stretch" else "stretch"
        pad = image.pad if fitted == "letterbox" else 0
        yield Otherwise("resize", fitted, {"resize": fitted, "pad": pad, "rounding": None})


def _imagenet(image: ImageSpec) -> dict[str, Any]:
    step = -1 if image.color == "BGR" else 1
    return {k: tuple(float(v) for v in IMAGENET[k][::step]) for k in ("mean", "std")} | {
        "range": (0.0, 1.0)
    }


def ends_of(image: ImageSpec) -> tuple[float, ...]:
    """Return what the pixel value 0 becomes, of each channel, then what 255 does."""
    mean, std = image.per_channel(image.mean), image.per_channel(image.std)
    return tuple((v - m) / s for v in image.range for m, s in zip(mean, std, strict=True))


def same_values(a: ImageSpec, b: ImageSpec) -> bool:
    """Whether range, mean and std of both make the same of a pixel, or nearly."""
    span = max(map(abs, (*ends_of(a), *ends_of(b))))
    return all(abs(x - y) <= _ALIKE * span for x, y in zip(ends_of(a), ends_of(b), strict=True))


def _plain(image: ImageSpec, key: str) -> float | None:
    found = set(image.per_channel(getattr(image, key)))
    return found.pop() if len(found) == 1 else None
