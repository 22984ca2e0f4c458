"""Text, JSON and TOML that a stranger wrote: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 256 << 20
"""Of one text file. Labels of a large data set are the largest that is read whole."""


_DEEPEST = 100
ENDLESS = "nested without end"


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Return a UTF-8 file's text, without the mark that some editors put before it.

    Errors: OSError; ValueError (UnicodeDecodeError among them) for what is no such text.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"larger than {most:,} bytes")
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def json_from_text(text: str) -> Any:
    """Return the value of JSON text. Errors: ValueError (JSONDecodeError where it has a place)."""
    try:
        return shallow(json.loads(text))
    except RecursionError:
        raise ValueError(ENDLESS) from None


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Return the value in a JSON file. Errors: OSError, ValueError."""
    return json_from_text(read_text(path, most))


def toml_from_text(text: str) -> dict[str, Any]:
    """Return the tables of TOML text. Errors: ValueError (TOMLDecodeError where it has a place)."""
    try:
        tables: dict[str, Any] = shallow(tomllib.loads(text))
        _require_64_bits(tables)
        return tables
    except RecursionError:
        raise ValueError(ENDLESS) from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as e:
        raise ValueError(f"cannot be read: {e}") from None


def shallow(value: Any) -> Any:
    """Return `value`, which whoever walks it with a function that calls itself can then do."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        inner = (v.values() if isinstance(v, dict) else v for v in level)
        level = [x for values in inner for x in values if isinstance(x, dict | list)]
        if not level:
            return value
    raise ValueError(ENDLESS)


def _require_64_bits(tables: dict[str, Any]) -> None:
    """Hold whole numbers to what TOML allows (https://toml.io/en/v1.0.0#integer): Python reads any,
    and then cannot even show them."""
    level: list[Any] = [tables]
    while level:
        values = [x for v in level for x in (v.values() if isinstance(v, dict) else v)]
        if any(isinstance(x, int) and not -(1 << 63) <= x < 1 << 63 for x in values):
            raise ValueError("holds a whole number of more than 64 bits")
        level = [x for x in values if isinstance(x, dict | list)]
