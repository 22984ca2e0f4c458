"""What a spec may say: frozen values, each key with its meaning, unit and default."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Side = Annotated[int, Field(ge=1, le=16384)]
Probability = Annotated[float, Field(ge=0, le=1)]
PerChannel = float | Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]
Color = Literal["RGB", "BGR", "GRAY"]
ResizeMode = Literal["stretch", "letterbox", "letterbox-topleft", "fit-pad"]
Precision = Literal["float16", "float32"]


class Value(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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
    tensor: str | None = None
    """The graph input that takes the picture; needed only where there are several."""

    @property
    def channels(self) -> int:
        return 1 if self.color == "GRAY" else 3

    def per_channel(self, values: PerChannel) -> tuple[float, ...]:
        """Return one value a channel, in network order."""
        return values if isinstance(values, tuple) else (float(values),) * self.channels

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
        if self.resize == "stretch" and "pad" in self.model_fields_set:
            problems.append('pad is set, but resize = "stretch" pads nothing')
        if problems:
            raise ValueError("; ".join(problems))
        return self


class RawHead(Value):
    """No decode: the network's outputs as they are."""

    kind: Literal["raw"] = "raw"


class YunetHead(Value):
    """YuNet, both published forms: 2023 (cls, obj, bbox, kps), 2022 (loc, conf, iou)."""

    kind: Literal["yunet"]
    version: Literal["2022", "2023"] | None = None
    """Inferred from the output names where left out."""


HeadSpec = Annotated[RawHead | YunetHead, Field(discriminator="kind")]
HEAD_KINDS = ("raw", "yunet")


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
    outputs: dict[str, Annotated[float, Field(ge=0)]] = {}


class Spec(Value):
    """One model: where it comes from, what it takes, what it means, and what to make of it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    source: str
    """Path of the model file, relative to the spec's folder."""
    input: ImageSpec | None = None
    """Left out (raw head only): the artifact takes the network's own tensors."""
    shapes: dict[str, Annotated[tuple[Side, ...], Field(min_length=1)]] = {}
    """Full shapes for dynamic inputs that `input.size` does not settle."""
    head: HeadSpec = RawHead()
    nms: NmsSpec | None = None
    labels: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    """Landmark names, in the network's order."""
    targets: Targets = Targets()
    tolerances: dict[str, Tolerance] = {}
    """By runner (`source`, `onnx`, `tflite`, `coreml`, `coreml-native`) or artifact file name."""

    @property
    def effective_nms(self) -> NmsSpec | None:
        """The NMS that is baked in: none for a raw head, else the spec's or its defaults."""
        if isinstance(self.head, RawHead):
            return None
        return self.nms or NmsSpec()

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        problems = []
        if isinstance(self.head, RawHead):
            if self.nms is not None:
                problems.append("nms is set, but a raw head has no boxes to suppress")
            if self.landmarks:
                problems.append("landmarks is set, but a raw head decodes none")
            if any(t.contract == "vision" for t in self.targets.coreml):
                problems.append('contract "vision" needs boxes; a raw head decodes none')
        elif self.input is None:
            problems.append(f"head {self.head.kind!r} works on pictures: input is missing")
        if isinstance(self.head, YunetHead) and any(
            t.contract == "vision" for t in self.targets.coreml
        ):
            problems.append(
                'contract "vision" cannot carry landmarks, which this head has; use "tensor"'
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self
