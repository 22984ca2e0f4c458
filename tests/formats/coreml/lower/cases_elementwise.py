"""Arithmetic, activations, comparisons, reductions, normalisations."""

from __future__ import annotations

import numpy as np

from tests.formats.coreml.lower.harness import OpCase, case, tensor

X = tensor(1, 2, 3, 5)
POSITIVE = tensor(1, 2, 3, 5, low=0.1, high=4.0)
UNIT = tensor(1, 2, 3, 5, low=-0.9, high=0.9)
INTS = np.array([[7, -7, 0], [-9, 8, 3]], np.int32)
BOOLS = np.array([[True, False, True], [False, False, True]])
EDGES = np.array([[-np.inf, np.inf, np.nan, 0.0, -1.5]], np.float32)
CHANNELS = tensor(2, seed=1, low=0.5, high=1.5)


def _unary() -> list[OpCase]:
    plain = "Ceil Cos Cosh Exp Floor Sin Sinh Tan Erf Atan Sign Abs Neg Sigmoid Softplus Softsign "
    plain += "Tanh Relu Elu Selu Celu HardSigmoid HardSwish Mish LeakyRelu Asinh Reciprocal"
    halves = np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]], np.float32)
    return [
        *(case(op, X) for op in plain.split()),
        *(case(op, UNIT) for op in ("Acos", "Asin", "Atanh")),
        *(case(op, POSITIVE) for op in ("Sqrt", "Log")),
        case("Acosh", POSITIVE + 1),
        case("Log", np.array([[0.0, 1.0]], np.float32), note="of zero"),
        case("Round", halves, note="half to even"),
        case("Abs", INTS),
        case("Neg", INTS),
        case("Sign", INTS),
        case("Relu", INTS),
        case("IsNaN", EDGES),
        case("IsInf", EDGES, opset=20),
        case("IsInf", EDGES, detect_negative=0, opset=20),
        case("IsInf", EDGES, detect_positive=0, opset=20),
        case("Identity", X),
        case("Dropout", X),
        case("Dropout", X, outputs=2, note="with mask"),
    ]


def _activations() -> list[OpCase]:
    at_alpha = np.array([[0.5, 0.50001, 0.49999, -1.0]], np.float32)
    return [
        case("LeakyRelu", X, alpha=0.3),
        case("Elu", X, alpha=0.4),
        case("Celu", X, alpha=0.7),
        case("Selu", X, alpha=1.2, gamma=0.8),
        case("HardSigmoid", X, alpha=0.4, beta=0.3),
        case("ThresholdedRelu", at_alpha, alpha=0.5, note="at alpha"),
        case("Shrink", X, bias=0.3, lambd=0.7),
        case("Gelu", X, opset=20),
        case("Gelu", X, opset=20, approximate="tanh"),
        case("Swish", X, opset=24),
        case("Swish", X, opset=24, alpha=1.7),
        case("Softmax", X, axis=1),
        case("Softmax", X),
        case("Softmax", tensor(3, 5), axis=0),
        case("LogSoftmax", 60 * X, axis=-2, note="that would underflow"),
        case("Hardmax", np.array([[1, 3, 3, 2]], np.float32), axis=1, note="with a tie"),
        case("Hardmax", X, axis=2),
        case("PRelu", X, tensor(2, 1, 1, seed=1), const=[1], note="per channel"),
        case("PRelu", X, tensor(1, seed=1), const=[1], note="one slope"),
        case("PRelu", X, tensor(5, seed=1), const=[1], note="along the width"),
        case("PRelu", X, tensor(2, 1, 1, seed=1), note="dynamic slope"),
    ]


def _binary() -> list[OpCase]:
    wide, row, other = tensor(2, 3, 1, 5, seed=2), tensor(3, 1, seed=3), tensor(1, 2, 3, 5, seed=4)
    cases = [
        case(op, a, b)
        for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")
        for a, b in ((X, other), (wide, row), (row, wide))
    ]
    cases += [case(op, X, row, const=[1]) for op in ("Add", "Sub", "Mul", "Div")]
    cases += [case(op, row, X, const=[0]) for op in ("Sub", "Div")]
    divisors = np.array([[2, 2, -4], [-2, 3, 5]], np.int32)
    cases += [case(op, INTS, divisors) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mod")]
    return [
        *cases,
        case("Mod", INTS, divisors, fmod=1),
        case("Mod", X, other, fmod=1),
        case("Pow", POSITIVE, other),
        case("Pow", X, np.array([2.0], np.float32), const=[1]),
        case("Pow", X, np.array(3.0, np.float32), const=[1]),
        case("Pow", POSITIVE, np.array([0.5], np.float32), const=[1]),
        case("Pow", POSITIVE, np.array([1.7], np.float32), const=[1]),
        case("Pow", X, np.array([1.0], np.float32), const=[1]),
        case("Pow", np.array([[2, -3, 5]], np.int32), np.array([[3, 3, 2]], np.int32)),
        case("Sum", X, other, row),
        case("Mean", X, other, row),
        case("Max", X, other, row),
        case("Clip", X, np.float32(-0.5), np.float32(1.0), const=[1, 2]),
        case("Clip", X, None, np.float32(0.3), const=[2]),
        case("Clip", X, np.float32(-0.3), const=[1]),
        case("Clip", X, np.float32(-0.3), np.float32(0.3), note="dynamic limits"),
        case("Clip", X, np.float32(0.5), np.float32(-0.5), const=[1, 2], note="min over max"),
        case("Clip", INTS, np.int32(-2), np.int32(5), const=[1, 2]),
        *(
            case(op, np.array([[1, 2, 2]], t), np.array([[2, 2, 1]], t))
            for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
            for t in (np.float32, np.int32)
        ),
        case("Equal", BOOLS, ~BOOLS),
        *(case(op, BOOLS, np.array([[True], [False]])) for op in ("And", "Or", "Xor")),
        case("Not", BOOLS),
        case("Where", BOOLS, tensor(2, 3), tensor(2, 3, seed=1)),
        case("Where", BOOLS, tensor(1, 1), tensor(1, 3, seed=1), note="all broadcast"),
        case("Cast", np.array([[-1.7, 1.7, 0.0]], np.float32), to=6, note="to int"),
        case("Cast", np.array([[0.5, 0.0, np.nan]], np.float32), to=9, note="to bool"),
        case("Cast", INTS, to=1),
        case("Cast", BOOLS, to=1),
        case("Cast", INTS, to=9),
        case("CastLike", INTS, np.zeros(1, np.float32), opset=19),
    ]


def _reductions() -> list[OpCase]:
    ops = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
    axes, last = np.array([1, 3], np.int64), np.array([-1], np.int64)
    cases = [case(f"Reduce{op}", POSITIVE, axes, const=[1], keepdims=0) for op in ops]
    cases += [case(f"Reduce{op}", POSITIVE, last, const=[1]) for op in ops]
    cases += [case(f"Reduce{op}", POSITIVE) for op in ops]
    cases += [case(f"Reduce{op}", POSITIVE, keepdims=0, note="to a scalar") for op in ops]
    none = np.array([], np.int64)
    cases += [
        case(f"Reduce{op}", POSITIVE, none, const=[1], noop_with_empty_axes=1, note="of nothing")
        for op in ("Sum", "Max")
    ]
    spatial = np.array([2, 3], np.int64)
    ties = np.array([[2, 5, 5, 1], [3, 0, 3, 3]], np.float32)
    return [
        *cases,
        case("ReduceMean", X, spatial, const=[1], note="as a global pool"),
        case("ReduceSum", INTS, np.array([1], np.int64), const=[1]),
        case("ReduceMax", INTS, np.array([0], np.int64), const=[1], keepdims=0),
        case("ReduceLogSumExp", 100 * X, spatial, const=[1], note="that would overflow"),
        *(case(op, ties, axis=1, keepdims=k) for op in ("ArgMax", "ArgMin") for k in (0, 1)),
        case("ArgMax", ties, axis=1, select_last_index=1, keepdims=0),
        case("ArgMin", X, axis=2, select_last_index=1),
        case("TopK", X, np.array([3], np.int64), const=[1], outputs=2),
        case("TopK", X, np.array([2], np.int64), const=[1], axis=2, largest=0, outputs=2),
        case("CumSum", X, np.int64(2), const=[1]),
        case("CumSum", X, np.int64(-1), const=[1], exclusive=1, reverse=1),
    ]


def _normalisations() -> list[OpCase]:
    c2 = tensor(2, seed=5)
    mean, variance = tensor(2, seed=6), tensor(2, seed=7, low=0.2, high=2.0)
    x6 = tensor(2, 6, 3, 5, seed=8)
    scale6, bias6 = tensor(6, seed=9), tensor(6, seed=10)
    plane = (tensor(3, 5, seed=11), tensor(3, 5, seed=12))
    zero_row = np.array([[0.0, 0.0], [3.0, -4.0]], np.float32)
    batch = (CHANNELS, c2, mean, variance)
    return [
        case("BatchNormalization", X, *batch, const=[1, 2, 3, 4]),
        case("BatchNormalization", tensor(3, 2), *batch, const=[1, 2, 3, 4], epsilon=0.01),
        case("BatchNormalization", tensor(1, 2, 7), *batch, const=[1, 2, 3, 4]),
        case("InstanceNormalization", X, CHANNELS, c2, const=[1, 2]),
        case("InstanceNormalization", tensor(1, 2, 7), CHANNELS, c2, const=[1, 2], epsilon=0.1),
        case("InstanceNormalization", X, CHANNELS, c2, note="dynamic scale"),
        case("LayerNormalization", X, *plane, const=[1, 2], axis=2),
        case("LayerNormalization", X, tensor(5), const=[1], epsilon=0.01),
        case("LayerNormalization", X, tensor(5), tensor(5, seed=1), const=[1, 2], outputs=3),
        case(
            "LayerNormalization",
            tensor(3, 5),
            tensor(5),
            tensor(5, seed=1),
            const=[1, 2],
            epsilon=0.01,
        ),
        case("GroupNormalization", x6, scale6, bias6, const=[1, 2], num_groups=3, opset=21),
        case("RMSNormalization", X, tensor(5), const=[1], opset=23),
        case("MeanVarianceNormalization", X, axes=[0, 2, 3]),
        case("LpNormalization", zero_row, axis=1, note="with a zero row"),
        case("LpNormalization", X, axis=2, p=1),
        case("LRN", x6, size=3, alpha=0.3, beta=0.6, bias=1.2),
        case("LRN", x6, size=5),
        case("QuantizeLinear", X, np.float32(0.02), np.uint8(128), const=[1, 2], opset=19),
        case("DequantizeLinear", INTS, np.float32(0.02), const=[1], opset=19),
    ]


CASES = (*_unary(), *_activations(), *_binary(), *_reductions(), *_normalisations())
