"""The Core AI part of fuzz_runtime.py: small `.aimodel`s, what is damaged in them, one attempt."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

F, I32, U32 = np.float32, np.int32, np.uint32


def make_seeds(folder: Path) -> list[Path]:
    """Write small programs straight with coreai-core's dialect; return their paths."""
    from coreai.authoring import ImageType, TensorType
    from coreai._compiler.dialects import coreai as d  # isort: skip

    rng = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(F)

    def sides(*values: int) -> Any:
        return np.array(values, U32)

    def ints(*values: int) -> Any:
        return np.array(values, I32)

    def detector(image: Any) -> Any:
        x = d.reverse(
            d.slice_(d.image_to_tensor(image), ints(0, 0, 0), ints(10, 14, 3), ints(1, 1, 1)),
            ints(2),
        )
        x = d.expand_dims(d.transpose(d.cast(x, F), sides(2, 0, 1)), ints(0))
        x = d.pad(x, sides(0, 0, 0, 0, 1, 1, 1, 1), F(0))
        y = d.silu(d.conv2d(x, weight(8, 3, 3, 3), sides(1, 2), sides(1, 1), U32(1)))
        y = d.maxpool2d(
            TensorType((1, 8, 5, 4), F)._to_mlir(), y, sides(2, 2), sides(2, 2), sides(1, 1), True
        )
        y = d.reshape(d.transpose(y, sides(0, 2, 3, 1)), ints(20, 8))
        scores = d.reshape(d.reduce_max(d.sigmoid(y), ints(1)), ints(20))
        order = d.slice_(d.argsort(scores, I32(0), True, True), ints(0), ints(5), ints(1))
        return [
            d.gather_nd(y, d.reshape(order, ints(5, 1))),
            d.gather_along_axis(scores, order, I32(0)),
        ]

    def loops(x: Any) -> Any:
        packed = rng.integers(-128, 128, (40, 12)).astype(np.int8)
        w = d.blockwise_shift_scale(
            packed, weight(40, 1), np.zeros((40, 1), np.int8), np.zeros((40, 1), F)
        )
        y = d.softmax(d.broadcasting_batch_matmul(x, d.transpose(w, sides(1, 0))), I32(-1))
        zero = d.constant(I32(0))
        found, (before, after) = d.while_(results=[zero.type, y.type], inits=[zero, y])
        with before:
            i, v = before.arguments
            d.condition(d.broadcasting_greater(I32(3), i), i, v)
        with after:
            i, v = after.arguments
            d.yield_([d.broadcasting_add(i, I32(1)), d.broadcasting_add(v, v)])
        parts = list(d.split(found[1], sides(10, 30), I32(1)))
        return [d.concat(I32(1), parts[::-1]), d.scan(parts[0], U32(1), False)]

    picture = {"image": ImageType(d.FourCC.BGRA32, 10, 14)}
    return [
        _save(folder / "detector.aimodel", {"main": (picture, detector)}),
        _save(
            folder / "loops.aimodel",
            {
                "main": ({"x": TensorType((2, 12), F)}, loops),
                "other": ({"x": TensorType((3,), F)}, lambda v: d.gelu(v)),
            },
        ),
    ]


def _save(path: Path, graphs: Mapping[str, tuple[Mapping[str, Any], Callable[..., Any]]]) -> Path:
    from coreai.authoring import AIProgram, Module
    from coreai._compiler.dialects import coreai as d  # isort: skip

    module = Module.create()
    with module:
        for name, (inputs, body) in graphs.items():
            types = [t._to_mlir() for t in inputs.values()]
            graph = d.GraphOp(
                name=name,
                input_types=types,
                result_types=[],
                input_names=list(inputs),
                result_names=[],
            )
            with graph.block:
                made = body(*graph.arguments)
                made = list(made) if isinstance(made, (list, tuple)) else [made]
            graph.outputs_spec = [(f"y{i}", v) for i, v in enumerate(made)]
    AIProgram(module).save_asset(path)
    return path


def damaged_copy(
    seed: Path, target: Path, r: random.Random, damage: Callable[[bytes, random.Random], bytes]
) -> Path:
    """Write a damaged copy of `seed` under `target`; return its path."""
    copy = target / seed.name
    shutil.copytree(seed, copy)
    program = copy / "main.mlirb"
    draw = r.random()
    if draw < 0.75:
        program.write_bytes(damage(program.read_bytes(), r))
    elif draw < 0.85:
        small = copy / r.choice(("metadata.json", "main.hash"))
        small.write_bytes(damage(small.read_bytes(), r))
    else:
        r.choice(_FOLDERS)(copy, program)
    return copy


def _linked(folder: Path, program: Path) -> None:
    program.unlink()
    program.symlink_to("/etc/passwd")


def _linked_away(folder: Path, program: Path) -> None:
    outside = folder.parent / "outside"
    outside.write_bytes(program.read_bytes())
    program.unlink()
    program.symlink_to(outside)


def _huge(folder: Path, program: Path) -> None:
    with program.open("ab") as f:
        f.truncate(5 << 30)  # sparse: it takes no disk


def _foreign(folder: Path, program: Path) -> None:
    program.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(200))


def _folder_inside(folder: Path, program: Path) -> None:
    program.unlink()
    program.mkdir()


def _deep_metadata(folder: Path, program: Path) -> None:
    (folder / "metadata.json").write_text("[" * 100_000)


_FOLDERS: tuple[Callable[[Path, Path], None], ...] = (
    _linked,
    _linked_away,
    _huge,
    _foreign,
    _folder_inside,
    _deep_metadata,
    lambda folder, program: program.write_bytes(b""),
    lambda folder, program: program.unlink(),
)


def attempt(path: Path) -> str:
    """Inspect, decode and run one file; return what happened in a word. Errors: MobileCatError."""
    from mobilecat.errors import UnsupportedError
    from mobilecat.formats.coreai.inspect import inspect_model
    from mobilecat.formats.coreai.read import decode
    from mobilecat.formats.coreai.run import Executable

    inspect_model(path)
    try:
        decoded = decode(path)
    except UnsupportedError:
        return "refused"
    Executable(decoded).run({i.name: _input(i) for i in decoded.model.graph.input})
    return "ran"


def _input(value: Any) -> Any:
    import onnx

    dims = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    if np.prod(dims, dtype=float) > 1 << 22:
        dims = [1]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return (np.random.default_rng(1).random(dims) * 100).astype(dtype)
