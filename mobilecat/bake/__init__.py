"""Bake preprocessing, head decode and NMS into a frozen graph."""

from mobilecat.bake.whole import Baked, bake

__all__ = ["Baked", "bake"]
