"""Every key of a spec with its type, default and meaning, read from the models themselves.

`mobilecat spec` prints it and docs/spec.md holds it: what is said here is what is validated.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mobilecat.errors import MobileCatError, Problem
from mobilecat.shown import Line, Shown
from mobilecat.spec.cascade import CascadeSpec
from mobilecat.spec.load import models_in
from mobilecat.spec.values import Spec

_NUMBERS = {int: "whole number", float: "number"}
_PLAIN = {bool: "true or false", str: "text"}
_NO_BOUND = 1e9
"""A bound as large only keeps infinities out."""
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}


@dataclass(frozen=True)
class Key:
    """One key. default: as TOML writes it; '' where there is none; required: it must be there."""

    table: str
    name: str
    takes: str
    default: str
    meaning: str
    required: bool

    @property
    def path(self) -> str:
        """`input.size`; a key outside of every table is its own name."""
        inside = self.table.split("]")[0].strip("[")
        return f"{inside}.{self.name}" if inside else self.name


@dataclass(frozen=True)
class Section:
    """One table of the file. title: `[input]`, `[head] kind = "yolox"`, '' for the file's top."""

    title: str
    says: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, repr=False)
class Explained(Shown):
    """What `explain` found, table by table."""

    sections: tuple[Section, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return one dict a table: title, says, keys."""
        return [asdict(section) for section in self.sections]

    def words(self) -> Iterator[Line]:
        for i, section in enumerate(self.sections):
            if i:
                yield Line("")
            yield Line(section.title or "at the top of the file", "bold")
            if section.says:
                yield Line(f"  {section.says}", "dim")
            for key in section.keys:
                default = f"  default {key.default}" if key.default else ""
                need = "  must be said" if key.required else default
                yield Line(f"  {key.name}: {key.takes}{need}")
                if key.meaning:
                    yield Line(f"      {key.meaning}", "dim")


@cache
def spec_sections() -> tuple[Section, ...]:
    """Return the tables of a model's spec, then those of a cascade's."""
    return (*_walk(Spec, ""), *_walk(CascadeSpec, ""))


def explain(asked: str = "") -> Explained:
    """Return what there is about a key (`size`, `input.size`), a table (`input`), a head (`yolox`).

    Without `asked`, everything. Errors: MobileCatError with the nearest names.
    """
    sections = spec_sections()
    if not asked:
        return Explained(sections)
    bare = asked.strip().strip("[]").casefold()
    whole = [s for s in sections if bare in _names_of(s)]
    if whole:
        return Explained(tuple(dict.fromkeys(whole)))
    found = []
    for section in sections:
        keys = [k for k in section.keys if bare in (k.name.casefold(), k.path.casefold())]
        if keys:
            found.append(Section(section.title, "", tuple(keys)))
    if found:
        return Explained(tuple(found))
    names = {n for s in sections for n in (*_names_of(s), *(k.name for k in s.keys)) if n}
    close = difflib.get_close_matches(bare.rsplit(".", 1)[-1], sorted(names), n=3, cutoff=0.5)
    fix = f"did you mean {', '.join(close)}?" if close else "all of them: mobilecat spec"
    raise MobileCatError("A spec has no such key", [Problem(f"{asked!r:.80}", fix=fix)])


def _names_of(section: Section) -> set[str]:
    table, _, kind = section.title.partition(" kind = ")
    named = table.strip("[]").casefold()
    return {named, named.partition('."')[0], kind.strip('"').casefold()} - {""}


def _walk(model: type[BaseModel], table: str) -> Iterator[Section]:
    title = f"[{table}]" if table else ""
    if (kind := model.model_fields.get("kind")) is not None and table == "head":
        title = f'{title} kind = "{typing.get_args(kind.annotation)[0]}"'
    inner: list[tuple[str, type[BaseModel]]] = []
    keys = []
    for name, field in model.model_fields.items():
        shown = field.alias or name
        below = models_in(field.annotation)
        for found in below:
            by_name = typing.get_origin(field.annotation) is dict
            path = f"{table}.{shown}" if table else shown
            inner.append((f'{path}."…"' if by_name else path, found))
        if not below or _may_be_plain(field.annotation):
            keys.append(_key(model, table, title, shown, name, field))
    if keys or not inner:
        yield Section(title, _summary(model), tuple(keys))
    for path, found in inner:
        yield from _walk(found, path)


def _key(
    model: type[BaseModel], table: str, title: str, shown: str, name: str, field: FieldInfo
) -> Key:
    required = field.is_required() and not (table == "" and name == "name")
    default = "" if field.is_required() or field.default is None else toml(field.get_default())
    said = takes(field.annotation, field.metadata)
    if shown == "kind" and table == "head":
        default = ""
    return Key(title, shown, said, default, meanings_of(model).get(name, ""), required)


def toml(value: Any) -> str:
    """Return a default as TOML writes it; "" of a table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(toml, value))}]" if value else ""
    if isinstance(value, (dict, BaseModel)):
        return ""
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _may_be_plain(annotation: Any) -> bool:
    """Whether the key takes something besides tables."""
    plain = [a for a in _alternatives(annotation) if not models_in(a)]
    return bool([a for a in plain if a is not type(None)])


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for arg in typing.get_args(annotation):
            yield from (
                _alternatives(arg)
                if typing.get_origin(arg) is typing.Annotated
                and (typing.get_origin(typing.get_args(arg)[0]) in (typing.Union, types.UnionType))
                else [arg]
            )
    else:
        yield annotation


def takes(annotation: Any, metadata: typing.Sequence[Any] = ()) -> str:
    """Return a type in words, with its bounds."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return takes(args[0], [*metadata, *args[1:]])
    if origin in (typing.Union, types.UnionType):
        words = [takes(a, metadata) for a in args if a is not type(None)]
        return " or ".join(dict.fromkeys(words))
    if origin is typing.Literal:
        return " or ".join(f'"{a}"' for a in args)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return f"list of {_plural(takes(args[0]))}"
        each = [takes(a) for a in args]
        if len(set(each)) == 1:
            return f"list of {len(each)} {_plural(each[0])}"
        return f"[{', '.join(each)}]"
    if origin is dict:
        return f"table of {_plural(takes(args[1]))}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a table"
    if annotation in _NUMBERS:
        bounds = [
            t.format(_short(b)) for name, t in _BOUNDS.items() for b in _bound(metadata, name)
        ]
        return " ".join([_NUMBERS[annotation], *bounds])
    return _PLAIN.get(annotation, "text")


def _plural(words: str) -> str:
    for one in ("whole number", "number", "text"):
        if words.startswith(one):
            return words.replace(one, f"{one}s" if one != "text" else "texts", 1)
    return words


def _short(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _bound(metadata: typing.Sequence[Any], name: str) -> list[float]:
    found = []
    for item in metadata:
        parts = item.metadata if isinstance(item, FieldInfo) else [item]
        found += [getattr(p, name) for p in parts if getattr(p, name, None) is not None]
    return [b for b in found[-1:] if abs(b) < _NO_BOUND]


def _summary(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


@cache
def meanings_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring below each field, those of its bases too."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base.__module__.startswith("pydantic"):
            continue
        for node in _class_body(base):
            match node:
                case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text)))):
                    found[name] = " ".join(text.split())
    return found


def _class_body(model: type[BaseModel]) -> Iterator[tuple[ast.stmt, ast.stmt]]:
    source = sys.modules[model.__module__]
    tree = ast.parse(inspect.getsource(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == model.__name__:
            yield from zip(node.body, node.body[1:], strict=False)
