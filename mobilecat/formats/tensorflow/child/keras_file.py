"""Keras 3 `.keras` files, and HDF5 files of any age: Keras 3 first, tf-keras where it cannot.

Both load only what `keras_check` has let through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.onnx.input_shapes import Dims
from mobilecat.formats.tensorflow.child.keras_check import check_keras
from mobilecat.formats.tensorflow.child.keras_parts import keras_config, write_archive
from mobilecat.formats.tensorflow.child.network import (
    Frozen,
    Given,
    Network,
    Say,
    dims,
    unique,
    unknown,
)
from mobilecat.formats.tensorflow.child.reason import reason
from mobilecat.graph import Array

_NOT_OURS = "a Keras file has none to choose"
_SUFFIXES = {"keras": ".keras", "keras-hdf5": ".h5"}
_NOTE = 100


def open_keras(path: Path, format: str, options: ImportOptions, say: Say) -> Network:
    """Load the model without its training half, cut to the layers asked for."""
    problems = options.unusable(("signature", "inputs"), _NOT_OURS)
    if problems:
        raise ModelError(f"{path.name}: options that do not fit", problems)
    config = keras_config(path, format)
    check_keras(config, path)
    library, model, notes = _load(path, format, config, say)
    if not getattr(model, "inputs", None):
        raise ModelError(
            f"{path.name}: the model's inputs are not known",
            [
                Problem(
                    "it was saved without ever being built or called",
                    str(path),
                    "call it once, or model.build(shape), and save it again",
                )
            ],
        )
    outputs = _outputs(model, options, path)
    flat = library.Model(inputs=list(model.inputs), outputs=list(outputs.values()))
    return _network(flat, model.inputs, outputs, notes)


def _network(
    flat: Any, inputs: list[Any], outputs: Mapping[str, Any], notes: tuple[str, ...]
) -> Network:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    names_in = unique(t.name.split(":")[0] for t in inputs)
    types = [tf.as_dtype(t.dtype) for t in inputs]
    shapes: list[Dims] = [dims(t.shape) for t in inputs]

    def call(*tensors: Any) -> list[Any]:
        made = flat(list(tensors) if len(tensors) > 1 else tensors[0], training=False)
        return list(tf.nest.flatten(made))

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        tensors = [tf.constant(feeds[n], t) for n, t in zip(names_in, types, strict=True)]
        return {n: y.numpy() for n, y in zip(outputs, call(*tensors), strict=True)}

    def freeze(given: Given) -> Frozen:
        signature = [
            tf.TensorSpec(given.get(name, shape), dtype, name=f"input_{i}")
            for i, (name, shape, dtype) in enumerate(zip(names_in, shapes, types, strict=True))
        ]
        function = tf.function(call, input_signature=signature).get_concrete_function()
        frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
        return Frozen(
            frozen.graph.as_graph_def(),
            {n: t.name for n, t in zip(names_in, frozen.inputs, strict=True)},
            {n: t.name for n, t in zip(outputs, frozen.outputs, strict=True)},
        )

    return Network(
        dict(zip(names_in, shapes, strict=True)),
        {n: dims(t.shape) for n, t in outputs.items()},
        run,
        freeze,
        notes,
    )


def _outputs(model: Any, options: ImportOptions, path: Path) -> dict[str, Any]:
    """Return the output tensors by the names their users know: keys, or the layers' own."""
    if options.outputs:
        layers = {layer.name: layer for layer in model.layers}
        problems = unknown(options.outputs, layers, "layer", "outputs")
        chosen = {n: layers[n].output for n in options.outputs if n in layers}
        problems += [
            Problem(f"layer {n!r} has several outputs", "import.outputs")
            for n, t in chosen.items()
            if isinstance(t, (list, tuple, dict))
        ]
        if problems:
            raise ModelError(f"{path.name}: the outputs asked for are not there", problems)
        return chosen
    tensors = list(model.outputs)
    if not _is_sequential(model) and isinstance(model.output, dict):
        return dict(model.output)
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    if len(names) != len(tensors):
        names = [f"output_{i}" for i in range(len(tensors))]
    return dict(zip(unique(names), tensors, strict=True))


def _is_sequential(model: Any) -> bool:
    """A Sequential of Keras 3 has no `output` before it is called."""
    return type(model).__name__ == "Sequential"


def _load(path: Path, format: str, config: Any, say: Say) -> tuple[Any, Any, tuple[str, ...]]:
    """Return Keras, or tf-keras, with the model that it loaded and a note where it was tf-keras."""
    reasons = []
    for shown, name in (("Keras 3", "keras"), ("tf-keras", "tf_keras")):
        say(f"loading with {shown}")
        library = import_module(name)
        try:
            with _to_load(path, format, config) as named:
                model = library.models.load_model(str(named), compile=False, safe_mode=True)
        except Exception as e:
            reasons.append(f"{shown}: {reason(e)}")
            continue
        return library, model, tuple(f"loaded by tf-keras, as {_short(r)}" for r in reasons)
    raise ModelError(
        f"{path.name}: neither Keras 3 nor tf-keras can load it",
        [Problem(r, str(path)) for r in reasons],
    )


@contextmanager
def _to_load(path: Path, format: str, config: Any) -> Iterator[Path]:
    """Yield the file as the libraries read it: an archive of what was checked and no more, or an
    HDF5 file under a name by which its format is known."""
    suffix = _SUFFIXES[format]
    with TemporaryDirectory() as folder:
        named = Path(folder) / f"model{suffix}"
        if format == "keras":
            write_archive(path, config, named)
        else:
            named.symlink_to(path.resolve())
        yield named


def _short(text: str) -> str:
    """What Keras says may hold a layer's whole configuration."""
    return text if len(text) <= _NOTE else f"{text[: _NOTE - 1]}…"
