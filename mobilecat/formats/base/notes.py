"""What an import settled by itself travels with the graph, as metadata, to be told to the user."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

NOTES_KEY = "mobilecat.notes"


def text_from_notes(notes: Sequence[str]) -> str:
    return json.dumps(list(notes), ensure_ascii=False)


def notes_from_metadata(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the notes in a model's `metadata_props`; none where it has none."""
    return tuple(json.loads(metadata.get(NOTES_KEY, "[]")))
