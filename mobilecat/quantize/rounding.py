"""Weights → whole numbers, so that what a layer gives moves least on what it was seen to take.

Nearest rounding moves each weight least. A layer gives sums of weights times inputs, and inputs
that go together let one weight's rounding make good for another's: of all choices between the whole
numbers below and above each weight, the one with the least e·M·eᵀ is wanted, e what rounding
changed, M the inputs' second moments. Two passes, both for all outputs at once:

* weight by weight, the largest inputs first, each rounding's error is spread over the weights that
  are still to come (Hassibi & Stork 1993, `optimal brain surgeon`; Frantar et al. 2022, GPTQ);
* then weight by weight again, each goes to its other whole number where that lowers the sum, until
  none does.

No weight goes further than to its neighbours below and above (Nagel et al. 2020, AdaRound), and the
weights of an output together neither lean to one side nor are half a step off on the mean
(`alike`): so a file can still be held to the weights that it was made of.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MOST = 127
_DAMPED = 0.01
"""Of the mean square of inputs, added to each: pictures show some inputs hardly at all."""
_BLOCK = 64
_SWEEPS = 8
_LEAST = 1e-9
"""Of a weight's own share, that a move has to win: less is rounding of the sums."""
_LEAN, _FAR = 1 / 3, 0.5
"""Steps, means of an output's weights: by how much they may lie to one side of what they were, and
away from it. Rounding down is at 0.5 and 0.5, always to the farther number at 0 and 0.75."""


def scales_of(w: Floats) -> Floats:
    """Return the step of each output, [O,1]: the largest of its weights is 127 steps. w: [O,D]."""
    largest = np.abs(w).max(axis=1, keepdims=True)
    steps = np.maximum(largest / MOST, np.finfo(np.float32).tiny)
    return np.asarray(steps.astype(np.float32).astype(np.float64))


def moved(w: Floats, whole: Floats, scales: Floats, moments: Floats) -> float:
    """Return the mean square by which the outputs change, summed: w [O,D], scales [O,1]."""
    e = whole * scales - w
    return float(np.einsum("oi,oi->", e @ moments, e))


def nearest(w: Floats, scales: Floats) -> Floats:
    """Return the whole number nearest to each weight."""
    return np.asarray(np.clip(np.round(w / scales), -MOST, MOST))


def fitted(w: Floats, scales: Floats, moments: Floats) -> Floats:
    """Return the whole numbers for weights `w` [O,D], each less than 1 from w / scales.

    moments: [D,D], the mean of x·xᵀ over the inputs x that were seen.
    """
    plain = nearest(w, scales)
    size = float(np.mean(np.diag(moments)))
    if not np.isfinite(moments).all() or size <= 0:
        return plain
    damped = moments + _DAMPED * size * np.eye(len(moments))
    wanted = w / scales
    low = np.maximum(np.floor(wanted), -MOST)
    high = np.minimum(np.ceil(wanted), MOST)
    found = _swept(_spread(wanted, damped, low, high), wanted, damped, low, high)
    # An output for which the spread errors led astray stays as it was.
    worse = _rows(found - wanted, damped) > _rows(plain - wanted, damped)
    worse |= ~alike(found - wanted)
    return np.asarray(np.where(worse[:, None], plain, found))


def alike(errors: Floats, slack: float = 0.0) -> npt.NDArray[np.bool_]:
    """Return of each output whether its weights are rounded as `fitted` rounds, or to the nearest.

    errors: [O,D], what they stand for less what they were, in steps, none beyond 1. slack: in
    steps, where these were computed with other rounding.
    """
    far, lean = np.abs(errors), np.abs(errors.mean(axis=1))
    close = (far <= 0.5 + slack).all(axis=1)
    found = close | ((lean <= _LEAN + slack) & (far.mean(axis=1) <= _FAR + slack))
    return np.asarray(found, np.bool_)


def _rows(e: Floats, moments: Floats) -> Floats:
    return np.asarray(np.einsum("oi,oi->o", e @ moments, e))


def _spread(wanted: Floats, moments: Floats, low: Floats, high: Floats) -> Floats:
    """Round one input's weights after another's; what each lost is made good by those to come."""
    order = np.argsort(-np.diag(moments), kind="stable")
    # Inputs lie along rows here: a step reads and writes whole rows.
    left, low, high = (np.ascontiguousarray(x.T[order]) for x in (wanted, low, high))
    inverse = np.linalg.inv(moments[np.ix_(order, order)])
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T
    found = np.empty_like(left)
    for start in range(0, len(order), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(order)))
        errors = np.zeros_like(left[block])
        for i in range(block.start, block.stop):
            found[i] = np.clip(np.round(left[i]), low[i], high[i])
            errors[i - start] = (left[i] - found[i]) / upper[i, i]
            left[i + 1 : block.stop] -= np.outer(upper[i, i + 1 : block.stop], errors[i - start])
        left[block.stop :] -= upper[block, block.stop :].T @ errors
    back = np.empty_like(found)
    back[order] = found
    return np.asarray(back.T)


def _swept(found: Floats, wanted: Floats, moments: Floats, low: Floats, high: Floats) -> Floats:
    """Move single weights to their other whole number where that lowers the sum."""
    order = np.argsort(-np.diag(moments), kind="stable")
    moments = moments[np.ix_(order, order)]
    q, low, high = (np.ascontiguousarray(x.T[order]) for x in (found, low, high))
    slope = moments @ (q - wanted.T[order])
    size = np.diag(moments)
    for _ in range(_SWEEPS):
        changed = False
        for start in range(0, len(order), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(order)))
            own, here = moments[block, block], slope[block].copy()
            steps = np.zeros_like(here)
            for i, g in enumerate(here):
                at = start + i
                step = np.clip(np.round(q[at] - g / size[at]), low[at], high[at]) - q[at]
                step[step * (2 * g + step * size[at]) >= -_LEAST * size[at]] = 0
                if step.any():
                    steps[i] = step
                    here += np.outer(own[i], step)
            if steps.any():
                q[block] += steps
                slope += moments[:, block] @ steps
                changed = True
        if not changed:
            break
    back = np.empty_like(q)
    back[order] = q
    return np.asarray(back.T)
