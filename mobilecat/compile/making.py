"""The artifacts of an export: each written and loaded once, or refused with the others' gaps."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.bundle import ArtifactRecord
from mobilecat.compile.artifact import emit, gaps_of
from mobilecat.compile.kept import Kept
from mobilecat.errors import MobileCatError, Problem, UnsupportedError, joined
from mobilecat.foreign import give_back_memory
from mobilecat.formats.base.runner import NotRun
from mobilecat.formats.table import FORMATS
from mobilecat.spec import Spec, TargetSpec

if TYPE_CHECKING:
    from mobilecat.bake import Baked
    from mobilecat.compile.ranges import Peak


def make(
    graphs: Mapping[TargetSpec, Baked],
    names: Mapping[TargetSpec, str],
    spec: Spec,
    folder: Path,
    *,
    leave_out: bool,
    kept: Kept,
    progress: Callable[[str], None],
) -> tuple[dict[TargetSpec, ArtifactRecord], dict[TargetSpec, MobileCatError]]:
    """Write every target's file into `folder`; return the records, and why others were left out.

    kept: gives what was made before of the very same, and keeps what is made.
    leave_out: whether a target that cannot be made leaves the others alone. Otherwise, and where
        none can be made, its error is raised, together with all others' that are found before
        anything is written.
    """
    failed: dict[TargetSpec, MobileCatError] = dict(gaps_of(graphs))
    if failed and (not leave_out or len(failed) == len(graphs)):
        raise joined(list(failed.values()))
    made = {}
    ranges = _Ranges()
    for target in in_turn(graphs):
        baked = graphs[target]
        if target in failed:
            continue
        path = folder / names[target]
        key = kept.key(target, baked, spec, path.name)
        if (found := kept.take(key, path)) is not None:
            made[target] = found
            continue
        progress(f"writing {path.name}")
        try:
            record = emit(target, baked, spec, path)
            if target.precision == "float16":
                progress(f"measuring the values of {path.name}")
                record = ranges.noted(record, baked)
            made[target] = record
            progress(f"loading {path.name}")
            require_loads(path, record)
            kept.keep(key, path, record)
            give_back_memory(record.bytes)
        except MobileCatError as e:
            if not leave_out:
                raise
            failed[target] = e
            made.pop(target, None)
            _remove(path)
    if not made:
        raise joined(list(failed.values()))
    return {t: made[t] for t in graphs if t in made}, failed


def in_turn(targets: Iterable[TargetSpec]) -> list[TargetSpec]:
    """Return targets in the order in which they are made: those that bring much memory last."""
    return sorted(targets, key=lambda t: FORMATS[t.kind].brings)


class _Ranges:
    """What float16 does not hold of a graph's values, measured once a graph."""

    def __init__(self) -> None:
        self._found: dict[int, list[Peak]] = {}

    def noted(self, record: ArtifactRecord, baked: Baked) -> ArtifactRecord:
        from mobilecat.compile.ranges import peaks_of, words

        if id(baked) not in self._found:
            self._found[id(baked)] = peaks_of(baked)
        peaks = self._found[id(baked)]
        if not peaks:
            return record
        peak = max(p.value for p in peaks)
        return record.model_copy(update={"peak": peak, "lints": (*record.lints, *words(peaks))})


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require_loads(path: Path, record: ArtifactRecord) -> None:
    """Raise UnsupportedError where the artifact's own engine, if it is here, does not load it."""
    engine = FORMATS[record.kind].engines[0]
    try:
        engine.open(path, record)
    except NotRun:
        return
    except MobileCatError as e:
        raise _not_loaded(record, e.problems) from e


def _not_loaded(record: ArtifactRecord, problems: Iterable[Problem]) -> UnsupportedError:
    found = [
        Problem(
            p.what,
            p.where or record.file,
            p.fix or "leave this target out, and report the model: what was written should load",
        )
        for p in problems
    ]
    engine = FORMATS[record.kind].engines[0].runner
    summary = f"{record.file} was written, but the runner `{engine}` does not load it"
    return UnsupportedError(summary, found)
