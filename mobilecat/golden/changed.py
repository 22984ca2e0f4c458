"""One part of a contract as it was and as it is, in words: which key, and both values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mobilecat.spec import ImageSpec, NmsSpec
from mobilecat.spec.heads import HEADS

WORDED = ("input", "head", "nms", "labels", "landmarks")
"""Parts whose values goldens keep, so that a change can be told."""
_NOUNS = {"labels": "class", "landmarks": "point"}
_FEW = 3


def words_of(part: str, before: Any, now: Any, made_with: str) -> list[str]:
    """Return a sentence for each key that is another: `[input] range: golden made with [0, 1],
    bundle has [0, 255]`. [] where it cannot be told.

    part: of the contract, a cascade's with its model before it. before, now: its values, defaults
    left out. A golden's file is anyone's: values of any form are taken.
    """
    home, _, name = part.rpartition(": ")
    of = f"{home}: " if home else ""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return [f"{of}[{name}] {text}" for text in _of_table(name, before, now, made_with)]
    if isinstance(before, Sequence) and isinstance(now, Sequence):
        whose = made_with.partition(" ")[0]
        return [f"{of}{name}, {whose} → bundle: {list_words(name, before, now)}"]
    return []


def list_words(name: str, before: Sequence[Any], now: Sequence[Any]) -> str:
    """Say where two lists of names part: `class 15 "cat" → "dog"`, the first few of them, and how
    many more. name: `labels` or `landmarks`."""
    noun = _NOUNS.get(name, "number")
    pairs = list(zip(before, now, strict=False))
    apart = [(i, a, b) for i, (a, b) in enumerate(pairs) if a != b]
    said = [f"{noun} {i} {_shown(a)} → {_shown(b)}" for i, a, b in apart[:_FEW]]
    said += [f"and {len(apart) - _FEW} more"] if len(apart) > _FEW else []
    counts = [f"{len(before)} → {len(now)} names"] if len(before) != len(now) else []
    return ", ".join([*counts, *said])


def _of_table(
    name: str, before: Mapping[str, Any], now: Mapping[str, Any], made_with: str
) -> list[str]:
    defaults = _defaults(name, now)
    if before.get("kind") != now.get("kind"):
        return [_both("kind", before.get("kind"), now.get("kind"), made_with)]
    return [
        _both(f"{key}{place}", a, b, made_with)
        for key in {**before, **now}
        for place, a, b in _apart(
            before.get(key, defaults.get(key)), now.get(key, defaults.get(key))
        )
    ]


def _apart(before: Any, now: Any) -> list[tuple[str, Any, Any]]:
    """Return the places where two values part, each with both: of lists of lists alike in form the
    innermost that differ, as far as they are few; else the whole. [] where nothing differs."""
    if before == now:
        return []
    lists = [x for x in (before, now) if isinstance(x, list) and x and isinstance(x[0], list)]
    if len(lists) == 2 and len(before) == len(now):
        inner = [
            (f"[{i}]{place}", a, b)
            for i, pair in enumerate(zip(before, now, strict=True))
            for place, a, b in _apart(*pair)
        ]
        if len(inner) <= _FEW:
            return inner
    return [("", before, now)]


def _defaults(name: str, now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of a table's keys, as JSON has them."""
    models: dict[str, type[BaseModel] | None] = {
        "input": ImageSpec, "nms": NmsSpec, "head": HEADS.get(str(now.get("kind"))),
    }  # fmt: skip
    model = models.get(name)
    fields = model.model_fields.items() if model is not None else ()
    return {
        k: list(f.default) if isinstance(f.default, tuple) else f.default
        for k, f in fields
        if not f.is_required()
    }


def _both(key: str, before: Any, now: Any, made_with: str) -> str:
    return f"{key}: {made_with} {_shown(before)}, bundle has {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _plain(value: Any) -> Any:
    """1.0 is written 1, as in a spec."""
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
