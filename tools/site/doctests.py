"""A griffe extension: examples of docstrings (`>>>` and what follows) become blocks of code.

griffe reads them as such only under a heading of their own, which our docstrings do without.
https://mkdocstrings.github.io/griffe/guide/users/extending/
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!\s*$).*\n?)*)", re.M)


def fenced(text: str) -> str:
    """Return a docstring's text with each example in a fence."""
    return _EXAMPLE.sub(lambda m: f"\n```python\n{m[0].rstrip()}\n```\n", text)


class Doctests(griffe.Extension):
    """Fences the examples of everything that has a docstring."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
