"""What an import settled by itself travels with the graph, as metadata, to be told to the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from mobilecat.disk import json_from_text

NOTES_KEY = "mobilecat.notes"
CUT_KEY = "mobilecat.cut"
"""JSON of what was cut off a network that suppresses its own boxes, as the import found it."""


def text_from_notes(notes: Sequence[str]) -> str:
    return json.dumps(list(notes), ensure_ascii=False)


def notes_from_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the notes in a model's `metadata_props`; none where it has none, or somebody's own."""
    try:
        notes = json_from_text(metadata.get(NOTES_KEY, "[]"))
    except ValueError:
        return ()
    return tuple(n for n in notes if isinstance(n, str)) if isinstance(notes, list) else ()


def add_notes(metadata: MutableMapping[str, str], notes: Sequence[str]) -> None:
    """Append notes to those in a model's `metadata_props`."""
    if notes:
        metadata[NOTES_KEY] = text_from_notes([*notes_from_metadata(metadata), *notes])


def cut_in(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what an import says it cut off; None where it says nothing."""
    try:
        said = json_from_text(metadata.get(CUT_KEY, "null"))
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
