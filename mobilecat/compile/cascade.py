"""`[cascade]` spec → two bundles and the contract between them, written in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mobilecat.bundle import FILE, LABELS, Bundle
from mobilecat.bundle.cascade import (
    DETECTOR,
    LANDMARKS,
    CascadeBundle,
    CascadeFile,
    ChainRecord,
    Part,
    cascade_bundle,
    outputs_of,
    pairs_of,
)
from mobilecat.compile import Exported, export, require_replaceable
from mobilecat.compile.copies import carry
from mobilecat.compile.whole import Tried
from mobilecat.disk import new_folder, sha256_of
from mobilecat.errors import ArtifactError, MobileCatError, Problem, SpecError
from mobilecat.spec import RawHead, Spec, load_spec
from mobilecat.spec.cascade import CascadeSpec, CropContract, load_cascade
from mobilecat.spec.heads import HEADS

POINT_KINDS = tuple(name for name, head in HEADS.items() if head.one_set_of_points)

Progress = Callable[[str], None]


def export_cascade(
    path: Path,
    out: Path,
    *,
    cache: bool = False,
    progress: Progress = lambda _: None,
    tried: Tried = lambda *_: (),
) -> Exported:
    """Compile the cascade spec at `path` into the folder `out`, replacing one that is there.

    cache, tried: of each model's bundle, as in `compile.export`.
    Errors: MobileCatError with the problems of both models; `out` then is as it was.
    """
    spec = load_cascade(path)
    parts = _parts(spec, path)
    require_replaceable(out, path, *(part.folder / part.source for part in parts.values()))
    made: dict[str, Bundle] = {}
    notes: list[str] = []
    failed: list[MobileCatError] = []
    try:
        with new_folder(out) as folder:
            for home, part in parts.items():
                try:
                    done = export(
                        part,
                        folder / home,
                        cache=cache,
                        progress=lambda said, home=home: progress(f"{home}: {said}"),  # type: ignore[misc]
                        tried=tried,
                    )
                except MobileCatError as e:
                    failed.append(e)
                    continue
                made[home] = done.bundle
                notes += [f"{home}: {n}" for n in done.notes]
            if failed:
                summary = "; ".join(e.summary for e in failed)
                raise type(failed[0])(summary, [p for e in failed for p in e.problems])
            bundle = _bundle(spec, folder, made)
            if bundle.labels:
                (folder / LABELS).write_text("\n".join(bundle.labels) + "\n", encoding="utf-8")
            (folder / FILE).write_text(bundle.to_json(), encoding="utf-8")
            carry(out, folder)
    except OSError as e:
        raise ArtifactError(
            "The cascade cannot be written", [Problem(e.strerror or str(e), str(out))]
        ) from e
    return Exported(out, bundle, tuple(notes))


def specs_of(path: Path) -> dict[str, Spec]:
    """Return the specs that the cascade spec at `path` names: the detector's, where it has one of
    its own, and the landmark model's. Errors: SpecError."""
    return _parts(load_cascade(path), path)


def _parts(spec: CascadeSpec, path: Path) -> dict[str, Spec]:
    """Read both models' specs, and hold them to what a cascade needs: all problems at once."""
    problems: list[Problem] = []
    named = {DETECTOR: spec.cascade.detector, LANDMARKS: spec.cascade.landmarks}
    found: dict[str, Spec] = {}
    for key, name in named.items():
        if name is None:
            continue
        file = path.parent / name
        try:
            found[key] = load_spec(file)
        except SpecError as e:
            problems += [p if p.where else Problem(p.what, str(file), p.fix) for p in e.problems]
    if DETECTOR in found and isinstance(found[DETECTOR].head, RawHead):
        where = f"{path}: cascade.detector"
        problems.append(Problem("its head is raw: it decodes no boxes", where, "name a head there"))
    if LANDMARKS in found:
        problems += _landmark_problems(spec, found[LANDMARKS], path)
    if DETECTOR in found:
        problems += _turn_problems(spec, found[DETECTOR], path)
    if len(found) == 2:
        problems += _kind_problems(found[DETECTOR], found[LANDMARKS], path)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise SpecError(f"{path}: {count}", problems)
    return found


def _landmark_problems(spec: CascadeSpec, model: Spec, path: Path) -> list[Problem]:
    problems = []
    if not model.head.one_set_of_points:
        problems.append(
            Problem(
                f"its head is {model.head.kind!r}, which gives no set of points a crop",
                f"{path}: cascade.landmarks",
                f"the landmark model needs head.kind = {' or '.join(map(repr, POINT_KINDS))}",
            )
        )
    image = model.input
    if spec.crop.rotation is not None and image is not None:
        for key, value, needed in (
            ("resize", image.resize, "stretch"),
            ("resample", image.resample, "bilinear"),
        ):
            if value != needed:
                what = f'a turned crop is sampled into the input as it is: its {key} is "{value}"'
                fix = f'{key} = "{needed}" in {spec.cascade.landmarks}'
                problems.append(Problem(what, f"{path}: crop.rotation", fix))
    elif image is not None and image.resize != "stretch" and spec.crop.rounding == "none":
        problems.append(
            Problem(
                f'rounding = "none" cuts fractions of pixels, which resize = "{image.resize}" of '
                "the landmark model cannot fit",
                f"{path}: crop.rounding",
                'set "truncate" or "outward"',
            )
        )
    return problems


def _turn_problems(spec: CascadeSpec, detector: Spec, path: Path) -> list[Problem]:
    """Return why the detector's landmarks cannot turn a crop."""
    turned, where = spec.crop.rotation, f"{path}: crop.rotation"
    if turned is None:
        return []
    if detector.head.gives_landmarks is False:
        what = f"the detector's head {detector.head.kind!r} gives no landmarks to turn a crop by"
        return [Problem(what, where, "take crop.rotation out, or name another detector")]
    if names := [v for v in (turned.start, turned.end) if isinstance(v, str)]:
        known = ", ".join(detector.landmarks) or "none: count them from 0"
        return [
            Problem(f"the detector has no landmark {name!r}", where, f"it has {known}")
            for name in names
            if name not in detector.landmarks
        ]
    return []


def _numbered(crop: CropContract, detector: Bundle | None) -> CropContract:
    """Return the crop as bundle.json has it: landmarks by number, each one that is there."""
    turned = crop.rotation
    if turned is None or detector is None:
        return crop
    turned = turned.numbered(detector.spec.landmarks)
    count = next((t.shape[2] for t in detector.outputs if t.name == "landmarks"), 0)
    last = max(v for v in (turned.start, turned.end) if isinstance(v, int))
    if last >= count:
        what = f"it turns by landmark {last}, and the detector gives {count}, counted from 0"
        raise SpecError("The crop cannot be turned", [Problem(what, "crop.rotation")])
    return crop.model_copy(update={"rotation": turned})


def _kind_problems(detector: Spec, landmarks: Spec, path: Path) -> list[Problem]:
    kinds = {t.kind for t in detector.targets.all}, {t.kind for t in landmarks.targets.all}
    return [
        Problem(
            f"the {has} has [targets.{kind}], the {lacks} has not: nothing could run both",
            str(path),
            f"add [targets.{kind}] to the {lacks}'s spec, or take it out of the other",
        )
        for mine, others, has, lacks in (
            (*kinds, "detector", "landmark model"),
            (*kinds[::-1], "landmark model", "detector"),
        )
        for kind in sorted(mine - others)
    ]


def _bundle(spec: CascadeSpec, folder: Path, made: dict[str, Bundle]) -> CascadeBundle:
    detector, landmarks = made.get(DETECTOR), made[LANDMARKS]

    def part(home: Literal["detector", "landmarks"]) -> Part:
        return Part(folder=home, sha256=sha256_of(folder / home / FILE))

    said = "".join([spec.model_dump_json(), *(b.spec_sha256 for b in made.values())])
    file = CascadeFile(
        name=spec.name,
        versions=landmarks.versions,
        spec_sha256=hashlib.sha256(said.encode()).hexdigest(),
        cascade=ChainRecord(
            detector=part(DETECTOR) if detector else None,
            boxes=spec.cascade.boxes,
            landmarks=part(LANDMARKS),
            max_crops=spec.cascade.max_crops,
        ),
        crop=_numbered(spec.crop, detector),
        labels=detector.spec.labels if detector else spec.labels,
        landmarks=landmarks.spec.landmarks,
        tolerances=spec.tolerances,
        outputs=outputs_of(spec.cascade.max_crops, landmarks),
        pairs=pairs_of(detector, landmarks),
    )
    return cascade_bundle(file, detector, landmarks)
