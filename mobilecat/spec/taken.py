"""What a key takes, said where it has something else: a type in words, and what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any

from pydantic.fields import FieldInfo

from mobilecat.spec.reference import takes, toml

_EXAMPLES = {
    "size": "[640, 640]",
    "range": "[0, 1]",
    "labels": '["cat", "dog"]',
    "landmarks": '["left_eye", "right_eye"]',
    "skeleton": '[["left_eye", "nose"]]',
}
_NUMBER = re.compile(r"(?<![\d.])-?\d+(?:\.\d+)?")
_NAME = "letters, digits, - _ and . only, a letter or digit first, 80 characters at most"
_SHOWN = 60


def refusal(
    key: str, given: Any, field: FieldInfo | None, *, inner: bool = False, error: str = ""
) -> tuple[str, str]:
    """Return what is wrong with a value, and what to write.

    key: its path. field: what it is validated by; None where the spec knows no such key. inner:
    `given` lies within the key's value. error: the validator's name of what is wrong.
    """
    if error == "string_pattern_mismatch":
        return f"{key} = {shown(given)} is no name for files", _NAME
    if field is None:
        return f"{key} = {shown(given)} is not what it takes", ""
    words = takes(field.annotation, field.metadata).replace("list of a table", "list of tables")
    what = f"{key} has {shown(given)} in it" if inner else f"{key} = {shown(given)}"
    fix = "" if inner else _to_write(key.rpartition(".")[2], given, words, field)
    return f"{what}, but it takes {_a(words)}", fix


def shown(value: Any) -> str:
    """Return a value of a TOML file, as it stands there or nearly, in so many characters."""
    text = _text(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "…"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k} = {_text(v)}' for k, v in value.items())}}}"
    return value.isoformat() if isinstance(value, (date, time)) else repr(value)


def _to_write(name: str, given: Any, words: str, field: FieldInfo) -> str:
    """Return a line that would be taken: of the value that was meant where it shows, else of any
    value."""
    if words == "a table":
        return f"its keys stand below a line [{name}]"
    if isinstance(given, str) and (meant := _unquoted(given, words)):
        return f"write {name} = {meant}"
    if isinstance(given, (int, float)) and not isinstance(given, bool) and words.startswith("text"):
        return f'write {name} = "{given}"'
    if name == "size" and isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return f"write {name} = [{given}, {given}]"
    default = "" if field.is_required() or field.default is None else toml(field.get_default())
    listed = words.startswith("list")
    example = (_EXAMPLES.get(name) if listed else "") or default
    return f"write {name} = {example}, for example" if example else ""


def without_quotes(path: Sequence[str | int], given: Any) -> str:
    """Return what to write where a file's name in `[tolerances.cats.tflite]` lacks its quotes,
    which TOML takes for a table in a table; "" where it is no such thing."""
    if path[:1] != ("tolerances",) or len(path) < 3 or not isinstance(given, Mapping):
        return ""
    name = [str(part) for part in path[1:]]
    while len(given) == 1 and isinstance(inner := next(iter(given.values())), Mapping):
        name, given = [*name, next(iter(given))], inner
    return f'put the file\'s name in quotes: [tolerances."{".".join(name)}"]'


def _unquoted(text: str, words: str) -> str:
    """Return the value that a text in quotes stands for, "" where it stands for none."""
    numbers = _NUMBER.findall(text.replace("..", " "))
    if (many := re.match(r"list of (\d+) (?:whole )?numbers", words)) is not None:
        return f"[{', '.join(numbers)}]" if len(numbers) == int(many[1]) else ""
    if "number" in words and numbers == [text.strip()]:
        return text.strip()
    if "true or false" in words and text.strip().lower() in ("true", "false"):
        return text.strip().lower()
    return ""


def _a(words: str) -> str:
    first = words.partition(" ")[0]
    if words == "text":
        return "text, in quotes"
    return f"a {words}" if first in ("number", "whole", "list", "table") else words
