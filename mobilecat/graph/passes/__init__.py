"""Graph passes: each takes an `onnx_ir.Model`, changes it in place and says whether it did."""

from mobilecat.graph.passes.freeze import freeze

__all__ = ["freeze"]
