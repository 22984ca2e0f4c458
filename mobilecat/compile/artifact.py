"""One artifact of an export: which graph it takes, what it cannot hold, its bytes, its record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mobilecat.bake.endings import Ending
from mobilecat.bake.preprocessing import Form
from mobilecat.bundle import ArtifactRecord
from mobilecat.disk import sha256_of, size_of
from mobilecat.errors import UnsupportedError
from mobilecat.formats.base.emitted import Emitted
from mobilecat.formats.table import FORMATS
from mobilecat.shown import WARNING
from mobilecat.spec import Spec, TargetSpec
from mobilecat.spec.targets import stored

if TYPE_CHECKING:
    import onnx_ir as ir

    from mobilecat.bake import Baked
    from mobilecat.formats.base.inspection import Inspection

Variant = tuple[Form, Ending]
CONTRACT: Variant = ("uint8", "tensor")
"""The contract of the bundle is the tensor contract, also where every artifact has another."""


def variant_of(target: TargetSpec, plain: Baked, spec: Spec) -> Variant:
    """Return what the target's graph takes and how it ends."""
    return cast(Variant, FORMATS[target.kind].variant(target, plain, spec))


def gaps_of(graphs: Mapping[TargetSpec, Baked]) -> dict[TargetSpec, UnsupportedError]:
    """Return every gap of every target, before the first file."""
    found: dict[TargetSpec, UnsupportedError] = {}
    for target, baked in graphs.items():
        try:
            FORMATS[target.kind].require(target, baked)
        except UnsupportedError as e:
            found[target] = e
    return found


def emit(target: TargetSpec, baked: Baked, spec: Spec, path: Path) -> ArtifactRecord:
    """Write the artifact to `path`, which must not exist yet; return its record for the bundle."""
    format = FORMATS[target.kind]
    outputs = {v.name or "" for v in baked.model.graph.outputs}
    taps = (*baked.raw, *baked.candidates) if baked.image or baked.candidates else ()
    unseen = _unseen(target, baked, spec)
    if baked.calibration is not None:
        for text in unseen:  # before layers are tried for minutes on pictures that show nothing
            said = f"{WARNING}{path.name}: {text}. Ctrl-C stops, and nothing is written"
            baked.calibration.progress(said)
    made: Emitted = format.emit(
        target, baked, spec, path, tuple(t for t in taps if t not in outputs)
    )
    dtypes, lints = made.dtypes, (*made.lints, *unseen)
    if not made.inspected:
        written: Inspection = format.inspect(path, format.name)
        lints = (*lints, *written.lints)
        if dtypes is None:
            dtypes = _other_dtypes(written, baked.model, made.outputs)
    return ArtifactRecord(
        file=path.name,
        kind=target.kind,
        format=target.suffix[1:],
        contract=target.contract,
        precision=stored(target),
        bytes=size_of(path),
        sha256=sha256_of(path, made.hashes),
        image=made.image,  # type: ignore[arg-type]
        image_scale=made.image_scale,
        inputs=dict(made.inputs),
        outputs=dict(made.outputs),
        output_dtypes=dict(dtypes or {}),
        taps=dict(made.taps),
        ranges=dict(made.ranges),
        rounding="fitted" if made.fitted else "nearest",
        lints=tuple(dict.fromkeys(lints)),
    )


def _unseen(target: TargetSpec, baked: Baked, spec: Spec) -> tuple[str, ...]:
    """Return which classes the calibration of the artifact never saw, in a sentence."""
    nms = spec.effective_nms
    if not target.calibrated or baked.calibration is None or nms is None:
        return ()
    from mobilecat.graph import shape_of
    from mobilecat.quantize.lints import unseen

    scores = [v for n in baked.model.graph for v in n.outputs if v.name in baked.candidates]
    scores = [v for v in scores if "scores" in (v.name or "") and len(shape_of(v)) == 3]
    if len(scores) != 1:
        return ()
    name = scores[0].name or ""
    seen = baked.calibration.ranges(baked.model, {name})
    said = unseen(seen[name], spec.labels, nms.score_threshold) if name in seen else None
    return (said,) if said else ()


def _other_dtypes(found: Inspection, model: ir.Model, names: Mapping[str, str]) -> dict[str, str]:
    from mobilecat.graph import dtype_of

    written = {port.name: port.dtype for port in found.outputs}
    expected = {v.name or "": dtype_of(v).name for v in model.graph.outputs}
    return {k: written[names[k]] for k, dtype in expected.items() if written[names[k]] != dtype}
