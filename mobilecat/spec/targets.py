"""Which target makes which file."""

from __future__ import annotations

from mobilecat.errors import Problem, SpecError
from mobilecat.formats.base.target import TargetSpec
from mobilecat.spec.values import Spec


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
