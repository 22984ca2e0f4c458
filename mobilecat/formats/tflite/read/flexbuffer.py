"""Custom operators' options: a FlexBuffers map.

Source: https://flatbuffers.dev/flexbuffers/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Option = bool | int | np.float32


def packed(options: Mapping[str, Option]) -> bytes:
    """Return the map; keys are sorted, floats have 32 bits."""
    from flatbuffers import flexbuffers

    fbb = flexbuffers.Builder()
    with fbb.Map():
        for key, value in options.items():
            fbb.Key(key)
            if isinstance(value, bool):
                fbb.Bool(value)
            elif isinstance(value, int):
                fbb.Int(value)
            else:
                fbb.Float(float(value), 4)
    return bytes(fbb.Finish())


def unpacked(data: bytes) -> dict[str, Any]:
    """Return the map in `data`; empty where it is none."""
    from flatbuffers import flexbuffers

    try:
        found = flexbuffers.Loads(data)
    except Exception:  # whatever its reader stumbles over in damaged bytes
        return {}
    return found if isinstance(found, dict) else {}
