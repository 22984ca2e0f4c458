"""onnx_ir, imported without sympy, which takes as long as everything else of it twice over.

onnx_ir and coremltools compute with symbols only where a dimension has none but a formula. Until
one does, they ask no more than whether something is a symbol, and nothing is while sympy was never
loaded. So they are given a stand-in for the module, which loads sympy when anything else is asked
of it. Nobody else sees the stand-in: it is in `sys.modules` only while the two are imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_KINDS = frozenset({"Basic", "Expr", "Symbol"})
_FUNCTIONS = frozenset({"Max", "Min", "Mod", "floor", "sqrt"})
"""What onnx_ir names while it is imported, for a table of what formulas may call."""


class _Late(type):
    """A class or a function of sympy by its name."""

    def _real(cls) -> Any:
        return getattr(importlib.import_module("sympy"), cls.__name__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def __instancecheck__(cls, value: object) -> bool:
        return "sympy" in sys.modules and isinstance(value, cls._real())

    def __subclasscheck__(cls, kind: type) -> bool:
        return "sympy" in sys.modules and issubclass(kind, cls._real())


class _Sympy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for those
            raise AttributeError(name)
        if name not in _KINDS | _FUNCTIONS:
            return getattr(importlib.import_module("sympy"), name)
        made = _Late(name, (), {})
        setattr(self, name, made)
        return made


_SYMPY = _Sympy("sympy")


@contextmanager
def without_sympy() -> Iterator[None]:
    """Let what is imported within do without sympy until it computes with symbols.

    Where the process has imported it already, that is what they get.
    """
    if "sympy" in sys.modules:
        yield
        return
    sys.modules["sympy"] = _SYMPY
    try:
        yield
    finally:
        if sys.modules.get("sympy") is _SYMPY:
            del sys.modules["sympy"]


with without_sympy():
    import onnx_ir  # noqa: F401
