"""Run a traced model: the first call of a shape writes its graph, later calls reuse the session."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import MobileCatError
from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.session import Session, Sessions

Array = npt.NDArray[Any]
_PLANS = 32  # shapes remembered


@dataclass(frozen=True)
class Derived:
    """A result that is made from a tensor outside of the graph (a label, a dictionary)."""

    source: Val
    make: Callable[[Array], Any]


@dataclass(frozen=True)
class Written:
    """A graph that was written and not run: what it takes, and what it gives, by name."""

    graph: Graph
    inputs: Mapping[str, Val]
    results: Mapping[str, Any]


Trace = Callable[[Graph, dict[str, Val]], Mapping[str, Any]]


@dataclass(frozen=True)
class _Result:
    """Where a result comes from: the session, an input, or a constant; and what becomes of it."""

    session: int = -1
    feed: str = ""
    constant: Any = None
    make: Callable[[Array], Any] | None = None


@dataclass(frozen=True)
class _Plan:
    session: Session | None
    fed: tuple[tuple[str, str], ...]
    results: tuple[tuple[str, _Result], ...]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Any]:
        arrays: list[Array] = []
        if self.session is not None:
            arrays = self.session.run({at: feeds[name] for at, name in self.fed})
        out = {}
        for name, r in self.results:
            value = arrays[r.session] if r.session >= 0 else feeds[r.feed] if r.feed else r.constant
            out[name] = r.make(value) if r.make else value
        return out


class Compiled:
    """One traceable function with its sessions. Calls may come from several threads."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._plans: OrderedDict[Any, _Plan] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, key: Any, feeds: Mapping[str, Array], trace: Trace) -> dict[str, Any]:
        """Return trace's results for `feeds`. `key` names the trace; shapes are added to it."""
        full = (key, *((n, a.shape, a.dtype.str) for n, a in feeds.items()))
        with self._lock:
            plan = self._plans.get(full)
            if plan is not None:
                self._plans.move_to_end(full)
        if plan is not None:
            return plan.run(feeds)
        g = Graph(self._sessions)
        inputs, results = _traced(g, feeds, trace)
        if g.runs == 0 and not g.data_was_read:
            plan = self._plan(g, inputs, results)
            with self._lock:
                self._plans[full] = plan
                if len(self._plans) > _PLANS:
                    self._plans.popitem(last=False)
            return plan.run(feeds)
        g.flush()
        return {n: _known(v) for n, v in results.items()}

    def written(self, feeds: Mapping[str, Array], trace: Trace) -> Written:
        """Return the graph for the shapes of `feeds`, not run.

        Errors: UnsupportedOp where it depends on what is fed.
        """
        g = Graph(self._sessions, calls_nms=True)
        inputs, results = _traced(g, feeds, trace)
        if g.runs or g.data_was_read:
            raise refused("what it computes, or how much, depends on the values that it is fed")
        return Written(g, inputs, results)

    def _plan(self, g: Graph, inputs: Mapping[str, Val], results: Mapping[str, Any]) -> _Plan:
        sources = {n: v.source if isinstance(v, Derived) else v for n, v in results.items()}
        work, fed = g.finish([v for v in sources.values() if isinstance(v, Val)])
        at = {name: i for i, name in enumerate(work.outputs)}
        names = {id(v): n for n, v in inputs.items()}
        plan = []
        for n, v in sources.items():
            make = results[n].make if isinstance(results[n], Derived) else None
            if not isinstance(v, Val):
                plan.append((n, _Result(constant=v, make=make)))
            elif not v.known:
                plan.append((n, _Result(session=at[v.name], make=make)))
            elif id(v) in names:
                plan.append((n, _Result(feed=names[id(v)], make=make)))
            else:
                plan.append((n, _Result(constant=v.raw(), make=make)))
        session = self._sessions.compile(work) if work.outputs else None
        return _Plan(session, tuple((at, names[id(v)]) for at, v in fed.items()), tuple(plan))


def _traced(
    g: Graph, feeds: Mapping[str, Array], trace: Trace
) -> tuple[dict[str, Val], dict[str, Any]]:
    inputs = {n: g.data(a) for n, a in feeds.items()}
    try:
        return inputs, dict(trace(g, inputs))
    except MobileCatError:
        raise
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        # a contradiction that no check of ours named; never a traceback for a damaged file
        raise malformed(f"{type(e).__name__}: {str(e)[:200]}", g.where) from e


def _known(value: Any) -> Any:
    if isinstance(value, Derived):
        return value.make(np.asarray(value.source.raw()))
    return value.raw() if isinstance(value, Val) else value
