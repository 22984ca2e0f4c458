"""`[targets.tflite]` of a spec."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import TargetName, Word

TflitePrecision = Literal["float32", "float16", "int8-weights", "int8-dynamic", "int8", "int16x8"]
CALIBRATED = ("int8", "int16x8")


class TfliteTarget(SuppressingTarget):
    """One TFLite file."""

    precision: TflitePrecision = "float32"
    """Of weights and arithmetic (docs/quantize.md). float16, int8-weights: weights stored so, float
    arithmetic; int8 ones are rounded by what [quantize]'s pictures show, where it is there.
    int8-dynamic: int8 weights, each layer's input quantised as it comes. int8: weights
    and values inside, by [quantize]. int16x8: int16 values and int8 weights, by [quantize]."""
    input: Literal["uint8", "float32", "int8"] = "uint8"
    """Type of the image input: bytes as a camera gives them, the same values 0–255 as floats, or
    those less 128 as int8, which a network in int8 reads as they are."""
    keep_float: tuple[Word, ...] | Literal["auto"] | None = None
    """Nodes of the graph that stay float, by name; * stands for any characters: ["*/head/*"]. auto,
    the default with int8, and for int8-weights, too: those that detections on the calibration
    pictures cannot bear to have rounded, found at export; [] rounds all. Not with full_integer."""
    float_weights: Literal["float16", "int8", "float32"] = "float16"
    """How the weights of layers that stay float are stored beside int8 ones: float16 costs nothing
    in five of the six networks measured, int8 is as small as int8-weights. Arithmetic is float32
    either way."""
    one_scale: tuple[Word, ...] = ()
    """With int8: nodes whose weights have one scale for all outputs, not one an output, which are 8
    bytes an output: ["*/expand*"]. Measure it: channels of unlike size are lost."""
    full_integer: bool = False
    """With int8 or int16x8: refuse where an operator of the network itself would stay float, as
    delegates for Edge TPUs and NPUs need. Decode and suppression stay float behind it."""
    contract: Literal["tensor", "detection", "classifier", "candidates"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. detection: the four outputs of
    TFLite_Detection_PostProcess with metadata, as MediaPipe Tasks and TF's SSD samples read.
    classifier: one row of probabilities, of head `classify`, with metadata and the labels in the
    file, as MediaPipe Tasks' image classifier reads. candidates: what `nms = "app"` makes."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "tflite"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **SuppressingTarget.elsewhere,
        "weights": 'precision says it here: precision = "int8-weights"',
        "weights = float16": 'write precision = "float16" in its place',
        "activations": 'write precision = "int8" in its place, which rounds weights and the values '
        'inside, and [quantize] with calibration = "photos"',
        "precision = int4": 'int8 is the smallest here: precision = "int8-weights"',
    }

    @property
    def suffix(self) -> str:
        return ".tflite"

    @property
    def calibrated(self) -> bool:
        return self.precision in CALIBRATED or self.keep_float == "auto"

    @property
    def fits(self) -> bool:
        return self.calibrated or self.precision == "int8-weights"

    @property
    def float_nodes(self) -> tuple[str, ...]:
        """The patterns of nodes that stay float because the spec says so."""
        return self.keep_float if isinstance(self.keep_float, tuple) else ()

    @property
    def finds_floats(self) -> bool:
        """Whether layers that cannot be rounded are looked for."""
        left = self.keep_float is None and self.precision == "int8" and not self.full_integer
        return left or self.keep_float == "auto"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        can = (*CALIBRATED, "int8-weights")
        if self.keep_float == "auto" and (self.precision not in can or self.full_integer):
            raise ValueError(
                'keep_float = "auto" needs precision = "int8", "int8-weights" or "int16x8", and no '
                "full_integer"
            )
        if self.precision == "float32" and self.keep_float:
            raise ValueError('keep_float is set, but precision = "float32" quantises nothing')
        if self.full_integer and self.precision not in CALIBRATED:
            raise ValueError(
                f'full_integer needs precision = "int8" or "int16x8", not "{self.precision}"'
            )
        if self.one_scale and self.precision != "int8":
            raise ValueError(f'one_scale needs precision = "int8", not "{self.precision}"')
        if self.input == "int8" and self.precision != "int8":
            raise ValueError(f'input = "int8" needs precision = "int8", not "{self.precision}"')
        return self

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.image in (None, self.input) and record.contract == self.contract
