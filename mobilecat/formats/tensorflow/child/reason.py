"""TensorFlow's long errors, down to the line that says why."""

from __future__ import annotations

from mobilecat.foreign import facts


def reason(error: BaseException) -> str:
    """Return an error's first telling line: no graph dump, no code locations, no advice."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [x for x in lines if x and not x.startswith(("Traceback", 'File "', "at 0x"))]
    if not telling:
        return type(error).__name__
    text = telling[0]
    if text.endswith(":") and len(telling) > 1:
        text = f"{text} {telling[1]}"
    return facts(text)
