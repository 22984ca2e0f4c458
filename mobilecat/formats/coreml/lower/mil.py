"""coremltools' MIL builder, imported on first use: a refusal must not cost a second of import."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from mobilecat.late import for_coremltools

Var = Any  # coremltools.converters.mil.mil.Var; coremltools ships no types

NUMPY_OF_MIL: dict[str, type[np.generic]] = {
    "fp16": np.float16,
    "fp32": np.float32,
    "int32": np.int32,
    "bool": np.bool_,
}


class _LazyBuilder:
    """`mb.add(x=…, y=…)` emits an op; where coremltools can compute it already, a constant."""

    def __getattr__(self, op: str) -> Any:
        with quiet():
            from coremltools.converters.mil.mil import Builder

        emit = getattr(Builder, op)
        return emit if op in _NEVER_FOLDED else lambda **arguments: _folded(emit(**arguments))


_NEVER_FOLDED = frozenset({"const", "identity", "name_count", "placeholder"})


def _folded(out: Var | tuple[Var, ...]) -> Var | tuple[Var, ...]:
    """Replace a computed constant by a `const` op: the NeuralNetwork backend emits it twice."""
    if isinstance(out, (list, tuple)):
        return tuple(_folded(x) for x in out)
    if out.val is None:
        return out
    constant = mb.const(val=out.val)
    return constant if constant.dtype == out.dtype else out


mb: Any = _LazyBuilder()


_FRAMEWORKS = ("tensorflow", "torch", "sklearn", "xgboost", "scipy")
_ON_DEVICES = ("coremltools.models.ml_program", "experimental")
"""What measures on attached devices, with asyncio and more: a fourth of the whole import."""


def load_coremltools() -> None:
    """Import coremltools without the frameworks that it looks for: TensorFlow alone takes 10 s.

    SciPy is for its converters of scikit-learn; sympy, Pillow, PyYAML: see `mobilecat.late`. One
    that the process has imported itself stays visible to it. What measures on devices is imported
    when somebody asks coremltools for it.
    """
    if "coremltools" in sys.modules:
        return
    hidden = [name for name in _FRAMEWORKS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "not installed"
    late = ".".join(_ON_DEVICES)
    sys.modules[late] = ModuleType(late)
    try:
        with quiet(), for_coremltools():
            import coremltools  # noqa: F401
    finally:
        for name in (*hidden, late):
            del sys.modules[name]
    home = sys.modules[_ON_DEVICES[0]]
    if vars(home).pop(_ON_DEVICES[1], None) is not None:
        vars(home)["__getattr__"] = _of_devices


def _of_devices(name: str) -> ModuleType:
    """Stand in for an attribute of `coremltools.models.ml_program` that is not there yet."""
    if name != _ON_DEVICES[1]:
        raise AttributeError(f"module {_ON_DEVICES[0]!r} has no attribute {name!r}")
    return import_module(".".join(_ON_DEVICES))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep coremltools' log off the terminal: its import warns of all that it does not find."""
    log = logging.getLogger("coremltools")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def no_gc() -> Iterator[None]:
    """Suspend the cycle collector: a MIL program is a web of cycles that all stay alive."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def dtype_name(var: Var) -> str:
    """Return a MIL variable's element type as `fp16`, `fp32`, `int32` or `bool`."""
    from coremltools.converters.mil.mil import types

    return str(types.builtin_to_string(var.dtype))


def shape_of_var(var: Var) -> tuple[int, ...]:
    return tuple(int(d) for d in var.shape)


def cast(x: Var, dtype: str) -> Var:
    return x if dtype_name(x) == dtype else mb.cast(x=x, dtype=dtype)
