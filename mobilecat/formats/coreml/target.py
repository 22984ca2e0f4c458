"""`[targets.coreml]` of a spec."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.formats.coreml.recipe import LayerRecipe, Recipe, Weights
from mobilecat.value import Precision, TargetName, Value, Word


def _weights(stored: str) -> str:
    return (
        f'write weights = "{stored}" in its place: precision is that of the arithmetic, float16 '
        "where it is left out"
    )


class CoreMLLayers(Value):
    """How the weights of some nodes are stored, where the target's `weights` is not for them."""

    nodes: Annotated[tuple[Word, ...], Field(min_length=1, max_length=10_000)]
    """Nodes of the graph, by name; * stands for any characters: ["*/head/*"]."""
    weights: Weights | Literal["float"]
    """As `weights` of the target. float: in the type of the arithmetic."""
    block: Annotated[int, Field(ge=1, le=4096)] | None = None
    """As `block` of the target."""

    @property
    def recipe(self) -> LayerRecipe:
        own = None if self.weights == "float" else self.weights
        return LayerRecipe(self.nodes, own, self.block)

    @model_validator(mode="after")
    def _storable(self) -> Self:
        _require_block(self.block, self.weights)
        return self


class CoreMLTarget(SuppressingTarget):
    """One Core ML file."""

    format: Literal["mlpackage", "mlmodel"] = "mlpackage"
    """mlpackage: an ML Program, iOS 15 and newer. mlmodel: a NeuralNetwork, iOS 13 and newer."""
    contract: Literal["tensor", "vision", "classifier", "candidates"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. vision: VNRecognizedObjectObservation.
    classifier: VNClassificationObservation, of head `classify`, with the labels in the file.
    candidates: what `nms = "app"` makes."""
    precision: Precision = "float16"
    """Of weights and arithmetic. float16 halves the file; boxes are computed in float32 anyway."""
    weights: Weights | None = None
    """How the large weights are stored; left out: as `precision` says. int8: a scale a channel, a
    quarter of float32 (iOS 16). int4: a scale for `block` inputs of a channel, an eighth (iOS 18).
    palette1 to palette8: a table of 2^bits values found by k-means, for the whole weight (iOS 16),
    or for `block` channels (iOS 18; palette3 too). sparse: zeros take one bit (iOS 16). An mlmodel
    has int8 only. See docs/quantize_coreml.md."""
    activations: Literal["int8"] | None = None
    """int8: what goes into convolutions and matrix products with constant weights is one of
    256 values of a range measured on the pictures of [quantize] (iOS 17), and weights are int8 as
    well; what comes out of them, head decode and suppression stay float."""
    block: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Of `weights`: how many inputs share a scale in int4 (32 where left out; a divisor of their
    number is taken), or how many channels share a palette (left out: all of a weight)."""
    sparsity: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of `weights = "sparse"`: the share of each weight, its values nearest to 0, that becomes 0.
    Left out: only what is 0 already, as in a network that was pruned when it was trained."""
    layers: tuple[CoreMLLayers, ...] = ()
    """Layers whose weights are stored otherwise than `weights` says: `mobilecat compress` finds
    which bear fewer bits. The first that names a node counts."""
    deployment_target: Literal["iOS13", "iOS14", "iOS15", "iOS16", "iOS17", "iOS18"] | None = None
    """Oldest system that must load it; by default the oldest that has every layer: iOS15 for
    mlpackage, iOS13 for mlmodel, or iOS14 where its layers need that (the export says so)."""
    pad_classes: bool = True
    """Whether a `vision` mlpackage has its classes filled up to a multiple of 80 by fillers that
    never win: with other numbers Core ML's NMS is reported to give wrong boxes behind an ML
    Program."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "coreml"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **SuppressingTarget.elsewhere,
        **{f"precision = {stored}": _weights(stored) for stored in get_args(Weights)},
        "precision = int8-weights": _weights("int8"),
        "precision = int8": f"{_weights('int8')}. For int8 values inside as well: activations = "
        '"int8", and [quantize] with calibration = "photos"',
        "keep_float": 'say it layer by layer: [[targets.coreml.layers]] nodes = ["…"], '
        'weights = "float"',
    }

    @property
    def suffix(self) -> str:
        return f".{self.format}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        system = self.deployment_target
        old = system in ("iOS13", "iOS14")
        if self.format == "mlpackage" and old:
            raise ValueError(f"an mlpackage (ML Program) needs iOS15 or newer, not {system}")
        if self.format == "mlmodel" and system is not None and not old:
            raise ValueError(
                f"an mlmodel (NeuralNetwork) is written for iOS13 or iOS14, not {system} "
                "(newer systems load those too)"
            )
        return self

    @property
    def _oldest(self) -> int:
        """Return the system that the spec asks for, where an ML Program's recipe depends on it."""
        said = self.deployment_target if self.format == "mlpackage" else None
        return int(said.removeprefix("iOS")) if said else 99

    @property
    def recipe(self) -> Recipe:
        """Return how weights and activations are stored."""
        weights = "int8" if self.activations else self.weights
        layers = tuple(own.recipe for own in self.layers)
        return Recipe(weights, self.block, self.sparsity, self.activations is not None, layers)

    @property
    def system(self) -> str:
        said, needed = self.deployment_target, f"iOS{self.recipe.ios}"
        if self.format == "mlmodel":
            return said or ""
        return max(said or needed, needed)

    @property
    def stored(self) -> str:
        return self.recipe.words or self.precision

    @property
    def calibrated(self) -> bool:
        return self.activations is not None

    @property
    def as_float(self) -> Self:
        """Return the target of the same program with nothing in it rounded."""
        names = ("weights", "activations", "block", "sparsity")
        system = self.deployment_target
        if self.format == "mlpackage" and not self.recipe.plain:
            system = system or f"iOS{self.recipe.ios}"  # type: ignore[assignment]
        plain = dict.fromkeys(names) | {"precision": "float32", "deployment_target": system}
        plain |= {"layers": ()}
        return self.model_copy(update=plain)

    @model_validator(mode="after")
    def _storable(self) -> Self:
        recipe, said = self.recipe, f'weights = "{self.weights}"'
        if self.activations and self.weights not in (None, "int8"):
            raise ValueError(f'activations = "int8" goes with weights = "int8", not with {said}')
        said = 'activations = "int8"' if self.activations else said
        if self.format == "mlmodel" and (self.activations or self.weights not in (None, "int8")):
            raise ValueError(
                f'an mlmodel (NeuralNetwork) has no {said}: take weights = "int8", or '
                'format = "mlpackage"'
            )
        if self.layers and (self.format == "mlmodel" or self.activations):
            raise ValueError('layers belong to an mlpackage without activations = "int8"')
        _require_block(self.block, self.weights)
        if self.sparsity and self.weights != "sparse":
            raise ValueError('sparsity belongs to weights = "sparse"')
        if self._oldest < recipe.ios:
            said = f"{said} with layers" if self.layers else said
            what = f"{said} with block = {self.block}" if recipe.bits and self.block else said
            raise ValueError(
                f"{what} needs iOS{recipe.ios} or newer, not {self.deployment_target}: leave "
                f'deployment_target out, or set it to "iOS{recipe.ios}"'
            )
        return self

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.format == self.format and record.contract == self.contract


def _require_block(block: int | None, weights: str | None) -> None:
    if block and weights != "int4" and not (weights or "").startswith("palette"):
        raise ValueError('block belongs to weights = "int4" or a palette')
