"""What a program of torch.export may hold: its JSON is taken over part by part, by allow-lists.

`torch.export.load` evaluates expressions, imports modules that a structure names, runs guards and
opens pickles. Nothing of a file reaches it but what is taken over here.
https://github.com/pytorch/pytorch/blob/main/torch/_export/serde/schema.py
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.torch.child.ops import may_be_named, words

Json = Any

_SUBGRAPHS = ("torch.ops.higher_order.wrap_with_set_grad_enabled",)
"""Calls of an inner graph that compute it as it stands."""
_CONTROL = ("cond", "while_loop", "scan", "map_impl", "associative_scan", "map")
_CONTAINERS = (
    *("builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"),
    *("torch.fx.immutable_collections.immutable_list",),
    *("torch.fx.immutable_collections.immutable_dict",),
)
_SIZES = frozenset(
    words(
        """
        Symbol Integer Rational Float Add Mul Pow Max Min Abs Mod PythonMod FloorDiv ModularIndexing
        CleanDiv CeilDiv ToFloat IntTrueDiv FloatTrueDiv CeilToInt FloorToInt TruncToInt RoundToInt
        Where Eq Ne Equality Unequality GreaterThan LessThan StrictGreaterThan StrictLessThan And Or
        Not Half One Zero NegativeOne BooleanTrue BooleanFalse
        """
    )
)
"""What torch writes sizes with. They are words of sympy, which evaluates whatever is written."""
_SYMBOL = re.compile(r"(?:[su]\d+|z?u?f?\d+|int_oo|oo)")
_ARITHMETIC = (
    *(ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.BinOp),
    *(ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop, ast.cmpop),
)
_KEPT_METADATA = ("stack_trace", "nn_module_stack")
_TRAINS = {
    "batch_norm": ("training",),
    "dropout": ("train",),
    "alpha_dropout": ("train",),
    "feature_dropout": ("train",),
    "feature_alpha_dropout": ("train",),
    "native_dropout": ("train",),
    "rrelu": ("training",),
}
_LINE = re.compile(r'File "([^"]*)", line (\d+)')


def checked(text: bytes, name: str) -> tuple[Json, list[str]]:
    """Return a program's JSON with nothing in it but what may be, and notes on what was changed.

    Errors: ModelError with every part that is not allowed, each with its line of code.
    """
    try:
        program = json.loads(text)
        problems: list[Problem] = []
        notes: list[str] = []
        module = program["graph_module"]
        module["module_call_graph"] = list(_calls(module["module_call_graph"], problems))
        module["metadata"] = {}
        _replace(module, "treespec_namedtuple_fields", {})
        _replace(program, "guards_code", [])
        ranges = program.get("range_constraints") or {}
        problems += [p for symbol in ranges for p in _expression(symbol)]
        trained = _graph(module["graph"], problems)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
        what = Problem(f"its description of the network is damaged ({type(e).__name__})")
        raise ModelError(f"{name} cannot be read", [what]) from e
    if problems:
        unique = list(dict.fromkeys(problems))
        shown = unique[:20] + ([Problem(f"and {len(unique) - 20} more")] if unique[20:] else [])
        raise ModelError(f"{name}: {len(unique)} parts cannot be compiled", shown)
    if trained:
        kinds = ", ".join(sorted(trained))
        notes.append(f"exported in training mode ({kinds}): taken as in eval mode")
    return program, notes


def _replace(table: dict[str, Any], key: str, value: Any) -> None:
    if key in table:
        table[key] = value


def _calls(entries: Json, problems: list[Problem]) -> Iterator[Json]:
    """Give the network's own signature; those of parts of it are not needed."""
    for entry in entries:
        signature = entry.get("signature")
        if entry["fqn"] == "" and signature is not None:
            for key in ("in_spec", "out_spec"):
                _structure(json.loads(signature[key])[1], key, problems)
            yield {**entry, "signature": {**signature, "inputs": [], "outputs": []}}
        elif entry["fqn"] == "":
            yield entry


def _structure(spec: Json, key: str, problems: list[Problem]) -> None:
    """A structure of inputs or outputs names Python types, and its context may name others."""
    kind, context = spec["type"], spec["context"]
    if kind is not None and kind not in _CONTAINERS:
        fix = "return tensors in tuples, lists and dictionaries"
        problems.append(Problem(f"{kind} in the structure of its {_SIDES[key]}", "", fix))
    elif not _plain(json.loads(context) if isinstance(context, str) else context):
        problems.append(Problem(f"more than keys in the structure of its {_SIDES[key]}"))
    for inner in spec["children_spec"]:
        _structure(inner, key, problems)


_SIDES = {"in_spec": "inputs", "out_spec": "outputs"}


def _plain(context: Json) -> bool:
    """Whether a context is null, or the keys of a dictionary."""
    keys = [] if context is None else context
    return isinstance(keys, list) and all(isinstance(k, str | int) for k in keys)


def _graph(graph: Json, problems: list[Problem]) -> set[str]:
    if graph.get("custom_obj_values"):
        names = ", ".join(graph["custom_obj_values"])
        problems.append(Problem("holds objects of classes of its own", names))
    graph["custom_obj_values"] = {}
    trained: set[str] = set()
    for node in graph["nodes"]:
        node["metadata"] = {k: v for k, v in node["metadata"].items() if k in _KEPT_METADATA}
        target, where = node["target"], place(node)
        if any(target.endswith(f"higher_order.{kind}") for kind in _CONTROL):
            fix = "compute both branches and choose with torch.where, or cut before it"
            problems.append(Problem("control flow that depends on data", where, fix))
        elif target not in _SUBGRAPHS and not may_be_named(target):
            fix = "build the network from torch's own operators"
            problems.append(Problem(f"{target} is not one that may be run", where, fix))
        trained |= _in_eval_mode(node)
        for inner in _each(node["inputs"], "as_graph"):
            trained |= _graph(inner["graph"], problems)
    for text in _each(graph, "expr_str"):
        problems += _expression(text)
    for key in ("as_custom_obj", "as_operator", "as_opaque_obj"):
        problems += [Problem(f"{key} is not one that may be run") for _ in _each(graph, key)]
    _to_cpu(graph)
    return trained


def _in_eval_mode(node: Json) -> set[str]:
    """Set a node's flag of training to false; return what it is called where it was true."""
    parts = node["target"].split(".")
    flags = _TRAINS.get(parts[3], ()) if len(parts) == 5 else ()
    found = set()
    for argument in node["inputs"]:
        if argument["name"] in flags and argument["arg"].get("as_bool"):
            argument["arg"]["as_bool"] = False
            found.add(parts[3])
    return found


def place(node: Json) -> str:
    """Return the line of the user's code that a node comes from, else its name."""
    lines = _LINE.findall(str(node["metadata"].get("stack_trace", "")))
    lines = [x for x in lines if not x[0].startswith("<")]
    own = [x for x in lines if "/torch/" not in x[0]] or lines
    file, line = own[-1] if own else ("", "")
    return f"{file}:{line}" if file else str(node.get("name") or node["target"])


def _expression(text: Json) -> list[Problem]:
    return [] if _is_size(text) else [Problem(f"a size that is no sum: {str(text)[:60]!r}")]


def _is_size(text: Json) -> bool:
    if not isinstance(text, str) or len(text) > 10_000:
        return False
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = {n.func for n in nodes if isinstance(n, ast.Call)}
    for node in nodes:
        if not isinstance(node, _ARITHMETIC):
            return False
        if isinstance(node, ast.Name):
            known = node.id in _SIZES if node in called else _SYMBOL.fullmatch(node.id)
            if not known:
                return False
        if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
            symbol = isinstance(node.value, str) and _SYMBOL.fullmatch(node.value)
            if not symbol:
                return False
    return called <= {n for n in nodes if isinstance(n, ast.Name)}


def _each(value: Json, key: str) -> Iterator[Json]:
    """Yield what stands under `key` anywhere, but not inside what is yielded."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == key and inner is not None:
                yield inner
            else:
                yield from _each(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _each(inner, key)


def _to_cpu(value: Json) -> None:
    """Let what was exported on another device be on this one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("device", "as_device") and isinstance(inner, dict) and "type" in inner:
                value[key] = {"type": "cpu", "index": None}
            else:
                _to_cpu(inner)
    elif isinstance(value, list):
        for inner in value:
            _to_cpu(inner)
