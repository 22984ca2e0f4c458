"""Hold what a lane gave to a golden, and to the live source. Pure: values in, checks out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, Stage, compare_tensors, passed
from mobilecat.compare.match import compare_detections
from mobilecat.compare.probe import compare_probe, compare_probes
from mobilecat.compare.tolerances import STRUCTURE, Bound, Limits
from mobilecat.errors import MobileCatError
from mobilecat.geometry.resize import plan_resize
from mobilecat.golden.changed import list_words
from mobilecat.golden.store import Expected, PlanRecord
from mobilecat.graph import Array
from mobilecat.judge.moving import judge_frames
from mobilecat.judge.observe import Observed, gives_detections, offered, watched
from mobilecat.judge.rounding import moves_of, near_rows, widened, widest
from mobilecat.judge.ties import ties_of
from mobilecat.lanes import decode_outputs
from mobilecat.pictures.detections import Detections, Floats
from mobilecat.pictures.similarity import sigmas_of


def judge_golden(
    bundle: Bundle,
    observed: Observed,
    expected: Expected,
    limits: Limits,
    reference: Observed | None = None,
) -> list[Check]:
    """Return every check of one lane and case against what was approved.

    reference: what the source gives for the same input, where it runs here.
    """
    checks = _same_terms(bundle, observed, expected)
    checks += _probes(bundle, observed, expected, limits)
    if gives_detections(bundle) or expected.detections is not None:
        checks += _detections(bundle, observed, expected, limits, reference)
    return checks


def judge_source(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    limits: Limits,
    shaken: Callable[[], Observed | None] = lambda: None,
    against: str = "source",
) -> list[Check]:
    """Return a check a watched tensor, in full, against what the source gave for the same input.

    shaken: gives what the source gives with its weights rounded, on the same input.
    """

    def moved(name: str) -> Array | None:
        found = shaken()
        return found.tensors.get(name) if found else None

    def near() -> npt.NDArray[np.bool_] | None:
        return near_rows(bundle, reference.tensors)

    checks: list[Check] = []
    can = offered(observed.lane, bundle)
    stages: tuple[Stage, ...] = ("raw", "candidates")
    for stage in stages:
        names = [n for n, w in watched(bundle).items() if w.stage == stage]
        checks += [_not_offered(stage, n, against) for n in names if n not in can]
        wanted = [n for n in names if n in can]
        if wanted:
            expected = {n: reference.tensors[n] for n in wanted if n in reference.tensors}
            got = {n: observed.tensors[n] for n in wanted if n in observed.tensors}
            bound = bound_of(bundle, limits)
            checks += compare_tensors(
                stage, expected, got, bound, against, moved, near, reference.sizes
            )
    return checks


def judge_structure(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    limits: Limits,
    shaken: Callable[[], Observed | None],
) -> list[Check]:
    """Return every check of a program without its rounding against the live source."""
    checks = judge_source(bundle, observed, reference, limits, shaken, STRUCTURE)
    if gives_detections(bundle):
        checks += judge_results(bundle, observed, reference, limits, shaken, STRUCTURE)
    return checks


def judge_results(
    bundle: Bundle,
    observed: Observed,
    reference: Observed,
    limits: Limits,
    shaken: Callable[[], Observed | None],
    against: str = "source",
) -> list[Check]:
    """Return the checks of detections against the source's, in pixels of the model input.

    For an input of the model's own size, which has no fit to undo.
    """
    assert bundle.spec.input is not None
    plan = plan_resize(bundle.spec.input.size, bundle.spec.input.size, "stretch")
    e, g = (detections_of(replace(o, plan=plan)) for o in (reference, observed))
    if isinstance(e, str) or isinstance(g, str):
        said = e if isinstance(e, str) else str(g)
        return [Check("detections", "detections", "FAIL", detail=said, against=against)]

    def found(limits: Limits) -> list[Check]:
        to_model = plan.model_from_image
        tied = ties_of(bundle, observed, reference, e, g, limits, to_model)
        threshold, sigmas = _threshold(bundle), _sigmas(bundle, e)
        whole = bundle.spec.head.whole_picture
        return compare_detections(e, g, limits, to_model, threshold, against, tied, sigmas, whole)

    return judged_again(bundle, reference, limits, shaken, found)


def judged_again(
    bundle: Bundle,
    reference: Observed,
    limits: Limits,
    shaken: Callable[[], Observed | None],
    judge: Callable[[Limits], list[Check]],
) -> list[Check]:
    """Return what `judge` says; where that is beyond a limit, under those that rounding sets."""
    checks = judge(limits)
    if all(c.verdict != "FAIL" or c.value is None for c in checks):
        return checks
    moved = shaken()
    return judge(widened(limits, moves_of(bundle, reference, moved), bundle)) if moved else checks


def judge_expected(bundle: Bundle, old: Expected, new: Expected, limits: Limits) -> list[Check]:
    """Return every check of a new result against an approved one, from their records alone."""
    checks = [
        _same("contract", "labels", old.labels, new.labels),
        _same("contract", "landmarks", old.landmarks, new.landmarks),
        _same("input", "fit", old.plan, new.plan),
    ]
    bound = bound_of(bundle, limits)
    for name, stored in old.tensors.items():
        if name in new.tensors:
            kind = bound(name, np.zeros(0, np.dtype(stored.dtype)))
            checks.append(compare_probes(name, stored, new.tensors[name], kind))
        else:
            checks.append(_not_offered(stored.stage, name, "golden"))
    added = [n for n in new.tensors if n not in old.tensors]
    checks += [_failed(new.tensors[n].stage, n, "is new") for n in added]
    was, now = old.found, new.found
    if was is not None and now is not None and new.plan is not None:
        to_model = new.plan.plan.model_from_image
        threshold, sigmas = _threshold(bundle), _sigmas(bundle, was)
        whole = bundle.spec.head.whole_picture
        checks += compare_detections(
            was, now, limits, to_model, threshold, sigmas=sigmas, whole=whole
        )
    elif (old.frames or new.frames) and new.plan is not None:
        checks += judge_frames(bundle, old.frames, new.frames, new.plan, limits)
    elif (was is None) != (now is None):
        checks.append(_failed("detections", "detections", "only one of the two has detections"))
    return checks


def detections_of(observed: Observed) -> Detections | str:
    """Return the detections in image pixels, or why the outputs cannot be read as such."""
    if observed.plan is None:
        return "the input is no picture"
    try:
        with np.errstate(invalid="ignore"):  # inf · 0; the comparison names NaN and inf
            return decode_outputs(observed.tensors, observed.plan)
    except MobileCatError as e:
        return "; ".join(p.what for p in e.problems) or e.summary
    except KeyError as e:
        return f"output {e} is missing"
    except (ValueError, IndexError, TypeError, OverflowError) as e:
        return f"{type(e).__name__}: {e}"


def bound_of(bundle: Bundle, limits: Limits) -> Callable[[str, Array], Bound]:
    """Return the limit of each watched tensor, by name and type."""
    kinds = {n: w.kind for n, w in watched(bundle).items()}

    def bound(name: str, tensor: Array) -> Bound:
        kind = kinds.get(name, "tensor")
        return replace(limits.bound(name, kind, tensor.dtype), most=widest(bundle, kind))

    return bound


def _same_terms(bundle: Bundle, observed: Observed, expected: Expected) -> list[Check]:
    """The golden speaks of the same labels, landmark names and fit of the picture."""
    spec = bundle.spec
    plan = PlanRecord.of(observed.plan) if observed.plan else None
    return [
        _same("contract", "labels", expected.labels, spec.labels),
        _same("contract", "landmarks", expected.landmarks, spec.landmarks),
        _same("input", "fit", expected.plan, plan),
    ]


def _same(stage: Stage, name: str, was: object, now: object) -> Check:
    detail = "" if was == now else f"approved with {_short(was)}, now {_short(now)}"
    if detail and isinstance(was, tuple) and isinstance(now, tuple):
        detail = f"approved → now: {list_words(name, was, now)}"
    return Check(stage, name, passed(was == now), detail=detail, against="golden")


def _short(value: object) -> str:
    text = str(value) if value else "none"
    return text if len(text) <= 120 else f"{text[:119]}…"


def _probes(bundle: Bundle, observed: Observed, expected: Expected, limits: Limits) -> list[Check]:
    here, can = watched(bundle), offered(observed.lane, bundle)
    bound = bound_of(bundle, limits)
    checks = []
    for name, stored in expected.tensors.items():
        tensor = observed.tensors.get(name)
        if name not in here or here[name].stage != stored.stage:
            reason = f"was approved as one of the {stored.stage} tensors; the bundle has none such"
            checks.append(_failed(stored.stage, name, reason))
        elif name not in can:
            checks.append(_not_offered(stored.stage, name, "golden"))
        elif tensor is None:
            checks.append(_failed(stored.stage, name, "is missing"))
        else:
            checks.append(compare_probe(name, stored, tensor, bound(name, tensor)))
    new = [n for n in here if n not in expected.tensors]
    return checks + [
        _failed(here[n].stage, n, "is not in the golden; record it again") for n in new
    ]


def _detections(
    bundle: Bundle,
    observed: Observed,
    expected: Expected,
    limits: Limits,
    reference: Observed | None,
) -> list[Check]:
    approved = expected.found
    if approved is None or expected.plan is None or not gives_detections(bundle):
        return [_failed("detections", "detections", "only one of golden and bundle has detections")]
    found = detections_of(observed)
    if isinstance(found, str):
        return [_failed("detections", "detections", f"cannot be read: {found}")]
    to_model = expected.plan.plan.model_from_image
    tied = ties_of(bundle, observed, reference, approved, found, limits, to_model)
    threshold, sigmas = _threshold(bundle), _sigmas(bundle, approved)
    return compare_detections(
        approved,
        found,
        limits,
        to_model,
        threshold,
        tied=tied,
        sigmas=sigmas,
        whole=bundle.spec.head.whole_picture,
    )


def _sigmas(bundle: Bundle, found: Detections) -> Floats | None:
    points = found.landmarks_xy
    return None if points is None else sigmas_of(bundle.spec, points.shape[1])


def _threshold(bundle: Bundle) -> float | None:
    nms = bundle.spec.effective_nms
    return None if nms is None else nms.score_threshold


def _not_offered(stage: Stage, name: str, against: str) -> Check:
    detail = "this artifact does not give it out"
    return Check(stage, name, "NOT_RUN", detail=detail, against=against)


def _failed(stage: Stage, name: str, detail: str) -> Check:
    return Check(stage, name, "FAIL", detail=detail, against="golden")
