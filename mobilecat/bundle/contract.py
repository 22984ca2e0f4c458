"""What an export leaves on disk: artifacts, labels.txt, and bundle.json, their contract."""

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mobilecat.bundle.seal import contradictions, seal_problems, sealed
from mobilecat.disk import links_out, read_json, sha256_of
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.table import FORMATS
from mobilecat.spec import NmsSpec, Spec, TargetSpec
from mobilecat.spec.checks import OpenCheck
from mobilecat.spec.targets import file_names
from mobilecat.value import FileName, FilePath, tuples

SCHEMA: Literal[1] = 1
HASH_DIGITS = 16
"""Of a picture's SHA-256, in hex: enough to tell it from every other."""
FILE = "bundle.json"
LABELS = "labels.txt"
_SHORT_LIST = re.compile(r"\[[^\[\]{}]{0,160}\]")


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _known(kind: str) -> str:
    if kind not in FORMATS:
        raise ValueError(f"there is no format {kind!r}; it is one of {', '.join(FORMATS)}")
    return kind


Kind = Annotated[str, AfterValidator(_known)]
"""A format of `formats.table`, by name."""


def _bounded(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) > _MOST_SIDES or math.prod(shape) > _MOST_VALUES:
        raise ValueError(f"{list(shape[:8])} is no tensor's that a phone could hold")
    return shape


def _of_numbers(dtype: str) -> str:
    if dtype not in _DTYPES:
        raise ValueError(f"{dtype[:40]!r} is none of {', '.join(_DTYPES)}")
    return dtype


_DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64", "bfloat16"),
)
_MOST_SIDES, _MOST_VALUES = 16, 1 << 29
Shape = Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(_bounded)]
Dtype = Annotated[str, AfterValidator(_of_numbers)]
"""What numpy calls it."""


class TensorContract(Value):
    """One input or output, by the bundle's name; an artifact may have another for it."""

    name: str
    shape: Shape
    dtype: Dtype
    meaning: str = ""


class SourceRecord(Value):
    """The model that was compiled. `path` is relative to the bundle where it can be."""

    path: FilePath
    sha256: str
    format: str
    shapes: dict[str, Shape]


class CalibrationRecord(Value):
    """What quantised artifacts took their scales from.

    pictures: how many; hashes: the first `HASH_DIGITS` of the SHA-256 of each, sorted. pixels: of
    each what `pictures.same` says of what it decodes to, `640x480:…`, sorted; () in what an older
    mobilecat wrote.
    """

    method: str
    seed: int
    pictures: int
    hashes: tuple[str, ...]
    pixels: tuple[str, ...] = ()


class ArtifactRecord(Value):
    """One compiled file.

    image: what its picture input takes: `uint8` or `float32` tensors [1,H,W,C] in RGB order, `int8`
        ones, which are pixels less 128, or `pixels`, a Core ML image, or `bgra`, a 32BGRA pixel
        buffer for Core AI.
    inputs, outputs, taps: the bundle's names → the artifact's. Taps are inner values that a
        validation run can read: raw head outputs, candidates before NMS.
    """

    file: FileName
    kind: Kind
    format: str
    contract: str
    precision: str
    bytes: int
    sha256: str
    image: Literal["uint8", "int8", "float32", "pixels", "bgra"] | None
    image_scale: tuple[float, int] | None = None
    """Scale and zero point that the file states for its picture; the bytes are handed over as they
    are."""
    inputs: dict[str, str]
    outputs: dict[str, str]
    output_dtypes: dict[str, Dtype] = {}
    """Outputs whose element type is not the contract's: a NeuralNetwork gives float32 for int32."""
    taps: dict[str, str] = {}
    peak: float | None = None
    """The largest magnitude seen where a float16 artifact computes in float16, if it comes near
    that type's end at 65504."""
    ranges: dict[str, tuple[float, float]] = {}
    """Of each quantised activation, by its name in the artifact, the range that its scale and zero
    point were made of."""
    rounding: Literal["nearest", "fitted"] = "nearest"
    """fitted: a weight is the whole number below or above, whichever moves less of what its layer
    gives on the calibration pictures."""
    lints: tuple[str, ...] = ()


class Bundle(Value):
    """bundle.json. Box and landmark coordinates: see `outputs[].meaning`."""

    schema_version: Literal[1] = SCHEMA
    name: FileName
    versions: dict[str, str]
    source: SourceRecord
    spec_sha256: str
    spec: Spec
    nms: NmsSpec | None = None
    """What is baked in: the spec's, or the head's own where the spec leaves it out."""
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    raw_outputs: tuple[TensorContract, ...]
    candidates: tuple[TensorContract, ...]
    artifacts: tuple[ArtifactRecord, ...]
    calibration: CalibrationRecord | None = None
    """None where no artifact needed one."""
    unchecked: tuple[OpenCheck, ...] = ()
    """What was marked `# CHECK` in the spec; the key is in the file only where there is some."""
    spec_file: FileName | None = None
    """The name of the spec's file, where it is not the usual one; in the file only then."""
    asked: tuple[str, ...] = ()
    """The targets that `export` was asked for by name; in the file only then."""
    seal: str | None = None
    """See `mobilecat.bundle.seal`; None in what an older mobilecat wrote."""

    def artifact(self, file: str) -> ArtifactRecord:
        """Return the record of `file`; ArtifactError naming what there is."""
        for record in self.artifacts:
            if record.file == file:
                return record
        have = ", ".join(a.file for a in self.artifacts)
        raise ArtifactError(
            "No such artifact", [Problem(f"the bundle has no {file!r}", fix=f"it has {have}")]
        )

    def to_json(self) -> str:
        """Return the file's text: indented, short lists on one line."""
        bare = self.model_dump(mode="json", by_alias=True)
        for key in ("unchecked", "spec_file", "asked"):
            if not bare[key]:
                del bare[key]
        if bare["calibration"] and not bare["calibration"]["pixels"]:
            del bare["calibration"]["pixels"]
        told = sealed(bare)
        return short_lists(json.dumps(told, indent=2, ensure_ascii=False)) + "\n"

    def target_of(self, record: ArtifactRecord) -> TargetSpec | None:
        """Return the target of the spec that makes the artifact; None where none does."""
        return next((t for t, file in file_names(self.spec).items() if file == record.file), None)


def _making() -> str:
    """Return the command that makes a bundle: the short one where a spec of the usual name lies."""
    here = Path("mobilecat.toml").is_file()
    return "mobilecat export" if here else "mobilecat export SPEC -o DIR"


def short_lists(text: str) -> str:
    """Return indented JSON with its short lists on one line each."""
    return _SHORT_LIST.sub(lambda m: " ".join(m[0].split()), text)


def open_bundle(folder: Path, verify: bool = True) -> Bundle:
    """Read the bundle in `folder`, and hold every file to its hash.

    Errors: ArtifactError listing every missing, damaged or contradictory file.
    """
    path = folder / FILE
    if not path.is_file():
        meant = "" if folder.exists() else did_you_mean(folder)
        raise ArtifactError(
            "This is not a bundle",
            [Problem(f"has no {FILE}", str(folder), meant or f"make one: {_making()}")],
        )
    try:
        data = read_json(path)
        if isinstance(data, dict) and "cascade" in data:
            raise _cascade(folder)
        bundle = Bundle.model_validate(tuples(data))
    except ValidationError as e:
        problems = [
            Problem(f"{'.'.join(map(str, x['loc']))}: {x['msg']}", str(path))
            for x in e.errors(include_url=False)
        ]
        version = data.get("schema_version") if isinstance(data, dict) else None
        if isinstance(version, int) and version != SCHEMA:
            what = f"schema_version is {version}, this mobilecat reads {SCHEMA}"
            fix = "export it again, or use the mobilecat that made it"
            problems = [Problem(what, str(path), fix)]
            raise ArtifactError("This bundle is of another version", problems) from e
        raise ArtifactError(
            "bundle.json does not hold what this version writes; export it again", problems
        ) from e
    except (OSError, ValueError) as e:
        raise ArtifactError(
            "The bundle is damaged", [Problem(str(e), str(path), "export it again")]
        ) from e
    if verify:
        _require_one_piece(data, bundle, path)
        _verify(folder, bundle)
    return bundle


def _require_one_piece(told: dict[str, Any], bundle: Bundle, path: Path) -> None:
    problems = [*contradictions(told, bundle, path), *seal_problems(told, path)]
    if problems:
        raise ArtifactError("bundle.json is not as it was exported", problems)


def _cascade(folder: Path) -> ArtifactError:
    fix = f"name one of its models: {folder / 'detector'}, {folder / 'landmarks'}"
    return ArtifactError(
        "This works on one model at a time", [Problem("is a cascade of two", str(folder), fix)]
    )


def _verify(folder: Path, bundle: Bundle) -> None:
    problems = []
    for record in bundle.artifacts:
        path = folder / record.file
        if outside := links_out(path):
            problems.append(Problem("is a link out of the bundle", str(outside)))
        elif not path.exists():
            problems.append(Problem("is missing", str(path)))
        elif sha256_of(path) != record.sha256:
            if _is_lfs_pointer(path):
                problems.append(Problem("is a pointer of Git LFS, not the file", str(path), _LFS))
                continue
            problems.append(
                Problem("is not the file that was exported: its SHA-256 differs", str(path))
            )
    if problems:
        last = problems[-1]
        fix = last.fix or "export the bundle again"
        problems[-1] = Problem(last.what, last.where, fix)
        artifacts = "1 artifact" if len(problems) == 1 else f"{len(problems)} artifacts"
        raise ArtifactError(f"{bundle.name}: {artifacts} cannot be trusted", problems)


_LFS = "git lfs pull; in CI, check out with LFS (lfs: true of actions/checkout)"


def _is_lfs_pointer(path: Path) -> bool:
    """https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
    if not path.is_file():
        return False
    with path.open("rb") as f:
        return f.read(40).startswith(b"version https://git-lfs.github.com/spec/")
