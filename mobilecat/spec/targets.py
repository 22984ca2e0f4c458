"""Which target makes which file."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from mobilecat.errors import Problem, SpecError
from mobilecat.formats.base.target import TargetSpec
from mobilecat.formats.table import FORMATS
from mobilecat.spec.values import Spec, Targets


def file_names(spec: Spec) -> dict[TargetSpec, str]:
    """Return each target's file name: `<name><suffix>`, told apart by precision or number."""
    names: dict[TargetSpec, str] = {}
    for target in spec.targets.all:
        name = f"{target.name or spec.name}{target.suffix}"
        if name in names.values():
            name = f"{spec.name}-{stored(target)}{target.suffix}"
        if name in names.values():
            raise SpecError(
                "Two targets would write one file",
                [Problem(f"{name} twice", "targets", 'give each a name: name = "…"')],
            )
        names[target] = name
    return names


def stored(target: TargetSpec) -> str:
    """Return what bundle.json calls a target's precision: that of its weights, where they are
    stored otherwise than they are computed with."""
    return str(getattr(target, "stored", target.precision))


def known_targets(names: Collection[str]) -> tuple[str, ...]:
    """Return targets in the order of the table of formats. Errors: SpecError with what is none."""
    known = tuple(Targets.model_fields)
    problems = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            fix = f"did you mean {close[0]}?" if close else f"one of {', '.join(known)}"
            problems.append(Problem(f"{name!r:.60} is no target", "--targets", fix))
    if problems or not names:
        nothing = [Problem("none is named", "--targets", f"one of {', '.join(known)}")]
        raise SpecError("There is no such target", problems or nothing)
    return tuple(name for name in known if name in names)


def writable_targets(names: Collection[str] | None) -> tuple[str, ...]:
    """Return the targets that this machine can write: those named, or all where None are.

    Errors: SpecError for one that there is not, or that cannot be written here, with the reason.
    """
    wanted = known_targets(names) if names is not None else tuple(Targets.model_fields)
    missing = {name: why for name in wanted if (why := FORMATS[name].missing())}
    if names is not None and missing:
        told = [Problem(str(why), name) for name, why in missing.items()]
        raise SpecError("This machine cannot write it", told)
    return tuple(name for name in wanted if name not in missing)


def only_targets(spec: Spec, names: Collection[str]) -> Spec:
    """Return the spec with the targets named alone. Errors: SpecError where it has none such."""
    wanted = known_targets(names)
    held = {name: getattr(spec.targets, name) for name in Targets.model_fields}
    have = ", ".join(name for name, found in held.items() if found)
    absent = [
        Problem(f"the spec has no [targets.{name}]", "--targets", f"add it; it has {have}")
        for name in wanted
        if not held[name]
    ]
    if absent:
        raise SpecError("There is no such target", absent)
    targets = Targets(**{name: held[name] for name in wanted})
    return spec.model_copy(update={"targets": targets})
