"""The first layer where an artifact and its reference part.

The frozen graph is made again from source and spec, by the import and bake that the export used.
The artifact runs with its inner values kept, and they are found again in the graph by name. Then
the graph runs twice in onnxruntime:

* on the picture: what differs from it has *grown* over all layers so far;
* with every value that the artifact gave put in its place, so that each layer computes on exactly
  what the artifact's layer had: what differs now is the layer's *own*, however far an earlier fault
  has spread. The first layer whose own error is above the limit is the one to look at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.bundle import ArtifactRecord, Bundle, open_bundle
from mobilecat.errors import ArtifactError, MobileCatError, ModelError, Problem
from mobilecat.foreign import problem_from_onnxruntime, quiet_onnxruntime
from mobilecat.formats.base.inner import Given
from mobilecat.formats.table import FORMATS
from mobilecat.graph import Array, op_of
from mobilecat.lanes import Lane, lanes_of
from mobilecat.pictures.chart import Chart, write_chart
from mobilecat.pictures.reading import Picture
from mobilecat.shown import Column, Drawn, Line, Shown, Table
from mobilecat.spec import Spec, TargetSpec

RUNNERS = {
    e.runner: e.inner or f.inner
    for f in FORMATS.values()
    for i, e in enumerate(f.engines)
    if i == 0 or e.inner is not None
}
"""How inner values are read, by the runner that shows them."""
OWN_LIMITS: Mapping[str, float] = {"float32": 1e-4, "float16": 2e-3, "int8": 5e-2}
"""Of max |difference| / max |expected|, a layer on the artifact's own inputs. Measured on YuNet,
YOLOX-nano and MTCNN's O-net: docs/bisect.md."""
FEW_BITS = 0.2
"""The same of every other precision: a layer in whole numbers is off by its steps."""
_BEFORE, _AFTER = 2, 12
FLOOR = 1e-2
"""What max |expected| counts for at least: a sigmoid of 1e-3 has an engine's absolute rounding."""


@dataclass(frozen=True)
class Layer:
    """A value that artifact and graph share, with all that lies between it and the ones before.

    nodes: op and name of each node of the graph in between, in order.
    own, grown: max |got − expected| / max(FLOOR, max |expected|); inf where NaN, inf or shape
    differ. `own` on the artifact's own inputs, `grown` from the picture on.
    """

    value: str
    nodes: tuple[str, ...]
    op: str
    shape: tuple[int, ...]
    own: float
    grown: float


@dataclass(frozen=True, repr=False)
class Bisection(Shown):
    """What was compared, in the order of the graph.

    unmatched: values of the graph that the artifact does not show; they are inside layers.
    """

    lane: str
    picture: str
    limit: float
    layers: tuple[Layer, ...]
    unmatched: tuple[str, ...]

    @property
    def first(self) -> Layer | None:
        """The first layer whose own error is above the limit."""
        return next((x for x in self.layers if not x.own <= self.limit), None)

    @property
    def exit_code(self) -> int:
        return 1 if self.first else 0

    def words(self, everything: bool = False) -> Iterator[Line | Table]:
        """Give the verdict and the layers about the first jump, or all."""
        yield Line(self._verdict, "bold red" if self.first else "bold green")
        yield from (Line(f"  {node}") for node in (self.first.nodes if self.first else ()))
        columns = [Column("", "word"), Column("layer", "text"), Column("op", "text")]
        chosen = range(len(self.layers)) if everything else self._window
        rows = []
        for layer in (self.layers[i] for i in chosen):
            mark = "→" if layer is self.first else "!" if not layer.own <= self.limit else ""
            errors = ("0" if x == 0 else f"{x:.1e}" for x in (layer.own, layer.grown))
            rows.append((mark, layer.value, layer.op, *errors))
        yield Table([*columns, Column("own"), Column("grown")], rows)
        if left := len(self.layers) - len(chosen):
            yield Line(f"{left} more layers: --all", "dim")

    @property
    def _verdict(self) -> str:
        compared = f"{len(self.layers)} layers compared, limit {self.limit:g}"
        first, lane = self.first, self.lane
        if first is None:
            return f"No layer of {lane} parts from the reference. {compared}."
        number = self.layers.index(first) + 1
        return f"{lane} parts from the reference at layer {number}: {first.value}. {compared}."

    @property
    def _window(self) -> list[int]:
        """The layers about the first jump; where there is none, those with the largest error."""
        layers = self.layers
        if self.first is not None:
            at = layers.index(self.first)
            return list(range(max(0, at - _BEFORE), min(len(layers), at + _AFTER)))
        ranked = sorted(range(len(layers)), key=lambda i: -layers[i].own)
        return sorted(ranked[: _BEFORE + _AFTER])

    @property
    def chart(self) -> Chart:
        """Error over layers."""
        from mobilecat.bisection.plot import chart_of

        return chart_of(self)

    def drawings(self) -> Iterator[Drawn]:
        yield self.chart.drawn

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write `chart` as an SVG."""
        write_chart(self.chart, Path(path))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; an error that is no finite number is null."""
        first = self.first
        return {
            "schema": 1,
            "lane": self.lane,
            "picture": self.picture,
            "limit": self.limit,
            "first": first.value if first else None,
            "first_nodes": list(first.nodes) if first else [],
            "layers": [
                {**asdict(x), "own": _finite(x.own), "grown": _finite(x.grown)} for x in self.layers
            ],
            "unmatched": list(self.unmatched),
        }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def bisect(
    folder: Path,
    runner: str,
    picture: Picture,
    *,
    artifact: str | None = None,
    source: Path | None = None,
    limit: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Bisection:
    """Run one artifact and the graph it was lowered from on a picture, and compare layer by layer.

    limit: of a layer's own error; by default that of the artifact's precision.
    Errors: MobileCatError where there is more than one artifact and none is named, where the source
    model is missing, or the artifact shows no inner value.
    """
    from mobilecat.judge.observe import load_inputs

    bundle = open_bundle(folder)
    lane = _lane(bundle, runner, artifact)
    record = lane.artifact
    assert record is not None
    path = _source(folder, bundle, source)
    inputs = load_inputs(picture, bundle)
    name = Path(picture).name if isinstance(picture, str | os.PathLike) else "the picture"
    progress(f"baking {path.name} again")
    model = frozen_graph(path, bundle.spec, bundle.source.shapes, target_of(bundle.spec, record))
    progress(f"running {lane.name}")
    inner = RUNNERS[runner]
    given = inner(folder / record.file, record, inputs.tensors, _shapes(model))
    progress("running the graph")
    feeds = graph_feeds(inputs.tensors, bundle.spec, record)
    layers, unmatched = compare_layers(model, feeds, given)
    if not layers:
        raise ArtifactError(
            "There is nothing to compare",
            [Problem("no inner value of the artifact bears a name of the graph", record.file)],
        )
    bound = OWN_LIMITS.get(record.precision, FEW_BITS) if limit is None else limit
    return Bisection(lane.name, name, bound, layers, unmatched)


def frozen_graph(
    path: Path, spec: Spec, shapes: Mapping[str, tuple[int, ...]], target: TargetSpec
) -> ir.Model:
    """Return the graph that was lowered to `target`."""
    from mobilecat.bake import bake
    from mobilecat.compile import CONTRACT, import_options, variant_of
    from mobilecat.formats.importing import import_model

    network = import_model(path, dict(shapes), import_options(spec))
    plain = bake(network, spec, *CONTRACT)
    variant = variant_of(target, plain, spec)
    return plain.model if variant == CONTRACT else bake(network, spec, *variant).model


def graph_feeds(
    tensors: Mapping[str, Array], spec: Spec, record: ArtifactRecord
) -> dict[str, Array]:
    """Return a bundle's inputs as the frozen graph takes them."""
    image = tensors.get("image") if spec.input is not None else None
    if image is None or spec.input is None:
        return dict(tensors)
    if record.image == "pixels":
        planes = image.transpose(2, 0, 1)[None].astype(np.float32)
        if spec.input.color == "BGR":
            planes = planes[:, ::-1]
        return {"image": np.ascontiguousarray(planes)}
    return {"image": image[None].astype("float32" if record.image == "float32" else "uint8")}


def compare_layers(
    model: ir.Model, feeds: Mapping[str, Array], given: Mapping[str, Given]
) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Return a layer for each value of the graph that is given, and the names of the others."""
    known = _values(model)
    given = {n: g for n, g in given.items() if n in known or n in feeds}
    wanted = [n for n in known if n in given]
    reference = _run(_proto(model, {}), feeds, wanted)
    typed: dict[str, Array] = {}
    for name, g in given.items():
        like = feeds[name] if name in feeds else reference[name]
        if g.array.shape == like.shape:
            typed[name] = np.ascontiguousarray(_as_type(g.array, like.dtype))
    cut = {n: f"{n}::given" for n in typed}
    again = {cut[n]: a for n, a in typed.items()}
    rest = {n: a for n, a in feeds.items() if n not in typed}
    alone = _run(_proto(model, cut), {**rest, **again}, wanted)
    layers = [
        Layer(n, (), "Input", feeds[n].shape, *[_error(given[n].array, feeds[n])] * 2)
        for n in feeds
        if n in given
    ]
    for name in wanted:
        nodes = _between(known[name], set(typed))
        layers.append(
            Layer(
                name,
                tuple(f"{op_of(n)} {n.name!r}" for n in nodes),
                "+".join(op_of(n) for n in nodes[-3:]) + (" …" if len(nodes) > 3 else ""),
                reference[name].shape,
                _error(given[name].array, alone[name]),
                _error(given[name].array, reference[name]),
            )
        )
    return tuple(layers), tuple(n for n in known if n not in given)


def _shapes(model: ir.Model) -> dict[str, tuple[int, ...]]:
    values = [*model.graph.inputs, *(v for n in model.graph for v in n.outputs)]
    return {
        v.name: tuple(int(d) for d in v.shape)  # type: ignore[arg-type]
        for v in values
        if v.name and v.shape is not None and v.shape.is_static()
    }


def _values(model: ir.Model) -> dict[str, ir.Value]:
    return {v.name: v for node in model.graph for v in node.outputs if v.name}


def _between(value: ir.Value, stops: set[str]) -> list[ir.Node]:
    """Return the nodes that make `value` from values in `stops` or inputs, in the graph's order."""
    found: dict[ir.Node, None] = {}
    todo = [value.producer()]
    while todo:
        node = todo.pop()
        if node is None or node in found:
            continue
        found[node] = None
        todo += [v.producer() for v in node.inputs if v is not None and v.name not in stops]
    graph = value.graph
    order = {n: i for i, n in enumerate(graph)} if graph is not None else {}
    return sorted(found, key=lambda n: order.get(n, 0))


def run_graph(model: ir.Model, feeds: Mapping[str, Array], names: list[str]) -> dict[str, Array]:
    """Return values of a frozen graph by name, computed in onnxruntime, unoptimised."""
    return _run(_proto(model, {}), feeds, names)


def _proto(model: ir.Model, cut: Mapping[str, str]) -> Any:
    """Return the graph as ONNX; whoever reads a value of `cut` reads the input of that name."""
    copy = model.clone()
    for value in [*copy.graph.inputs, *(v for n in copy.graph for v in n.outputs)]:
        name = cut.get(value.name or "")
        if name is None:
            continue
        stand_in = ir.Value(name=name, shape=value.shape, type=value.type)
        for user, index in tuple(value.uses()):
            user.replace_input_with(index, stand_in)
        copy.graph.inputs.append(stand_in)
    inputs = [v for v in copy.graph.inputs if v.name not in cut]
    copy.graph.inputs.clear()
    copy.graph.inputs.extend(inputs)
    return ir.to_proto(copy)


def _run(proto: Any, feeds: Mapping[str, Array], names: list[str]) -> dict[str, Array]:
    """Return the values `names`, unoptimised: fusions would change their rounding."""
    import onnx

    ort = quiet_onnxruntime()
    outputs = {v.name for v in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in outputs)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        data = proto.SerializeToString()
        session = ort.InferenceSession(data, options, ["CPUExecutionProvider"])
        taken = {i.name for i in session.get_inputs()}
        found = session.run(names, {n: a for n, a in feeds.items() if n in taken})
    except Exception as e:  # onnxruntime's errors share no public base class
        problem = problem_from_onnxruntime(str(e))
        raise ModelError("The frozen graph does not run in onnxruntime", [problem]) from e
    return dict(zip(names, found, strict=True))


def _as_type(array: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind in "iu" and array.dtype.kind == "f":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        array = np.clip(np.nan_to_num(np.rint(array)), low, high)
    return array.astype(dtype)


def _error(got: Array, expected: Array) -> float:
    if got.shape != expected.shape:
        return float("inf")
    g, e = got.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(e)
    if not np.array_equal(finite, np.isfinite(g)) or not np.array_equal(
        g[~finite], e[~finite], equal_nan=True
    ):
        return float("inf")
    g, e = g[finite], e[finite]
    if not e.size:
        return 0.0
    worst = float(np.abs(g - e).max())
    return worst / max(float(np.abs(e).max()), FLOOR) if worst else 0.0


def _lane(bundle: Bundle, runner: str, artifact: str | None) -> Lane:
    if runner not in RUNNERS:
        raise MobileCatError(
            "This runner shows no inner values",
            [Problem(repr(runner), "--runner", f"one of {', '.join(RUNNERS)}")],
        )
    found = [x for x in lanes_of(bundle, runner, artifact) if x.artifact is not None]
    if len(found) != 1:
        files = ", ".join(x.artifact.file for x in found if x.artifact)
        raise MobileCatError(
            "Which artifact?",
            [Problem(f"runner {runner!r} runs {files or 'none'}", "--artifact", "name one")],
        )
    return found[0]


def _source(folder: Path, bundle: Bundle, override: Path | None) -> Path:
    from mobilecat.disk import sha256_of

    path = override or folder / bundle.source.path
    if not path.exists():
        fix = "give it with --source FILE"
        raise MobileCatError("The source model is missing", [Problem("not found", str(path), fix)])
    if sha256_of(path) != bundle.source.sha256:
        raise MobileCatError(
            "This is another source model", [Problem("its SHA-256 differs", str(path))]
        )
    return path


def target_of(spec: Spec, record: ArtifactRecord) -> TargetSpec:
    """Return the target of the spec that an artifact was made for: only its form matters here."""
    for target in spec.targets.all:
        if target.kind == record.kind and target.makes(record):
            return target
    problem = Problem("no target of the spec makes it", record.file, "export the bundle again")
    raise ArtifactError("The bundle contradicts itself", [problem])
