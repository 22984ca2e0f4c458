"""What any model file or bundle holds: the choice of who reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mobilecat.disk import size_of
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.base.target import APP
from mobilecat.formats.first_bytes import by_name, what_it_is
from mobilecat.formats.importing import format_of
from mobilecat.formats.table import FORMATS

if TYPE_CHECKING:
    from mobilecat.bundle import ArtifactRecord, Bundle, TensorContract
    from mobilecat.bundle.cascade import CascadeBundle

_BY_SUFFIX = {suffix: f for f in FORMATS.values() for suffix in f.suffixes}
_FOLDERS = [suffix for f in FORMATS.values() for suffix in f.is_folder]


def inspect_file(path: Path) -> Inspection:
    """Read the model file or bundle at `path`; nothing is run.

    Errors: ArtifactError or ModelError where it is missing, damaged or of no known kind.
    """
    if not path.exists():
        raise ArtifactError("There is no such file", [Problem("not found", str(path))])
    if path.is_file() and path.stat().st_size == 0:
        raise ArtifactError("The file is empty", [Problem("0 bytes", str(path))])
    format = _BY_SUFFIX.get(path.suffix.lower())
    if path.is_dir() and path.suffix not in _FOLDERS:
        if not any((path / f"saved_model.{end}").is_file() for end in ("pb", "pbtxt")):
            return _inspect_bundle(path)
        format = _BY_SUFFIX[".pb"]
    if format is None:
        what, fix = (
            what_it_is(path)
            or by_name(path)
            or (
                path.suffix or "no suffix",
                f"one of {', '.join(_BY_SUFFIX)}, a SavedModel's or a bundle's folder",
            )
        )
        raise ArtifactError(
            "Not a kind of file that can be inspected", [Problem(what, str(path), fix)]
        )
    kind = format_of(path) if format.target is None else format.name
    return cast(Inspection, format.inspect(path, kind))


def _inspect_bundle(folder: Path) -> Inspection:
    from mobilecat.bundle.cascade import CascadeBundle, open_any
    from mobilecat.bundle.given import OWN, gives_own

    bundle = open_any(folder)
    if isinstance(bundle, CascadeBundle):
        return _inspect_cascade(folder, bundle)
    facts = {
        "source": f"{bundle.source.path} (sha256 {bundle.source.sha256[:12]}…)",
        "head": bundle.spec.head.kind,
        **_suppression(bundle),
    }
    others = [f"{a.file} {a.contract}" for a in bundle.artifacts if a.contract != OWN]
    if others:
        facts["contracts"] = f"{', '.join(others)}; what these give stands with each"
    parts = [_inspect_artifact(folder, a) for a in bundle.artifacts]
    # Where no file gives them, they are what `run` makes of each file's own.
    outputs = bundle.outputs if gives_own(bundle) else ()
    return _exported("bundle", folder, bundle, bundle.inputs, outputs, facts, parts)


def _suppression(bundle: Bundle) -> dict[str, str]:
    """Return how boxes are suppressed, and which files leave it to the app."""
    nms = bundle.spec.effective_nms
    if nms is None:
        return {}
    said = [f"{k} {str(v).lower()}" for k, v in nms if k != "where" and v is not None]
    files = [a.file for a in bundle.artifacts if a.contract == APP]
    by_app = f"; by the app for {', '.join(files)}" if files else ""
    return {"nms": ", ".join(said) + by_app}


def _inspect_cascade(folder: Path, bundle: CascadeBundle) -> Inspection:
    chain, crop = bundle.chain, bundle.file.crop
    boxes = (
        f"boxes of {chain.detector.folder}/" if chain.detector else f"boxes given: {chain.boxes}"
    )
    facts = {
        "chain": f"{boxes} → at most {chain.max_crops} crops → {chain.landmarks.folder}/",
        "crop": ", ".join(f"{k} {str(v).lower()}" for k, v in crop.model_dump(mode="json").items()),
    }
    models = [p for p in (chain.detector, chain.landmarks) if p is not None]
    parts = [_inspect_bundle(folder / p.folder) for p in models]
    return _exported("cascade", folder, bundle, (), bundle.outputs, facts, parts)


def _exported(
    format: str,
    folder: Path,
    bundle: Bundle,
    inputs: Iterable[TensorContract],
    outputs: Iterable[TensorContract],
    facts: Mapping[str, str],
    parts: Iterable[Inspection],
) -> Inspection:
    return Inspection(
        file=str(folder),
        format=format,
        bytes=size_of(folder),
        inputs=_ports(inputs),
        outputs=_ports(outputs),
        ops={},
        parameters=0,
        metadata={
            "name": bundle.name,
            **facts,
            **{k: v for k, v in bundle.versions.items() if k == "mobilecat"},
        },
        parts=tuple(parts),
    )


def _ports(tensors: Iterable[TensorContract]) -> tuple[Port, ...]:
    return tuple(Port(t.name, t.dtype, t.shape, t.meaning) for t in tensors)


def _inspect_artifact(folder: Path, record: ArtifactRecord) -> Inspection:
    """Return what the file says; the export has lints of its own, which no file can."""
    found = inspect_file(folder / record.file)
    return replace(found, lints=tuple(dict.fromkeys((*record.lints, *found.lints))))
