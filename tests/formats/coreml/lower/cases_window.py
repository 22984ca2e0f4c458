"""Convolution, pooling, matrix products. Non-square, asymmetric pads and strides throughout."""

from __future__ import annotations

from tests.formats.coreml.lower.harness import OpCase, case, tensor

X = tensor(1, 4, 7, 9)
SIGNAL, VOLUME = tensor(1, 4, 11), tensor(1, 4, 5, 6, 7)


def _convolutions() -> list[OpCase]:
    w, bias = tensor(6, 4, 3, 5, seed=1), tensor(6, seed=2)
    grouped, depthwise = tensor(6, 2, 3, 1, seed=3), tensor(4, 1, 3, 3, seed=4)
    asymmetric = {"pads": [2, 0, 1, 3], "strides": [2, 3]}
    return [
        case("Conv", X, w, const=[1]),
        case("Conv", X, w, bias, const=[1, 2], **asymmetric),
        case("Conv", X, w, bias, const=[1, 2], dilations=[2, 1], pads=[3, 1, 0, 2]),
        case("Conv", X, grouped, bias, const=[1, 2], group=2, strides=[1, 2]),
        case("Conv", X, depthwise, const=[1], group=4, pads=[1, 1, 1, 1]),
        *(
            case("Conv", X, w, const=[1], auto_pad=p, strides=[2, 2])
            for p in ("SAME_UPPER", "SAME_LOWER", "VALID")
        ),
        case("Conv", X, w, bias, const=[1], note="dynamic bias"),
        case("Conv", X, w, bias, const=[2], note="dynamic weight"),
        case("Conv", SIGNAL, tensor(6, 4, 3), bias, const=[1, 2], pads=[2, 1], strides=[2]),
        case("Conv", VOLUME, tensor(2, 4, 2, 3, 3), const=[1], pads=[1, 0, 2, 0, 1, 1]),
    ]


def _transposed() -> list[OpCase]:
    w, bias = tensor(4, 3, 3, 2, seed=1), tensor(3, seed=2)
    stride = {"strides": [2, 3]}
    return [
        case("ConvTranspose", X, w, const=[1]),
        case("ConvTranspose", X, w, bias, const=[1, 2], pads=[1, 0, 0, 1], **stride),
        case("ConvTranspose", X, w, bias, const=[1, 2], output_padding=[1, 2], **stride),
        case("ConvTranspose", X, w, const=[1], pads=[1, 1, 1, 1], output_padding=[1, 1], **stride),
        case("ConvTranspose", X, w, const=[1], dilations=[2, 3], **stride),
        case("ConvTranspose", X, w, const=[1], output_shape=[15, 28], **stride),
        *(
            case("ConvTranspose", X, w, const=[1], auto_pad=p, **stride)
            for p in ("SAME_UPPER", "SAME_LOWER")
        ),
        case("ConvTranspose", X, tensor(4, 3, 2, 3), const=[1], group=2),
        case("ConvTranspose", X, w, bias, const=[1], note="dynamic bias"),
        case("ConvTranspose", SIGNAL, tensor(4, 3, 3), const=[1], strides=[2], pads=[1, 0]),
    ]


def _pools() -> list[OpCase]:
    negative = X - 5  # a pad counted as 0 would win
    window = {"kernel_shape": [3, 2]}
    asymmetric = {"pads": [2, 0, 1, 1], "strides": [2, 3]}
    return [
        *(case(op, negative, **window, **asymmetric) for op in ("MaxPool", "AveragePool")),
        *(
            case(op, negative, kernel_shape=[3, 4], strides=[3, 4], ceil_mode=1)
            for op in ("MaxPool", "AveragePool")
        ),
        *(
            case(op, negative, **window, auto_pad=p, strides=[2, 2])
            for op in ("MaxPool", "AveragePool")
            for p in ("SAME_UPPER", "SAME_LOWER", "VALID")
        ),
        case("MaxPool", negative, kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 0, 0, 2]),
        case("AveragePool", X, **window, **asymmetric, count_include_pad=1),
        case(
            "AveragePool",
            X,
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            ceil_mode=1,
            count_include_pad=1,
        ),
        case("AveragePool", X, kernel_shape=[2, 3], dilations=[2, 1], pads=[1, 0, 0, 2], opset=19),
        case("MaxPool", SIGNAL, kernel_shape=[3], strides=[2], pads=[1, 1]),
        case("AveragePool", SIGNAL, kernel_shape=[3], strides=[2]),
        case("MaxPool", VOLUME, kernel_shape=[2, 3, 2], strides=[2, 1, 2]),
        case("GlobalAveragePool", X),
        case("GlobalMaxPool", X),
        case("GlobalAveragePool", SIGNAL),
        *(case("GlobalLpPool", X, p=p) for p in (1, 2, 3)),
        case("GlobalLpPool", SIGNAL),
    ]


def _products() -> list[OpCase]:
    a, b = tensor(3, 5), tensor(5, 7, seed=1)
    stack = tensor(2, 3, 5)
    flags = [(ta, tb) for ta in (0, 1) for tb in (0, 1)]
    return [
        case("MatMul", a, b, const=[1]),
        case("MatMul", a, b),
        case("MatMul", stack, b, const=[1]),
        case("MatMul", tensor(1, 2, 3, 5), b, const=[1]),
        case("MatMul", stack, tensor(2, 5, 4, seed=1)),
        case("MatMul", tensor(5), b),
        case("MatMul", stack, tensor(5, seed=1), const=[1]),
        *(
            case(
                "Gemm",
                a.T.copy() if ta else a,
                b.T.copy() if tb else b,
                tensor(7, seed=2),
                const=const,
                transA=ta,
                transB=tb,
                alpha=0.5,
                beta=2.0,
            )
            for ta, tb in flags
            for const in ([], [1, 2])
        ),
        case("Gemm", a, b, tensor(3, 1, seed=3), const=[1, 2], note="a bias per row"),
        case("Gemm", a, b, const=[1]),
        case("Einsum", a, b, equation="ij,jk->ki"),
        case("Einsum", tensor(2, 3, 5), tensor(2, 5, 4, seed=1), equation="bij,bjk->bik"),
        case("Einsum", a, equation="ij->j"),
        case("Einsum", a, tensor(7, seed=1), equation="ij,k->ikj"),
        case("Einsum", stack, b, equation="...j,jk->...k"),
        case("Einsum", tensor(5), tensor(5, seed=1), equation="i,i", note="to a scalar"),
    ]


CASES = (*_convolutions(), *_transposed(), *_pools(), *_products())
