"""What every part of a spec is made of: frozen values that refuse what they do not know."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=1, le=16384)]
Precision = Literal["float16", "float32"]
Probability = Annotated[float, Field(ge=0, le=1)]


class Value(BaseModel):
    """Frozen, and refuses keys it does not know. Its validator is built when it is first asked.

    A module of such values has no `from __future__ import annotations`: each annotation would be a
    text, which pydantic has compiled by itself, some 1,200 of them whenever an export starts.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True
    )


LONGEST_NAME = 80
"""UTF-8 bytes of a name that a user gives; a file's may hold two of them, and their suffixes."""
_LONGEST_FILE = 200
_LONGEST_PATH = 1024
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
"""Of scripts and emoji that need them within a word."""
_ELSEWHERE = set('/\\:*?"<>|')


def unsafe_name(name: str) -> str:
    """Return why `name` cannot be a file's in a folder of ours, on any system, or ''.

    A spec, a bundle and a golden are strangers' files: a name in them says how a file is called,
    and never where it lies.
    """
    if not name or name in (".", ".."):
        return "is no name"
    if found := _ELSEWHERE & set(name):
        return f"holds {min(found)!r}, which no file's name may"
    if hidden := unprintable(name):
        return f"holds {hidden}, which nobody sees"
    if name[0] in ".-~ ":
        return f"begins with {name[0]!r}"
    if name[-1] in ". ":
        return f"ends with {name[-1]!r}"
    if _RESERVED.match(name):
        return "is the name of a device on Windows"
    if len(name.encode()) > _LONGEST_FILE:
        return f"is longer than {_LONGEST_FILE} bytes"
    return ""


def unsafe_path(path: str) -> str:
    """Return why `path` cannot name a file to read, or ''. Where it lies is not looked at."""
    if not path:
        return "is empty"
    if hidden := unprintable(path):
        return f"holds {hidden}, which nobody sees"
    if len(path.encode()) > _LONGEST_PATH:
        return f"is longer than {_LONGEST_PATH} bytes"
    return ""


def unprintable(text: str) -> str:
    """Return the first character that a terminal acts on or does not show, as U+…, or ''."""
    hidden = (c for c in text if unicodedata.category(c) in _HIDDEN and c not in _JOINERS)
    return next((f"U+{ord(c):04X}" for c in hidden), "")


def safe_name(text: str, otherwise: str) -> str:
    """Return a name that a file may have, as near to `text` as can be."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip("-._")[:LONGEST_NAME].rstrip(".")
    return otherwise if unsafe_name(plain) else plain


def _file_name(name: str) -> str:
    if why := unsafe_name(name):
        raise ValueError(f"{name[:60]!r} {why}")
    return name


def _file_path(path: str) -> str:
    if why := unsafe_path(path):
        raise ValueError(f"{path[:60]!r} {why}")
    return path


def _word(word: str) -> str:
    if hidden := unprintable(word):
        raise ValueError(f"{word[:60]!r} holds {hidden}, which nobody sees")
    if not word.strip():
        raise ValueError("is empty")
    return word


Word = Annotated[str, AfterValidator(_word), Field(max_length=200)]
"""A label or a landmark's name: one line that can be shown."""
FileName = Annotated[str, AfterValidator(_file_name)]
"""What a stranger's file may call a file of ours."""
FilePath = Annotated[str, AfterValidator(_file_path)]
"""A file to read, wherever it lies."""
TargetName = Annotated[FileName, Field(max_length=LONGEST_NAME)]
"""What a spec calls an artifact, without its suffix."""
SpecName = Annotated[TargetName, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


def tuples(value: Any) -> Any:
    """Return what JSON or TOML holds with tuples for its lists, as frozen values take them."""
    if isinstance(value, Mapping):
        return {k: tuples(v) for k, v in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value
