"""Two models in a row: a detector (ours, or someone else's boxes), a crop, a landmark model."""

from mobilecat.cascade.boxes import Given, read_boxes
from mobilecat.cascade.contract import CascadeBundle, open_any
from mobilecat.cascade.inputs import picture_inputs
from mobilecat.cascade.spec import CascadeSpec, CropContract, is_cascade, load_cascade

__all__ = [
    "CascadeBundle",
    "CascadeSpec",
    "CropContract",
    "Given",
    "is_cascade",
    "load_cascade",
    "open_any",
    "picture_inputs",
    "read_boxes",
]
