"""Bake preprocessing, head decode and NMS into a frozen graph."""

from mobilecat.bake.endings import Ending
from mobilecat.bake.whole import Baked, bake

__all__ = ["Baked", "Ending", "bake"]
