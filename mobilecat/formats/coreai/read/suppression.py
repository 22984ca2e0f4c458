"""What a program says of its NMS, found by the form that a suppression without loop has.

score      a score above a constant; else that constant, and all of them sorted
IoU        a quotient above a constant, for each pair, in a product with what is kept
per class  classes of each pair are equal, and that is in the same product
rows       the number of kept ones, at most a constant, is an output
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mobilecat.formats.coreai.read.ir import Graph, Module, Op

_PREFIXES = ("coreai.decomposable.broadcasting_", "coreai.")
_ONWARDS = ("and", "cast", "reshape", "expand_dims", "shrink_dims")


def written(module: Module) -> dict[str, list[float]]:
    """Return setting → the values that the public graphs have for it; none without an NMS."""
    found: dict[str, list[float]] = {}
    for graph in module.graphs.values():
        if not graph.private:
            _Graph(graph).collect(found)
    return found


@dataclass
class _Graph:
    graph: Graph
    makers: dict[int, Op] = field(default_factory=dict)
    users: dict[int, list[Op]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for op in self.graph.body.ops:
            self.makers |= dict.fromkeys(op.results, op)
            for value in set(op.operands):
                self.users.setdefault(value, []).append(op)

    def collect(self, found: dict[str, list[float]]) -> None:
        overlaps = [op for op in self.graph.body.ops if self._is_overlap(op)]
        for op in overlaps:
            _add(found, "iou_threshold", self._scalar(op.operands[1]))
        if not overlaps:
            return
        ops = self.graph.body.ops
        equal = [op for op in ops if _kind(op) == "equal" and self._reaches_product(op)]
        _add(found, "per_class", float(bool(equal)))
        for op in ops:
            if _kind(op) == "greater" and self._guards_sorting(op):
                _add(found, "score_threshold", self._scalar(op.operands[1]))
        end = ops[-1]
        for value in end.operands:
            maker = self.makers.get(value)
            if maker is not None and _kind(maker) == "minimum":
                _add(found, "max_detections", self._scalar(maker.operands[1]))

    def _is_overlap(self, op: Op) -> bool:
        """A quotient above a constant, in a matrix product."""
        if _kind(op) != "greater" or self._scalar(op.operands[1]) is None:
            return False
        quotient = self.makers.get(op.operands[0])
        return quotient is not None and _kind(quotient) == "divide" and self._reaches_product(op)

    def _guards_sorting(self, op: Op) -> bool:
        """`where(score > t, score, t)` is what is sorted."""
        for user in self.users.get(op.results[0], ()):
            if _kind(user) != "where" or len(user.operands) != 3:
                continue
            same = self._scalar(user.operands[2]) == self._scalar(op.operands[1])
            if same and user.operands[0] == op.results[0] and self._is_sorted(user):
                return True
        return False

    def _is_sorted(self, op: Op) -> bool:
        return any(_kind(u) == "argsort" for u in self._onward(op))

    def _reaches_product(self, op: Op) -> bool:
        return any(_kind(u) == "batch_matmul" for u in self._onward(op))

    def _onward(self, op: Op) -> Iterator[Op]:
        """Yield the ops that take what `op` makes, and on through what keeps it."""
        todo, seen = list(op.results), set(op.results)
        while todo:
            for user in self.users.get(todo.pop(), ()):
                yield user
                if _kind(user) in _ONWARDS and not seen.issuperset(user.results):
                    seen.update(user.results)
                    todo += user.results

    def _scalar(self, value: int) -> float | None:
        op = self.makers.get(value)
        if op is None or op.array is None or op.array.size != 1:
            return None
        return float(op.array.reshape(-1)[0])


def _kind(op: Op) -> str:
    for prefix in _PREFIXES:
        if op.name.startswith(prefix):
            return op.name[len(prefix) :]
    return op.name


def _add(found: dict[str, list[float]], name: str, value: float | None) -> None:
    if value is not None and value not in found.setdefault(name, []):
        found[name].append(value)
