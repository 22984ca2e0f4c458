"""What a cascade's export leaves on disk: two ordinary bundles, and bundle.json, their contract.

    DIR/bundle.json   which models, the crop between them, what comes out
    DIR/detector/     a bundle; not there where boxes come from elsewhere
    DIR/landmarks/    a bundle
    DIR/labels.txt

In memory it is a `Bundle` whose artifacts are pairs, so that whatever runs, records and judges a
bundle's lanes does it for a cascade's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from mobilecat.bundle import (
    FILE,
    SCHEMA,
    ArtifactRecord,
    Bundle,
    Kind,
    SourceRecord,
    TensorContract,
    open_bundle,
    short_lists,
)
from mobilecat.bundle.seal import seal_problems, sealed
from mobilecat.disk import read_json, sha256_of
from mobilecat.errors import ArtifactError, Problem
from mobilecat.spec import NmsSpec, Spec, Tolerance
from mobilecat.spec.cascade import CropContract, Space
from mobilecat.value import FileName, Value, tuples

DETECTOR: Literal["detector"] = "detector"
LANDMARKS: Literal["landmarks"] = "landmarks"


class Part(Value):
    """One of the two bundles. sha256: of its bundle.json, which has the artifacts' hashes."""

    folder: Literal["detector", "landmarks"]
    sha256: str


class ChainRecord(Value):
    """What is chained; see `mobilecat.spec.cascade.Chain`."""

    detector: Part | None
    boxes: Space | None
    landmarks: Part
    max_crops: int


class Pair(Value):
    """What runs together in one lane: artifact files of the two bundles."""

    name: FileName
    kind: Kind
    precision: str
    detector: FileName | None
    landmarks: FileName


class CascadeFile(Value):
    """bundle.json of a cascade."""

    schema_version: Literal[1] = SCHEMA
    name: FileName
    versions: dict[str, str]
    spec_sha256: str
    cascade: ChainRecord
    crop: CropContract
    labels: tuple[str, ...]
    landmarks: tuple[str, ...]
    tolerances: dict[str, Tolerance]
    outputs: tuple[TensorContract, ...]
    pairs: tuple[Pair, ...]
    seal: str | None = None

    def to_json(self) -> str:
        """Return the file's text."""
        told = sealed(self.model_dump(mode="json"))
        return short_lists(json.dumps(told, indent=2, ensure_ascii=False)) + "\n"


class CascadeView(Spec):
    """A cascade as a bundle's spec: the detector's boxes and NMS, the landmark model's points."""

    @property
    def effective_nms(self) -> NmsSpec | None:
        return self.nms

    @model_validator(mode="after")
    def _consistent(self) -> CascadeView:  # the parts' own specs have been held to that
        return self


class CascadeBundle(Bundle):
    """A cascade as a bundle: each artifact is a pair, each result in pixels of the picture."""

    spec: CascadeView
    file: CascadeFile
    detector: Bundle | None
    landmark_model: Bundle

    @property
    def chain(self) -> ChainRecord:
        return self.file.cascade

    @property
    def labels(self) -> tuple[str, ...]:
        return self.file.labels

    def pair(self, name: str) -> Pair:
        """Return the pair that the artifact called `name` stands for."""
        return next(p for p in self.file.pairs if p.name == name)

    @property
    def parts(self) -> dict[str, Bundle]:
        """The bundles by the folders that they lie in."""
        both = {DETECTOR: self.detector, LANDMARKS: self.landmark_model}
        return {home: part for home, part in both.items() if part is not None}

    def part_record(self, home: str, name: str) -> ArtifactRecord | None:
        """Return the record of what `home`'s bundle gives to the pair `name`; None if nothing."""
        pair = self.pair(name)
        file = pair.detector if home == DETECTOR else pair.landmarks
        return None if file is None else self.parts[home].artifact(file)

    def to_json(self) -> str:
        return self.file.to_json()


def outputs_of(max_crops: int, landmarks: Bundle) -> tuple[TensorContract, ...]:
    """Return the outputs of a cascade: the tensor contract, in pixels of the upright picture."""
    given = {t.name: t for t in landmarks.outputs}
    points = given["landmarks"].shape[2] if "landmarks" in given else 0
    frame = "pixels of the upright picture, origin top-left, pixel edges; rows ≥ count are zero"
    rows: tuple[tuple[str, tuple[int, ...], str, str], ...] = (
        ("boxes", (1, max_crops, 4), "float32", f"xyxy, {frame}"),
        ("scores", (1, max_crops), "float32", "the box's score, falling; rows ≥ count are zero"),
        ("class_ids", (1, max_crops), "int32", "index into labels; rows ≥ count are zero"),
        ("landmarks", (1, max_crops, points, 2), "float32", f"x,y a point, {frame}"),
        *(
            (name, (1, max_crops, points), "float32", given[name].meaning)
            for name in ("landmark_scores",)
            if name in given
        ),
        ("count", (1,), "int32", "number of boxes with landmarks"),
    )
    return tuple(TensorContract(name=n, shape=s, dtype=d, meaning=m) for n, s, d, m in rows)


def pairs_of(detector: Bundle | None, landmarks: Bundle) -> tuple[Pair, ...]:
    """Return what runs together: every artifact of either bundle with its best match in the other.

    Best: of the same kind, then format, then precision. Both have the same kinds (see export).
    """
    if detector is None:
        return tuple(
            Pair(name=a.file, kind=a.kind, precision=a.precision, detector=None, landmarks=a.file)
            for a in landmarks.artifacts
        )
    pairs = [(a, _match(a, landmarks.artifacts)) for a in detector.artifacts]
    used = {b.file for _, b in pairs}
    pairs += [(_match(b, detector.artifacts), b) for b in landmarks.artifacts if b.file not in used]
    return tuple(
        Pair(
            name=f"{a.file}+{b.file}",
            kind=a.kind,
            precision=next((x.precision for x in (a, b) if x.precision != "float32"), "float32"),
            detector=a.file,
            landmarks=b.file,
        )
        for a, b in pairs
    )


def _match(a: ArtifactRecord, others: Sequence[ArtifactRecord]) -> ArtifactRecord:
    same = [b for b in others if b.kind == a.kind]
    return max(same, key=lambda b: (b.format == a.format, b.precision == a.precision))


def open_any(folder: Path, verify: bool = True) -> Bundle:
    """Read the bundle or cascade in `folder`, and hold every file to its hash.

    Errors: ArtifactError listing every missing, damaged or contradictory file.
    """
    try:
        data = read_json(folder / FILE)
    except (OSError, ValueError):
        return open_bundle(folder, verify)  # it says what is wrong
    if not isinstance(data, dict) or "cascade" not in data:
        return open_bundle(folder, verify)
    return _open_cascade(folder, data, verify)


def _open_cascade(folder: Path, data: dict[str, Any], verify: bool) -> CascadeBundle:
    path = folder / FILE
    try:
        file = CascadeFile.model_validate(tuples(data))
    except ValidationError as e:
        raise ArtifactError(
            "bundle.json does not hold what this version writes; export it again",
            [
                Problem(f"{'.'.join(map(str, x['loc']))}: {x['msg']}", str(path))
                for x in e.errors(include_url=False)
            ],
        ) from e
    problems: list[Problem] = []
    bundles = {}
    for part in (file.cascade.detector, file.cascade.landmarks):
        if part is None:
            continue
        home = folder / part.folder
        try:
            bundles[part.folder] = open_bundle(home, verify)
        except ArtifactError as e:
            problems += e.problems
            continue
        if verify and sha256_of(home / FILE) != part.sha256:
            what = "is not the file that was exported: its SHA-256 differs"
            problems.append(Problem(what, str(home / FILE), "export the cascade again"))
    if problems:
        raise ArtifactError(f"{file.name}: the cascade cannot be trusted", problems)
    detector = bundles.get(file.cascade.detector.folder) if file.cascade.detector else None
    landmarks = bundles[file.cascade.landmarks.folder]
    if verify:
        found = [Problem(x, str(path)) for x in _contradictions(file, detector, landmarks)]
        if found := [*found, *seal_problems(data, path)]:
            raise ArtifactError("bundle.json is not as it was exported", found)
    return cascade_bundle(file, detector, landmarks)


def _contradictions(file: CascadeFile, detector: Bundle | None, landmarks: Bundle) -> Iterator[str]:
    """Yield what does not follow from the two bundles."""
    if file.pairs != pairs_of(detector, landmarks):
        yield "pairs are not those that the two bundles' artifacts make"
    if detector is not None and file.labels != detector.spec.labels:
        yield "labels are not the detector's"
    if file.landmarks != landmarks.spec.landmarks:
        yield "landmarks are not the landmark model's"
    if file.outputs != outputs_of(file.cascade.max_crops, landmarks):
        yield "outputs are not those of max_crops rows and the landmark model's points"


def cascade_bundle(file: CascadeFile, detector: Bundle | None, landmarks: Bundle) -> CascadeBundle:
    """Return the cascade as a bundle."""
    parts = [b for b in (detector, landmarks) if b is not None]
    first = parts[0]
    spec = CascadeView(
        name=file.name,
        source=" → ".join(b.spec.source for b in parts),
        input=first.spec.input,
        head=landmarks.spec.head,
        nms=detector.spec.effective_nms if detector else None,
        labels=file.labels,
        landmarks=file.landmarks,
        tolerances=file.tolerances,
    )
    return CascadeBundle(
        name=file.name,
        versions=file.versions,
        source=SourceRecord(
            path=spec.source,
            sha256=_digest(b.source.sha256 for b in parts),
            format="cascade",
            shapes={},
        ),
        spec_sha256=file.spec_sha256,
        spec=spec,
        nms=spec.nms,
        inputs=(),
        outputs=file.outputs,
        raw_outputs=(),
        candidates=(),
        artifacts=tuple(_record(p, detector, landmarks, file) for p in file.pairs),
        seal=_weakest([file.seal, *(b.seal for b in parts)]),
        file=file,
        detector=detector,
        landmark_model=landmarks,
    )


def _weakest(seals: Sequence[str | None]) -> str | None:
    """Return the cascade's own seal, and None where any of its files has none."""
    return None if None in seals else seals[0]


def _record(
    pair: Pair, detector: Bundle | None, landmarks: Bundle, file: CascadeFile
) -> ArtifactRecord:
    records = [landmarks.artifact(pair.landmarks)]
    if detector is not None and pair.detector is not None:
        records.insert(0, detector.artifact(pair.detector))
    names = {t.name: t.name for t in file.outputs}
    return ArtifactRecord(
        file=pair.name,
        kind=pair.kind,
        format=records[-1].format,
        contract="tensor",
        precision=pair.precision,
        bytes=sum(r.bytes for r in records),
        sha256=_digest(r.sha256 for r in records),
        image="uint8",
        inputs={"image": "image"},
        outputs=names,
        lints=tuple(
            f"{r.file}: {lint}" if len(records) > 1 else lint for r in records for lint in r.lints
        ),
    )


def _digest(hashes: Any) -> str:
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()
