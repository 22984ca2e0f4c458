"""Which shapes a network is frozen with: the picture's from the spec, the rest as the spec says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.errors import ModelError, Problem
from mobilecat.spec import ImageSpec, Spec


def settled_shapes(
    spec: Spec, dims: Mapping[str, tuple[int | None, ...]], path: Path
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Return every input's shape that the spec settles, and a note for each that it changes."""
    shapes = {k: tuple(v) for k, v in spec.shapes.items()}
    if spec.input is not None:
        name = _picture_input(spec.input, dims, path)
        have = dims[name]
        interleaved = _is_interleaved(have, spec.input)
        shapes.setdefault(name, spec.input.shape("NHWC" if interleaved else "NCHW"))
    notes = [
        f"input {name!r}: {_dims(dims[name])} → {_dims(shape)}, as the spec says"
        for name, shape in shapes.items()
        if name in dims and dims[name] != shape
    ]
    return shapes, notes


def _dims(dims: Sequence[int | None]) -> str:
    return "×".join("?" if d is None else str(d) for d in dims)


def _is_interleaved(dims: Sequence[int | None], image: ImageSpec) -> bool:
    """Whether channels come last; a dynamic channel dimension leaves it to the other end."""
    if dims[1] == image.channels:
        return False
    return dims[3] == image.channels or dims[1] is not None


def _picture_input(image: ImageSpec, dims: Mapping[str, tuple[int | None, ...]], path: Path) -> str:
    listed = ", ".join(f"{n} {_dims(d)}" for n, d in dims.items())
    if image.tensor is not None:
        if image.tensor in dims and len(dims[image.tensor]) == 4:
            return image.tensor
        raise ModelError(
            "The spec's picture input is not there",
            [Problem(f"no 4-dimensional input {image.tensor!r}", str(path), f"it has {listed}")],
        )
    fitting = [
        n
        for n, d in dims.items()
        if len(d) == 4 and (d[1] in (image.channels, None) or d[3] in (image.channels, None))
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise ModelError(
        "Which input takes the picture?",
        [
            Problem(
                f"{len(fitting)} inputs have {image.channels} channels; it has {listed}",
                str(path),
                "set input.tensor, or correct input.color",
            )
        ],
    )
