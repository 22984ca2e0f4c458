"""Tails of F and of Student's t: how often chance alone gives as much."""

from __future__ import annotations

import math


def f_tail(f: float, k: float, n: float) -> float:
    """Return P(F > f) for k and n degrees of freedom: the regularised incomplete beta function."""
    if f <= 0:
        return 1.0
    return _beta(n / 2, k / 2, n / (n + k * f))


def t_tail(t: float, n: float) -> float:
    """Return P(T > t) for Student's t of n degrees of freedom (NIST DLMF 8.17)."""
    half = f_tail(t * t, 1, n) / 2
    return half if t > 0 else 1 - half


def _beta(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by its continued fraction (NIST DLMF 8.17.22), by Lentz's method."""
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
