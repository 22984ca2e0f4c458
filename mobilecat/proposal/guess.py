"""What a family says of a file that may be one of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Certain = Literal[1, 2, 3]
"""3: the file says so. 2: its names, or its values, are this family's. 1: its shapes fit."""


@dataclass(frozen=True)
class Ask:
    """One thing that the file does not tell. options: what it may be, the likeliest first."""

    key: str
    what: str
    options: tuple[Any, ...]

    @property
    def other(self) -> Any:
        """What `--set` takes in its place: of two words, the other; else None."""
        alone = len(self.options) == 2 and all(isinstance(o, str) for o in self.options)
        return self.options[1] if alone else None

    @property
    def said(self) -> str:
        """Say it, with what else it may be: the first is what was written."""
        if len(self.options) == 1:
            return self.what
        shown = (json.dumps(o, ensure_ascii=False) for o in self.options)
        return f"{self.what}; it may be {' or '.join(shown)}"


@dataclass(frozen=True)
class Guess:
    """One family.

    head, image: keys of [head] and [input] besides `kind` and `size`. because: what speaks for it.
    asks: what the file does not tell. labels, landmarks: the family's own names. nms: what the file
        itself suppressed with.
    """

    title: str
    kind: str
    certain: Certain
    because: str
    head: Mapping[str, Any] = field(default_factory=dict)
    image: Mapping[str, Any] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()
    labels: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    nms: Mapping[str, Any] = field(default_factory=dict)


LETTERBOX = {"range": [0, 1], "resize": "letterbox", "pad": 114}
"""What the YOLO family trains on."""
FIVE_POINTS = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
