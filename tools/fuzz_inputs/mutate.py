"""Changes that a hostile or a damaged file would have; each is made by chance, and repeatable."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

NASTY_TEXTS = (
    *("", "..", "../../up", "/etc/passwd", "a\0b", "\x1b]0;owned\x07", "\u202egpj", "\ud83d\ude00"),
    *("nul", "CON.txt", "~", "-rf", ".hidden", "a" * 5000, "%s%n", "\n\n", "${HOME}", "é" * 300),
    *("__class__", "os.system", "file:///etc/passwd", "http://127.0.0.1:1/x", "C:\\Windows\\x"),
)
NASTY_NUMBERS = (
    *(0, -1, 1, 2**31, 2**63, -(2**63), 10**19, 10**400, 16384, 99999999),
    *(0.0, -0.0, 1e-320, 1e38, 1e39, 1e308, float("inf"), float("-inf"), float("nan")),
)
NASTY: tuple[Any, ...] = (*NASTY_TEXTS, *NASTY_NUMBERS, None, True, [], {}, [[]], [None], {"a": {}})


def deep(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def flip(data: bytes, rng: random.Random, most: int = 8) -> bytes:
    """Return `data` with a few bytes changed, dropped, doubled or cut off."""
    made = bytearray(data)
    for _ in range(rng.randint(1, most)):
        if not made:
            break
        at = rng.randrange(len(made))
        what = rng.randrange(5)
        if what == 0:
            made[at] = rng.randrange(256)
        elif what == 1:
            del made[at : at + rng.randint(1, 16)]
        elif what == 2:
            made[at:at] = made[at : at + rng.randint(1, 64)]
        elif what == 3:
            made[at:at] = rng.choice(
                (b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"\xe9", b"\r", b"\x1b[")
            )
        elif rng.random() < 0.2:
            del made[at:]
    return bytes(made)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a value of JSON."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        here = waiting.pop()
        items = here.items() if isinstance(here, dict) else enumerate(here)
        for key, inner in list(items):
            found.append((here, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def json_value(value: Any, rng: random.Random, nasty: tuple[Any, ...] = NASTY) -> Any:
    """Return a copy of `value` with some of its parts replaced, removed, renamed or repeated."""
    made = copy.deepcopy(value)
    for _ in range(rng.randint(1, 4)):
        spots = places(made)
        if not spots:
            break
        holder, key = rng.choice(spots)
        what = rng.randrange(6)
        if what < 3:
            holder[key] = copy.deepcopy(rng.choice(nasty))
        elif what == 3:
            del holder[key]
        elif what == 4 and isinstance(holder, dict):
            holder[str(rng.choice(NASTY_TEXTS))] = holder.pop(key)
        elif what == 5:
            other, at = rng.choice(spots)
            if (isinstance(other, dict) and at in other) or (
                isinstance(other, list) and at < len(other)
            ):
                holder[key] = copy.deepcopy(other[at])
    if rng.random() < 0.02:
        return deep(rng.choice((50, 900, 20_000)))
    return made


def json_bytes(value: Any, rng: random.Random, flipped: float = 0.15) -> bytes:
    """Return JSON of `value` with parts of it changed; bytes too, as often as `flipped` says."""
    made = json_value(value, rng)
    try:
        data = json.dumps(made).encode("utf-8", "surrogatepass")
    except RecursionError:
        data = b"[" * 20_000 + b"1" + b"]" * 20_000
    return flip(data, rng) if rng.random() < flipped else data
