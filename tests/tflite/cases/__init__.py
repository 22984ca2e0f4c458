"""Cases of single ops and small chains, as text; each is held against onnxruntime."""

from tests.tflite.cases.broadcast import BROADCAST
from tests.tflite.cases.matrices import MATRICES, RESIZES
from tests.tflite.cases.reductions import REDUCTIONS
from tests.tflite.cases.shapes import SHAPES
from tests.tflite.cases.types import TYPES
from tests.tflite.cases.unary import UNARY
from tests.tflite.cases.windows import WINDOWS

CASES = [*UNARY, *BROADCAST, *TYPES, *SHAPES, *REDUCTIONS, *WINDOWS, *MATRICES, *RESIZES]

__all__ = ["CASES"]
