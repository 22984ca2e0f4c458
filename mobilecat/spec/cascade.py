"""What a cascade's spec may say: a TOML file of its own form, with a `[cascade]` table."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from mobilecat.disk import read_text, toml_from_text
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import Problem, SpecError
from mobilecat.geometry.crops import (
    CropAbout,
    CropEdge,
    CropRotation,
    CropRounding,
    CropRule,
    GrowBy,
    turned_problems,
)
from mobilecat.spec import Tolerance
from mobilecat.spec.lines import KeyPath, key_lines, line_of
from mobilecat.value import FilePath, SpecName, Value, Word, safe_name, tuples

Space = Literal["vision", "image"]
SPACES: tuple[Space, ...] = typing.get_args(Space)


Landmark = Annotated[int, Field(ge=0, le=4095)] | Word
Shift = Annotated[float, Field(ge=-16, le=16)]
_LATER = ("scale", "shift", "rotation")


class RotationContract(Value):
    """`[crop.rotation]`: which two landmarks of the detector turn the crop, and to where.

    The same terms as `mobilecat.geometry.crops.CropRotation`, which are MediaPipe's.
    """

    start: Landmark
    """Where the line begins: a landmark by name or, counted from 0, by number; bundle.json has the
    number."""
    end: Landmark
    """Where it ends."""
    target_degrees: Annotated[float, Field(ge=-360, le=360)] = 90.0
    """Where the line from start to end points in the crop: 90 is up, 0 right, anticlockwise."""
    about: CropAbout = "box"
    """box: the crop is made of the detected one; points: of the square about start whose half side
    is the distance to end."""

    @model_validator(mode="after")
    def _consistent(self) -> RotationContract:
        if self.start == self.end:
            raise ValueError(f"rotation.start and rotation.end are both {self.start!r}")
        return self

    def numbered(self, names: tuple[str, ...]) -> RotationContract:
        """Return it with numbers for names. Errors: KeyError for a name that is not among them."""
        at = {name: i for i, name in enumerate(names)}
        start, end = (v if isinstance(v, int) else at[v] for v in (self.start, self.end))
        return self.model_copy(update={"start": start, "end": end})

    @property
    def rotation(self) -> CropRotation:
        assert isinstance(self.start, int) and isinstance(self.end, int)
        return CropRotation(self.start, self.end, self.target_degrees, self.about)


class CropContract(Value):
    """How a box becomes a crop: grow, square, scale, shift, turn, round, settle the edges.

    The same terms as `mobilecat.geometry.crops.CropRule`. Frame: upright pixels, origin top-left.
    """

    grow: Annotated[float, Field(ge=-0.49, le=16)] = 0.0
    """Added on each of the four sides, as a share of the box: 0.1 makes it 1.2 times as wide."""
    grow_by: GrowBy = "longer-side"
    """The share is of the longer side for all four, or of each axis' own side."""
    square: bool = False
    """Widen the shorter side to the longer, about the centre."""
    rounding: CropRounding = "none"
    """none; truncate, as int() does; outward, so that nothing of the box is lost."""
    edge: CropEdge = "clip"
    """clip at the picture; pad what lies outside; shift inside, then clip."""
    scale: Annotated[float, Field(gt=0, le=64)] = 1.0
    """What both sides are multiplied by after squaring, about the centre."""
    shift: tuple[Shift, Shift] = (0.0, 0.0)
    """x, y that the centre moves by, as shares of the box's own width and height, along the crop's
    own axes."""
    rotation: RotationContract | None = None

    @property
    def rule(self) -> CropRule:
        """The rule; names of landmarks must be numbers by now."""
        return CropRule(
            self.grow,
            self.grow_by,
            self.square,
            self.rounding,
            self.edge,
            self.scale,
            self.shift,
            self.rotation.rotation if self.rotation else None,
        )

    @model_validator(mode="after")
    def _consistent(self) -> CropContract:
        problems = turned_problems(self.rotation is not None, self.rounding, self.edge)
        if problems:
            raise ValueError("; ".join(f"{p.what}: {p.fix}" for p in problems))
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave later keys out at their defaults: an upright crop is said as it ever was."""
        told: dict[str, Any] = plain(self)
        unset = {k for k in _LATER if getattr(self, k) == type(self).model_fields[k].default}
        return {k: v for k, v in told.items() if k not in unset}


class Chain(Value):
    """`[cascade]`: what is chained. Paths are relative to the spec's folder."""

    detector: FilePath | None = None
    """Spec of the detector; or `boxes`."""
    boxes: Space | None = None
    """Boxes come from elsewhere: in Vision's space (0..1, x y w h, origin lower-left), or as
    x1 y1 x2 y2 in pixels of the upright picture (origin top-left)."""
    landmarks: FilePath
    """Spec of the landmark model, with head `landmarks`."""
    max_crops: Annotated[int, Field(ge=1, le=1000)] = 20
    """How many boxes, best first, get landmarks; the rest is left out of the result."""

    @model_validator(mode="after")
    def _consistent(self) -> Chain:
        if (self.detector is None) == (self.boxes is None):
            said = "neither is" if self.detector is None else "both are"
            raise ValueError(
                f'boxes come from detector = "SPEC" or from boxes = "vision" or "image": {said} set'
            )
        return self


class CascadeSpec(Value):
    """One cascade."""

    name: SpecName
    """What the pairs are called; by default the file's name, or its folder's."""
    cascade: Chain
    crop: CropContract = CropContract()
    labels: tuple[Word, ...] = ()
    """Of boxes from elsewhere; a detector brings its own."""
    tolerances: dict[str, Tolerance] = Field(default={})
    """By runner, or by a pair's name in bundle.json. Boxes and landmarks: pixels of the picture."""

    @model_validator(mode="after")
    def _consistent(self) -> CascadeSpec:
        if self.labels and self.cascade.detector is not None:
            raise ValueError("labels is set, but the detector's spec has the labels: take it out")
        turned = self.crop.rotation
        if turned is not None and self.cascade.boxes == "vision":
            raise ValueError(
                'crop.rotation is by landmarks, which boxes = "vision" do not bring: name a '
                'detector, or boxes = "image" with landmarks beside each box'
            )
        if turned is not None and self.cascade.boxes is not None:
            named = [v for v in (turned.start, turned.end) if isinstance(v, str)]
            if named:
                raise ValueError(
                    f"crop.rotation names {', '.join(map(repr, named))}, but boxes from elsewhere "
                    "have no names: count the landmarks from 0"
                )
        return self


def load_cascade(path: Path) -> CascadeSpec:
    """Read and validate the cascade at `path`; SpecError lists every problem with its line."""
    text = read_text(path)
    data = toml_from_text(text)
    stem = path.resolve().parent.name if path.stem == "mobilecat" else path.stem
    data.setdefault("name", safe_name(stem, "cascade"))
    lines = key_lines(text)
    found: dict[tuple[int, str], Problem] = {}
    wrong: set[KeyPath] = set()
    while True:
        try:
            spec = CascadeSpec.model_validate(tuples(data))
            break
        except ValidationError as e:
            paths = []
            for error in e.errors(include_url=False):
                at = tuple(error["loc"])
                if error["type"] == "missing" and at in wrong:
                    continue
                paths.append((at, error["type"]))
                line = line_of(lines, at)
                what, fix = _words(dict(error), at)
                problem = Problem(what, f"{path}:{line}" if line else str(path), fix)
                found[line or 0, what] = problem
            # Contradictions between keys show only once every single key is sound.
            pruned = [at for at, kind in paths if kind not in ("missing", "value_error")]
            wrong.update(pruned)
            changed = [_prune(data, at) for at in pruned]
            if not any(changed):
                break
    if found:
        found |= _absent(data, path, lines)  # alone, it is said where the model is read
        count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
        raise SpecError(f"{path}: {count}", [p for _, p in sorted(found.items())])
    return spec


def _absent(
    data: Mapping[str, Any], path: Path, lines: dict[KeyPath, int]
) -> dict[tuple[int, str], Problem]:
    """Return the specs that a cascade names and that are not there, by line."""
    chain = data.get("cascade")
    found: dict[tuple[int, str], Problem] = {}
    for key in ("detector", "landmarks"):
        name = chain.get(key) if isinstance(chain, dict) else None
        if not isinstance(name, str) or (path.parent / name).exists():
            continue
        line = line_of(lines, ("cascade", key)) or 0
        what = f"cascade.{key} = {name!r}: not found"
        meant = did_you_mean(path.parent / name)
        found[line, what] = Problem(what, f"{path}:{line}" if line else str(path), meant)
    return found


def _prune(data: Any, at: KeyPath) -> bool:
    """Take the key at `at` out, or the list that holds the element at `at`."""
    for depth, part in enumerate(at):
        if not isinstance(data, dict) or part not in data:
            return False
        if depth == len(at) - 1 or not isinstance(data[part], dict):
            del data[part]
            return True
        data = data[part]
    return False


def _words(error: dict[str, Any], at: KeyPath) -> tuple[str, str]:
    key, kind = ".".join(str(p) for p in at if not isinstance(p, int)), error["type"]
    if kind == "extra_forbidden":
        return f"unknown key {key!r}", _nearest(str(at[-1]), _fields_below(at[:-1]))
    if kind == "missing":
        fix = 'the landmark model\'s spec: landmarks = "…/mobilecat.toml"'
        return f"{key} is missing", fix if at[-1] == "landmarks" else ""
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, "), ""
    given = repr(error.get("input"))[:60]
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        return f"{key} = {given} is not one of {', '.join(allowed)}", _nearest(given, allowed)
    from mobilecat.spec.taken import refusal

    named = [k for k, part in enumerate(at) if not isinstance(part, int)]
    end = named[-1] if named else 0
    table = _TABLES.get(at[:end], Tolerance)
    field = table.model_fields.get(str(at[end])) if at else None
    return refusal(key, error.get("input"), field, inner=end + 1 < len(at), error=str(kind))


_TABLES: dict[KeyPath, type[BaseModel]] = {
    (): CascadeSpec,
    ("cascade",): Chain,
    ("crop",): CropContract,
    ("crop", "rotation"): RotationContract,
}


def _fields_below(at: KeyPath) -> list[str]:
    return list(_TABLES.get(at, Tolerance).model_fields)


def _nearest(word: str, names: list[str]) -> str:
    close = difflib.get_close_matches(word.strip("'\"").lower(), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"valid here: {', '.join(names)}"
