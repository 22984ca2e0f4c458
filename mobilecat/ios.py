"""A bundle's Core ML part as a folder of an Xcode project, ModelContract.swift included."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mobilecat.bundle import FILE, LABELS, ArtifactRecord, Bundle, open_bundle
from mobilecat.disk import new_folder, sha256_of
from mobilecat.errors import ArtifactError, Problem

CONTRACT = "ModelContract.swift"
RESOURCES = "Bundle"
"""The folder that goes into the app as it is: what Xcode calls a folder reference."""

_RESIZE = {"letterbox-topleft": "letterboxTopLeft", "fit-pad": "fitPad"}
_CROP = {"stretch": ".scaleFill", "letterbox": ".scaleFit", "fit-pad": ".scaleFit"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True)
class IosFolder:
    """What was written, relative to `folder`, and what a developer should know about it."""

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...]


def write_ios(bundle_folder: Path, ios_folder: Path) -> IosFolder:
    """Make `ios_folder` the bundle's place in an app, replacing an earlier one in one step.

    It gets ModelContract.swift, a source file, and Bundle/, a resource: every Core ML artifact,
    bundle.json and labels.txt. The same bundle gives the same bytes.
    Errors: ArtifactError for a damaged bundle, one without Core ML or without picture input, and a
    folder that holds anything else.
    """
    bundle = open_bundle(bundle_folder)
    artifacts = [a for a in bundle.artifacts if a.kind == "coreml"]
    _require_usable(bundle, artifacts, bundle_folder)
    _require_ours(ios_folder)
    try:
        with new_folder(ios_folder) as fresh:
            resources = fresh / RESOURCES
            resources.mkdir()
            for record in artifacts:
                _copy(bundle_folder / record.file, resources / record.file)
            for name in (FILE, LABELS):
                if (bundle_folder / name).is_file():
                    _copy(bundle_folder / name, resources / name)
            text = contract_swift(bundle, sha256_of(bundle_folder / FILE))
            (fresh / CONTRACT).write_text(text, encoding="utf-8", newline="\n")
            written = sorted(p.relative_to(fresh).as_posix() for p in fresh.rglob("*.*"))
    except OSError as e:
        raise ArtifactError(
            "The app's model folder cannot be written",
            [Problem(e.strerror or str(e), str(ios_folder))],
        ) from e
    return IosFolder(ios_folder, tuple(written), _notes(bundle))


def contract_swift(bundle: Bundle, bundle_sha256: str) -> str:
    """Return ModelContract.swift of a bundle with picture input."""
    from jinja2 import Environment, StrictUndefined

    image = bundle.spec.input
    assert image is not None
    # Nothing is escaped but by the filters: this is Swift, no HTML.
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters.update(swift=_string, swift_list=_list, swift_dict=_dict)
    template = files("mobilecat").joinpath("templates", f"{CONTRACT}.j2").read_text("utf-8")
    return environment.from_string(template).render(
        name=bundle.name,
        bundle_sha256=bundle_sha256,
        head=bundle.spec.head.kind,
        width=image.size[0],
        height=image.size[1],
        resize=_RESIZE.get(image.resize, image.resize),
        pad=image.pad,
        crop=_CROP.get(image.resize, "nil"),
        nms=bundle.spec.effective_nms,
        labels=bundle.spec.labels,
        landmarks=bundle.spec.landmarks,
        outputs=bundle.outputs,
        artifacts=[a for a in bundle.artifacts if a.kind == "coreml"],
    )


def _require_usable(
    bundle: Bundle, artifacts: Iterable[ArtifactRecord], bundle_folder: Path
) -> None:
    problems = []
    if bundle.spec.input is None:
        problems.append(
            Problem(
                "takes the network's own tensors, no picture",
                str(bundle_folder / FILE),
                "give the spec an [input] section",
            )
        )
    if not any(artifacts):
        problems.append(
            Problem(
                "has no Core ML artifact",
                str(bundle_folder / FILE),
                "add [targets.coreml] to the spec and export again",
            )
        )
    if problems:
        raise ArtifactError("An app cannot use this bundle", problems)


def _require_ours(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ArtifactError(
            "The app's model folder is a file", [Problem("not a folder", str(folder))]
        )
    foreign = sorted(
        p.name
        for p in (folder.iterdir() if folder.is_dir() else ())
        if p.name not in (CONTRACT, RESOURCES, ".DS_Store")
    )
    if foreign:
        raise ArtifactError(
            "The app's model folder is in use",
            [
                Problem(
                    f"holds {', '.join(foreign)}, which would be lost",
                    str(folder),
                    "name a folder of its own, such as ios_sample/CatCam/Model",
                )
            ],
        )


def _notes(bundle: Bundle) -> tuple[str, ...]:
    image = bundle.spec.input
    assert image is not None
    notes = []
    if image.resize == "letterbox-topleft":
        notes.append("Vision has no letterbox-topleft: the app must draw the input itself")
    elif image.resize != "stretch" and image.pad:
        notes.append(
            f"trained with padding {image.pad}; Vision's scaleFit pads with something else "
            "(documented as transparent)"
        )
    return tuple(notes)


def _copy(source: Path, target: Path) -> None:
    # Contents only: times and modes of the bundle are nothing to an app's repository.
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)


def _string(text: str) -> str:
    """Return a Swift string literal. Source: docs.swift.org, Lexical Structure, String Literals."""
    escaped = (_ESCAPES.get(c, c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text)
    return f'"{"".join(escaped)}"'


def _list(texts: Iterable[str]) -> str:
    """Return an array literal, one element a line where there are any."""
    lines = [f"        {_string(t)},\n" for t in texts]
    return f"[\n{''.join(lines)}    ]" if lines else "[]"


def _dict(texts: Mapping[str, str]) -> str:
    if not texts:
        return "[:]"
    lines = [f"                {_string(k)}: {_string(v)},\n" for k, v in texts.items()]
    return f"[\n{''.join(lines)}            ]"
