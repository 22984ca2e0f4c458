"""What a target can say of its bits: recipes for all layers, and mixtures, a choice for each layer.

One row a format; what a choice makes of a weight is the format's verb `rounded`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

from pydantic import BaseModel, ValidationError

from mobilecat.formats.base.target import TargetSpec

AS_IT_IS = "as the spec has it"
Keys = Mapping[str, Any]
"""Keys of a target's table, as Python values."""


@dataclass(frozen=True)
class Recipe:
    """keys: of the target. exact: whether floats stay floats, of 32 or 16 bits. meant_for: hardware
    for which it is made, where that is not what computes here, so that its time here says nothing.
    """

    label: str
    keys: Keys
    exact: bool = False
    meant_for: str = ""


@dataclass(frozen=True)
class Mix:
    """A choice for each layer. choices: the first is what a layer is at first.

    keys: choices → for each, the nodes of the layers that have it → keys of the target.
    blocks: whether the nodes that follow a layer are rounded, or kept, with it.
    """

    label: str
    choices: tuple[Recipe, ...]
    keys: Callable[[Sequence[Recipe]], Callable[[Sequence[Sequence[str]]], Keys]]
    blocks: bool = False


@dataclass(frozen=True)
class Ladder:
    """own: keys that a recipe settles. reference: what sizes and times are compared with."""

    own: tuple[str, ...]
    reference: Recipe
    recipes: tuple[Recipe, ...]
    mixes: tuple[Mix, ...] = ()


def _float_layers(choices: Sequence[Recipe]) -> Callable[[Sequence[Sequence[str]]], Keys]:
    def keys(nodes: Sequence[Sequence[str]]) -> Keys:
        kept = tuple(escape(n) for n in nodes[0])
        return {**choices[1].keys, **({"keep_float": kept} if kept else {})}

    return keys


def _tflite(precision: str, exact: bool = False) -> Recipe:
    return Recipe(precision, {"precision": precision}, exact)


_TFLITE = Ladder(
    ("precision", "keep_float"),
    _tflite("float32", True),
    (
        _tflite("float16", True),
        *map(_tflite, ("int8-weights", "int8-dynamic", "int8")),
        Recipe("int16x8", {"precision": "int16x8"}, meant_for="NPUs that compute int16 with int8"),
    ),
    tuple(
        Mix(
            p,
            (_tflite("float16", True), _tflite(p)),  # as weights of float layers are stored
            _float_layers,
            blocks=p == "int8",
        )
        for p in ("int8-weights", "int8-dynamic", "int8")
    ),
)
_COREML_KEYS = ("precision", "weights", "activations", "block", "sparsity", "layers")
_MLMODEL = Ladder(
    _COREML_KEYS,
    Recipe("float32", {"precision": "float32"}, True),
    (Recipe("float16", {}, True), Recipe("int8", {"weights": "int8"})),
)
_CHOICES = (
    Recipe("float", {}, True),
    Recipe("int8", {"weights": "int8"}),
    Recipe("palette6", {"weights": "palette6"}),
    Recipe("palette4 of 16 channels", {"weights": "palette4", "block": 16}),
    Recipe("int4", {"weights": "int4"}),
)


def _layers(choices: Sequence[Recipe]) -> Callable[[Sequence[Sequence[str]]], Keys]:
    def keys(nodes: Sequence[Sequence[str]]) -> Keys:
        """Let the target say what most nodes have, and its layers the others."""
        most = max(range(len(nodes)), key=lambda k: len(nodes[k]))
        others = [
            {
                "nodes": tuple(escape(n) for n in those),
                "weights": "float",
                **choice.keys,
            }
            for k, (choice, those) in enumerate(zip(choices, nodes, strict=True))
            if those and k != most
        ]
        layers = {"layers": tuple(others)} if others else {}
        return {**choices[most].keys, **layers}

    return keys


_MLPACKAGE = Ladder(
    _COREML_KEYS,
    Recipe("float32", {"precision": "float32"}, True),
    (
        Recipe("float16", {}, True),
        Recipe("int8", {"weights": "int8"}),
        Recipe("palette6", {"weights": "palette6"}),
        Recipe("int4", {"weights": "int4"}),
        Recipe("palette4 of 16 channels", {"weights": "palette4", "block": 16}),
        Recipe(
            "int8 activations",
            {"activations": "int8"},
            meant_for="the Neural Engine of A17 Pro, M4 and newer",
        ),
    ),
    (Mix("mixed", _CHOICES, _layers),),
)
_COREAI = Ladder(
    ("weights",),
    Recipe("float32", {}, True),
    (Recipe("int8", {"weights": "int8"}),),
)


def stored_as(keys: Keys, node: str) -> str:
    """Return how the layer of `node` is stored, in a recipe's words, where a target has `keys`."""

    def named(patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(node, p) for p in patterns)

    if named(keys.get("keep_float", ())):
        return "float"
    layers = (entry for entry in keys.get("layers", ()) if named(entry["nodes"]))
    said = next(layers, keys)
    if said.get("weights") == "float":
        return "float"
    choices = (*_CHOICES[1:], *_MLPACKAGE.recipes, *_TFLITE.recipes, *_COREAI.recipes)
    own = {k: said[k] for k in ("precision", "weights", "activations", "block") if k in said}
    found = (c.label for c in choices if dict(c.keys) == own)
    return next(found, " ".join(map(str, own.values()))) if own else "float"


def ladder_of(target: TargetSpec) -> Ladder | None:
    """Return the recipes of a target; None where its format has none."""
    if target.kind == "coreml":
        return _MLMODEL if target.suffix == ".mlmodel" else _MLPACKAGE
    return {"tflite": _TFLITE, "coreai": _COREAI}.get(target.kind)


def why_not(target: TargetSpec) -> str | None:
    """Return why there is nothing to choose for a target; None where there is."""
    ladder = ladder_of(target)
    if ladder is None:
        return "its format has no recipe"
    refused = with_keys(target, ladder.own, ladder.reference.keys)
    if isinstance(refused, str):
        return f"it is asked for in whole numbers alone, which is one recipe: {refused}"
    return None


def with_keys(target: TargetSpec, own: Sequence[str], keys: Keys) -> TargetSpec | str:
    """Return the target with `keys` in place of all of `own`; why not, where it refuses them."""
    assert isinstance(target, BaseModel)
    said = {k: getattr(target, k) for k in target.model_fields_set if k not in own}
    try:
        made: Any = type(target).model_validate({**said, **keys})
    except ValidationError as e:
        return str(e.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
    return made  # type: ignore[no-any-return]


def as_it_is(target: TargetSpec, ladder: Ladder) -> Recipe:
    """Return what the spec says now."""
    assert isinstance(target, BaseModel)
    keys = {k: getattr(target, k) for k in ladder.own if k in target.model_fields_set}
    return Recipe(AS_IT_IS, keys)
