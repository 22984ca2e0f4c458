"""Whether what a hypothesis leaves over is noise, or a map that it does not have.

Noise has no direction. The residuals are regressed on what a coordinate could still be mapped by: a
move, each side's own margin, scale and shear, the box's own size, a keystone, a lens. Each is an F
test; one that says so turns the hypothesis away, however small its residuals are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mobilecat.geometry.affine import F64
from mobilecat.geometry.chance import f_tail

ALPHA, SUSPICIOUS = 3e-4, 2.5e-3
"""Level of each test: a right hypothesis is turned away in about one case in 500. Of boxes that
scatter by much more than was expected it is doubtful already, in about one case in 60."""
UNEXPECTED = 1.5
_LEARNT = 10  # numbers that the noise is learnt from, at least
_X, _Y = np.array([1.0, 0, 1, 0]), np.array([0.0, 1, 0, 1])
_SIDES = np.eye(4)


@dataclass(frozen=True, eq=False)
class Left:
    """What a hypothesis leaves over. off: observed less predicted, (K, 4) px, NaN where unknown.

    at: predicted boxes, px. middle: the picture's, px. fitted: how many numbers the hypothesis took
    from these boxes itself. noise_px: noise is not taken to be less.
    """

    off: F64
    at: F64
    middle: F64
    fitted: int
    noise_px: float


def systematic(left: Left) -> tuple[str, bool]:
    """Return what is systematic in what is left, in a word, and whether that is sure.

    Empty where it is noise. Not sure: only boxes that scatter more than expected would show it.
    """
    known = np.isfinite(left.off)
    if not known.any():
        return "", False
    y = left.off[known]
    rms = float(np.sqrt((y**2).mean()))
    least = ALPHA if rms <= UNEXPECTED * left.noise_px else SUSPICIOUS
    found = ""
    for name, (given, asked) in DESIGNS.items():
        free = np.concatenate([d(left)[known] for d in given], axis=-1) if given else None
        p = _p_value(asked(left)[known], free, y, left.fitted, left.noise_px)
        if p < least:
            least, found = p, name
    return found, least < ALPHA


def _p_value(a: F64, given: F64 | None, y: F64, fitted: int, noise_px: float) -> float:
    """Return the probability that noise alone is explained as well by the columns of `a`.

    given: columns that may be there besides, which are taken out of both first.
    """
    used = 0
    if given is not None:
        basis = _basis(given)
        a, y, used = a - basis @ (basis.T @ a), y - basis @ (basis.T @ y), basis.shape[1]
    basis = _basis(a)
    gained = float(((basis.T @ y) ** 2).sum())
    k = basis.shape[1]
    free = len(y) - k - max(used, fitted)
    rest = max(float((y**2).sum()) - gained, 0.0)
    if k == 0:
        return 1.0
    # Of one box or two little is left to learn the noise from: what was expected stands for some.
    taken = max(0, _LEARNT - max(free, 0))
    degrees = max(free, 0) + taken
    variance = max(noise_px**2, (rest + taken * noise_px**2) / degrees)
    return f_tail(gained / k / variance, k, degrees)


def _basis(a: F64) -> F64:
    scale = np.sqrt((a**2).sum(axis=0))
    a = a[:, scale > 1e-9] / scale[scale > 1e-9]
    left, values, _ = np.linalg.svd(a, full_matrices=False)
    basis: F64 = left[:, values > 1e-3]
    return basis


def _places(left: Left) -> tuple[F64, F64]:
    """Each side's place from the picture's middle: x of all sides (K, 4), then y.

    An upper side's x is its middle's.
    """
    at = left.at
    cx, cy = (at[:, 0] + at[:, 2]) / 2, (at[:, 1] + at[:, 3]) / 2
    x, y = np.where(_X > 0, at, cx[:, None]), np.where(_Y > 0, at, cy[:, None])
    return (x - left.middle[0]) / 320.0, (y - left.middle[1]) / 320.0


def _columns(*of: F64) -> F64:
    return np.stack(np.broadcast_arrays(*of), axis=-1)


def _moves(left: Left) -> F64:
    one = np.ones_like(left.at)
    return _columns(one * _X, one * _Y)


def _margins(left: Left) -> F64:
    one = np.ones_like(left.at)
    return _columns(one * (_SIDES[2] - _SIDES[0]), one * (_SIDES[3] - _SIDES[1]))


def _scales(left: Left) -> F64:
    x, y = _places(left)
    return _columns(x * _X, y * _Y)


def _shears(left: Left) -> F64:
    x, y = _places(left)
    return _columns(y * _X, x * _Y)


def _turns(left: Left) -> F64:
    """A small turn or shear: a box drawn around a turned one is wider by its height."""
    w, h = _sizes(left)
    wide, high = _SIDES[2] - _SIDES[0], _SIDES[3] - _SIDES[1]
    return np.concatenate([_shears(left), _columns(h * wide, w * high)], axis=-1)


def _own_shift(left: Left) -> F64:
    w, h = _sizes(left)
    return _columns(w * _X, h * _Y)


def _own_growth(left: Left) -> F64:
    w, h = _sizes(left)
    wide, high = _SIDES[2] - _SIDES[0], _SIDES[3] - _SIDES[1]
    return _columns(w * wide, h * wide, w * high, h * high)


def _sizes(left: Left) -> tuple[F64, F64]:
    at = left.at
    return (at[:, 2] - at[:, 0])[:, None] / 100.0, (at[:, 3] - at[:, 1])[:, None] / 100.0


def _keystone(left: Left) -> F64:
    x, y = _places(left)
    return _columns(x * x * _X + x * y * _Y, x * y * _X + y * y * _Y)


def _lens(left: Left) -> F64:
    x, y = _places(left)
    r2 = x**2 + y**2
    return _columns(x * r2 * _X + y * r2 * _Y)


def _bends(left: Left) -> F64:
    x, y = _places(left)
    return _columns(x * x * _X, y * y * _Y)


Design = Callable[[Left], F64]
DESIGNS: dict[str, tuple[tuple[Design, ...], Design]] = {
    "a move": ((), _moves),
    "a scale": ((_moves,), _scales),
    "a margin": ((_moves,), _margins),
    "a turn or a shear": ((_moves, _scales), _turns),
    "a shift by the boxes' own size": ((_moves,), _own_shift),
    "a growth by the boxes' own size": ((_moves,), _own_growth),
    "a keystone": ((_moves, _scales, _shears), _keystone),
    "a lens": ((_moves, _scales), _lens),
    "a bend": ((_moves, _scales), _bends),
}
"""What is asked for, and what may be there besides."""
