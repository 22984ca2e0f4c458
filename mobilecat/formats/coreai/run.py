"""The .aimodel artifact on any machine: its bytes, rebuilt as ONNX, in onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.coreai.read import Decoded, decode
from mobilecat.formats.coreai.read.package import missing
from mobilecat.formats.onnx.cut import CutOnnx
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.graph import Array

SETTLED = "settled"
"""The output of ours that says whether the suppression in the graph came to its end."""


class CoreAIRunner:
    note = "the .aimodel's bytes rebuilt as ONNX, in onnxruntime (not Apple's), float32"

    def __init__(self, path: Path, record: ArtifactRecord) -> None:
        self._model = Executable(decode(path, strict=True))
        self._record = record

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        record = self._record
        wanted = {tap: record.taps[tap] for tap in taps if tap in record.taps}
        found = self._model.run(coreai_inputs(inputs, record), list(wanted.values()))
        return named(found, record, wanted)


class Executable:
    """A decoded graph, ready to run, with what its nodes give. threads: by default one a core."""

    def __init__(self, decoded: Decoded, threads: int | None = None) -> None:
        self._decoded = decoded
        self._engine = OrtModel(decoded.model, threads, decoded.arrays)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes whose values can be asked for."""
        return tuple(self._decoded.taps)

    def run(self, feeds: Mapping[str, Array], nodes: Sequence[str] = ()) -> dict[str, Array]:
        """Return the outputs, and what `nodes` give, by name.

        Errors: ArtifactError where the run fails, as at an index out of range.
        """
        places = {n: self._decoded.taps[n] for n in nodes if n in self._decoded.taps}
        try:
            found = self._engine.run(feeds, list(dict.fromkeys(places.values())))
        except Exception as e:  # onnxruntime's exceptions share no public base class
            said = " ".join(str(e).split())[:300]
            raise ArtifactError("The Core AI model failed while it ran", [Problem(said)]) from None
        if not all(found.pop(check).all() for check in self._decoded.checks):
            what = "a loop went on after 10,000 rounds"
            raise ArtifactError("The Core AI model failed while it ran", [Problem(what)])
        own = {k: v for k, v in found.items() if k not in places.values()}
        return {**own, **{node: found[value] for node, value in places.items()}}


def coreai_inputs(inputs: Mapping[str, Array], record: ArtifactRecord) -> dict[str, Array]:
    """Return the artifact's inputs by its own names; a picture [H,W,C], RGB or one grey channel, as
    the bytes [H,W,4] of a 32BGRA pixel buffer, opaque."""
    feeds = {record.inputs[k]: v for k, v in inputs.items()}
    if record.image == "bgra":
        picture = inputs["image"]
        bgr = picture[..., ::-1] if picture.shape[-1] == 3 else np.repeat(picture, 3, -1)
        alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
        feeds[record.inputs["image"]] = np.concatenate([bgr, alpha], -1)
    return feeds


def named(
    found: Mapping[str, Array], record: ArtifactRecord, taps: Mapping[str, str]
) -> dict[str, Array]:
    """Return outputs and inner values by the bundle's names.

    Errors: ArtifactError where the artifact says that its suppression did not come to its end.
    """
    if not np.asarray(found.get(record.outputs.get(SETTLED, ""), 1)).all():
        raise ArtifactError(
            "The suppression in the graph did not come to its end",
            [
                Problem(
                    "its output `settled` is 0, where it is 1 else: boxes may be wrong",
                    record.file,
                    'raise score_threshold, or leave it to the app: nms = "app"',
                )
            ],
        )
    names = {**{k: v for k, v in record.outputs.items() if k != SETTLED}, **taps}
    return {k: np.asarray(found[v]) for k, v in names.items() if v in found}


def open_artifact(path: Path, record: ArtifactRecord) -> Runner:
    if reason := missing():
        raise NotRun(reason)
    return CoreAIRunner(path, record)


def open_cut(path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> Runner:
    """Open the end of the artifact, fed at the inner values `given`."""
    if reason := missing():
        raise NotRun(reason)
    return CutCoreAI(path, record, given)


class CutCoreAI:
    note = "the end of the .aimodel, rebuilt as ONNX, fed at inner values"

    def __init__(self, path: Path, record: ArtifactRecord, given: Mapping[str, Array]) -> None:
        decoded = decode(path, strict=True)
        places = {n: decoded.taps[node] for n, node in record.taps.items() if node in decoded.taps}
        checks = {name: name for name in decoded.checks}
        outputs = {**{v: v for v in record.outputs.values()}, **checks}
        self._record, self._checks = record, decoded.checks
        self._end = CutOnnx(decoded.model, places, outputs, given, decoded.arrays)

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        found = self._end.infer(inputs, taps)
        if not all(np.asarray(found.pop(check)).all() for check in self._checks):
            raise NotRun("a loop went on after 10,000 rounds")
        if not np.asarray(found.get(self._record.outputs.get(SETTLED, ""), 1)).all():
            raise NotRun(
                "its boxes overlap in so long a chain that the suppression in the file ends "
                "before all is decided, and says so (`settled` is 0)"
            )
        return named(found, self._record, {t: t for t in taps})
