"""Model files that ask for more than to be read: each writes one, and where it would act."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]


def conv_model() -> Config:
    """Return the configuration of input → Activation, as Keras 3 writes it."""
    layer = {
        "module": "keras.layers",
        "class_name": "Activation",
        "config": {"name": "act", "activation": "relu"},
        "registered_name": None,
        "name": "act",
        "inbound_nodes": [
            {
                "args": [
                    {
                        "class_name": "__keras_tensor__",
                        "config": {
                            "shape": [None, 4, 3],
                            "dtype": "float32",
                            "keras_history": ["x", 0, 0],
                        },
                    }
                ],
                "kwargs": {},
            }
        ],
    }
    entry = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4, 3], "dtype": "float32", "name": "x"},
        "registered_name": None,
        "name": "x",
        "inbound_nodes": [],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "trainable": True,
            "layers": [entry, layer],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["act", 0, 0]],
        },
        "registered_name": "Functional",
    }


def keras_file(path: Path, config: Any, weights: Path | None = None) -> Path:
    """Write a `.keras` or an HDF5 file of a configuration, which may be text as it is."""
    text = config if isinstance(config, str) else json.dumps(config)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
            archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
            inner = weights or empty_weights(path.with_suffix(".inner"))
            archive.write(inner, "model.weights.h5")
        return path
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path


def empty_weights(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")
    return path


def layer(config: Config) -> Config:
    found: Config = config["config"]["layers"][1]
    return found


def _set(**keys: Any) -> Callable[[Config, Path], Any]:
    return lambda config, _: layer(config).update(keys)


def _inner(**keys: Any) -> Callable[[Config, Path], Any]:
    return lambda config, _: layer(config)["config"].update(keys)


def _tf_call(function: str, **more: Any) -> Callable[[Config, Path], Any]:
    def change(config: Config, sentinel: Path) -> None:
        layer(config).update(
            module="tf_keras.src.layers.core.tf_op_layer",
            class_name="TFOpLambda",
            registered_name="TFOpLambda",
            config={"name": "act", "function": function},
            inbound_nodes=[["_CONSTANT_VALUE", -1, str(sentinel), {"contents": "x", **more}]],
        )

    return change


def _node(op: str) -> Callable[[Config, Path], Any]:
    def change(config: Config, sentinel: Path) -> None:
        text = f'name: "n" op: "{op}" input: "a" input: "b"'
        layer(config).update(class_name="TensorFlowOpLayer", config={"name": "n", "node_def": text})

    return change


KERAS: dict[str, tuple[Callable[[Config, Path], Any], str]] = {
    "a function of TensorFlow that writes": (_tf_call("io.write_file"), "io.write_file"),
    "a function that loads a library": (_tf_call("load_op_library"), "load_op_library"),
    "a function that reads": (_tf_call("io.read_file"), "io.read_file"),
    "a Python function in TensorFlow": (_tf_call("py_function"), "py_function"),
    "a function that copies": (_tf_call("io.gfile.copy"), "io.gfile.copy"),
    "a function that removes": (_tf_call("io.gfile.rmtree"), "io.gfile.rmtree"),
    "an old name of it": (_tf_call("compat.v1.io.write_file"), "compat.v1.io.write_file"),
    "a slice that is a call": (
        lambda c, s: (_tf_call("io.write_file")(c, s), _set(class_name="SlicingOpLambda")(c, s)),
        "io.write_file",
    ),
    "a node that writes": (_node("WriteFile"), "WriteFile: reads or writes files"),
    "a node without an op": (_node(""), "is not among"),
    "a method by name": (_set(class_name="InstanceMethod"), "calls a method by its name"),
    "a class method": (_set(class_name="ClassMethod"), "calls a method by its name"),
    "another framework's file": (_set(class_name="TFSMLayer"), "runs another model file"),
    "a layer with a torch module": (_set(class_name="TorchModuleWrapper"), "TorchModuleWrapper"),
    "a vocabulary from a file": (
        _set(class_name="StringLookup", config={"vocabulary": "/etc/passwd"}),
        "StringLookup",
    ),
    "another module": (_set(module="os", class_name="system"), "class 'system' of os"),
    "a function of Keras' own tools": (
        _inner(
            activation={
                "module": "keras.utils",
                "class_name": "function",
                "config": "get_file",
                "registered_name": "get_file",
            }
        ),
        "function 'get_file' of keras.utils",
    ),
    "a class of Keras' own tools": (
        _inner(activation={"module": "keras.utils", "class_name": "get_file", "config": {}}),
        "class 'get_file' of keras.utils",
    ),
    "an activation by another name": (_inner(activation="get_file"), "activation = 'get_file'"),
    "a global of the module as a word": (
        _inner(kernel_initializer="serialization_lib"),
        "kernel_initializer = 'serialization_lib'",
    ),
    "a registered name": (_set(registered_name="builtins>exec"), "registered as 'builtins>exec'"),
    "code": (
        _inner(activation={"class_name": "__lambda__", "config": {"value": "4wAAAA=="}}),
        "holds Python code",
    ),
    "a type specification": (
        _inner(shape={"class_name": "__typespec__", "spec_name": "x", "config": []}),
        "__typespec__",
    ),
    "an op that takes a function": (
        _set(module="keras.src.ops.core", class_name="Map", registered_name="Map"),
        "class 'Map' of keras.src.ops.core",
    ),
    "a class name that is no text": (_set(class_name=7), "whose name is no text"),
    "an initialiser of another module": (
        _inner(kernel_initializer={"module": "posix", "class_name": "Zeros", "config": {}}),
        "class 'Zeros' of posix",
    ),
    "inside an inner model": (
        lambda c, s: layer(c).update(
            module="keras",
            class_name="Sequential",
            config={"name": "in", "layers": [{"class_name": "Lambda", "config": {"name": "l"}}]},
        ),
        "layer 'l': a Lambda layer",
    ),
    "among the arguments of a call": (
        lambda c, s: layer(c)["inbound_nodes"][0]["kwargs"].update(
            x={"module": "subprocess", "class_name": "Popen", "config": {}}
        ),
        "class 'Popen' of subprocess",
    ),
}
