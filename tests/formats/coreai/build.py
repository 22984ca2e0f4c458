"""Small `.aimodel`s straight from coreai-core's dialect; nothing of our writer takes part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("coreai", reason="NOT_RUN: coreai-core is not installed")

from coreai.authoring import AIProgram, ImageType, Module, TensorType  # isort: skip
from coreai._compiler.dialects import coreai as d  # isort: skip
from coreai._compiler.ir import Location  # isort: skip

F, I32, U32 = np.float32, np.int32, np.uint32
Body = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A graph of one op or a few. feeds: input arrays. body: op values from input values.

    expected: by hand, in numpy. rtol, atol: of floats; integers and NaN are exact.
    apple: False where Apple's Linux interpreter does something else, with the reason.
    """

    feeds: Mapping[str, np.ndarray]
    body: Body
    expected: tuple[np.ndarray, ...]
    rtol: float = 1e-6
    atol: float = 1e-6
    apple: str = ""


CASES: dict[str, Case] = {}


def case(
    name: str,
    feeds: Mapping[str, np.ndarray],
    body: Body,
    *expected: Any,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    apple: str = "",
) -> None:
    assert name not in CASES
    CASES[name] = Case(feeds, body, tuple(np.asarray(e) for e in expected), rtol, atol, apple)


@dataclass(frozen=True)
class Net:
    """A graph for `save`: inputs by name → TensorType, ImageType or an array of that type."""

    inputs: Mapping[str, Any]
    body: Body
    outputs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def save(path: Path, nets: Mapping[str, Net], metadata: Any = None, rewrite: bool = True) -> Path:
    """Write an `.aimodel` with one graph for each net, the ops as Apple's rewrite leaves them."""
    module = Module.create()
    with module if rewrite else module._block_context():
        for name, net in nets.items():
            types = {
                k: TensorType(v.shape, v.dtype.type) if isinstance(v, np.ndarray) else v
                for k, v in net.inputs.items()
            }
            graph = d.GraphOp(
                name=name,
                input_types=[t._to_mlir() for t in types.values()],
                result_types=[],
                input_names=list(types),
                result_names=[],
                **net.options,
            )
            with graph.block:
                made = net.body(*graph.arguments)
                made = list(made) if isinstance(made, (list, tuple)) else [made]
            names = net.outputs or tuple(f"y{i}" for i in range(len(made)))
            graph.outputs_spec = list(zip(names, made, strict=True))
    AIProgram(module).save_asset(path, metadata)
    return path


def at(node: str) -> Any:
    """The location that stands for a node's name."""
    return Location.file(node, 1, 0)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I32)


def sides(*values: int) -> np.ndarray:
    return np.array(values, U32)


__all__ = [
    "CASES",
    "I32",
    "U32",
    "AIProgram",
    "Case",
    "F",
    "ImageType",
    "Module",
    "Net",
    "TensorType",
    "at",
    "case",
    "d",
    "ints",
    "save",
    "sides",
]
