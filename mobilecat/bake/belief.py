"""A head that fits by its shape only is not believed: what the file says of itself must agree.

`[1,56,8400]` is a detector of 52 classes as well as one class with 17 points. Only what the file
declares, the labels or the values can tell.
"""

from __future__ import annotations

from mobilecat.errors import Problem
from mobilecat.graph.declared import Declared
from mobilecat.heads import Head
from mobilecat.spec import Spec
from mobilecat.spec.heads import HEADS


def contradictions(spec: Spec, head: Head, said: Declared) -> list[Problem]:
    """Return where the file's own metadata says that the head is not its head."""
    problems = []
    kind = spec.head.kind
    if said.task and said.task not in spec.head.tasks:
        others = [k for k, value in HEADS.items() if said.task in value.tasks and k != "raw"]
        fix = f"name a head for it: {', '.join(others)}" if others else "no head here is for it"
        problems.append(
            Problem(
                f"the file's metadata says task {said.task!r}, and head {kind!r} reads "
                f"{' or '.join(map(repr, spec.head.tasks))}: the shapes fit by chance",
                "head.kind",
                f'{fix}; or kind = "raw" for its tensors',
            )
        )
    elif said.names and len(said.names) != head.classes and not _labelled(spec, head):
        problems.append(
            Problem(
                f"the file's metadata names {_some(said.names)}, but head {kind!r} reads "
                f"{head.classes} from the shapes",
                "head.kind",
                f"set head.classes = {len(said.names)}"
                if "classes" in type(spec.head).model_fields
                else "name the head that the network has, or its output if it has several; or set "
                "labels, one a class, where the file's names are wrong",
            )
        )
    elif said.points and head.points and said.points != head.points:
        problems.append(
            Problem(
                f"the file's metadata says {said.points} points (kpt_shape), but head {kind!r} "
                f"reads {head.points} from the shapes",
                "head",
                "say how many points there are, or name the output that has them",
            )
        )
    return problems


def _labelled(spec: Spec, head: Head) -> bool:
    """Return whether the spec itself names every class: its word is taken before the file's."""
    return len(spec.labels) == head.classes


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"{n:.40}" for n in names[:3]) + ", …" * (len(names) > 3)
    return f"{len(names)} class{'es' * (len(names) != 1)} ({shown})"
