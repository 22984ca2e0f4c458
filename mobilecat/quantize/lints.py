"""What whole numbers are known to break in detectors, told from ranges before a file exists.

Each gives a sentence that says what is wrong and what to do, or None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mobilecat.quantize.ranges import Range, Seen

_FEW = 4.0
"""Steps: what has fewer is lost among them."""
_OUTLIER = 4.0
"""How many times as far as the next channel one reaches that is an outlier."""
_SILU_LOW = 0.278
"""x · sigmoid(x) is never below −0.278."""
_SHOWN = 5


def outlier(name: str, seen: Seen, step: float) -> str | None:
    """Say that one channel takes the steps that all others would need.

    step: the real size of one, of the whole tensor.
    """
    reach = np.maximum(np.abs(seen.lows), np.abs(seen.highs))
    if reach.size < 4:
        return None
    order = np.argsort(reach)
    most, next_, middle = (float(reach[i]) for i in (order[-1], order[-2], order[len(order) // 2]))
    if most < _OUTLIER * next_ or middle >= 8 * _FEW * step or middle <= 0:
        return None
    return (
        f"{name}: channel {int(order[-1])} reaches {most:.3g}, all others {next_:.3g} at most: a "
        f"step is {step:.2g}, which leaves half of the channels {2 * middle / step:.0f} of 256. "
        'Name its node in keep_float, or set [quantize] method = "percentile" or "mse"'
    )


def starved(name: str, parts: Mapping[str, Range]) -> str | None:
    """Say that values that would share a scale are of another size, as pixels and scores are."""
    whole = Range(min(p.low for p in parts.values()), max(p.high for p in parts.values()))
    step = max(whole.high, 0.0) - min(whole.low, 0.0)
    step /= 255
    poor = {n: p for n, p in parts.items() if max(abs(p.low), abs(p.high)) < _FEW * step}
    if not poor or len(poor) == len(parts):
        return None
    rich = max(parts, key=lambda n: parts[n].span)
    one = next(iter(poor))
    return (
        f"{name}: {rich} ({_words(parts[rich])}) and {one} ({_words(poor[one])}) would share a "
        f"scale whose step is {step:.2g}, and {one} would be lost: boxes in pixels beside scores "
        "look so. It stays float; bring both to 0 to 1 in the model for a network in whole numbers"
    )


def silu(name: str, seen: Range, step: float) -> str | None:
    """Say that x · sigmoid(x) reaches so high that what is below zero of it vanishes in a step."""
    if step * 2 < _SILU_LOW:
        return None
    return (
        f"{name}: this SiLU reaches {seen.high:.3g}, a step is {step:.2g}, and what it gives below "
        f"zero, −{_SILU_LOW} at most, is lost in that. Set [quantize] method = "
        '"percentile" or "mse", precision = "int16x8", or name its node in keep_float'
    )


def unseen(scores: Seen, labels: Sequence[str], threshold: float) -> str | None:
    """Say which classes no picture of the calibration had: their range is a guess.

    scores: of candidates, [1,N,C].
    """
    never = [k for k, most in enumerate(scores.highs.tolist()) if most < threshold]
    if not never:
        return None
    names = [labels[k] if k < len(labels) else f"class {k}" for k in never]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))
    return (
        f"no calibration picture has {shown} (no score above {threshold:g}): what such objects do "
        "inside the network may lie outside of the ranges. Add pictures of them to [quantize] "
        "calibration"
    )


def _words(seen: Range) -> str:
    return f"{seen.low:.3g} to {seen.high:.3g}"
