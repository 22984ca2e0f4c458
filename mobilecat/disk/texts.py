"""Text, JSON and TOML that a stranger wrote: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 256 << 20
"""Of one text file. Labels of a large data set are the largest that is read whole."""


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
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested without end") from None


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Return the value in a JSON file. Errors: OSError, ValueError."""
    return json_from_text(read_text(path, most))


def toml_from_text(text: str) -> dict[str, Any]:
    """Return the tables of TOML text. Errors: ValueError (TOMLDecodeError where it has a place)."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested without end") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as e:
        raise ValueError(f"holds a value that cannot be read: {e}") from None
