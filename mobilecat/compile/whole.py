"""One command's work: spec → bundle. Import, bake, lower to every target, write in one step."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.bundle import (
    FILE,
    HASH_DIGITS,
    LABELS,
    ArtifactRecord,
    Bundle,
    CalibrationRecord,
    SourceRecord,
    TensorContract,
)
from mobilecat.bundle.given import given
from mobilecat.bundle.older import SPEC
from mobilecat.bundle.seal import digest
from mobilecat.compile.artifact import CONTRACT, variant_of
from mobilecat.compile.kept import Kept
from mobilecat.compile.making import make
from mobilecat.compile.shapes import settled_shapes
from mobilecat.disk import is_litter, new_folder, relative_path, sha256_of
from mobilecat.disk.origin import version_of
from mobilecat.errors import ArtifactError, Problem, SpecError
from mobilecat.foreign import give_back_memory, resting_threads
from mobilecat.formats.base.inspection import said_once
from mobilecat.formats.base.notes import notes_from_metadata
from mobilecat.formats.importing import ImportOptions, dims_of, format_of, import_model
from mobilecat.formats.table import FORMATS
from mobilecat.rows import MAPS, ROWS
from mobilecat.shown import WARNING, Column, Line, Shown, Table, human_size
from mobilecat.spec import Spec, TargetSpec
from mobilecat.spec.checks import OPEN
from mobilecat.spec.targets import file_names
from mobilecat.value import unsafe_name

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.bake import Baked
    from mobilecat.compile.apps import AppFolder
    from mobilecat.compile.copies import AppCopy
from mobilecat.quantize import Calibration

Progress = Callable[[str], None]
Tried = Callable[[Path, Bundle, Path], Sequence[str]]
"""(folder, bundle, model file) of what was written, before it takes its place → notes."""

CASE = "case.json"
"""What a golden's folder holds; see `mobilecat.golden.store`."""

MEANINGS = {
    "image": "the picture: rows, columns, channels; values 0–255",
    "boxes": "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero",
    "scores": "best class score, falling; rows ≥ count are zero",
    "class_ids": "index into labels; rows ≥ count are zero",
    **{row.name: row.meaning for row in ROWS.values()},
    **MAPS,
    "count": "number of detections",
}
_VERSIONED = ("coremltools", "onnx", "onnx-ir", "onnxruntime", "ai-edge-litert", "numpy")


@dataclass(frozen=True, repr=False)
class Exported(Shown):
    """What an export made, and what it settled on the way; usable as the path of its bundle.

    app, android: what was written into an iOS and an Android app beside it.
    """

    folder: Path
    bundle: Bundle
    notes: tuple[str, ...]
    app: AppFolder | None = None
    android: AppFolder | None = None

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def calibrated(self) -> Path | None:
        """The pictures that files took their ranges from, a folder or labels; None without."""
        spec = self.bundle.spec
        if self.bundle.calibration is None or spec.quantize is None:
            return None
        return spec.folder / spec.quantize.calibration

    @property
    def copies(self) -> tuple[AppCopy, ...]:
        """The folders of apps that this export or an earlier one wrote into."""
        from mobilecat.compile.copies import copies_of

        return copies_of(self.folder)

    @property
    def left_behind(self) -> list[list[str]]:
        """Options of one export after another that would bring the apps' folders up to date that
        this one did not write into."""
        from mobilecat.compile.copies import options

        return options([c for c in self.copies if c.stale])

    def words(self) -> Iterator[Line | Table]:
        from mobilecat.compile.copies import stale_words

        bundle = self.bundle
        last = [n for n in self.notes if _is_warning(n) or OPEN in n]
        yield from (Line(f"  {note}", "dim") for note in self.notes if note not in last)
        yield Table(
            [Column("artifact", "text"), Column("size"), *(Column(t, "text") for t in _LAST)],
            [
                (a.file, human_size(a.bytes), a.precision, _takes(bundle, a.image))
                for a in bundle.artifacts
            ],
        )
        for a in bundle.artifacts:
            yield from (Line(f"  {a.file}: {lint}", "yellow") for lint in said_once(a.lints))
        yield from (Line(said) for said in given(bundle))
        yield Line(f"wrote {self.folder}")
        for part in (self.app, self.app.second if self.app else None, self.android):
            if part is not None:
                yield Line(f"wrote {part.folder}: {', '.join(part.files)}")
                yield from (Line(f"  {note}") for note in part.notes)
        if said := stale_words(self.copies):
            last.append(f"{WARNING}{said}")
        for note in last:  # where nobody has to scroll for them
            yield Line(note, "yellow" if _is_warning(note) else "dim")


def _is_warning(note: str) -> bool:
    """Return whether a note is one, also of one of a cascade's two models."""
    return WARNING in (note[: len(WARNING)], note.partition(": ")[2][: len(WARNING)])


_LAST = ("precision", "takes")
_FEW = 20


def _takes(bundle: Bundle, image: str | None) -> str:
    if (chain := getattr(bundle, "chain", None)) is not None:  # a cascade's
        return "a picture" + (f", boxes in {s} space" if (s := chain.boxes) else "")
    if image is None or bundle.spec.input is None:
        return ", ".join(f"{i.name} {'×'.join(map(str, i.shape))}" for i in bundle.inputs)
    width, height = bundle.spec.input.size
    return f"{'image' if image == 'pixels' else image} {width}×{height}"


@resting_threads()
def export(
    spec: Spec,
    out: Path,
    *,
    spec_folder: Path | None = None,
    source: Path | None = None,
    leave_out: bool = False,
    kept: bool = False,
    cache: bool = False,
    progress: Progress = lambda _: None,
    tried: Tried = lambda *_: (),
    asked: tuple[str, ...] = (),
) -> Exported:
    """Compile `spec` into the bundle folder `out`, replacing a bundle that is there in one step.

    source: overrides the spec's model file; spec_folder: the folder that it is relative to.
    leave_out: whether targets that cannot be made are left out, with a note, where nobody asked
        for them by name; otherwise one that cannot be made refuses all. Every target's gaps are
        found before anything is written, and each file is loaded once by its engine.
    kept: whether the source goes into the bundle: code built it, and no file holds it.
    cache: whether artifacts that follow from the very same as before are taken from the user's
        cache, and new ones kept there (`mobilecat.compile.kept`).
    tried: looks at what was written; what it raises leaves `out` as it was. asked: the targets that
        were asked for by name, where the spec that was read has more.
    Errors: MobileCatError; `out` then is as it was.
    """
    from mobilecat.bake import bake
    from mobilecat.compile.copies import carry
    from mobilecat.compile.world import preprocessing_words
    from mobilecat.graph.light import weights_of

    path = source or (spec.folder if spec_folder is None else spec_folder) / spec.source
    _require_targets(spec)
    require_replaceable(out, path)
    progress(f"reading {path.name}")
    options = import_options(spec)
    dims = dims_of(path, options, progress)
    shapes, notes = settled_shapes(spec, dims, path)
    network = import_model(path, shapes, options, progress)
    progress("baking preprocessing, head and NMS" if spec.input else "freezing")
    weights = weights_of(network)
    give_back_memory(weights)
    named: tuple[str, ...] = ()
    if spec.input is not None:  # without one nothing says what the network's values mean
        from mobilecat.compile.belief import on_a_picture, with_names

        spec, named = with_names(spec, network)
    plain = bake(network, spec, *CONTRACT)
    variants = {t: variant_of(t, plain, spec) for t in spec.targets.all}
    baked = {CONTRACT: plain}
    for variant in variants.values():
        if variant not in baked:
            baked[variant] = bake(network, spec, *variant)
    graphs = {target: baked[variant] for target, variant in variants.items()}
    calibration = calibrated(spec, spec_folder, progress)
    for target in [t for t in graphs if t.fits]:
        graphs[target] = replace(graphs[target], calibration=calibration)
    names = file_names(spec)
    try:
        with new_folder(out) as folder:
            made, failed = make(
                graphs,
                names,
                spec,
                folder,
                leave_out=leave_out,
                kept=Kept(cache),
                progress=progress,
            )
            spec = _only(spec, made)
            bundle = _bundle(spec, path, out, network, plain, list(made.values()), calibration)
            bundle = bundle.model_copy(update={"asked": asked})
            if kept:
                shutil.copyfile(path, folder / path.name)
                record = bundle.source.model_copy(update={"path": path.name})
                bundle = bundle.model_copy(update={"source": record})
            if spec.labels:
                (folder / LABELS).write_text("\n".join(spec.labels) + "\n", encoding="utf-8")
            (folder / FILE).write_text(bundle.to_json(), encoding="utf-8")
            carry(out, folder)
            imported = notes_from_metadata(network.metadata_props)
            world = preprocessing_words(spec, network)
            if spec.input is not None:
                world = (*world, *on_a_picture(spec, plain))
            settled = plain.settled
            del network, plain, baked, graphs  # their weights, before the files' own are read
            give_back_memory(weights)
            progress("trying decode and suppression")
            found = tried(folder, bundle, path)
            give_back_memory(weights)
    except OSError as e:
        raise ArtifactError(
            "The bundle cannot be written", [Problem(e.strerror or str(e), str(out))]
        ) from e
    left_out = [f"{names[target]} is left out: {e.in_options}" for target, e in failed.items()]
    open_ones = [check.said for check in spec.checks]
    few = _few(calibration)
    said = (*imported, *notes, *settled, *named, *world, *left_out, *found, *open_ones, *few)
    return Exported(out, bundle, said)


def _few(calibration: Calibration | None) -> tuple[str, ...]:
    """Warn of a calibration on too few pictures, which its own pictures never show."""
    if calibration is None:
        return ()
    from mobilecat.quantize.alike import kinds_of

    n = len(calibration.pictures)
    kinds = kinds_of(calibration.pictures)
    wanted = f", and ranges want {_FEW} or more, like those that the app will see"
    if kinds < n:
        said = f"warning: of {n} calibration pictures {n - kinds} look like another of them, and "
        said += f"show nothing more: {kinds} count{wanted if kinds < _FEW else ''}"
        return (f"{said}. Add pictures of other scenes",)
    if n < _FEW:
        said = f"warning: calibrated on {n} picture{'s' * (n != 1)}{wanted}"
        return (f"{said}: hold the file to goldens of other pictures",)
    return ()


def calibrated(
    spec: Spec, folder: Path | None = None, progress: Progress = lambda _: None
) -> Calibration | None:
    """Return the calibration that some target of the spec needs, or takes where there is one; None
    where none does.

    folder: what the spec's paths are relative to, by default its own. Errors: SpecError.
    """
    needed = any(t.calibrated for t in spec.targets.all)
    if not needed and (spec.quantize is None or not any(t.fits for t in spec.targets.all)):
        return None
    from mobilecat.quantize import calibration_of

    return calibration_of(spec, folder, progress)


def _only(spec: Spec, made: Collection[TargetSpec]) -> Spec:
    """Return the spec with those of its targets that there are."""
    targets = {
        name: tuple(t for t in getattr(spec.targets, name) if t in made)
        for name in type(spec.targets).model_fields
    }
    return spec.model_copy(update={"targets": spec.targets.model_copy(update=targets)})


def import_options(spec: Spec) -> ImportOptions:
    """Return what the spec says about a TensorFlow or Keras file."""
    said = spec.import_
    return ImportOptions(signature=said.signature, inputs=said.inputs, outputs=said.outputs)


def _require_targets(spec: Spec) -> None:
    if not spec.targets.all:
        raise SpecError(
            "The spec names no target",
            [
                Problem(
                    "nothing to compile to",
                    "targets",
                    "add [targets.coreml], [targets.coreai], [targets.tflite] or [targets.onnx]",
                )
            ],
        )


def require_replaceable(out: Path, *read: Path) -> None:
    """Raise ArtifactError where `out` holds anything but a bundle: what is read, or a golden."""
    kept = [p for p in read if p.exists() and out.resolve() in (p.resolve(), *p.resolve().parents)]
    if kept or (goldens := sorted(out.rglob(CASE)) if out.is_dir() else []):
        lost = kept[0] if kept else goldens[0].parent
        raise ArtifactError(
            "The output folder is in use",
            [Problem(f"holds {lost}, which would be lost", str(out), "name a folder of its own")],
        )
    own = [p for p in out.iterdir() if not is_litter(p)] if out.is_dir() else []
    if own and not (out / FILE).is_file():
        raise ArtifactError(
            "The output folder is in use",
            [
                Problem(
                    "holds files that are not a bundle; they would be lost",
                    str(out),
                    "name a new folder, or an old bundle",
                )
            ],
        )
    if out.exists() and not out.is_dir():
        raise ArtifactError("The output is a file", [Problem("not a folder", str(out))])


def _bundle(
    spec: Spec,
    path: Path,
    out: Path,
    network: ir.Model,
    baked: Baked,
    records: list[ArtifactRecord],
    calibration: Calibration | None,
) -> Bundle:
    inner = {v.name: v for node in baked.model.graph for v in node.outputs}
    return Bundle(
        name=spec.name,
        versions=_versions(records),
        source=SourceRecord(
            path=relative_path(path, out),
            sha256=sha256_of(path),
            format=format_of(path),
            shapes={v.name or "": _tensor(v).shape for v in network.graph.inputs},
        ),
        spec_sha256=digest(spec.model_dump(mode="json", by_alias=True)),
        spec=spec,
        nms=spec.effective_nms,
        inputs=tuple(_tensor(v) for v in baked.model.graph.inputs),
        outputs=tuple(_tensor(v) for v in baked.model.graph.outputs),
        raw_outputs=tuple(_tensor(inner[n]) for n in baked.raw if n in inner),
        candidates=tuple(_tensor(inner[n]) for n in baked.candidates),
        artifacts=tuple(records),
        calibration=_calibration(calibration),
        unchecked=spec.checks,
        spec_file=spec.file if spec.file != SPEC and not unsafe_name(spec.file) else None,
    )


def _calibration(done: Calibration | None) -> CalibrationRecord | None:
    if done is None:
        return None
    return CalibrationRecord(
        method=done.settings.method,
        seed=done.settings.seed,
        pictures=len(done.pictures),
        hashes=tuple(sorted(h[:HASH_DIGITS] for h in done.hashes)),
        pixels=tuple(sorted(done.pixels)),
    )


def _tensor(value: ir.Value) -> TensorContract:
    from mobilecat.graph import dtype_of, shape_of

    name = value.name or ""
    return TensorContract(
        name=name,
        shape=shape_of(value),
        dtype=dtype_of(value).name,
        meaning=MEANINGS.get(name, ""),
    )


def _versions(records: list[ArtifactRecord]) -> dict[str, str]:
    found = {name: version_of(name, "not installed") for name in ("mobilecat", *_VERSIONED)}
    for kind in dict.fromkeys(r.kind for r in records):
        found |= FORMATS[kind].versions() or {}
    return found
