"""What a spec may say: frozen values, each key with its meaning, unit and default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from mobilecat.spec.base import Probability, Side, Value
from mobilecat.spec.heads import HEADS, HeadSpec, HeadValue, RawHead

PerChannel = float | Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
Color = Literal["RGB", "BGR", "GRAY"]
ResizeMode = Literal["stretch", "letterbox", "letterbox-topleft", "fit-pad"]
Rounding = Literal["half-even", "half-away", "truncate"]
Resample = Literal["bilinear", "lanczos", "nearest"]
Precision = Literal["float16", "float32"]


class ImageSpec(Value):
    """How a picture becomes what the network was trained on.

    network value = (range[0] + pixel / 255 · (range[1] − range[0]) − mean) / std, per channel in
    `color` order. The artifact takes RGB bytes of `size`; all of this is baked into it.
    """

    size: tuple[Side, Side]
    """Width, height of the model input in pixels."""
    color: Color = "RGB"
    """Channel order of the network, not of the picture handed in (always RGB)."""
    range: tuple[float, float] = (0.0, 255.0)
    """What pixel values 0 and 255 become before mean and std."""
    mean: PerChannel = 0.0
    std: PerChannel = 1.0
    resize: ResizeMode = "stretch"
    """How a picture of another size is brought to `size`, before the artifact."""
    pad: Annotated[int, Field(ge=0, le=255)] = 0
    """Grey level of the padding, 0 to 255."""
    rounding: Rounding | None = None
    """How the fitted side becomes whole pixels: Python's round(), Swift's .rounded(), int(). By
    default letterbox rounds half to even (YOLO), letterbox-topleft and fit-pad truncate."""
    resample: Resample = "bilinear"
    """Pillow's filters; bilinear and lanczos average when they shrink."""
    transposed: bool = False
    """Whether the network reads rows as columns (MTCNN's, trained in MATLAB's order)."""
    tensor: str | None = None
    """The graph input that takes the picture; needed only where there are several."""

    @property
    def channels(self) -> int:
        return 1 if self.color == "GRAY" else 3

    def per_channel(self, values: PerChannel) -> tuple[float, ...]:
        """Return one value a channel, in network order."""
        return values if isinstance(values, tuple) else (float(values),) * self.channels

    def shape(self, layout: Literal["NCHW", "NHWC"]) -> tuple[int, int, int, int]:
        """Return the shape of the network's picture input."""
        rows_cols = self.size if self.transposed else self.size[::-1]
        if layout == "NCHW":
            return (1, self.channels, *rows_cols)
        return (1, *rows_cols, self.channels)

    @model_validator(mode="after")
    def _consistent(self) -> ImageSpec:
        problems = []
        for key in ("mean", "std"):
            given = getattr(self, key)
            if isinstance(given, tuple) and len(given) != self.channels:
                problems.append(f"{key} has {len(given)} values, {self.color} has {self.channels}")
        if 0.0 in self.per_channel(self.std):
            problems.append("std has a zero, which would divide by it")
        if self.range[0] == self.range[1]:
            problems.append(f"range {list(self.range)} maps every pixel to one value")
        if self.resize == "stretch" and self.pad:  # bundle.json spells the default 0 out
            problems.append('pad is set, but resize = "stretch" pads nothing')
        if self.resize == "stretch" and self.rounding is not None:
            problems.append('rounding is set, but resize = "stretch" fills the input exactly')
        if problems:
            raise ValueError("; ".join(problems))
        return self


class NmsSpec(Value):
    """Greedy suppression: keep score > score_threshold; drop IoU > iou_threshold; best first."""

    score_threshold: Probability = 0.3
    iou_threshold: Probability = 0.45
    max_detections: Annotated[int, Field(ge=1, le=100_000)] = 100
    per_class: bool = True
    """Whether boxes of different classes leave each other alone."""


class CoreMLTarget(Value):
    """One Core ML file."""

    format: Literal["mlpackage", "mlmodel"] = "mlpackage"
    contract: Literal["tensor", "vision"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. vision: VNRecognizedObjectObservation."""
    precision: Precision = "float16"
    deployment_target: Literal["iOS13", "iOS14", "iOS15", "iOS16", "iOS17", "iOS18"] | None = None
    """Oldest system that must load it; by default iOS15 for mlpackage and iOS13 for mlmodel."""
    name: str | None = None

    @property
    def kind(self) -> str:
        return "coreml"

    @property
    def suffix(self) -> str:
        return f".{self.format}"

    @property
    def deployment(self) -> str:
        return self.deployment_target or ("iOS15" if self.format == "mlpackage" else "iOS13")

    @model_validator(mode="after")
    def _consistent(self) -> CoreMLTarget:
        old = self.deployment in ("iOS13", "iOS14")
        if self.format == "mlpackage" and old:
            raise ValueError(
                f"an mlpackage (ML Program) needs iOS15 or newer, not {self.deployment}"
            )
        if self.format == "mlmodel" and not old:
            raise ValueError(
                f"an mlmodel (NeuralNetwork) is written for iOS13 or iOS14, not {self.deployment} "
                "(newer systems load those too)"
            )
        return self


class TfliteTarget(Value):
    """One TFLite file."""

    precision: Literal["float32"] = "float32"
    input: Literal["uint8", "float32"] = "uint8"
    """Type of the image input: bytes as a camera gives them, or the same values 0–255 as floats."""
    contract: Literal["tensor", "detection"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. detection: the four outputs of
    TFLite_Detection_PostProcess with metadata, as MediaPipe Tasks and TF's SSD samples read."""
    name: str | None = None

    @property
    def kind(self) -> str:
        return "tflite"

    @property
    def suffix(self) -> str:
        return ".tflite"


class OnnxTarget(Value):
    """One ONNX file: the frozen graph itself."""

    precision: Literal["float32"] = "float32"
    opset: Annotated[int, Field(ge=9)] | None = None
    """Default: the frozen graph's own (18, or the source's where that is newer)."""
    name: str | None = None

    @property
    def kind(self) -> str:
        return "onnx"

    @property
    def suffix(self) -> str:
        return ".onnx"


TargetSpec = CoreMLTarget | TfliteTarget | OnnxTarget


class Targets(Value):
    """`[targets.coreml]`, `[targets.tflite]`, `[targets.onnx]`: a table, or `[[…]]` for several."""

    coreml: tuple[CoreMLTarget, ...] = ()
    tflite: tuple[TfliteTarget, ...] = ()
    onnx: tuple[OnnxTarget, ...] = ()

    @property
    def all(self) -> tuple[TargetSpec, ...]:
        return (*self.coreml, *self.tflite, *self.onnx)


class Tolerance(Value):
    """How far a result may be from what is expected; a value left out keeps its default.

    boxes_px, landmarks_px: pixels of the model input. scores: absolute.
    tensors: |difference| ≤ tensors · max(1, max |expected|), per output.
    outputs: the same for single outputs, by name.
    """

    boxes_px: Annotated[float, Field(ge=0)] | None = None
    landmarks_px: Annotated[float, Field(ge=0)] | None = None
    scores: Annotated[float, Field(ge=0)] | None = None
    tensors: Annotated[float, Field(ge=0)] | None = None
    outputs: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})


class ImportSpec(Value):
    """What an import must be told where a TensorFlow or Keras file leaves a choice."""

    signature: str | None = None
    """Which signature of a SavedModel."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    """Tensors between which a TensorFlow graph is cut; for Keras, `outputs` names layers."""


class Spec(Value):
    """One model: where it comes from, what it takes, what it means, and what to make of it."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    source: str
    """Path of the model file, relative to the spec's folder."""
    import_: ImportSpec = Field(default=ImportSpec(), alias="import")
    input: ImageSpec | None = None
    """Left out (raw head only): the artifact takes the network's own tensors."""
    shapes: dict[str, Annotated[tuple[Side, ...], Field(min_length=1)]] = Field(default={})
    """Full shapes for dynamic inputs that `input.size` does not settle."""
    head: HeadSpec = RawHead()
    nms: NmsSpec | None = None
    labels: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    """Landmark names, in the network's order."""
    targets: Targets = Targets()
    tolerances: dict[str, Tolerance] = Field(default={})
    """By runner (`source`, `onnx`, `tflite`, `coreml`, `coreml-native`) or artifact file name."""

    @property
    def effective_nms(self) -> NmsSpec | None:
        """The NMS that is baked in: the spec's, or the head family's; None where none follows."""
        if not self.head.suppressed:
            return None
        return self.nms or NmsSpec(**self.head.family_nms)

    @model_validator(mode="before")
    @classmethod
    def _with_family_nms(cls, data: Any) -> Any:
        """Fill the keys that [nms] leaves out with the family's, so that the value is complete."""
        if not isinstance(data, dict) or not isinstance(data.get("nms"), dict):
            return data
        head = data.get("head")
        kind = head.get("kind") if isinstance(head, dict) else getattr(head, "kind", None)
        family = HEADS.get(kind, HeadValue).family_nms if isinstance(kind, str) else {}
        return {**data, "nms": {**family, **data["nms"]}}

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        head, kind = self.head, self.head.kind
        contracts: list[str] = [t.contract for t in self.targets.coreml]
        contracts += [t.contract for t in self.targets.tflite]
        plain_boxes_only = [c for c in ("vision", "detection") if c in contracts]
        problems = []
        if isinstance(head, RawHead):
            if self.nms is not None:
                problems.append("nms is set, but a raw head has no boxes to suppress")
            problems += [
                f'contract "{c}" needs boxes, and a raw head decodes none' for c in plain_boxes_only
            ]
        elif self.input is None:
            problems.append(f"head {kind!r} works on pictures: input is missing")
        if not head.suppressed and not isinstance(head, RawHead):
            if self.nms is not None:
                problems.append(
                    f"nms is set, but head {kind!r} gives one result a picture: take [nms] out"
                )
            if not head.gives_landmarks:
                problems += [
                    f'contract "{c}" ends in an NMS, which head {kind!r} does without: use "tensor"'
                    for c in plain_boxes_only
                ]
        if self.landmarks and head.gives_landmarks is False:
            problems.append(f"landmarks is set, but head {kind!r} decodes none")
        if head.gives_landmarks:
            problems += [
                f'contract "{c}" cannot carry landmarks, which this head has: use "tensor"'
                for c in plain_boxes_only
            ]
        if problems:
            raise ValueError("; ".join(problems))
        return self
