"""True bundles with goldens approved from their source, and mutants of them, one artifact each.

A mutant is a bundle like any other: bundle.json is the true one, and vouches for the changed file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx_ir as ir

from mobilecat.bake import bake
from mobilecat.bake.whole import Baked
from mobilecat.bundle import FILE, LABELS, ArtifactRecord, Bundle
from mobilecat.bundle.seal import digest, sealed
from mobilecat.compile import CONTRACT, emit, export, variant_of
from mobilecat.disk import sha256_of, size_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.importing import import_model
from mobilecat.judge.run import validate
from mobilecat.quantize import calibration_of
from mobilecat.review.approve import approve, record
from mobilecat.spec import Spec, TargetSpec
from mobilecat.spec.targets import file_names
from tools.plant_faults.edit import Editor
from tools.plant_faults.models import SOURCES, pictures_of, source_of, spec_of

FORMATS = ("mlpackage", "mlmodel", "tflite")
CONTRACTS = ("vision.mlpackage", "vision.mlmodel", "detection.tflite")
"""Files of the contracts that Vision and MediaPipe Tasks read, of the models that have them."""
RUNNER = {
    "mlpackage": "coreml",
    "mlmodel": "coreml",
    "tflite": "tflite",
    "onnx": "onnx",
    "aimodel": "coreai",
}


def runner_of(format: str) -> str:
    return RUNNER[format.rpartition(".")[2]]


@dataclass(frozen=True)
class Model:
    """A true bundle in `folder`, its source file, its network, its goldens.

    home: the folder that its spec's paths are relative to.
    """

    name: str
    source: Path
    folder: Path
    golden: Path
    network: ir.Model
    bundle: Bundle
    home: Path = Path()

    @property
    def spec(self) -> Spec:
        return self.bundle.spec


def make_models(
    data: Path,
    root: Path,
    names: tuple[str, ...] = tuple(SOURCES),
    formats: tuple[str, ...] = FORMATS,
) -> list[Model]:
    """Export each model, and approve what its source gives for one or two pictures.

    formats: of which the true artifacts have to hold.

    Errors: MobileCatError where a true artifact does not hold.
    """
    return [
        make_model(
            spec_of(name, formats),
            source_of(name, data, root),
            pictures_of(name, data, root),
            root,
            formats,
        )
        for name in names
    ]


def make_model(
    spec: Spec, source: Path, pictures: Sequence[Path], root: Path, formats: tuple[str, ...]
) -> Model:
    """Export a spec into `root`, and approve what its source gives for the pictures."""
    name = spec.name
    exported = export(spec, root / name, source=source, spec_folder=spec.folder)
    network = import_model(source, dict(exported.bundle.source.shapes))
    golden = root / "golden"
    model = Model(name, source, root / name, golden, network, exported.bundle, spec.folder)
    for picture in pictures:
        record(model.folder, golden, picture, source=source)
    approve(model.folder, golden, every=True)
    _require_sound(model, root, formats)
    return model


def _require_sound(model: Model, root: Path, formats: tuple[str, ...]) -> None:
    """A fault is caught only where the true artifact holds."""
    made = file_names(model.spec).values()
    for format in dict.fromkeys((*formats, "onnx", *CONTRACTS)):
        if f"{model.name}.{format}" not in made:
            continue
        true = Mutant(model, format, root / "true")
        true.finish()
        stage, detail = stage_of(true)
        if stage != "held":
            raise MobileCatError(
                "The true artifact does not hold: nothing planted in it proves anything",
                [Problem(f"{stage}: {detail}", true.file)],
            )


@dataclass
class Mutant:
    """A copy of a bundle with one artifact, to be changed.

    told: bundle.json's values; `finish` writes them, with the file's hash made again and sealed.
    by_hand: they are as an editor left them: no digest is made again. golden: what it is held to.
    whole: the other artifacts are there as well.
    """

    model: Model
    format: str
    folder: Path
    told: dict[str, Any] = field(init=False)
    keep_hash: bool = False
    by_hand: bool = False
    whole: bool = False
    rewrite: bool = False
    spec: Spec = field(init=False)
    golden: Path = field(init=False)

    def __post_init__(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        true = self.model.folder
        self.spec = self.model.spec
        self.told = json.loads((true / FILE).read_text("utf-8"))
        self.golden = self.model.golden
        if not self.whole:
            self.told["artifacts"] = [a for a in self.told["artifacts"] if a["file"] == self.file]
            self.told["spec"]["targets"] = _only(self.target)
        self.told["source"]["path"] = str(self.model.source.resolve())
        if (true / LABELS).exists():
            shutil.copy(true / LABELS, self.folder / LABELS)
        for artifact in self.told["artifacts"]:
            _copy(true / artifact["file"], self.folder / artifact["file"])
        self.seal()

    @property
    def file(self) -> str:
        return f"{self.model.name}.{self.format}"

    @property
    def path(self) -> Path:
        return self.folder / self.file

    @property
    def artifact(self) -> dict[str, Any]:
        found: dict[str, Any] = next(a for a in self.told["artifacts"] if a["file"] == self.file)
        return found

    @property
    def target(self) -> TargetSpec:
        return next(t for t, file in file_names(self.model.spec).items() if file == self.file)

    def own_golden(self) -> Path:
        """Return the folder of the model's cases in a copy of the goldens, to be changed."""
        self.golden = self.folder / "goldens"
        home = self.golden / self.model.name
        shutil.copytree(self.model.golden / self.model.name, home)
        return home

    def seal(self) -> None:
        self.told["spec_sha256"] = digest(self.told["spec"])
        self.told = sealed(self.told)

    def relower(
        self, spec: Spec | None = None, edit: Callable[[Editor], object] | None = None
    ) -> ArtifactRecord:
        """Write the artifact again, from another spec or a changed graph."""
        baked = self.baked(spec or self.spec)
        if edit is not None:
            editor = Editor(baked.model)
            edit(editor)
            editor.finish()
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self.path.unlink(missing_ok=True)
        return emit(self.target, baked, spec or self.spec, self.path)

    def baked(self, spec: Spec) -> Baked:
        plain = bake(self.model.network, spec, *CONTRACT)
        variant = variant_of(self.target, plain, spec)
        made = plain if variant == CONTRACT else bake(self.model.network, spec, *variant)
        if not self.target.fits or spec.quantize is None:
            return made
        return replace(made, calibration=calibration_of(spec, self.model.home))

    def finish(self) -> None:
        if not self.keep_hash and not self.by_hand:
            for artifact in self.told["artifacts"]:
                artifact["sha256"] = sha256_of(self.folder / artifact["file"])
                artifact["bytes"] = size_of(self.folder / artifact["file"])
        if not self.by_hand:
            self.seal()
        text = json.dumps(self.told)
        if self.rewrite:
            text = "\ufeff" + json.dumps(self.told, sort_keys=True, indent=3).replace("\n", "\r\n")
        (self.folder / FILE).write_text(text, encoding="utf-8", newline="")


def stage_of(mutant: Mutant, source: Path | None = None) -> tuple[str, str]:
    """Validate a mutant; return the first stage that failed, or "held", and the first reason."""
    runner = runner_of(mutant.format)
    try:
        report = validate(
            mutant.folder,
            mutant.golden,
            runner=runner,
            artifact=mutant.file,
            source=source or mutant.model.source,
            write_pending=False,
        )
    except MobileCatError as e:
        return "load", "; ".join([e.summary, *(p.what for p in e.problems)])
    if report.held:
        return "held", ""
    if not report.failed:
        return "short", "; ".join(report.shortfalls)
    check = report.failed[0].check
    amount = f" {check.value:.3g} > {check.limit:g}" if check.value is not None else ""
    return check.stage, f"{check.name}{amount} {check.detail}".strip()


def _only(target: TargetSpec) -> dict[str, Any]:
    return {target.kind: [target.model_dump(mode="json")]}


def _copy(source: Path, target: Path) -> None:
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


@contextmanager
def writable() -> Iterator[None]:
    """Goldens are not written where CI is set; these are the tool's own, in a temporary folder."""
    saved = os.environ.pop("CI", None)
    try:
        yield
    finally:
        if saved is not None:
            os.environ["CI"] = saved
