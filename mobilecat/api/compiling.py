"""`mc.export`: spec, cascade or bare model file → bundle."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.api.given import PathLike, Progress, path_or_none, silent
from mobilecat.bundle import FILE, Bundle
from mobilecat.compile import Exported, require_replaceable
from mobilecat.compile import export as export_spec
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ArtifactError, Problem, SpecError
from mobilecat.formats.importing import built, is_code
from mobilecat.spec import RawHead, Spec, load_spec, spec_from_model_file
from mobilecat.spec.files import is_cascade, require_beside
from mobilecat.spec.targets import file_names, only_targets

if TYPE_CHECKING:
    from mobilecat.compile.copies import Kind


def export(
    spec: PathLike | Spec,
    out: PathLike,
    *,
    source: PathLike | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    targets: Collection[str] | None = None,
    ios: PathLike | None = None,
    android: PathLike | None = None,
    trust: Collection[str] = (),
    cache: bool = True,
    progress: Progress = silent,
) -> Exported:
    """Compile a model into the bundle folder `out`: Core ML, TFLite, ONNX, and their contract.

    spec: a `mobilecat.toml`, a folder that has one, a cascade's spec, a bare model file (taken as
    it is, `head = "raw"`; a target that cannot be made is left out, and said), or a `Spec`, whose
    relative paths are of the folder it was read from.
    source: another model file for this spec. shapes: of dynamic inputs, by name. targets: these of
    the spec's alone, by name; of a bare model, by default all that can be made.
    trust: "python" lets the function that a spec names as its source be run, "pickle" a pickle of a
    whole PyTorch model be opened: both run their author's code (docs/security.md).
    cache: whether an artifact that follows from the very same model, spec and versions as one made
    before is taken from the user's cache (docs/speed.md).
    ios: a folder of an app that gets the Core ML part too. android: one that gets the TFLite and
    ONNX files, and their contract in Kotlin. A bundle that lies at `out` is replaced in one step.
    Decode and suppression of every file that can be cut are tried on made values first
    (docs/validate.md).

    Errors: SpecError, ModelError, UnsupportedError, ArtifactError, each with all of its problems;
    `out` then is as it was.

    >>> made = mc.export(DETECTOR, "cat_faces")
    >>> [a.file for a in made.bundle.artifacts]
    ['cat_faces.mlpackage', 'cat_faces.mlmodel', 'cat_faces.tflite', 'cat_faces.onnx']
    >>> mc.export("nowhere.onnx", "bundle")
    Traceback (most recent call last):
        ...
    mobilecat.errors.ModelError: There is no such model
      nowhere.onnx: not found
        → a spec's source is relative to its folder; or name the file: --source FILE
      In Python --source is source=…
    """
    target, other = Path(out), path_or_none(source)
    fixed = {k: tuple(v) for k, v in (shapes or {}).items()}
    if ios is not None:
        from mobilecat.compile.ios import require_ios_folder

        require_ios_folder(Path(ios))
    if android is not None:
        from mobilecat.compile.android import require_android_folder

        require_android_folder(Path(android))
    bare = False
    if not isinstance(spec, Spec):
        path = _of_folder(Path(spec))
        if is_cascade(path):
            if targets is not None:
                what = Problem("each of its two specs has its own", "--targets")
                raise SpecError("A cascade has no targets", [what])
            _require_apps(path, None, ios, android)
            done = _cascade(path, target, other, fixed, cache, progress)
            return _with_apps(done, ios, android)
        bare = path.suffix != ".toml"
        spec = _read(path, fixed, other)
        require_replaceable(target, path)
        where = path
    else:
        where = spec.folder / "mobilecat.toml"
    _require_what_is_named(spec)
    if targets is not None:
        spec = only_targets(spec, targets)
    _require_apps(where, spec, ios, android)
    if fixed:
        spec = spec.model_copy(update={"shapes": {**spec.shapes, **fixed}})
    with _as_data(spec, other, trust, progress) as (found, kept, said):
        done = export_spec(
            spec,
            target,
            source=found,
            leave_out=bare and targets is None,
            asked=tuple(targets) if targets is not None else (),
            kept=kept,
            cache=cache,
            progress=progress,
            tried=_right_ends,
        )
    if labels := done.bundle.spec.labels:
        from mobilecat.proposal.labels import in_another_order

        said = (*said, *in_another_order(labels))
    return _with_apps(replace(done, notes=(*said, *done.notes)), ios, android)


def _require_what_is_named(spec: Spec) -> None:
    """Raise one SpecError of both, where tolerances are of no file and the pictures to calibrate on
    are not there."""
    problems: list[Problem] = []
    if spec.tolerances:
        from mobilecat.compare.ceilings import require_limits
        from mobilecat.compare.tolerances import require_tolerances_of_files

        try:
            require_tolerances_of_files(spec.tolerances, list(file_names(spec).values()))
            require_limits(spec)
        except SpecError as e:
            path = None if spec.quantize is None else spec.folder / spec.quantize.calibration
            if path is None or path.exists():
                raise
            problems += e.problems
            fix = did_you_mean(path) or "name a folder of pictures"
            problems.append(Problem("not found", f"quantize.calibration = {path}", fix))
    if problems:
        raise SpecError("The spec names what is not there", problems)


def _right_ends(folder: Path, bundle: Bundle, source: Path) -> Sequence[str]:
    if bundle.spec.tolerances:
        from mobilecat.compare.ceilings import require_sane_tolerances

        require_sane_tolerances(bundle)
    if bundle.spec.input is None or isinstance(bundle.spec.head, RawHead):
        return ()  # no end of ours, and no judge to load for it
    from mobilecat.judge.ends import require_right_ends

    return require_right_ends(folder, bundle, source)


@contextmanager
def _as_data(
    spec: Spec, source: Path | None, trust: Collection[str], progress: Progress
) -> Iterator[tuple[Path | None, bool, tuple[str, ...]]]:
    """Give the source as a file that is data, whether it goes into the bundle, and notes."""
    path = source or spec.folder / spec.source
    if not is_code(path, trust):
        if spec.import_.weights is not None:
            what = "only the network of a `python:` source is given weights"
            raise SpecError("The spec contradicts itself", [Problem(what, "import.weights")])
        yield source, False, ()
        return
    picture = spec.input.shape("NCHW") if spec.input is not None else ()
    weights = _weights(spec)
    with built(path, spec.shapes, picture, weights, trust, progress) as found:
        yield found.path, True, found.notes


def _weights(spec: Spec) -> Path | None:
    if (name := spec.import_.weights) is None:
        return None
    try:
        require_beside(name)
    except ValueError as e:
        raise SpecError("The weights cannot be read", [Problem(str(e), "import.weights")]) from e
    return spec.folder / name


def _of_folder(path: Path) -> Path:
    """Return the spec in a folder that has one, as a folder of examples/ has; else `path`."""
    if (path / FILE).is_file():
        what = Problem("was exported already", str(path), "name its spec: mobilecat.toml")
        raise SpecError("This is a bundle", [what])
    spec = path / "mobilecat.toml"
    return spec if spec.is_file() and not (path / "saved_model.pb").is_file() else path


def _cascade(
    path: Path,
    out: Path,
    source: Path | None,
    shapes: Mapping[str, tuple[int, ...]],
    cache: bool,
    progress: Progress,
) -> Exported:
    from mobilecat.compile.cascade import export_cascade

    if source is not None or shapes:
        option = "--source" if source is not None else "--shape"
        said = Problem(f"{option} is of one model, a cascade has two", option, "say it in its spec")
        raise SpecError("Which model?", [said])
    return export_cascade(path, out, cache=cache, progress=progress, tried=_right_ends)


def _read(path: Path, shapes: Mapping[str, tuple[int, ...]], source: Path | None) -> Spec:
    if path.suffix == ".toml":
        return load_spec(path)
    if source is not None:
        said = Problem(f"{path} is a model file, and --source names another", "--source")
        raise SpecError("Two models", [said])
    return spec_from_model_file(path, shapes)


def _require_apps(
    path: Path, spec: Spec | None, ios: PathLike | None, android: PathLike | None
) -> None:
    """Refuse what no app can use before it is compiled. spec: None for the cascade at `path`."""
    if ios is None and android is None:
        return
    from mobilecat.bundle.cascade import DETECTOR
    from mobilecat.compile.apps import require_targets
    from mobilecat.compile.cascade import specs_of

    if spec is not None:
        specs = {str(path): spec}
    else:
        parts = specs_of(path)
        specs = {f"{path}, {home}": part for home, part in parts.items()}
        if DETECTOR not in parts:
            said = Problem("its boxes come from elsewhere", str(path), "name a detector")
            raise ArtifactError("The app needs a detector", [said])
    for asked, of_android in ((ios, False), (android, True)):
        if asked is not None:
            require_targets(specs, of_android)


def _with_apps(done: Exported, ios: PathLike | None, android: PathLike | None) -> Exported:
    """Write into the apps' folders, and have the bundle remember which they are."""
    apps: list[tuple[Kind, Path]] = []
    if ios is not None:
        from mobilecat.compile.ios import write_ios

        done = replace(done, app=write_ios(done.folder, Path(ios)))
        apps.append(("ios", Path(ios)))
    if android is not None:
        from mobilecat.compile.android import write_android

        done = replace(done, android=write_android(done.folder, Path(android)))
        apps.append(("android", Path(android)))
    if apps:
        from mobilecat.compile.copies import remember

        try:
            remember(done.folder, done.bundle, apps)
        except OSError as e:
            said = Problem(e.strerror or str(e), str(done.folder))
            raise ArtifactError("The bundle cannot be written", [said]) from e
    return done
