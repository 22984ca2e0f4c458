"""Smaller weights and quantised activations: what a recipe makes of a program."""

from mobilecat.formats.coreml.compress.whole import compressed

__all__ = ["compressed"]
