"""Whether what a hypothesis leaves over is noise, or a map that it does not have.

Noise has no direction. The residuals are regressed on what a coordinate could still be mapped by: a
move, each side's own margin, scale and shear, the box's own size, a keystone, a lens. Each is an F
test; one that says so turns the hypothesis away, however small its residuals are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mobilecat.geometry.affine import F64

ALPHA = 3e-4
"""Level of each of the tests: a right hypothesis is turned away in about one case in 500."""
_X, _Y = np.array([1.0, 0, 1, 0]), np.array([0.0, 1, 0, 1])
_SIDES = np.eye(4)


def systematic(off: F64, at: F64, fitted: int, noise_px: float) -> str:
    """Return what is systematic in residuals, in a word; empty where they are noise.

    off: observed less predicted, (K, 4) px, NaN where unknown; at: predicted boxes, px. fitted: how
    many numbers the hypothesis took from these boxes itself. noise_px: noise is not taken to be less.
    """
    known = np.isfinite(off)
    if not known.any():
        return ""
    y = off[known]
    least, found = ALPHA, ""
    for name, design in DESIGNS.items():
        a = design(at)[known]
        p = _p_value(a, y, fitted, noise_px)
        if p < least:
            least, found = p, name
    return found


def _p_value(a: F64, y: F64, fitted: int, noise_px: float) -> float:
    """Return the probability that noise alone is explained as well by the columns of `a`."""
    scale = np.sqrt((a**2).sum(axis=0))
    a = a[:, scale > 1e-9] / scale[scale > 1e-9]
    left, values, _ = np.linalg.svd(a, full_matrices=False)
    basis = left[:, values > 1e-6 * values.max(initial=0.0)]
    gained = float(((basis.T @ y) ** 2).sum())
    k = basis.shape[1]
    free = len(y) - k - fitted
    rest = max(float((y**2).sum()) - gained, 0.0)
    if k == 0 or free < 1:
        # Nothing is left to learn the noise from: the noise that was taken must do.
        return _f_tail(gained / max(k, 1) / noise_px**2, max(k, 1), 1_000)
    variance = max(noise_px**2, rest / free)
    return _f_tail(gained / k / variance, k, free)


def _centred(at: F64) -> tuple[F64, F64]:
    """Each side's place, in units of the boxes' spread: x of all sides (K, 4), then y."""
    x, y = at[:, [0, 0, 2, 2]], at[:, [1, 1, 3, 3]]
    cx = (at[:, 0] + at[:, 2]) / 2
    cy = (at[:, 1] + at[:, 3]) / 2
    x, y = np.where(_X > 0, at, cx[:, None]), np.where(_Y > 0, at, cy[:, None])
    return (x - cx.mean()) / 320.0, (y - cy.mean()) / 320.0


def _columns(*of: F64) -> F64:
    return np.stack(np.broadcast_arrays(*of), axis=-1)


def _moves(at: F64) -> F64:
    one = np.ones_like(at)
    return _columns(one * _X, one * _Y)


def _margins(at: F64) -> F64:
    one = np.ones_like(at)
    return _columns(*(one * side for side in _SIDES))


def _scales(at: F64) -> F64:
    x, y = _centred(at)
    return np.concatenate([_moves(at), _columns(x * _X, y * _Y)], axis=-1)


def _affine(at: F64) -> F64:
    x, y = _centred(at)
    return np.concatenate([_scales(at), _columns(y * _X, x * _Y)], axis=-1)


def _own_size(at: F64) -> F64:
    w = np.repeat((at[:, 2] - at[:, 0])[:, None], 4, axis=1) / 100.0
    h = np.repeat((at[:, 3] - at[:, 1])[:, None], 4, axis=1) / 100.0
    sizes = _columns(w * _SIDES[0], h * _SIDES[1], w * _SIDES[2], h * _SIDES[3])
    return np.concatenate([_moves(at), sizes], axis=-1)


def _keystone(at: F64) -> F64:
    x, y = _centred(at)
    return _columns(x * x * _X + x * y * _Y, x * y * _X + y * y * _Y)


def _lens(at: F64) -> F64:
    x, y = _centred(at)
    r2 = x**2 + y**2
    return _columns(x * r2 * _X + y * r2 * _Y, x * _X + y * _Y)


def _bent(at: F64) -> F64:
    x, y = _centred(at)
    return np.concatenate([_scales(at), _columns(x * x * _X, y * y * _Y)], axis=-1)


DESIGNS: dict[str, Callable[[F64], F64]] = {
    "a move": _moves,
    "a margin": _margins,
    "a scale": _scales,
    "a turn or a shear": _affine,
    "the boxes' own size": _own_size,
    "a keystone": _keystone,
    "a lens": _lens,
    "a bend": _bent,
}


def _f_tail(f: float, k: int, n: int) -> float:
    """Return P(F > f) for k and n degrees of freedom: the regularised incomplete beta function."""
    if f <= 0:
        return 1.0
    return _beta(n / 2, k / 2, n / (n + k * f))


def _beta(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by its continued fraction (NIST DLMF 8.17.22), evaluated by Lentz's method."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    h = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or 1e-300)
            c = 1.0 + term / c or 1e-300
            h *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return front * h / a
