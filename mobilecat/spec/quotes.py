"""What a line of a spec that is no TOML was most likely meant to say: quotes, brackets, `true`."""

from __future__ import annotations

import json
import re

from mobilecat.disk import toml_from_text

_LINE = re.compile(r"at line (\d+)")
_SAID = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*([^\"'{}#]+?)\s*(?:#.*)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false",
          "off": "false"}  # fmt: skip
_LISTS = ("labels", "landmarks")
"""Keys whose value is a list of names, or the name of a file of them."""


def nearest_valid(text: str, message: str) -> str:
    """Return the line as it would be TOML, `labels = ["cat face"]`; "" where that is no guess.

    text: of the whole file. message: of the parser, which says the line.
    """
    at = _LINE.search(message)
    lines = text.splitlines()
    found = _SAID.fullmatch(lines[int(at[1]) - 1]) if at and int(at[1]) <= len(lines) else None
    if found is None:
        return ""
    meant = f"{found[1]} = {_value(found[1], found[2])}"
    try:
        toml_from_text(meant)
    except ValueError:
        return ""
    return "" if meant == lines[int(at[1]) - 1].strip() else meant  # type: ignore[index]


def _value(key: str, value: str) -> str:
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    names = [name for part in value.strip("[]").split(",") if (name := part.strip())]
    file = len(names) == 1 and names[0].endswith(".txt")
    many = value.startswith("[") or "," in value or (key in _LISTS and not file)
    each = [n if _NUMBER.fullmatch(n) else json.dumps(n, ensure_ascii=False) for n in names]
    return f"[{', '.join(each)}]" if many else "".join(each)
