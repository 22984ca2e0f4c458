"""Apple's MLIR bindings → `ir`. The only module that touches them, and only in the child."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.formats.coreai.read.bytecode import Blobs, blobs_of
from mobilecat.formats.coreai.read.ir import (
    ELEMENTS,
    NARROW,
    Block,
    Graph,
    Image,
    Module,
    Op,
    Other,
    Tensor,
    Type,
    integer_range,
)
from mobilecat.late import import_coreai

if TYPE_CHECKING:
    from mobilecat.graph import Array

_PLACE = re.compile(r'"((?:[^"\\]|\\.)*)":(\d+):\d+')
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2}|.)")
_RESOURCE = re.compile(r"dense_resource<(?:\"((?:[^\"\\]|\\.)*)\"|([\w.$-]+))>")
_IMAGE = re.compile(r"^!coreai\.image<<k?(\w+)> x (\d+) : i64 x (\d+) : i64")
_NUMBER = re.compile(r"-?\d[\w.+-]*|0x[0-9A-Fa-f]+|-?inf|-?nan")
_PLAIN = re.compile(r"^tensor<((?:(?:\d+|\?)x)*)(\w+)(?:, #coreaix\.hw_constraints<.*>)?>$")
"""Constraints say how a tensor lies in memory, nothing of its numbers."""
_SYMBOL = re.compile(r'@("(?:[^"\\]|\\.)*"|[\w.$-]+)')
_NOWHERE = ("-", "", "<unknown>")


def read_module(program: Path, blobs: Blobs | None = None) -> Module:
    """Parse the bytecode. Bytes that are none may end the process.

    blobs: the large constants of the file, by default read here; arrays of the module lie in them.
    """
    import_coreai()
    from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
        load_module_from_bytecode,
    )
    from coreai.authoring.context import Context

    context = Context()._mlir_context
    module = load_module_from_bytecode(context=context, path=program)
    with module.context:
        return _Walk(module, blobs or blobs_of(program)).module()


class _Walk:
    def __init__(self, module: Any, blobs: Blobs) -> None:
        self._module = module
        self._blobs = blobs.named
        self._numbers: dict[Any, int] = {}
        self._types: dict[Any, Type] = {}

    def module(self) -> Module:
        graphs: dict[str, Graph] = {}
        others: list[str] = []
        for path, op in _top(self._module.body, ""):
            if op.operation.name == "coreai.graph":
                graph = self._graph(path, op.operation)
                graphs[graph.name] = graph
            else:
                others.append(op.operation.name)
        return Module(graphs, tuple(others))

    def _graph(self, path: str, op: Any) -> Graph:
        attributes = {a.name: a.attr for a in op.attributes}
        body = self._block(op.regions[0].blocks[0])
        inputs = _names(attributes.get("arg_attrs"), len(body.types), "x")
        results = body.ops[-1].operands if body.ops else ()
        outputs = _names(attributes.get("res_attrs"), len(results), "y")
        types = tuple(self._type(t) for t in attributes["function_type"].value.results)
        name = path + _unquoted(str(attributes["sym_name"]))
        private = "priv" in attributes or "private" in attributes
        return Graph(name, inputs, outputs, types, body, private)

    def _block(self, block: Any) -> Block:
        arguments = tuple(self._number(a) for a in block.arguments)
        types = tuple(self._type(a.type) for a in block.arguments)
        return Block(arguments, types, tuple(self._op(o.operation) for o in block.operations))

    def _op(self, op: Any) -> Op:
        operands = tuple(self._number(v) for v in op.operands)
        results = tuple(self._number(v) for v in op.results)
        types = tuple(self._type(v.type) for v in op.results)
        where = place_of(str(op.location))
        if op.name == "coreai.constant":
            array, unread = self._constant(op.attributes["value"], types[0])
            return Op(op.name, operands, results, types, where=where, array=array, unread=unread)
        attributes = {a.name: str(a.attr) for a in op.attributes}
        regions = tuple(self._block(b) for r in op.regions for b in r.blocks)
        callee = attributes.get("callee", "")
        return Op(
            op.name,
            operands,
            results,
            types,
            attributes,
            regions,
            where,
            callee=".".join(_unquoted(part) for part in _SYMBOL.findall(callee)),
        )

    def _number(self, value: Any) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _type(self, type_: Any) -> Type:
        found = self._types.get(type_)
        if found is None:
            found = self._types[type_] = type_of(str(type_))
        return found

    def _constant(self, value: Any, type_: Type) -> tuple[Array | None, str]:
        """Return the numbers, or why they are not read."""
        if not isinstance(type_, Tensor) or None in type_.dims:
            return None, f"a constant of type {type_}"
        shape = tuple(d or 0 for d in type_.dims)
        dtype = _stored(type_.element)
        if dtype is None:
            return None, f"a constant of {type_.element}"
        text = str(value)[:300] if _is_resource(value) else ""
        if text:
            found = _RESOURCE.search(text)
            blob = self._blobs.get(_key(found)) if found is not None else None
            if blob is None:
                return None, "a constant whose numbers are in no section of the file"
            return _from_blob(blob, type_.element, dtype, shape)
        return _from_attribute(value, type_.element, dtype, shape), ""


def _top(block: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the operations at the top, and those of namespaces, with the namespace's name."""
    for op in block.operations:
        if op.operation.name == "udml.namespace":
            inner = path + _unquoted(str(op.operation.attributes["sym_name"])) + "."
            for region in op.operation.regions:
                for b in region.blocks:
                    yield from _top(b, inner)
        else:
            yield path, op


def type_of(text: str) -> Type:
    """Return the type that MLIR prints as `text`."""
    plain = _PLAIN.match(text)
    if plain is not None:
        dims = tuple(None if d == "?" else int(d) for d in plain[1].split("x")[:-1])
        return Tensor(plain[2], dims)
    image = _IMAGE.match(text)
    if image is not None:
        return Image(image[1], int(image[2]), int(image[3]))
    return Other(text)


def _names(attributes: Any, count: int, letter: str) -> tuple[str, ...]:
    from coreai._compiler.ir import DictAttr

    names = []
    for i, entry in enumerate(attributes or ()):
        held = DictAttr(entry)
        names.append(
            _unquoted(str(held["coreai.name"])) if "coreai.name" in held else f"{letter}{i}"
        )
    names += [f"{letter}{i}" for i in range(len(names), count)]
    return tuple(names)


def _unquoted(text: str) -> str:
    """Return what an MLIR string literal says: `\\22` is a byte in hex."""
    if not text.startswith('"'):
        return text
    return _bytes(text[1:-1]).decode("utf-8", "replace")


def _bytes(escaped: str) -> bytes:
    def one(m: re.Match[str]) -> str:
        return chr(int(m[1], 16)) if len(m[1]) == 2 else m[1]

    raw = escaped.encode("utf-8").decode("latin-1")
    return _ESCAPE.sub(one, raw).encode("latin-1")


def place_of(location: str) -> str:
    """Return the file that a location names, which is a node's name; "" where it names none."""
    found = _PLACE.search(location[:2000])
    name = _bytes(found[1]).decode("utf-8", "replace") if found is not None else ""
    return "" if name in _NOWHERE else name


def _key(found: re.Match[str]) -> str:
    """Return the name of a resource as the file has it."""
    return found[2] or _bytes(found[1] or "").decode("utf-8", "replace")


def _is_resource(value: Any) -> bool:
    from coreai._compiler.ir import DenseResourceElementsAttr

    return bool(DenseResourceElementsAttr.isinstance(value))


def _stored(element: str) -> np.dtype[Any] | None:
    """Return the type in which numpy holds the numbers, None where it has none."""
    import ml_dtypes

    if element in ELEMENTS:
        return ELEMENTS[element]
    if element in NARROW:
        return np.dtype(np.int8 if element.startswith("si") else np.uint8)
    halves = {"bf16": "bfloat16", "f8E4M3FN": "float8_e4m3fn", "f8E5M2": "float8_e5m2"}
    return np.dtype(getattr(ml_dtypes, halves[element])) if element in halves else None


def _from_blob(
    blob: Array, element: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[Array | None, str]:
    count = int(np.prod(shape, dtype=np.int64))
    if element in NARROW:
        return _unpacked(blob, element, count, shape)
    if len(blob) != count * dtype.itemsize:
        return None, f"a constant of {count} numbers in {len(blob)} bytes"
    return blob.view(dtype).reshape(shape), ""


def _unpacked(
    blob: Array, element: str, count: int, shape: tuple[int, ...]
) -> tuple[Array | None, str]:
    """Numbers of less than a byte lie one after another, low bits first.

    So the runtime reads them (measured), though coreai-core's own `constant` writes one a byte.
    """
    width = int(element[2:])
    if len(blob) * 8 < count * width:
        return None, f"a constant of {count} numbers of {width} bits in {len(blob)} bytes"
    bits = np.unpackbits(blob, bitorder="little")[: count * width]
    weights = 1 << np.arange(width)
    found = (bits.reshape(count, width) * weights).sum(1)
    low, high = integer_range(element)
    found = np.where(found > high, found - (1 << width), found)
    return found.astype(np.int8 if low else np.uint8).reshape(shape), ""


def _from_attribute(
    value: Any, element: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Array:
    from coreai._compiler.ir import DenseElementsAttr

    dense = DenseElementsAttr(value)
    if element == "i1" and dense.is_splat:
        # np.array() of a splat i1 is wrong beyond its first element in 1.0.0b3.
        return np.full(shape, str(value).startswith("dense<true>"))
    if dtype.kind == "V" or element in NARROW:  # for these the binding ends the process
        return _from_text(str(value), dtype, shape)
    array = np.array(dense)
    if dense.is_splat:
        return np.full(shape, array.reshape(-1)[0]).astype(dtype)
    return np.ascontiguousarray(array).astype(dtype, copy=False).reshape(shape)


def _from_text(text: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    inner = text[text.index("<") + 1 : text.rindex("> : ")]
    if inner.startswith('"0x'):
        return np.frombuffer(bytes.fromhex(inner[3:-1]), dtype).reshape(shape)
    numbers = [np.float32(float(n)) for n in _NUMBER.findall(inner)]
    return (
        np.broadcast_to(np.array(numbers).astype(dtype), shape)
        if len(numbers) == 1
        else (np.array(numbers).astype(dtype).reshape(shape))
    )
