"""What is said of a spec's preprocessing at export: by the first layer, by the head's family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilecat.bake.preprocessing import image_input_of
from mobilecat.graph import dtype_of
from mobilecat.graph.declared import declared
from mobilecat.graph.first_layer import FirstLayer, first_layer
from mobilecat.graph.told import told_in
from mobilecat.pictures.odd import assumed
from mobilecat.spec import ImageSpec, Spec
from mobilecat.spec.published import Difference, differences
from mobilecat.spec.published_anchors import anchors_words

if TYPE_CHECKING:
    import onnx_ir as ir

_FAR = 256.0
"""No network is trained on values beyond those of bytes."""
_WHICH_RANGE = (
    "Usual are range = [0, 1] and range = [-1, 1], and both may find something: labelled pictures "
    "tell them apart (mobilecat evaluate), or who trained it."
)


def preprocessing_words(spec: Spec, network: ir.Model) -> tuple[str, ...]:
    """Return the preprocessing that is assumed, and where the first layer or what the head's family
    has published contradicts it."""
    if spec.input is None:
        return ()
    image = spec.input
    first = first_layer(network, image_input_of(network, image).name or "")
    said = [f"assumed preprocessing: {assumed(image)}"]
    published = _published(spec, network, first)
    for difference in published:
        said.append(("note: " if difference.key == "pad" else "warning: ") + difference.said)
    if "range" not in {d.key for d in published}:
        said += _of_values(image, first)
    return (*said, *anchors_words(spec))


def _published(spec: Spec, network: ir.Model, first: FirstLayer | None) -> tuple[Difference, ...]:
    """Return what the family publishes otherwise, without what this very file tells better: its
    metadata, or a first layer that wants other values than the family's."""
    assert spec.input is not None
    told = told_in(network.metadata_props).image
    found = differences(spec, bool(declared(network.metadata_props).task))
    if dtype_of(image_input_of(network, spec.input)).kind in "iu" or told:
        return tuple(d for d in found if d.key not in ("range", "color"))
    return tuple(d for d in found if d.key != "range" or not _normalises(first, d.ends))


def _normalises(first: FirstLayer | None, ends: float) -> bool:
    """Whether a network looks as if it took other values than its family's: it divides by 255 by
    itself, say. ends: the largest magnitude of the family's."""
    if first is None:
        return False
    return first.gain != 1 or first.offset != 0 or first.fits(ends) != 0


def _of_values(image: ImageSpec, first: FirstLayer | None) -> list[str]:
    """Say where the values that the spec makes of pixels are none that a network is trained on."""
    pairs = list(zip(image.per_channel(image.mean), image.per_channel(image.std), strict=True))
    ends = [abs((v - mean) / std) for v in image.range for mean, std in pairs]
    fits = first.fits(max(ends)) if first else 0
    if fits:
        seems = "smaller" if fits > 0 else "larger"
        said = (
            f"warning: the network's first layer looks trained on {seems} values than up to "
            f"{max(ends):.4g}: are `range`, `mean` and `std` of [input] right? "
            + (_WHICH_RANGE if fits > 0 else "")
        )
    elif image.range[0] > image.range[1]:
        low, high = sorted(image.range)
        said = (
            f"warning: range falls from {high:g} to {low:g}, so that white becomes the smallest "
            f"value: did you mean range = [{low:g}, {high:g}]?"
        )
    elif max(ends) > _FAR and all(abs(v) <= 1 for pair in pairs for v in pair):
        said = (
            f"warning: `mean` and `std` look like those of values from 0 to 1, and `range` ends at "
            f"{image.range[1]:g}: the network gets values up to {max(ends):.4g}. Did you mean "
            "range = [0, 1]?"
        )
    else:
        return []
    return [said.rstrip()]
