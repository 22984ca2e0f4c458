"""A float graph of ours, run over pictures as the app would hand them over.

The ranges are those of exactly the graph that is run: a format that lowers a graph has it run, and
finds each value under the name that it has there. onnxruntime computes least and largest values
itself, so that nothing large leaves it; histograms take a second pass, a few values at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.disk.cache import cached, keep, scratch_file
from mobilecat.errors import Problem, SpecError
from mobilecat.foreign import quiet_onnxruntime
from mobilecat.graph import Array, dtype_of, shape_of
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.quantize.histogram import Histogram
from mobilecat.quantize.pictures import KEY, hashes_of, pictures_of, pixels_kept
from mobilecat.quantize.pruned import pruned
from mobilecat.quantize.ranges import Method, Range, Ranges, Seen, minmax, mse, percentile
from mobilecat.quantize.stored import arrays_from_ranges, ranges_from_arrays
from mobilecat.spec import ImageSpec, QuantizeSpec, Spec

_SUFFIX = ".npz"
T = TypeVar("T")
MOST_BYTES = 256 << 20
"""Of values that leave the engine, or of moments that are gathered, at once."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Calibration:
    """What `[quantize]` says, with its pictures. hashes: the SHA-256 of each."""

    settings: QuantizeSpec
    image: ImageSpec
    pictures: tuple[Path, ...]
    hashes: tuple[str, ...]
    progress: Progress = field(default=lambda _: None, compare=False)

    def ranges(self, model: ir.Model, names: Collection[str] | None = None) -> Ranges:
        """Return what the float values of `model` are on the pictures, by name.

        model: a frozen graph with the picture as its one input, in any form of
        `bake.preprocessing`. names: the values asked for, by default all that there are.
        A value that is not finite on some picture, or has no elements, is left out. Kept between
        runs, by the content of graph, pictures and settings.
        """
        values = {
            value.name: value
            for value in (*model.graph.inputs, *(v for n in model.graph for v in n.outputs))
            if value.name and (names is None or value.name in names) and _is_float(value)
        }
        if not values:
            return {}
        proto = pruned(ir.to_proto(model), values)
        key = self._key(proto, list(values))
        if (kept := cached(key, _SUFFIX)) is not None:
            with np.load(kept, allow_pickle=False) as arrays:
                return ranges_from_arrays(arrays)
        found = _measured(proto, model.graph.inputs[0], values, self)
        with scratch_file(_SUFFIX) as file:
            np.savez(file, allow_pickle=False, **arrays_from_ranges(found))
            keep(key, file, _SUFFIX)
        return found

    @property
    def pixels(self) -> tuple[str, ...]:
        """What each picture decodes to, whatever it is saved as (`pictures.same`)."""
        return pixels_kept(self.pictures, self.hashes, self.progress)

    def feeds(self, value: ir.Value) -> Iterator[Array]:
        """Yield what `value`, the picture input, is given, a picture at a time."""
        shape, dtype = shape_of(value), dtype_of(value)
        for i, path in enumerate(self.pictures):
            self.progress(f"calibrating: picture {i + 1} of {len(self.pictures)}")
            pixels, _ = fit_picture(read_picture(path), self.image)
            if shape != (1, *pixels.shape):  # planar: the network's own order of channels
                ordered = pixels[:, :, ::-1] if self.image.color == "BGR" else pixels
                pixels = ordered.transpose(2, 0, 1)
            yield np.ascontiguousarray(pixels.reshape(shape), dtype)

    def _key(self, proto: onnx.ModelProto, names: Sequence[str]) -> str:
        said = (
            version("mobilecat"),
            self.settings.model_dump_json(exclude={"calibration"}),
            self.image.model_dump_json(),
            *self.hashes,
            *names,
        )
        digest = hashlib.sha256("\0".join(said).encode())
        digest.update(proto.SerializeToString(deterministic=True))
        return f"ranges-{digest.hexdigest()[:32]}"


def _asks(target: Any) -> str:
    """Return the key of a target that wants pictures, as the spec writes it."""
    key = "activations" if getattr(target, "activations", None) else "precision"
    return f'{key} = "{getattr(target, key)}"'


def calibration_of(
    spec: Spec, folder: Path | None = None, progress: Progress = lambda _: None
) -> Calibration:
    """Return the calibration of a spec. folder: what its paths are relative to, by default its own.

    Errors: SpecError where it names no pictures or takes none; DatasetError.
    """
    if spec.quantize is None:
        fix = '[quantize] with calibration = "folder of pictures"'
        needs = [_asks(t) for t in spec.targets.all if t.calibrated]
        what = " and ".join(dict.fromkeys(needs)) or "a target"
        said = Problem(f"{what} needs pictures, which [quantize] names", "quantize", fix)
        raise SpecError("There is nothing to calibrate on", [said])
    if spec.input is None:
        said = Problem("calibration is on pictures, and the network takes none", KEY, "add [input]")
        raise SpecError("There is nothing to calibrate on", [said])
    pictures = pictures_of(spec.quantize, spec.folder if folder is None else folder)
    return Calibration(spec.quantize, spec.input, pictures, hashes_of(pictures, progress), progress)


def method_of(settings: QuantizeSpec) -> Method:
    """Return what makes a range of a histogram."""
    percent = settings.percentile
    return {"minmax": minmax, "mse": mse, "percentile": lambda h: percentile(h, percent)}[
        settings.method
    ]


def _is_float(value: ir.Value) -> bool:
    return (
        value.dtype is not None
        and value.shape is not None
        and value.shape.is_static()
        and dtype_of(value) == np.float32
        and 0 not in shape_of(value)
    )


def _measured(
    proto: onnx.ModelProto,
    picture: ir.Value,
    values: Mapping[str, ir.Value],
    calibration: Calibration,
) -> dict[str, Seen]:
    ends = _ends(proto, picture, values, calibration)
    if calibration.settings.method == "minmax":
        return {n: Seen(Range(float(a.min()), float(b.max())), a, b, x) for n, (a, b, x) in ends}
    counted = {n: Histogram(float(a.min()), float(b.max())) for n, (a, b, _) in ends}
    session = session_of(proto, counted)
    groups = list(in_runs((n, 4 * int(np.prod(shape_of(values[n])))) for n in counted))
    for fed in calibration.feeds(picture):
        for group in groups:
            for name, array in zip(group, session.run(group, {picture.name: fed}), strict=True):
                counted[name].add(array)
    method = method_of(calibration.settings)
    return {n: Seen(method(counted[n]), a, b, axis) for n, (a, b, axis) in ends}


def _ends(
    proto: onnx.ModelProto,
    picture: ir.Value,
    values: Mapping[str, ir.Value],
    calibration: Calibration,
) -> list[tuple[str, tuple[Array, Array, int | None]]]:
    """Return least and largest values along the channels, of what is finite on every picture."""
    axes = {name: channel_axis(len(shape_of(v))) for name, v in values.items()}
    ranks = {name: len(shape_of(v)) for name, v in values.items()}
    session, outputs = _reducing(proto, axes, ranks)
    lows: list[Array] = []
    highs: list[Array] = []
    for fed in calibration.feeds(picture):
        found = session.run(outputs, {picture.name: fed})
        least, most = found[0::2], found[1::2]
        lows = [np.minimum(a, b) for a, b in zip(lows, least, strict=True)] if lows else least
        highs = [np.maximum(a, b) for a, b in zip(highs, most, strict=True)] if highs else most
    pairs = zip(values, lows, highs, strict=True)
    return [
        (name, (np.atleast_1d(a).astype(float), np.atleast_1d(b).astype(float), axes[name]))
        for name, a, b in pairs
        if np.isfinite(a).all() and np.isfinite(b).all()
    ]


def channel_axis(rank: int) -> int | None:
    """Return which axis of a value holds its channels: see `Seen`."""
    if rank == 0:
        return None
    return 1 if rank >= 4 else rank - 1


def _reducing(
    proto: onnx.ModelProto, axes: Mapping[str, int | None], ranks: Mapping[str, int]
) -> tuple[Any, list[str]]:
    """Return a session that gives, for each value, its least and largest a channel."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    names = []
    for i, (name, axis) in enumerate(axes.items()):
        over = [a for a in range(ranks[name]) if a != axis]
        for op in ("ReduceMin", "ReduceMax"):
            out = f"mobilecat_{op}_{i}"
            names.append(out)
            if not over:
                model.graph.node.append(onnx.helper.make_node("Identity", [name], [out]))
            elif opset < 18:
                node = onnx.helper.make_node(op, [name], [out], axes=over, keepdims=0)
                model.graph.node.append(node)
            else:
                about = f"mobilecat_axes_{i}"
                if op == "ReduceMin":
                    made = onnx.numpy_helper.from_array(np.array(over, np.int64), about)
                    model.graph.initializer.append(made)
                node = onnx.helper.make_node(op, [name, about], [out], keepdims=0)
                model.graph.node.append(node)
    return session_of(model, names), names


def session_of(proto: onnx.ModelProto, names: Collection[str]) -> Any:
    """Return onnxruntime on a graph that gives `names`; what it rounds stays rounded."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    ort = quiet_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def in_runs(sized: Iterable[tuple[T, int]]) -> Iterator[list[T]]:
    """Yield things in runs that take `MOST_BYTES` at most, or one alone. sized: each with its
    bytes."""
    run: list[T] = []
    size = 0
    for thing, own in sized:
        if run and size + own > MOST_BYTES:
            yield run
            run, size = [], 0
        run.append(thing)
        size += own
    if run:
        yield run
