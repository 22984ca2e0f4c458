"""SSD anchors travel with the graph, as metadata: what the importer reads, the head takes up.

Frame: rows y centre, x centre, height, width, normalised to the model input, float32 [N,4].
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np

from mobilecat.errors import ModelError, Problem
from mobilecat.graph import Array

ANCHORS_KEY = "mobilecat.anchors"


def text_from_anchors(anchors: Array) -> str:
    """Return base64 of little-endian float32 rows [N,4]."""
    rows = np.ascontiguousarray(anchors, dtype="<f4")
    assert rows.ndim == 2 and rows.shape[1] == 4
    return base64.b64encode(rows.tobytes()).decode("ascii")


def anchors_from_metadata(metadata: Mapping[str, str]) -> Array | None:
    """Return the anchors [N,4] in a model's `metadata_props`, or None where it has none."""
    text = metadata.get(ANCHORS_KEY)
    if text is None:
        return None
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
        return flat.reshape(-1, 4).astype(np.float32)
    except ValueError as e:
        raise ModelError(
            "The model's anchors cannot be read", [Problem(str(e), f"metadata {ANCHORS_KEY!r}")]
        ) from e
