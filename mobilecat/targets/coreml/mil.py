"""coremltools' MIL builder, imported on first use: naming a gap must not cost its second of import."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Var = Any  # coremltools.converters.mil.mil.Var; coremltools ships no types

NUMPY_OF_MIL: dict[str, type[np.generic]] = {
    "fp16": np.float16,
    "fp32": np.float32,
    "int32": np.int32,
    "bool": np.bool_,
}


class _LazyBuilder:
    def __getattr__(self, op: str) -> Any:
        with quiet():
            from coremltools.converters.mil.mil import Builder

        return getattr(Builder, op)


mb: Any = _LazyBuilder()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep coremltools' log off the terminal: its import warns of every library it does not find."""
    log = logging.getLogger("coremltools")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def no_gc() -> Iterator[None]:
    """Suspend the cycle collector: MIL programs are webs of cycles that all stay alive while built."""
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
