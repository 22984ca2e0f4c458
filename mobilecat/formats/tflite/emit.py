"""The frozen graph as a .tflite artifact: with plain tensors, or the four detection outputs."""

from __future__ import annotations

from pathlib import Path

from mobilecat.bake import Baked
from mobilecat.bake.endings import Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.base.lowering import prepared
from mobilecat.formats.tflite.classifier_file import classifier_file
from mobilecat.formats.tflite.detection_file import detection_file, ending_for
from mobilecat.formats.tflite.inspect import tensor_shapes
from mobilecat.formats.tflite.lower.lowering import MAX_RANK
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.formats.tflite.write import LOWERINGS, tflite_from_graph
from mobilecat.spec import Spec


def variant(target: TfliteTarget, plain: Baked, spec: Spec) -> tuple[Form, Ending]:
    if target.contract == "detection":
        return target.input, ending_for(plain, spec)
    return target.input, target.contract


def require(target: TfliteTarget, baked: Baked) -> None:
    LOWERINGS.require(prepared(baked.model, LOWERINGS, MAX_RANK))


def emit(
    target: TfliteTarget, baked: Baked, spec: Spec, path: Path, taps: tuple[str, ...]
) -> Emitted:
    outputs = {v.name or "": v.name or "" for v in baked.model.graph.outputs}
    dtypes: dict[str, str] | None = None
    if target.contract == "detection":
        file = detection_file(baked, spec)
        data, outputs, dtypes = file.data, file.outputs, file.dtypes
    elif target.contract == "classifier":
        data = classifier_file(baked, spec)
    else:
        data = tflite_from_graph(baked.model, description=f"{spec.name}, made by mobilecat")
    path.write_bytes(data)
    there = tensor_shapes(data)
    return Emitted(
        inputs={v.name or "": v.name or "" for v in baked.model.graph.inputs},
        outputs=outputs,
        taps={t: t for t in taps if t in there},
        image=target.input if baked.image else None,
        dtypes=dtypes,
    )
