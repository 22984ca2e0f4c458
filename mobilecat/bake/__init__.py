"""Bake preprocessing, head decode and NMS into a frozen graph."""

from mobilecat.bake.whole import Baked, Ending, bake

__all__ = ["Baked", "Ending", "bake"]
