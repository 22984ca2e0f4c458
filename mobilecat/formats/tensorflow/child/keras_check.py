"""A Keras model's configuration is read as data before a library builds anything of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.tensorflow.child import keras_names as names
from mobilecat.formats.tensorflow.child.graph_ops import refused_op

_WORDS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("activation", names.ACTIVATIONS, names.LAYERS),
    ("initializer", names.INITIALIZER_WORDS, names.INITIALIZERS),
    ("regularizer", names.REGULARIZER_WORDS, names.REGULARIZERS),
    ("constraint", names.CONSTRAINT_WORDS, names.CONSTRAINTS),
)
"""Keys that end so name a function or a class by a word."""

_DEPTH = 200
_LAMBDA = "a Lambda layer: it holds Python code, which is not run"
_CODE = {
    "Lambda": _LAMBDA,
    "__lambda__": _LAMBDA,
    "ClassMethod": "calls a method by its name, which is not done",
    "InstanceMethod": "calls a method by its name, which is not done",
    "TFSMLayer": "runs another model file, which is not done",
}
_STANDARD = "build the model with a standard layer in its place, or export a SavedModel"
_ELSEWHERE = "export a SavedModel where that code is: model.export('folder')"


def check_keras(config: Any, path: Path) -> None:
    """Raise ModelError naming all that the configuration names and `keras_names` has not."""
    if not isinstance(config, dict):
        raise ModelError("The model cannot be read", [Problem("holds no network", str(path))])
    problems: dict[Problem, None] = {}
    for place, value in _walk(config):
        problems.update(dict.fromkeys(_refused(place, value)))
    if problems:
        count = f"{len(problems)} part{'s are' if len(problems) > 1 else ' is'}"
        raise ModelError(f"{path.name}: {count} not Keras's own, or not safe to load", problems)


def _refused(place: str, value: dict[str, Any]) -> Iterator[Problem]:
    class_name = value.get("class_name")
    if class_name is not None:
        place = _named(value) or place
        yield from _refused_object(place, value)
    for key, word in value.items():
        yield from _refused_word(place, key, word)


def _refused_object(place: str, value: Mapping[str, Any]) -> Iterator[Problem]:
    name, module = value["class_name"], value.get("module")
    if not isinstance(name, str):
        yield Problem("a class whose name is no text", place)
        return
    if name in _CODE:
        yield Problem(_CODE[name], place, _STANDARD)
        return
    if name == "function":
        yield from _refused_function(place, value)
        return
    known = names.WITHOUT_MODULE if module is None else _classes_of(module)
    if name not in known:
        of = f" of {module}" if module is not None else ""
        what = f"class {name!r}{of}, which only its authors' code can build"
        yield Problem(what, place, _ELSEWHERE)
        return
    registered = value.get("registered_name")
    if registered not in (None, name, names.REGISTERED.get(name, name)):
        yield Problem(f"class {name!r} registered as {registered!r}", place, _ELSEWHERE)
    if name in names.TENSORFLOW_LAYERS:
        yield from _refused_call(place, name, value.get("config"))


def _refused_function(place: str, value: Mapping[str, Any]) -> Iterator[Problem]:
    named = [value.get("config"), value.get("registered_name")]
    module = value.get("module")
    for name in (n for n in named if n is not None):
        plain = isinstance(name, str) and name in names.ACTIVATIONS
        if not plain or not (module is None or module in names.FUNCTION_MODULES):
            what = f"function {name!r} of {module}, which is no activation"
            yield Problem(what, place, _STANDARD)


def _refused_call(place: str, kind: str, config: Any) -> Iterator[Problem]:
    """Look at the one op that a layer of tf-keras holds."""
    config = config if isinstance(config, dict) else {}
    if kind == "TensorFlowOpLayer":
        op = _op_of(config.get("node_def"))
        if why := refused_op(op):
            yield Problem(f"op {op}: {why}", place, _STANDARD)
        return
    function = config.get("function")
    plain = function if isinstance(function, str) else ""
    for prefix in ("compat.v1.", "compat.v2."):
        plain = plain.removeprefix(prefix)
    if plain not in names.TENSORFLOW_FUNCTIONS:
        yield Problem(f"calls TensorFlow's {function!r}, which is not done", place, _STANDARD)


def _op_of(node_def: Any) -> str:
    """Return the op of a node as such a layer writes it down: as text."""
    from google.protobuf import text_format
    from tensorflow.core.framework import node_def_pb2

    try:
        return str(text_format.Parse(str(node_def), node_def_pb2.NodeDef()).op)
    except Exception:
        return str(node_def)[:40]


def _refused_word(place: str, key: str, word: Any) -> Iterator[Problem]:
    if not isinstance(word, str):
        return
    for ending, words, classes in _WORDS:
        if key.lower().endswith(ending) and word not in words and word not in classes:
            yield Problem(f"{key} = {word!r} is none of Keras's own", place, _STANDARD)


def _classes_of(module: Any) -> frozenset[str]:
    known = [classes for modules, classes in names.OF_MODULES if module in modules]
    return frozenset().union(*known)


def _walk(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every object of a configuration with the layer that it is in, those inside others too.

    A loop, not a recursion: how deep the file nests is the file's choice.
    """
    waiting: list[tuple[str, Any, int]] = [("the model", config, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > _DEPTH:
            raise ModelError("The model cannot be read", [Problem("nested without end", place)])
        if isinstance(value, dict):
            place = _named(value) or place
            yield place, value
            value = list(value.values())
        if isinstance(value, list):
            waiting += [(place, item, depth + 1) for item in reversed(value)]


def _named(value: Mapping[str, Any]) -> str:
    if "class_name" not in value:
        return ""
    inner = value.get("config")
    name = value.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return f"layer {name!r}" if isinstance(name, str) else ""
