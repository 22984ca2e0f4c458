"""bundle.json is of one piece: its seal, and what in it follows from the spec.

The seal is the SHA-256 of everything in the file but itself, as values: order of keys, spaces and
line ends do not matter. It finds what an accident does: an edit by hand, a merge, a script that
changed one place of two. Whoever means to can compute it again; then what was approved, which the
goldens keep, is what tells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.errors import MobileCatError, Problem
from mobilecat.spec import Spec, TargetSpec
from mobilecat.spec.targets import file_names, stored

if TYPE_CHECKING:
    from mobilecat.bundle.contract import ArtifactRecord, Bundle

SEAL = "seal"
_AGAIN = "export the bundle again"


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value: of what it says, however it is written."""
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Other tools write 0.0 as 0."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def sealed(told: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a bundle.json with the seal that belongs to them."""
    bare = {k: v for k, v in told.items() if k != SEAL}
    return {**bare, SEAL: digest(bare)}


def seal_problems(told: dict[str, Any], where: Path) -> list[Problem]:
    """Return a problem where the values are not those that were sealed; none where none were."""
    if told.get(SEAL) in (None, sealed(told)[SEAL]):
        return []
    what = "was changed since it was exported: its seal does not fit"
    return [Problem(what, str(where), _AGAIN)]


def contradictions(told: dict[str, Any], bundle: Bundle, where: Path) -> list[Problem]:
    """Return everything in bundle.json that does not follow from the spec in it."""
    spec = bundle.spec
    said = [*_spec(told, bundle), *_terms(told, bundle)]
    try:
        said += _artifacts(bundle, file_names(spec))
    except MobileCatError as e:
        said += [p.what for p in e.problems]
    return [Problem(what, str(where), _AGAIN) for what in said]


def _spec(told: dict[str, Any], bundle: Bundle) -> Iterator[str]:
    now = digest(told["spec"])
    if SEAL not in told:  # as it was computed before there were seals; later keys were not in it
        now = hashlib.sha256(bundle.spec.model_dump_json(exclude_unset=True).encode()).hexdigest()
    if now != bundle.spec_sha256:
        yield "spec is not the one that was compiled: its SHA-256 differs from spec_sha256"
    if bundle.name != bundle.spec.name:
        yield f"name is {bundle.name!r}, the spec's is {bundle.spec.name!r}"


def _terms(told: dict[str, Any], bundle: Bundle) -> Iterator[str]:
    spec, nms = bundle.spec, bundle.spec.effective_nms
    if "nms" in told and bundle.nms != nms:
        yield f"nms is {_words(bundle.nms)}, by the spec it is {_words(nms)}"
    shapes = {t.name: t.shape for t in (*bundle.inputs, *bundle.outputs)}
    for name, shape in _shapes(spec).items():
        if name in shapes and shapes[name] != shape:
            yield f"{name} has the shape {_dims(shapes[name])}, by the spec {_dims(shape)}"
    decoded = [n for n in _shapes(spec) if n not in shapes]
    if decoded:
        yield f"{', '.join(decoded)} is in no input or output, but the spec has it"


def _shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the spec alone settles."""
    if spec.input is None:
        return {}
    width, height = spec.input.size
    found: dict[str, tuple[int, ...]] = {"image": (1, height, width, spec.input.channels)}
    if spec.head.kind == "raw":
        return found
    nms = spec.effective_nms
    rows = nms.max_detections if nms else 1
    found |= {"boxes": (1, rows, 4), "scores": (1, rows), "class_ids": (1, rows), "count": (1,)}
    if spec.landmarks:
        found["landmarks"] = (1, rows, len(spec.landmarks), 2)
    return found


def _artifacts(bundle: Bundle, names: dict[TargetSpec, str]) -> Iterator[str]:
    records = {r.file: r for r in bundle.artifacts}
    if len(records) < len(bundle.artifacts):
        yield "artifacts has one file twice"
    for target, file in names.items():
        if file not in records:
            yield f"artifacts has no {file}, which the spec's targets make"
        else:
            yield from _record(records[file], target, bundle.spec)
    for file in records.keys() - set(names.values()):
        yield f"artifacts has {file}, which no target of the spec makes"


def _record(record: ArtifactRecord, target: TargetSpec, spec: Spec) -> Iterator[str]:
    wanted = {
        "kind": target.kind,
        "format": target.suffix[1:],
        "contract": target.contract,
        "precision": stored(target),
    }
    for key, value in wanted.items():
        have = getattr(record, key)
        if have != value:
            yield f"{record.file}: {key} is {have}, by the spec it is {value}"
    if not target.makes(record) or (record.image is None) != (spec.input is None):
        yield f"{record.file} takes another picture than its target in the spec"


def _words(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(f"{k} {v}" for k, v in value.model_dump().items())


def _dims(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
