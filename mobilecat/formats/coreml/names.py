"""Names that Core ML accepts: `[A-Za-z_][A-Za-z0-9_]*`, none of MIL's own words, each used once."""

from __future__ import annotations

import re

# MIL's text form reads these as types or keywords.
# https://github.com/apple/coremltools/blob/9.0/coremltools/converters/mil/mil/passes/defs/preprocess.py
_TYPES = "bool string bf16 fp16 fp32 fp64 int8 int16 int32 int64 uint8 uint16 uint32 uint64"
_WORDS = "any program func tensor list dict tuple true false state"
_RESERVED = frozenset((*_TYPES.split(), *_WORDS.split()))


def legal(name: str) -> str:
    """Return `name` where Core ML takes it, else the nearest name that it does take."""
    fixed = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not fixed or fixed[0].isdigit():
        fixed = f"_{fixed}"
    return f"{fixed}_" if fixed in _RESERVED else fixed


class Names:
    """Hands out every name once; the first to ask for a name gets it as it is."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def claim(self, wanted: str) -> str:
        name = legal(wanted)
        if name in self._taken:
            stem, k = name, self._next.get(name, 1)
            while (name := f"{stem}_{k}") in self._taken:
                k += 1
            self._next[stem] = k + 1
        self._taken.add(name)
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._taken
