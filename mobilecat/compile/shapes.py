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
        wanted = spec.input.shape("NHWC" if interleaved else "NCHW")
        if name not in shapes:
            _require_size_of_file(name, have, wanted, spec.input, path)
        shapes.setdefault(name, wanted)
    notes = [
        f"input {name!r}: {_dims(dims[name])} → {_dims(shape)}, as the spec says"
        for name, shape in shapes.items()
        if name in dims and dims[name] != shape
    ]
    return shapes, notes


def _require_size_of_file(
    name: str,
    have: Sequence[int | None],
    wanted: tuple[int, ...],
    image: ImageSpec,
    path: Path,
) -> None:
    """Raise ModelError where the spec's size is another than that of a file of one fixed size.

    Such a network may compute all the same, with a decode made for the other size: every box is
    then wrong, in every artifact and in the source alike, so that nothing later on notices.
    """
    sides = slice(2, 4) if have[1] == image.channels else slice(1, 3)
    rows, cols = have[sides]
    if rows is None or cols is None or (rows, cols) == tuple(wanted[sides]):
        return
    width, height = (rows, cols) if image.transposed else (cols, rows)
    fix = f"set input.size = [{width}, {height}] (width, height)"
    if (width, height) == image.size[::-1]:
        fix += "; exporters often print height before width"
    asked = ", ".join(map(str, wanted))
    raise ModelError(
        "The spec's size is not the file's",
        [
            Problem(
                f"the file is made for {_dims(have)}: width {width}, height {height}; input.size "
                f"says {image.size[0]} × {image.size[1]}",
                f"input {name!r} of {path.name}",
                f"{fix}. Where the network takes any size, say its shape: "
                f'[shapes] "{name}" = [{asked}]',
            )
        ],
    )


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
