"""Run a lane on a case's input. What comes out is a value; judging it is another step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from mobilecat.bundle import Bundle, TensorContract
from mobilecat.compare.compare import Check, Size, Stage
from mobilecat.compare.tolerances import Kind
from mobilecat.disk.arrays import read_arrays
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.lanes import Lane, NotRun, Runner
from mobilecat.lanes.inputs import picture_inputs
from mobilecat.pictures.reading import Picture, picture_of
from mobilecat.rows import kinds_of
from mobilecat.spec import RawHead

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
Opener = Callable[[Path, Bundle, Lane, Path | None], Runner]


@dataclass(frozen=True)
class Inputs:
    """What a runner takes. plan, picture: for a picture bundle."""

    tensors: Mapping[str, Array]
    plan: ResizePlan | None = None
    picture: Image | None = None

    @cached_property
    def digest(self) -> str:
        return digest_of(self.tensors)


@dataclass(frozen=True)
class Observed:
    """What a lane gave. asked: the inner values it was asked for beside its outputs. draws: the
    results that this one was put together of, value by value (`rounding.farthest`). sizes: of the
    tensors, by name, as far as others were held to them."""

    lane: Lane
    tensors: Mapping[str, Array]
    asked: tuple[str, ...]
    plan: ResizePlan | None
    draws: tuple[Observed, ...] = ()
    sizes: dict[str, Size] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.tensors)

    @property
    def bytes(self) -> int:
        return sum(v.nbytes for v in self.tensors.values())


@dataclass(frozen=True)
class Watched:
    """A tensor to compare before NMS (or, for a raw head, an output)."""

    contract: TensorContract
    stage: Literal["raw", "candidates"]
    kind: Kind


def gives_detections(bundle: Bundle) -> bool:
    """Return whether the bundle decodes detections."""
    return bundle.spec.input is not None and not isinstance(bundle.spec.head, RawHead)


def watched(bundle: Bundle) -> dict[str, Watched]:
    """Return the tensors to compare, by name: raw outputs and candidates, or a raw head's outputs.

    Candidates come in the order boxes, scores, row values.
    """
    if not gives_detections(bundle):
        return {t.name: Watched(t, "raw", "tensor") for t in bundle.outputs}
    kinds = kinds_of(t.name for t in bundle.outputs)
    hidden = shadowed(bundle)
    own = {t.name: Watched(t, "raw", "tensor") for t in bundle.raw_outputs if t.name not in hidden}
    decoded = zip(bundle.candidates, kinds, strict=False)
    return own | {t.name: Watched(t, "candidates", kind) for t, kind in decoded}


def shadowed(bundle: Bundle) -> tuple[str, ...]:
    """Return the raw outputs that bear a decoded output's name, so that no name asks for them."""
    if not gives_detections(bundle):
        return ()
    decoded = {t.name for t in bundle.outputs}
    return tuple(t.name for t in bundle.raw_outputs if t.name in decoded)


def offered(lane: Lane, bundle: Bundle) -> tuple[str, ...]:
    """Return which of the watched tensors this lane can return."""
    outputs = {t.name for t in bundle.outputs}
    taps = set(lane.artifact.taps) if lane.artifact else set(watched(bundle))
    if not lane.taps:
        taps = set()
    if lane.artifact and lane.artifact.contract == "classifier":
        taps |= {t.name for t in bundle.candidates}  # what it gives is a probability of every class
    return tuple(n for n in watched(bundle) if n in outputs or n in taps)


def load_inputs(given: Picture, bundle: Bundle, boxes: Path | None = None) -> Inputs:
    """Take a picture, or an .npz with the bundle's inputs; MobileCatError where they do not fit.

    boxes: of a cascade whose boxes come from elsewhere.
    """
    if bundle.spec.input is not None:
        picture = picture_of(given)
        taken, plan = picture_inputs(bundle, picture, boxes)
        return Inputs(taken, plan, picture)
    if not isinstance(given, str | os.PathLike):
        said = Problem("this bundle takes no pictures", bundle.name, "name an .npz of its inputs")
        raise ArtifactError("The inputs cannot be read", [said])
    path = Path(given)
    try:
        tensors = read_arrays(path)
    except (OSError, ValueError) as e:
        what = "not found" if isinstance(e, FileNotFoundError) else "not an .npz of tensors"
        raise ArtifactError(
            "The inputs cannot be read",
            [Problem(what, str(path), "this bundle takes no pictures")],
        ) from e
    problems = [
        Problem(f"input {t.name!r} is {_words(tensors.get(t.name))}, expected {_contract(t)}")
        for t in bundle.inputs
        if t.name not in tensors
        or tensors[t.name].shape != t.shape
        or tensors[t.name].dtype != np.dtype(t.dtype)
    ]
    names = [t.name for t in bundle.inputs]
    problems += [
        Problem(f"{n!r} is no input", fix=f"inputs: {', '.join(names)}")
        for n in tensors
        if n not in names
    ]
    if problems:
        raise ArtifactError(f"{path} does not fit the bundle's inputs", problems)
    return Inputs(tensors)


def _words(tensor: Array | None) -> str:
    return "missing" if tensor is None else f"{list(tensor.shape)} {tensor.dtype}"


def _contract(tensor: TensorContract) -> str:
    return f"{list(tensor.shape)} {tensor.dtype}"


def open_engine(
    opener: Opener, folder: Path, bundle: Bundle, lane: Lane, source: Path | None
) -> Runner | Check:
    """Return the lane's runner, or a NOT_RUN or FAIL check that says why there is none."""
    return guarded("load", lane, lambda: opener(folder, bundle, lane, source))


def observe(engine: Runner, bundle: Bundle, lane: Lane, inputs: Inputs) -> Observed | Check:
    """Return what the lane gives for `inputs`, or a check that says why it gave nothing."""
    outputs = [t.name for t in bundle.outputs]
    asked = tuple(n for n in offered(lane, bundle) if n not in outputs)

    def run() -> Observed:
        found = {k: np.asarray(v) for k, v in engine.infer(inputs.tensors, asked).items()}
        return Observed(lane, _as_contracted(found, bundle, lane), asked, inputs.plan)

    return guarded("run", lane, run)


def _as_contracted(found: dict[str, Array], bundle: Bundle, lane: Lane) -> dict[str, Array]:
    """Give outputs their type back where the artifact's record says that the format has it not.

    A NeuralNetwork computes in float only, and Core ML gives halves as float32. A value that is not
    whole stays float where whole numbers are wanted, and fails as the wrong type; so does a float
    that the record does not announce. Inner values of halves are widened wherever they are read.
    """
    said = lane.artifact.output_dtypes if lane.artifact else {}
    contracts = {t.name: np.dtype(t.dtype) for t in bundle.outputs}
    inner = {t.name: np.dtype(t.dtype) for t in (*bundle.raw_outputs, *bundle.candidates)}
    typed = dict(found)
    for name, value in found.items():
        is_output = name in contracts
        wanted = contracts.get(name, inner.get(name, value.dtype))
        announced = value.dtype.kind == "f" and said.get(name) == value.dtype.name
        half = wanted.kind == "f" and value.dtype == np.float32 and (announced or not is_output)
        whole = wanted.kind in "iub" and announced and bool((np.rint(value) == value).all())
        if half or whole:
            typed[name] = value.astype(wanted, copy=False)
    return typed


def digest_of(tensors: Mapping[str, Array]) -> str:
    """Return the hash of tensors with their names, types and shapes."""
    whole = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        whole.update(f"{name}\0{value.dtype.str}{value.shape}\0".encode())
        whole.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()


def guarded(stage: Stage, lane: Lane, work: Callable[[], T]) -> T | Check:
    """Return what `work` gives, or a check that says why it gave nothing."""
    try:
        return work()
    except NotRun as reason:
        return Check(stage, lane.name, "NOT_RUN", detail=str(reason))
    except MobileCatError as e:
        detail = "; ".join([e.summary, *(p.what for p in e.problems)])
        return Check(stage, lane.name, "FAIL", detail=detail)
    except ImportError as e:
        return Check(stage, lane.name, "NOT_RUN", detail=f"a package is missing: {e}")
    except Exception as e:  # engines share no error class; one lane's crash must not end the rest
        return Check(stage, lane.name, "FAIL", detail=f"{type(e).__name__}: {_one_line(e)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
