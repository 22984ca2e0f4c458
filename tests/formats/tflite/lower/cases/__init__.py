"""Cases of single ops and small chains, as text; each is held against onnxruntime."""

from tests.formats.tflite.lower.cases.broadcast import BROADCAST
from tests.formats.tflite.lower.cases.matrices import MATRICES, RESIZES
from tests.formats.tflite.lower.cases.reductions import REDUCTIONS
from tests.formats.tflite.lower.cases.shapes import SHAPES
from tests.formats.tflite.lower.cases.types import TYPES
from tests.formats.tflite.lower.cases.unary import UNARY
from tests.formats.tflite.lower.cases.windows import WINDOWS

CASES = [*UNARY, *BROADCAST, *TYPES, *SHAPES, *REDUCTIONS, *WINDOWS, *MATRICES, *RESIZES]

__all__ = ["CASES"]
