"""TensorFlow's long errors, down to the line that says why."""

from __future__ import annotations

_LENGTH = 300


def reason(error: BaseException) -> str:
    """Return the first telling line of an error, without its graph dump or code locations."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [x for x in lines if x and not x.startswith(("Traceback", 'File "', "at 0x"))]
    if not telling:
        return type(error).__name__
    text = telling[0]
    if text.endswith(":") and len(telling) > 1:
        text = f"{text} {telling[1]}"
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"
