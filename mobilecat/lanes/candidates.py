"""What a lane decodes before suppression: shown where it ends, and suppressed by other settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.errors import ArtifactError, Problem, SpecError
from mobilecat.formats.base.runner import Runner
from mobilecat.geometry.resize import ResizePlan
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.heads.reference.masks import finished
from mobilecat.heads.reference.tensors import tensors_from_candidates
from mobilecat.lanes.base import Lane
from mobilecat.lanes.detect import decode_outputs
from mobilecat.lanes.source import SourceRunner
from mobilecat.pictures.detections import Detections
from mobilecat.rows import WHOLE, kinds_of
from mobilecat.spec import NmsSpec
from mobilecat.spec.taken import refusal

TRIED = ("score_threshold", "iou_threshold", "max_detections", "per_class")
"""Keys of [nms] that the head's candidates can be suppressed by anew."""


def shows_candidates(lane: Lane, bundle: Bundle) -> bool:
    """Return whether the lane gives its candidates: the source does, and artifacts with taps."""
    if isinstance(bundle, CascadeBundle) or bundle.spec.effective_nms is None:
        return False
    if lane.artifact is None:
        return True
    return lane.taps and {t.name for t in bundle.candidates} <= set(lane.artifact.taps)


def candidates_of(runner: Runner, bundle: Bundle, pixels: Array) -> Candidates:
    """Return what is decoded of `pixels`, uint8 [H,W,C], before suppression: float64.

    Errors: ArtifactError where an artifact lacks what its record promises.
    """
    if isinstance(runner, SourceRunner):
        return runner.candidates(pixels)
    names = [t.name for t in bundle.candidates]
    found = runner.infer({"image": pixels}, names)
    if missing := [name for name in names if name not in found]:
        what = f"does not show {', '.join(missing)}, which its record promises"
        raise ArtifactError("The bundle contradicts itself", [Problem(what, bundle.name)])
    arrays = [np.asarray(found[t.name], np.float64).reshape(t.shape) for t in bundle.candidates]
    kinds = kinds_of(t.name for t in bundle.outputs)
    maps = {name: found[name] for name in WHOLE if name in found}
    return Candidates(arrays[0], arrays[1], dict(zip(kinds[2:], arrays[2:], strict=True)), maps)


def best_below(found: Candidates, bundle: Bundle, plan: ResizePlan) -> Detections | None:
    """Return the candidate of the best score in the picture's pixels, at no threshold.

    None where no score is above 0.
    """
    nms = bundle.spec.effective_nms
    assert nms is not None
    best = int(found.scores[0].max(axis=1, initial=0).argmax()) if found.scores.size else 0
    one = {name: value[:, best : best + 1] for name, value in found.all.items()}
    alone = Candidates(one.pop("boxes"), one.pop("scores"), one, found.maps)
    kept = suppressed_by(alone, bundle, _tried(nms, {"score_threshold": 0.0, "max_detections": 1}))
    near = decode_outputs(kept, plan)
    return near if len(near) else None


def suppressed_by(found: Candidates, bundle: Bundle, nms: NmsSpec) -> dict[str, Array]:
    """Return the tensor contract of `found` with these settings in place of the baked ones."""
    spec = bundle.spec
    assert spec.input is not None
    return finished(spec.head, tensors_from_candidates(found, nms), spec.input.size)


def tried_nms(bundle: Bundle, settings: Mapping[str, Any]) -> NmsSpec | None:
    """Return the bundle's [nms] with `settings` in it; None where there are none.

    Errors: SpecError with every key or value that does not fit.
    """
    if not settings:
        return None
    problems = [
        Problem(_why_not(key), f"nms.{key}", _nearest(key)) for key in settings if key not in TRIED
    ]
    nms = bundle.spec.effective_nms
    if nms is None:
        problems = [Problem(f"head {bundle.spec.head.kind!r} suppresses nothing", bundle.name)]
    elif isinstance(bundle, CascadeBundle):
        fix = "try it on the detector's own bundle, in its folder `detector`"
        problems = [Problem("is a cascade", bundle.name, fix)]
    elif not problems:
        try:
            return _tried(nms, settings)
        except ValidationError as e:
            problems = [_refused(dict(x)) for x in e.errors(include_url=False)]
    raise SpecError("These settings cannot be tried", problems)


def _refused(error: dict[str, Any]) -> Problem:
    key = str(error["loc"][0]) if error["loc"] else ""
    where = f"nms.{key}" if key else "nms"
    if error["type"] == "value_error":
        return Problem(str(error["msg"]).removeprefix("Value error, "), where)
    what, fix = refusal(where, error["input"], NmsSpec.model_fields.get(key), error=error["type"])
    return Problem(what, fix=fix)


def _tried(nms: NmsSpec, settings: Mapping[str, Any]) -> NmsSpec:
    return NmsSpec.model_validate({**nms.model_dump(), **settings})


def _why_not(key: str) -> str:
    known = key in NmsSpec.model_fields
    return "cannot be tried on a bundle: it needs an export" if known else "unknown key"


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, TRIED, n=1)
    return f"did you mean nms.{close[0]}?" if close else f"one of {', '.join(TRIED)}"
