"""Libraries that others import and hardly ever use: they are given a stand-in, which loads the
real one when it is used.

sympy takes as long as everything else of onnx_ir twice over. onnx_ir and coremltools compute with
symbols only where a dimension has none but a formula; until one does, they ask no more than
whether something is a symbol, and nothing is while sympy was never loaded. Apple's coreai-core asks
the same of pictures (Pillow, yuvio), and runs models in threads of asyncio, which no export does.
coremltools looks at pictures (Pillow) where it runs a model, and reads recipes in YAML. Nobody else
sees a stand-in: it is in `sys.modules` only while such a library is imported, and not at all where
the process has the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_SYMPYS = frozenset(
    {"Basic", "Expr", "Symbol", "Max", "Min", "Mod", "floor", "sqrt"}  # the last five, of a table
)
"""What onnx_ir names while it is imported."""


class _Late(type):
    """A class or a function by its name, of the module `home`."""

    home: str

    def _real(cls) -> Any:
        return getattr(import_module(cls.home), cls.__name__)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def __instancecheck__(cls, value: object) -> bool:
        return cls.home in sys.modules and isinstance(value, cls._real())

    def __subclasscheck__(cls, kind: type) -> bool:
        return cls.home in sys.modules and issubclass(kind, cls._real())


class _StandIn(ModuleType):
    """A module of which only `kinds` are asked while others are imported."""

    def __init__(self, name: str, kinds: Collection[str] = ()) -> None:
        super().__init__(name)
        self.kinds = kinds

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks for those
            raise AttributeError(name)
        if name not in self.kinds:
            return getattr(import_module(self.__name__), name)
        made = _Late(name, (), {})
        made.home = self.__name__
        setattr(self, name, made)
        return made


def _of_one(*modules: _StandIn) -> dict[str, _StandIn]:
    """Return modules by their names, each as an attribute of the one that it is in."""
    found = {m.__name__: m for m in modules}
    for name, module in found.items():
        above, _, own = name.rpartition(".")
        if above:
            setattr(found[above], own, module)
    return found


_SYMPY = _of_one(_StandIn("sympy", _SYMPYS))
_PILLOW = _of_one(_StandIn("PIL"), _StandIn("PIL.Image", {"Image"}))
_YUVIO = _of_one(
    _StandIn("yuvio"), _StandIn("yuvio.core"), _StandIn("yuvio.core.yuv", {"YUVFrame"})
)
_APPLES = {**_of_one(_StandIn("asyncio", {"to_thread"})), **_PILLOW, **_YUVIO}
_COREMLTOOLS = {**_SYMPY, **_PILLOW, **_of_one(_StandIn("yaml"))}


@contextmanager
def _standing_in(modules: dict[str, _StandIn]) -> Iterator[None]:
    """Let what is imported within have these; a library that is there already stays in place."""
    there = {name for name in modules if name.partition(".")[0] in sys.modules}
    given = {name: m for name, m in modules.items() if name not in there}
    sys.modules.update(given)
    try:
        yield
    finally:
        for name, module in given.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def without_sympy() -> Any:
    """Return a context: what is imported in it does without sympy until it computes with
    symbols."""
    return _standing_in(_SYMPY)


def for_coremltools() -> Any:
    """Return a context to import coremltools in: without sympy, Pillow and PyYAML, likewise."""
    return _standing_in(_COREMLTOOLS)


def import_coreai() -> None:
    """Import Apple's `coreai-core`; every module of ours does before it takes anything of it."""
    if "coreai.authoring" not in sys.modules:
        with _standing_in(_APPLES):
            import_module("coreai.authoring")


with without_sympy():
    import onnx_ir  # noqa: F401
