"""Read a `.aimodel`: Apple's coreai-core parses the bytes in a child process, and its program is
rebuilt as an ONNX graph, op by op. No lowering of ours takes part."""

from mobilecat.formats.coreai.read.decode import Decoded, GraphFacts, PortFacts, decode, facts_of

__all__ = ["Decoded", "GraphFacts", "PortFacts", "decode", "facts_of"]
