"""Loops over constants: each round costs the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.graph import Graph
from mobilecat.formats.coreml.runtime.session import Sessions, Work


class Counting(Sessions):
    """Counts the nodes of each piece, and the sessions that are made."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.nodes: list[int] = []

    def cached(self, work: Work, feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        self.nodes.append(len(work.nodes))
        return super().cached(work, feeds)


def test_a_counter_is_not_counted_from_the_start_in_each_round() -> None:
    sessions = Counting()
    graph = Graph(sessions)
    counter, rounds = graph.const(0.0), 0
    while graph("Less", counter, graph.const(40.0)).numpy():
        graph.count_round()
        counter = graph("Add", counter, graph.const(1.0))
        rounds += 1
    assert (rounds, float(counter.numpy())) == (40, 40.0)
    assert len(sessions.nodes) == 40 and max(sessions.nodes) == 2  # one Add, one Less
    assert len(sessions) == 1  # compiled in the first round


def test_what_a_round_makes_is_right_where_it_is_used_later() -> None:
    """Sums of 1 … n, with values of several rounds used after the loop: 1, 3, 6, 10."""
    graph = Graph(Counting())
    n, total, kept = graph.const(1.0), graph.const(0.0), []
    while graph("Less", n, graph.const(5.0)).numpy():
        graph.count_round()
        total = graph("Add", total, n)
        kept.append(total)
        n = graph("Add", n, graph.const(1.0))
    x = graph.data(np.array([0.5, 0.25], np.float32))
    out = graph("Sum", x, *kept)
    assert out.numpy().tolist() == [20.5, 20.25]
    assert [float(k.numpy()) for k in kept] == [1, 3, 6, 10]
