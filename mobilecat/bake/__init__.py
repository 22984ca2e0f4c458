"""Bake preprocessing, head decode and NMS into a frozen graph."""

import mobilecat.late  # noqa: F401  # before any other import of onnx_ir
from mobilecat.bake.endings import Ending
from mobilecat.bake.whole import Baked, bake, head_of

__all__ = ["Baked", "Ending", "bake", "head_of"]
