"""What a spec may say: frozen values, each key with its meaning, unit and default."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, create_model, model_validator

from mobilecat.formats.base.target import TargetSpec as TargetSpec
from mobilecat.formats.base.target import left_to_app
from mobilecat.formats.table import FORMATS
from mobilecat.spec.checks import OpenCheck
from mobilecat.spec.heads import HEADS, HeadSpec, HeadValue, RawHead
from mobilecat.spec.quantize import QuantizeSpec
from mobilecat.value import FilePath, Probability, Side, SpecName, Value, Word

_Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Sigma = Annotated[float, Field(gt=0, le=1)]
PerChannel = _Number | Annotated[tuple[_Number, ...], Field(min_length=1, max_length=3)]
_MOST_PIXELS = 1 << 26
"""8192 × 8192: what a spec may ask for is bounded before memory is taken for it."""
_MOST_VALUES = 1 << 28
_LEAST_STD = 1e-9
Color = Literal["RGB", "BGR", "GRAY"]
ResizeMode = Literal["stretch", "letterbox", "letterbox-topleft", "fit-pad"]
Rounding = Literal["half-even", "half-away", "truncate"]
Resample = Literal["bilinear", "lanczos", "nearest"]


class ImageSpec(Value):
    """How a picture becomes what the network was trained on.

    network value = (range[0] + pixel / 255 · (range[1] − range[0]) − mean) / std, per channel in
    `color` order. The artifact takes RGB bytes of `size`; all of this is baked into it.
    """

    size: tuple[Side, Side]
    """Width, height of the model input in pixels."""
    color: Color = "RGB"
    """Channel order of the network, not of the picture handed in (always RGB)."""
    range: tuple[_Number, _Number] = (0.0, 255.0)
    """What pixel values 0 and 255 become before mean and std."""
    mean: PerChannel = 0.0
    """Subtracted after `range`: one number, or one a channel in `color` order."""
    std: PerChannel = 1.0
    """Divided by after `mean`: one number, or one a channel in `color` order."""
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
    def _consistent(self) -> Self:
        problems = []
        for key in ("mean", "std"):
            given = getattr(self, key)
            if isinstance(given, tuple) and len(given) != self.channels:
                problems.append(f"{key} has {len(given)} values, {self.color} has {self.channels}")
        if 0.0 in self.per_channel(self.std):
            problems.append("std has a zero, which would divide by it")
        elif min(map(abs, self.per_channel(self.std))) < _LEAST_STD:
            problems.append(f"std has a value below {_LEAST_STD:g}, which float32 cannot divide by")
        if math.prod(self.size) > _MOST_PIXELS:
            problems.append(f"size {list(self.size)} is more than {_MOST_PIXELS:,} pixels")
        if self.range[0] == self.range[1]:
            problems.append(f"range {list(self.range)} maps every pixel to one value")
        if self.resize == "stretch" and self.pad:  # bundle.json spells the default 0 out
            problems.append('pad is set, but resize = "stretch" pads nothing')
        if self.resize == "stretch" and self.rounding is not None:
            problems.append('rounding is set, but resize = "stretch" fills the input exactly')
        if problems:
            raise ValueError("; ".join(problems))
        return self


Selection = Literal["nms", "best", "pairs"]


class NmsSpec(Value):
    """What is kept of the candidates: score > score_threshold, best first, max_detections at most.

    selection: `nms` suppresses greedily: a row is of its best class, and drops out where its IoU
    with a kept one is above iou_threshold. The others compare no boxes, so that iou_threshold is 1
    and per_class false: `best` takes each row for its best class; `pairs` takes every row with
    every class, so that a row comes twice where two of its classes are among the best.
    """

    score_threshold: Probability = 0.3
    """Boxes are kept whose score is above it; by default the head family's own."""
    iou_threshold: Probability = 0.45
    """A box is dropped whose overlap (IoU) with a better one is above it."""
    max_detections: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Rows that the outputs have: the best so many, the rest filled with zeros."""
    per_class: bool = True
    """Whether boxes of different classes leave each other alone."""
    selection: Selection = "nms"
    """How rows are chosen: `nms` by suppression, `best` and `pairs` without; `end2end` and `detr`
    come with one of the latter."""
    overlap: Literal["iou", "polygon", "probiou"] = "iou"
    """How the overlap of two boxes is measured: iou, of upright ones. Of turned ones: polygon,
    exact; probiou, of their Gaussians (arXiv 2106.06072), as `obb` comes."""
    where: Literal["graph", "app", "none"] = "graph"
    """graph: in the file. app: files give every candidate that the head decodes, and the app
    suppresses (docs/suppression.md). none: nobody suppresses, and rows are the best by their
    scores: `selection` is then "best", unless the head's is "pairs". A target may say otherwise for
    itself: `nms`."""
    candidates: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many of the best candidates compete, by the score of their best class; by default all.
    With `where = "app"` no more are handed over."""

    @model_validator(mode="before")
    @classmethod
    def _without_overlap(cls, data: Any) -> Any:
        """Say what the keys of suppression are where nothing is suppressed."""
        if not isinstance(data, dict):
            return data
        if data.get("where") == "none":
            data = {"selection": "best", **data}
        return data if data.get("selection", "nms") == "nms" else {**_NO_OVERLAP, **data}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.selection != "nms":
            wrong = [k for k, v in _NO_OVERLAP.items() if getattr(self, k) != v]
            if wrong:
                plain = f'selection = "{self.selection}" compares no boxes with each other'
                raise ValueError(
                    f"{' and '.join(wrong)} {'are' if len(wrong) > 1 else 'is'} set, but {plain}: "
                    f'take {"them" if len(wrong) > 1 else "it"} out, or say selection = "nms"'
                )
        elif self.where == "none":
            raise ValueError('selection = "nms" suppresses, where = "none" does not: take one out')
        return self


_NO_OVERLAP: dict[str, Any] = {"iou_threshold": 1.0, "per_class": False}


class _Targets(Value):
    """`[targets.<format>]`: a table, or `[[…]]` for several; a key for each format of the table."""

    @property
    def all(self) -> tuple[TargetSpec, ...]:
        """Every target, in the order of the table of formats."""
        return tuple(target for name in type(self).model_fields for target in getattr(self, name))


if TYPE_CHECKING:
    Targets = _Targets
else:
    _KEYS = {f.name: (tuple[f.target, ...], ()) for f in FORMATS.values() if f.target is not None}
    Targets = create_model("Targets", __base__=_Targets, **_KEYS)


class Tolerance(Value):
    """How far a result may be from what is expected: `validate` holds each file to it on the
    goldens, and to `map_loss` and `score_loss` on labelled pictures, with `--data`. A value left
    out keeps its default."""

    boxes_px: Annotated[float, Field(ge=0)] | None = None
    """Of a box's corners, in pixels of the model input."""
    landmarks_px: Annotated[float, Field(ge=0)] | None = None
    """Of landmarks, in pixels of the model input."""
    scores: Annotated[float, Field(ge=0)] | None = None
    """Of scores, absolute."""
    tensors: Annotated[float, Field(ge=0)] | None = None
    """|difference| ≤ tensors · max(1, max |expected|), for each output."""
    landmark_scores: Annotated[float, Field(ge=0)] | None = None
    """Of the scores of single landmarks, absolute; by default as `scores`."""
    angles_rad: Annotated[float, Field(ge=0)] | None = None
    """Of the angles of rotated boxes, in radians."""
    masks: Annotated[float, Field(ge=0)] | None = None
    """Of a mask: 1 − IoU, pixels within `scores` of 0.5 left out."""
    outputs: dict[str, Annotated[float, Field(ge=0)]] = Field(default={})
    """The same for single outputs, by name."""
    map_loss: Annotated[float, Field(ge=0, le=100)] | None = None
    """Of an artifact, by its file name: points of mAP, of 100, that it may lose against the source
    on labelled pictures: `validate --data`."""
    score_loss: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of a quantised artifact, by its file name: how far the scores of the source's boxes may fall
    on labelled pictures, in the median. Twice as far for a tenth of them, and twice that share of
    the boxes may be lost. Left out it is 0.05: `validate --data`, `evaluate --max-drop`."""

    @property
    def states_losses(self) -> bool:
        """Whether it says what may be lost on labelled pictures."""
        return self.map_loss is not None or self.score_loss is not None


class ImportSpec(Value):
    """What an import must be told where a model file leaves a choice."""

    signature: str | None = None
    """Which signature of a SavedModel."""
    inputs: tuple[str, ...] = ()
    """Values where the graph begins, where that is not at its own inputs."""
    outputs: tuple[str, ...] = ()
    """Values between which an ONNX or TensorFlow graph is cut; for Keras, `outputs` are layers."""
    weights: FilePath | None = None
    """Tensors that are loaded into the network of a `python:` source: .safetensors, or .pt."""


class Spec(Value):
    """One model: where it comes from, what it takes, what it means, and what to make of it."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    name: SpecName
    """What the artifacts are called; by default the spec file's name, or its folder's."""
    source: FilePath
    """Path of the model file, relative to the spec's folder; or `python:package.module:function`,
    which `export --trust-python` runs in that folder: it returns a torch.nn.Module, or (module,
    example inputs)."""
    import_: ImportSpec = Field(default=ImportSpec(), alias="import")
    input: ImageSpec | None = None
    """Left out (raw head only): the artifact takes the network's own tensors."""
    shapes: dict[str, Annotated[tuple[Side, ...], Field(min_length=1)]] = Field(default={})
    """Full shapes for dynamic inputs that `input.size` does not settle."""
    head: HeadSpec = RawHead()
    nms: NmsSpec | None = None
    labels: tuple[Word, ...] = ()
    """One name a class, in the network's order, or a text file with one a line."""
    landmarks: tuple[Word, ...] = ()
    """Landmark names, in the network's order."""
    skeleton: tuple[tuple[Word, Word], ...] = ()
    """Pairs of landmark names between which a line is drawn: [["left_eye", "nose"], …]."""
    sigmas: Sigma | Annotated[tuple[Sigma, ...], Field(min_length=1)] | None = None
    """How far people put a landmark apart, over √area, one for all or one each: σ of COCO's object
    keypoint similarity. By default COCO's own where there are 17 points; others have none."""
    targets: Targets = Targets()
    quantize: QuantizeSpec | None = None
    """Which pictures say how large the values inside become; needed by targets that quantise
    activations."""
    tolerances: dict[str, Tolerance] = Field(default={})
    """By runner (`source`, `onnx`, `tflite`, `coreml`, `coreai`, …) or artifact file name."""
    _folder: Path = PrivateAttr(default=Path())
    _file: str = PrivateAttr(default="")
    _checks: tuple[OpenCheck, ...] = PrivateAttr(default=())

    @property
    def checks(self) -> tuple[OpenCheck, ...]:
        """What is marked `# CHECK` where the spec was read from; no part of what it says."""
        return self._checks

    @property
    def folder(self) -> Path:
        """Where the spec was read from, which `source` is relative to; no part of what it says."""
        return self._folder

    @property
    def file(self) -> str:
        """Name of the file that the spec was read from, or ""; no part of what it says."""
        return self._file

    def __eq__(self, other: object) -> bool:
        """Two specs that say the same are equal, wherever they lie."""
        if not isinstance(other, Spec) or type(self) is not type(other):
            return NotImplemented
        return self.__dict__ == other.__dict__

    @property
    def effective_nms(self) -> NmsSpec | None:
        """The NMS that is baked in: the spec's, or the head family's; None where none follows."""
        if not self.head.suppressed:
            return None
        return self.nms or NmsSpec(**self.head.own_nms(self.head.__dict__))

    @model_validator(mode="before")
    @classmethod
    def _with_family_nms(cls, data: Any) -> Any:
        """Fill the keys that [nms] leaves out with the family's, so that the value is complete."""
        if not isinstance(data, dict) or not isinstance(data.get("nms"), dict):
            return data
        head = data.get("head")
        said = head if isinstance(head, dict) else getattr(head, "__dict__", {})
        kind = said.get("kind")
        family = HEADS.get(kind, HeadValue).own_nms(said) if isinstance(kind, str) else {}
        given = data["nms"]
        if given.get("where") == "none" or given.get("selection", "nms") != "nms":
            family = {k: v for k, v in family.items() if k not in _NO_OVERLAP}
        return {**data, "nms": {**family, **given}}

    @model_validator(mode="before")
    @classmethod
    def _with_classes(cls, data: Any) -> Any:
        """Fill the number of classes with that of the labels where a head's shapes do not tell."""
        if not isinstance(data, dict) or not isinstance(data.get("head"), dict):
            return data
        head, labels = data["head"], data.get("labels")
        kind = HEADS.get(head["kind"]) if isinstance(head.get("kind"), str) else None
        if kind is None or not kind.counts_labels or not isinstance(labels, (list, tuple)):
            return data
        if head.get("classes") is not None or not labels:
            return data
        return {**data, "head": {**head, "classes": len(labels)}}

    @model_validator(mode="after")
    def _with_places(self) -> Self:
        """Let each target say where its boxes are suppressed, so that it is read from it alone."""
        nms = self.effective_nms
        if nms is not None and nms.where == "app":
            settled = {
                name: tuple(left_to_app(t) for t in getattr(self.targets, name))
                for name in type(self.targets).model_fields
            }
            # The value is being made: nobody has seen it otherwise.
            self.__dict__["targets"] = self.targets.model_copy(update=settled)
        return self

    def _turned_problems(self) -> list[str]:
        """What turned boxes need, and what is theirs alone."""
        head, kind, nms = self.head, self.head.kind, self.effective_nms
        if nms is None:
            return []
        if not head.turned:
            if nms.overlap == "iou":
                return []
            return [f'overlap = "{nms.overlap}" is of turned boxes, head {kind!r} has none']
        problems = []
        if nms.selection == "nms" and nms.overlap == "iou":
            problems.append(
                f'overlap = "iou" is of upright boxes, head {kind!r} has turned ones: '
                'use "probiou" or "polygon"'
            )
        in_file = [t for t in self.targets.all if t.contract == "tensor"]
        if nms.selection == "nms" and (nms.where == "graph" or in_file):
            problems.append(
                f"no format has a suppression that knows the turned boxes of head {kind!r}: "
                'leave it to the app, where = "app" (the default), or do without, where = "none"'
            )
        if self.input is not None and self.input.resize == "stretch":
            problems.append(
                f"a turned box of head {kind!r} is no rectangle any more in a picture that was "
                'stretched: use resize = "letterbox"'
            )
        return problems

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        head, kind = self.head, self.head.kind
        large = [name for name, dims in self.shapes.items() if math.prod(dims) > _MOST_VALUES]
        used = [(t.kind, t.contract) for t in self.targets.all]
        own = [c for f in FORMATS.values() for c in f.contracts if (f.name, c.name) in used]
        plain_boxes_only = [c for c in own if not c.landmarks]
        problems = [f"shapes.{name} is more than {_MOST_VALUES:,} values" for name in large]
        if isinstance(head, RawHead):
            if self.nms is not None:
                problems.append("nms is set, but a raw head has no boxes to suppress")
            problems += [f"{c.words} needs boxes, and a raw head decodes none" for c in own]
        elif self.input is None:
            problems.append(f"head {kind!r} works on pictures: input is missing")
        if not head.suppressed and not isinstance(head, RawHead):
            if self.nms is not None:
                problems.append(
                    f"nms is set, but head {kind!r} gives one result a picture: take [nms] out"
                )
            problems += [
                f"{c.words} ends in an NMS, which head {kind!r} does without: "
                + ("take it out" if c.asked else 'use "tensor"')
                for c in own
                if c.landmarks or not head.gives_landmarks
            ]
        problems += [
            f'{c.words} cannot carry a class map, which this head has: use "tensor"'
            for c in plain_boxes_only
            if head.gives_class_map
        ]
        problems += [
            f"{c.words} is for head {' or '.join(map(repr, c.heads))}, not {kind!r}"
            for c in own
            if c.heads and kind not in c.heads
        ]
        problems += self._points_problems()
        problems += self._turned_problems()
        if self.landmarks and head.gives_landmarks is False:
            problems.append(f"landmarks is set, but head {kind!r} decodes none")
        if head.gives_landmarks:
            problems += [
                f'{c.words} cannot carry landmarks, which this head has: use "tensor"'
                for c in plain_boxes_only
            ]
        problems += [
            f'{c.words} cannot carry {name.replace("_", " ")}, which this head has: use "tensor"'
            for name in head.carries
            for c in plain_boxes_only
            if not head.gives_landmarks
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _points_problems(self) -> list[str]:
        """Return what skeleton and sigmas say of points that there are not."""
        ends = dict.fromkeys(name for edge in self.skeleton for name in edge)
        strange = ", ".join(repr(name) for name in ends if name not in self.landmarks)
        problems = [f"skeleton names {strange}, which landmarks does not"] if strange else []
        problems += [f"skeleton joins {a!r} to itself" for a, b in self.skeleton if a == b]
        if self.sigmas is not None and self.head.gives_landmarks is False:
            problems.append(f"sigmas is set, but head {self.head.kind!r} decodes no landmarks")
        many = len(self.sigmas) if isinstance(self.sigmas, tuple) else 0
        if many and self.landmarks and many != len(self.landmarks):
            problems.append(f"sigmas has {many} values, landmarks {len(self.landmarks)} names")
        return problems
