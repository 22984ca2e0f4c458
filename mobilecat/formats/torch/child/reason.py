"""torch's long errors, down to the line that says why."""

from __future__ import annotations

import re

from mobilecat.foreign import facts

_NOISE = re.compile(
    r"^(Traceback|File \"|\^|at 0x|Set TORCH|For more|While executing|\(Refer|<class)"
)
_CODE = re.compile(r'File "([^"<]+)", line (\d+)')
_OWN = re.compile(r"/(?:torch|torchvision|timm|onnxscript)/|^code/")


def reason(error: BaseException) -> str:
    """Return an error's first telling line, and the user's line of code where it names one.

    The exporter wraps what was wrong, some layers deep.
    """
    innermost = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
    text = _telling(str(innermost)) or _telling(str(error)) or type(innermost).__name__
    if where := code_line(f"{error}\n{innermost}"):
        return f"{facts(text)} ({where})"
    return facts(text)


def code_line(text: str) -> str:
    """Return the last line of code that is not torch's own, as `net.py:12`, or nothing."""
    found = [x for x in _CODE.findall(text) if not _OWN.search(x[0])]
    return f"{found[-1][0]}:{found[-1][1]}" if found else ""


def _telling(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    return next((x for x in lines if x and not _NOISE.match(x)), "")
