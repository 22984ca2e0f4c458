"""Which layers a network cannot bear to have rounded: by running it so, on calibration pictures.

`search` asks how far detections move (`movement`) with all layers rounded, with parts of them, with
all but the worst. It knows no target and no engine: `moved(layers)` runs the network with those
layers rounded (`simulate.simulated`) and says how far it moves. So a search over recipes can ask
the same questions of its own layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mobilecat.quantize.simulate import Layer

LIMIT = 0.02
"""Movement that is let pass: the demo's cat faces move by 0.016 in int8, and lose 0.6 points of mAP
(docs/quantize.md, "Which layers stay float")."""
WEIGHTS_LIMIT = 0.007
"""The same where weights alone are rounded: YOLOX-nano loses 0.57 points where it moves by 0.0096,
and 0.26 by 0.0069 (docs/quantize.md, "How weights are rounded")."""
_SHARE = 4
"""Layers that together move less than the limit by this are not looked at one by one."""

Moved = Callable[[Sequence[Layer]], float]


@dataclass(frozen=True)
class Found:
    """whole: the movement with every layer rounded. left: with `kept` float, the worst first.

    own: of layers that were rounded alone, by name, what each moved.
    """

    whole: float
    left: float
    kept: tuple[Layer, ...]
    own: dict[str, float]


def search(
    layers: Sequence[Layer],
    moved: Moved,
    limit: float = LIMIT,
    costs: Mapping[str, float] | None = None,
) -> Found:
    """Return the fewest layers that have to stay float for the rest to move `limit` at most.

    layers: in the order in which they run. moved: with these rounded, all others float. The layers
    are kept in the order of what each moves alone; how many are needed is tried, not added up.
    costs: of layers by name, what each takes where it stays float: then those are kept first whose
    movement, squared since movements of their own add up so, is most beside that.
    """
    whole = moved(layers)
    if whole <= limit:
        return Found(whole, whole, (), {})
    own: dict[Layer, float] = {}
    _look(list(layers), whole, moved, limit, own)
    costs = costs or {}
    power = 2 if costs else 1
    worst = sorted(own, key=lambda layer: -(own[layer] ** power) / costs.get(layer.name, 1.0))
    tried: dict[int, float] = {0: whole}

    def left(number: int) -> float:
        if number not in tried:
            kept = set(worst[:number])
            tried[number] = moved([layer for layer in layers if layer not in kept])
        return tried[number]

    low, high = 0, 1
    while high < len(worst) and left(high) > limit:
        low, high = high, 2 * high
    high = min(high, len(worst))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if left(middle) <= limit else (middle, high)
    names = {layer.name: value for layer, value in own.items()}
    return Found(whole, left(high), tuple(worst[:high]), names)


def _look(
    layers: list[Layer], known: float, moved: Moved, limit: float, own: dict[Layer, float]
) -> None:
    """Fill in what each layer moves alone; of many that move little together, an equal share."""
    if len(layers) == 1:
        own[layers[0]] = known
        return
    if known < limit / _SHARE:
        own.update(dict.fromkeys(layers, known / len(layers)))
        return
    middle = len(layers) // 2
    for half in (layers[:middle], layers[middle:]):
        _look(half, moved(half), moved, limit, own)
