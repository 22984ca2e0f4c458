"""Small random graphs that stress layouts: every value may lie in any order of its axes."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper

from mobilecat.graph.passes import freeze
from tests.formats.tflite.lower.engines import OPSET

_SIZES = (1, 2, 3, 4, 5, 6)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.pool: dict[str, tuple[int, ...]] = {}

    def const(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op: str, inputs: list[str], shape: tuple[int, ...], **attrs: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"n{len(self.nodes)}", **attrs))
        self.pool[name] = shape
        return name

    def pick(self, rank: int | None = None) -> str | None:
        names = [n for n, s in self.pool.items() if rank in (None, len(s))]
        return str(self.rng.choice(names[-5:])) if names else None

    def weights(self, *shape: int) -> str:
        return self.const(self.rng.standard_normal(shape).astype(np.float32) / 2)


def _conv(m: _Maker) -> None:
    if (x := m.pick(4)) is None:
        return
    n, c, h, w = m.pool[x]
    out, k = int(m.rng.integers(1, 5)), (int(m.rng.integers(1, 4)), int(m.rng.integers(1, 4)))
    s = int(m.rng.integers(1, 3))
    pads = [int(v) for v in m.rng.integers(0, 2, 4)]
    oh, ow = (h + pads[0] + pads[2] - k[0]) // s + 1, (w + pads[1] + pads[3] - k[1]) // s + 1
    if oh > 0 and ow > 0 and h + pads[0] + pads[2] >= k[0] and w + pads[1] + pads[3] >= k[1]:
        m.add(
            "Conv",
            [x, m.weights(out, c, *k), m.weights(out)],
            (n, out, oh, ow),
            pads=pads,
            strides=[s, s],
        )


def _transpose(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if not shape:
        return
    perm = [int(v) for v in m.rng.permutation(len(shape))]
    m.add("Transpose", [x], tuple(shape[p] for p in perm), perm=perm)


def _reshape(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    dims = list(m.pool[x])
    for _ in range(int(m.rng.integers(1, 4))):
        kind = m.rng.integers(0, 4)
        i = int(m.rng.integers(0, len(dims))) if dims else 0
        if kind == 0 and len(dims) > 1 and i + 1 < len(dims):
            dims[i : i + 2] = [dims[i] * dims[i + 1]]
        elif kind == 1 and len(dims) < 5:
            dims.insert(i, 1)
        elif kind == 2 and dims and 1 in dims:
            dims.remove(1)
        elif dims and len(dims) < 5:
            for f in (2, 3):
                if dims[i] % f == 0 and dims[i] > f:
                    dims[i : i + 1] = [f, dims[i] // f]
                    break
    m.add("Reshape", [x, m.const(np.array(dims, np.int64))], tuple(dims))


def _binary(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    op = str(m.rng.choice(["Add", "Mul", "Sub", "Max"]))
    mates = [n for n, s in m.pool.items() if _broadcasts(s, shape)]
    if mates and m.rng.random() < 0.6:
        y = str(m.rng.choice(mates))
        pair = [x, y] if m.rng.random() < 0.5 else [y, x]
        m.add(op, pair, np.broadcast_shapes(shape, m.pool[y]))
        return
    cut = int(m.rng.integers(0, len(shape) + 1))
    small = tuple(d if m.rng.random() < 0.6 else 1 for d in shape[cut:])
    m.add(op, [x, m.weights(*small)], shape)


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(a, b))) < 3000 and max(len(a), len(b)) <= 5
    except ValueError:
        return False


def _concat(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if not shape:
        return
    axis = int(m.rng.integers(0, len(shape)))
    mates = [
        n
        for n, s in m.pool.items()
        if len(s) == len(shape)
        and all(a == b for i, (a, b) in enumerate(zip(s, shape, strict=True)) if i != axis)
    ]
    y = str(m.rng.choice(mates))
    total = tuple(shape[i] + m.pool[y][i] if i == axis else d for i, d in enumerate(shape))
    m.add("Concat", [x, y], total, axis=axis)


def _reduce(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if not shape:
        return
    axis, keep = int(m.rng.integers(0, len(shape))), int(m.rng.integers(0, 2))
    out = tuple(1 if i == axis else d for i, d in enumerate(shape) if keep or i != axis)
    op = str(m.rng.choice(["ReduceMean", "ReduceMax"]))
    m.add(op, [x, m.const(np.array([axis], np.int64))], out, keepdims=keep)


def _softmax(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    if m.pool[x]:
        m.add("Softmax", [x], m.pool[x], axis=int(m.rng.integers(0, len(m.pool[x]))))


def _slice(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if not shape:
        return
    axis = int(m.rng.integers(0, len(shape)))
    step = int(m.rng.choice([1, 1, 2, -1]))
    start, end = (
        (shape[axis] - 1, -(2**31) - 1)
        if step < 0
        else (int(m.rng.integers(0, shape[axis])), 2**31)
    )
    count = len(range(*slice(start, None if step < 0 else end, step).indices(shape[axis])))
    args = [m.const(np.array([v], np.int64)) for v in (start, end, axis, step)]
    m.add("Slice", [x, *args], tuple(count if i == axis else d for i, d in enumerate(shape)))


def _gather(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if not 0 < len(shape) < 5:
        return
    axis = int(m.rng.integers(0, len(shape)))
    picked = [(), (2,), (2, 3)][int(m.rng.integers(0, 3 if len(shape) < 4 else 2))]
    indices = m.rng.integers(-shape[axis], shape[axis], picked).astype(np.int64)
    out = (*shape[:axis], *picked, *shape[axis + 1 :])
    m.add("Gather", [x, m.const(np.asarray(indices))], out, axis=axis)


def _pool(m: _Maker) -> None:
    if (x := m.pick(4)) is None:
        return
    n, c, h, w = m.pool[x]
    if h > 1 and w > 2:
        op = str(m.rng.choice(["MaxPool", "AveragePool"]))
        pads = [int(v) for v in m.rng.integers(0, 2, 4)]
        shape = (n, c, h + pads[0] + pads[2] - 1, w + pads[1] + pads[3] - 2)
        m.add(op, [x], shape, kernel_shape=[2, 3], pads=pads)


def _matmul(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    shape = m.pool[x]
    if len(shape) > 1:
        m.add("MatMul", [x, m.weights(shape[-1], 3)], (*shape[:-1], 3))


def _relu(m: _Maker) -> None:
    x = m.pick()
    assert x is not None
    m.add(str(m.rng.choice(["Relu", "Sigmoid"])), [x], m.pool[x])


_STEPS = (
    _conv,
    _conv,
    _transpose,
    _transpose,
    _reshape,
    _reshape,
    _binary,
    _binary,
    _concat,
    _reduce,
    _softmax,
    _slice,
    _gather,
    _pool,
    _matmul,
    _relu,
)


def random_graph(seed: int, steps: int = 10) -> ir.Model:
    """Return a frozen graph of some `steps` nodes; outputs are what nobody reads, and more."""
    m = _Maker(seed)
    inputs = {
        "x": (1, 3, 5, 4),
        "u": tuple(int(d) for d in m.rng.choice(_SIZES, int(m.rng.integers(1, 5)))),
    }
    m.pool.update(inputs)
    while len(m.nodes) < steps:
        if int(np.prod(m.pool[list(m.pool)[-1]])) > 4000:
            break
        m.rng.choice(np.array(_STEPS, object))(m)
    used = {i for node in m.nodes for i in node.input}
    results = {
        n: s
        for n, s in m.pool.items()
        if n not in inputs and (n not in used or m.rng.random() < 0.15)
    }
    proto = helper.make_model(
        helper.make_graph(
            m.nodes,
            f"random_{seed}",
            [
                helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s)
                for n, s in inputs.items()
            ],
            [
                helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s)
                for n, s in results.items()
            ],
            m.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=10,
    )
    return freeze(ir.from_proto(proto))
