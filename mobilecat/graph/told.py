"""What a file says of its own meaning, in a spec's words, as metadata of the frozen graph: the
reader of its format writes it down, `init` makes a spec of it.

Text of a JSON object: {"head": {…}, "input": {…}, "nms": {…}}, keys of those tables of a spec. A
file is a stranger's: what is no such object says nothing, and what a spec cannot be is no spec.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOLD_KEY = "mobilecat.told"
_LONGEST = 1 << 16


@dataclass(frozen=True)
class Told:
    """head, image, nms: keys of [head], [input] and [nms]; empty where the file says nothing."""

    head: Mapping[str, Any] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)
    nms: Mapping[str, Any] = field(default_factory=dict)


def text_from_told(told: Told) -> str:
    """Return the text, empty where nothing is told."""
    said = {"head": told.head, "input": told.image, "nms": told.nms}
    kept = {k: dict(v) for k, v in said.items() if v}
    return json.dumps(kept) if kept else ""


def told_in(metadata: Mapping[str, str]) -> Told:
    """Return what the metadata of a graph tells; nothing where that cannot be read."""
    text = metadata.get(TOLD_KEY, "")
    if not text or len(text) > _LONGEST:
        return Told()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Told()
    if not isinstance(found, dict):
        return Told()
    parts = [found.get(k) for k in ("head", "input", "nms")]
    return Told(*({} if not isinstance(p, dict) else p for p in parts))
