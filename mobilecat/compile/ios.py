"""A bundle's files for Apple's engines as a folder of an Xcode project, with ModelContract.swift.

A cascade is two such folders side by side, and cascade.json between them: the crop rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from mobilecat.bundle import FILE, ArtifactRecord, Bundle
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.compile.apps import AppFolder, app_folder, fill, require_ours, require_usable
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.table import FORMATS

CONTRACT = "ModelContract.swift"
RESOURCES = "Bundle"
"""The folder that goes into the app as it is: what Xcode calls a folder reference."""
SECOND = "LandmarkModel"
"""Where a cascade's landmark model goes, beside the detector's folder."""
CASCADE = "cascade.json"
_OURS = (CONTRACT, RESOURCES)
_EXAMPLE = "ios_sample/CatCam/Model"

_RESIZE = {"letterbox-topleft": "letterboxTopLeft", "fit-pad": "fitPad"}
_CROP = {"stretch": ".scaleFill", "letterbox": ".scaleFit", "fit-pad": ".scaleFit"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_ios(bundle_folder: Path, ios_folder: Path) -> AppFolder:
    """Make `ios_folder` the bundle's place in an app, replacing an earlier one in one step.

    It gets ModelContract.swift, a source file, and Bundle/, a resource: every artifact for Apple's
    engines, bundle.json and labels.txt. The same bundle gives the same bytes. A cascade's landmark
    model goes into LandmarkModel beside it, and the crop rule into Bundle/cascade.json.
    Errors: ArtifactError for a damaged bundle, one with nothing for an app or without picture
    input, a cascade without a detector, and a folder that holds anything else.
    """
    bundle = open_any(bundle_folder)
    if not isinstance(bundle, CascadeBundle):
        _require_all(((bundle, bundle_folder, ios_folder),))
        return _write(bundle, bundle_folder, ios_folder)
    chain = bundle.chain
    if bundle.detector is None or chain.detector is None:
        said = Problem("its boxes come from elsewhere", str(bundle_folder), "name a detector")
        raise ArtifactError("The app needs a detector", [said])
    second = ios_folder.parent / SECOND
    if second == ios_folder:
        said = Problem("is the landmark model's place", str(ios_folder), "name Model beside it")
        raise ArtifactError("The detector needs a folder of its own", [said])
    first_from = bundle_folder / chain.detector.folder
    second_from = bundle_folder / chain.landmarks.folder
    parts = (
        (bundle.detector, first_from, ios_folder),
        (bundle.landmark_model, second_from, second),
    )
    _require_all(parts)
    # The app holds the second to the hash in cascade.json: the detector's folder comes last.
    landmarks = _write(bundle.landmark_model, second_from, second)
    done = _write(bundle.detector, first_from, ios_folder, {CASCADE: bundle_folder / FILE})
    return replace(done, notes=(*done.notes, *_crop_notes(bundle)), second=landmarks)


def require_ios_folder(folder: Path) -> None:
    """Raise ArtifactError where `write_ios` would refuse the folder, or the one beside it.

    For looking before a bundle is made.
    """
    require_ours(folder, _OURS, _EXAMPLE)


def _require_all(parts: Iterable[tuple[Bundle, Path, Path]]) -> None:
    """Refuse before anything is written: what no app can use, and folders of other things."""
    for bundle, bundle_folder, ios_folder in parts:
        targets = [f.name for f in FORMATS.values() if f.app]
        require_usable(bundle, bundle_folder, bool(_for_apps(bundle)), targets)
        require_ours(ios_folder, _OURS, _EXAMPLE)


def _for_apps(bundle: Bundle) -> list[ArtifactRecord]:
    return [a for a in bundle.artifacts if FORMATS[a.kind].app]


def _write(
    bundle: Bundle, bundle_folder: Path, ios_folder: Path, more: Mapping[str, Path] | None = None
) -> AppFolder:
    with app_folder(ios_folder) as (fresh, written):
        fill(fresh / RESOURCES, bundle_folder, _for_apps(bundle), more or {})
        text = contract_swift(bundle, sha256_of(bundle_folder / FILE))
        (fresh / CONTRACT).write_text(text, encoding="utf-8", newline="\n")
    return AppFolder(ios_folder, tuple(written), _notes(bundle))


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
        artifacts=_for_apps(bundle),
    )


def _notes(bundle: Bundle) -> tuple[str, ...]:
    image = bundle.spec.input
    assert image is not None
    if not any(_through_vision(a) for a in _for_apps(bundle)):
        return ()
    notes = []
    if image.resize == "letterbox-topleft":
        notes.append("Vision has no letterbox-topleft: the app must draw the input itself")
    elif image.resize != "stretch" and image.pad:
        notes.append(
            f"trained with padding {image.pad}; Vision's scaleFit pads with something else "
            "(documented as transparent): let the app draw the input with this padding, hand "
            "Vision that picture, and take the padding off the boxes (docs/coordinates.md)"
        )
    return tuple(notes)


def _through_vision(record: ArtifactRecord) -> bool:
    """Whether Vision fits pictures for it; others take a buffer that the app has drawn."""
    return record.image == "pixels"


def _crop_notes(bundle: CascadeBundle) -> tuple[str, ...]:
    landmarks = _for_apps(bundle.landmark_model)
    if bundle.file.crop.rotation is not None and any(_through_vision(a) for a in landmarks):
        return (
            "crop.rotation: Vision's region of interest cannot turn, so the app must draw the "
            "landmark model's input itself, through CropPlan.modelFromImage",
        )
    if bundle.file.crop.edge != "pad" or not any(_through_vision(a) for a in landmarks):
        return ()
    return (
        'crop.edge = "pad": Vision looks at nothing outside the picture, so the app cuts such a '
        "crop at the picture's edge and has Vision pad it; its landmarks are a little off there",
    )


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
