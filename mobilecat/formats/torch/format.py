"""PyTorch's files as a value: they are read, and never written."""

from mobilecat.formats.base.format import Format, late

_ROOM = "mobilecat.formats.torch"

TORCH = Format(
    name="torch",
    title="PyTorch",
    suffixes=(".pt2", ".pt", ".torchscript", ".ptl"),
    inspect=late(_ROOM, "inspect:inspect_model"),
    sources=("torch-export", "torchscript"),
    dims=late(_ROOM, "read:torch_dims"),
    read=late(_ROOM, "read:import_torch"),
    reference=late(_ROOM, "run:reference"),
    changed=late(_ROOM, "run:changed"),
)
