"""Execute a NeuralNetwork model: blobs by name, layers in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.formats.coreml.runtime import nn
from mobilecat.formats.coreml.runtime.compiled import Compiled, Derived, Written
from mobilecat.formats.coreml.runtime.errors import UnsupportedOp, malformed
from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.interface import Feature
from mobilecat.formats.coreml.runtime.nn import table
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.program import planes
from mobilecat.formats.coreml.runtime.session import Sessions
from mobilecat.formats.coreml.runtime.values import Restore

Array = npt.NDArray[Any]

_MAX_DEPTH = 24
_GIVEN = "given:"
_JUMPS = {"loopBreak": "break", "loopContinue": "continue"}


class NetworkEngine:
    """A network with its preprocessing and, for classifiers, its labels. Everything is float32."""

    precision = "float32"

    def __init__(
        self,
        spec: Any,
        kind: str,
        inputs: Sequence[Feature],
        outputs: Sequence[Feature],
        sessions: Sessions,
        restore: Restore | None = None,
    ) -> None:
        nn.load_translations()
        self._restore = restore
        self._network = getattr(spec, kind)
        self._kind = kind
        self._inputs = {f.name: f for f in inputs}
        self._outputs = {f.name: f for f in outputs}
        self._rank5 = self._network.arrayInputShapeMapping == 0
        self._image_rank5 = self._network.imageInputShapeMapping == 0
        self._description = spec.description
        self._compiled = Compiled(sessions)
        self._given: dict[str, Val] = {}
        self._require_known()

    @property
    def ops(self) -> Counter[str]:
        return Counter(str(layer.WhichOneof("layer")) for layer in _walk(self._network, 0))

    def new_state(self) -> dict[str, Array]:
        return {}

    def _require_known(self) -> None:
        problems = []
        for layer in _walk(self._network, 0):
            kind = layer.WhichOneof("layer")
            if kind is None:
                raise malformed("a layer has no type", layer.name)
            if kind not in _JUMPS and table.row(kind) is None:
                problems.append(Problem("this layer is not executed", f"{kind} {layer.name!r}"))
        if problems:
            kinds = ", ".join(sorted({p.where.split()[0] for p in problems}))
            raise UnsupportedOp(f"The Core ML runtime does not execute: {kinds}", problems)

    def run(
        self,
        values: Mapping[str, Any],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]:
        feeds = {f"{_GIVEN}{n}": np.asarray(v, np.float32) for n, v in given.items()}
        for name, value in values.items():
            image = self._inputs[name].kind == "image"
            feeds[name] = value if image else np.asarray(value).astype(np.float32, copy=False)
        key = (tuple(taps), tuple(given))
        return self._compiled.run(key, feeds, lambda g, v: self._trace(g, v, taps))

    def written(self, values: Mapping[str, Any], taps: Sequence[str]) -> Written:
        """Return the network's graph for the shapes of `values`, not run."""
        feeds = {
            n: v if self._inputs[n].kind == "image" else np.asarray(v).astype(np.float32)
            for n, v in values.items()
        }
        return self._compiled.written(feeds, lambda g, v: self._trace(g, v, taps))

    def _trace(self, g: Graph, vals: dict[str, Val], taps: Sequence[str]) -> dict[str, Any]:
        blobs: dict[str, Any] = {}
        self._given = {n.removeprefix(_GIVEN): v for n, v in vals.items() if n.startswith(_GIVEN)}
        for name, v in vals.items():
            if name.startswith(_GIVEN):
                continue
            f = self._inputs[name]
            blobs[name] = self._image(g, v, f) if f.kind == "image" else self._array(g, v)
        layers = self._network.layers
        asked = {*self._outputs, *taps}
        if self._kind == "neuralNetworkClassifier":
            asked.add(self._probabilities)
        if self._given and (behind := _behind(layers, set(self._given), asked)):
            layers = behind  # the weights of the others are left where they are
            blobs.update(self._given)
        self._layers(layers, blobs, g, 0)
        results: dict[str, Any] = {}
        for name in (*self._outputs, *taps):
            if name in blobs:
                results[name] = (
                    self._output(g, name, blobs[name]) if name in self._outputs else blobs[name]
                )
            elif name in taps:
                raise malformed(f"the network has no blob {name!r}")
        if self._kind == "neuralNetworkClassifier":
            results.update(self._classified(blobs))
        return results

    # boundary ----------------------------------------------------------------------------------

    def _array(self, g: Graph, v: Val) -> Val:
        """Rank 5 mapping: [C], [C,H,W] and [S,B,C,H,W] become [S,B,C,H,W]."""
        if not self._rank5 or v.rank == 5:
            return v
        shape = list(v.shape)
        full = {
            1: [1, 1, *shape, 1, 1],
            2: [1, *shape, 1, 1],
            3: [1, 1, *shape],
            4: [shape[0], 1, *shape[1:]],
        }.get(v.rank)
        if full is None:
            raise malformed(f"an input of rank {v.rank} has no place in [S,B,C,H,W]")
        return g("Reshape", v, np.array(full))

    def _image(self, g: Graph, v: Val, f: Feature) -> Val:
        y = planes(g, v, f.color)
        for p in self._network.preprocessing:
            if p.featureName in ("", f.name):
                y = _preprocessed(g, y, p, f)
        if self._image_rank5:
            y = g("Unsqueeze", y, np.array([0]))
        return y

    def _output(self, g: Graph, name: str, v: Val) -> Any:
        """Return a blob as the description shapes it: the same numbers, sizes of 1 put or dropped.

        Without a described shape, the rank 5 mapping drops what an input would gain.
        """
        f = self._outputs[name]
        if f.kind != "multiarray":
            return v
        if f.shape and f.shape != v.shape and _same_but_ones(f.shape, v.shape):
            return g("Reshape", v, np.array(f.shape))
        if not f.shape and self._rank5 and v.rank == 5 and v.shape[:2] == (1, 1):
            c, h, w = v.shape[2:]
            return g("Reshape", v, np.array([c] if (h, w) == (1, 1) else [c, h, w]))
        return v

    @property
    def _probabilities(self) -> str:
        """The blob that a classifier's probabilities are, by default its last layer's."""
        made = list(self._network.layers[-1].output) if self._network.layers else [""]
        return str(self._network.labelProbabilityLayerName or made[0])

    def _classified(self, blobs: Mapping[str, Any]) -> dict[str, Any]:
        network = self._network
        which = network.WhichOneof("ClassLabels")
        if which is None:
            raise malformed("the classifier has no labels")
        labels = list(getattr(network, which).vector)
        source = self._probabilities
        if source not in blobs:
            raise malformed(f"nothing makes the probabilities {source!r}")
        return classified(
            blobs[source],
            labels,
            self._description.predictedFeatureName,
            self._description.predictedProbabilitiesName,
        )

    # layers ------------------------------------------------------------------------------------

    def _layers(self, layers: Sequence[Any], blobs: dict[str, Any], g: Graph, depth: int) -> str:
        """Run `layers`; return "break" or "continue" where one of them jumps, else ""."""
        for proto in layers:
            kind = str(proto.WhichOneof("layer"))
            g.where = f"{kind} {proto.name!r}"
            if kind in _JUMPS:
                return _JUMPS[kind]
            missing = [n for n in proto.input if n not in blobs]
            if missing:
                raise malformed(f"nothing makes the blob {missing[0]!r}", g.where)
            jump: list[str] = []

            def inner(network: Any, jump: list[str] = jump) -> str:
                jump[:] = [self._layers(network.layers, blobs, g, depth + 1)]
                return jump[0]

            translate = table.row(kind)
            assert translate is not None
            result = translate(
                Layer(
                    type=kind,
                    name=proto.name,
                    p=getattr(proto, kind),
                    xs=[blobs[n] for n in proto.input],
                    outputs=tuple(proto.output),
                    g=g,
                    rank5=self._rank5,
                    network=inner,
                    blobs=blobs,
                    unrounded=self._restore,
                )
            )
            values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
            if len(values) < len(proto.output) and kind not in ("branch", "loop"):
                raise malformed(f"{len(proto.output)} outputs are named", g.where)
            blobs.update(zip(proto.output, values, strict=False))
            blobs.update({n: self._given[n] for n in proto.output if n in self._given})
            if kind == "branch" and jump and jump[0]:
                return jump[0]
        return ""


def _behind(layers: Sequence[Any], given: set[str], asked: set[str]) -> list[Any]:
    """Return the layers that lead from `given` to what is asked for, in their order.

    Empty where that cannot be told by names alone: blobs are written twice, or inside of branches.
    """
    makers: dict[str, Any] = {}
    for layer in layers:
        if layer.WhichOneof("layer") in ("branch", "loop", *_JUMPS):
            return []
        for name in layer.output:
            if name in makers:
                return []
            makers[name] = layer
    if not given <= set(makers):
        return []
    needed: set[str] = set()
    todo = list(asked)
    while todo:
        name = todo.pop()
        if name not in makers or name in needed or name in given:
            continue
        needed.update(makers[name].output)
        todo += makers[name].input
    return [layer for layer in layers if needed & set(layer.output)]


def _same_but_ones(a: Sequence[int], b: Sequence[int]) -> bool:
    return [d for d in a if d != 1] == [d for d in b if d != 1]


def _walk(network: Any, depth: int) -> Iterator[Any]:
    if depth > _MAX_DEPTH:
        raise malformed("networks are nested too deeply")
    for layer in network.layers:
        yield layer
        kind = layer.WhichOneof("layer")
        if kind == "branch":
            yield from _walk(layer.branch.ifBranch, depth + 1)
            yield from _walk(layer.branch.elseBranch, depth + 1)
        elif kind == "loop":
            yield from _walk(layer.loop.conditionNetwork, depth + 1)
            yield from _walk(layer.loop.bodyNetwork, depth + 1)


def _preprocessed(g: Graph, y: Val, p: Any, f: Feature) -> Val:
    """Scale first, then bias per colour; or subtract a mean image."""
    which = p.WhichOneof("preprocessor")
    if which == "meanImage":
        mean = np.asarray(p.meanImage.meanImage, np.float32)
        if mean.size != int(np.prod(y.shape)):
            raise malformed(f"the mean image has {mean.size} pixels")
        return g("Sub", y, mean.reshape(y.shape))
    s = p.scaler
    if f.color.startswith("GRAY"):
        bias = [s.grayBias]
    elif f.color == "BGR":
        bias = [s.blueBias, s.greenBias, s.redBias]
    else:
        bias = [s.redBias, s.greenBias, s.blueBias]
    if s.channelScale not in (0.0, 1.0):
        y = g("Mul", y, g.const(np.float32(s.channelScale)))
    if any(bias):
        y = g("Add", y, np.array(bias, np.float32).reshape(1, -1, 1, 1))
    return y


def classified(
    source: Val, labels: Sequence[Any], label_name: str, table_name: str
) -> dict[str, Any]:
    """Return the best label and the dictionary label → probability, under the declared names."""

    def best(array: Array) -> Any:
        flat = array.reshape(-1)
        if flat.size != len(labels):
            raise malformed(f"{flat.size} probabilities meet {len(labels)} labels")
        return labels[int(flat.argmax())]

    def all_of(array: Array) -> dict[Any, float]:
        flat = array.reshape(-1)
        if flat.size != len(labels):
            raise malformed(f"{flat.size} probabilities meet {len(labels)} labels")
        return {label: float(v) for label, v in zip(labels, flat, strict=True)}

    found: dict[str, Any] = {}
    if label_name:
        found[label_name] = Derived(source, best)
    if table_name:
        found[table_name] = Derived(source, all_of)
    return found
