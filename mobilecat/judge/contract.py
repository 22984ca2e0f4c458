"""What holds for any result, whatever the picture: names, shapes, types, and what NMS promises."""

from __future__ import annotations

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check, Stage, form_fault, passed
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.boxes import iou
from mobilecat.graph import Array
from mobilecat.heads.reference.selection import overlap_of
from mobilecat.judge.observe import Observed, gives_detections, watched
from mobilecat.rows import WHOLE
from mobilecat.spec import NmsSpec


def check_contract(bundle: Bundle, observed: Observed, limits: Limits) -> list[Check]:
    """Return the checks that need no golden: one line where all is well, one a fault elsewhere."""
    checks = _forms(bundle, observed)
    if not gives_detections(bundle) or any(c.verdict == "FAIL" for c in checks):
        return checks
    return checks + _nms_promises(bundle, observed, limits)


def _forms(bundle: Bundle, observed: Observed) -> list[Check]:
    contracts = {t.name: t for t in bundle.outputs}
    inner = {n: w.contract for n, w in watched(bundle).items() if n in observed.asked}
    wanted = {**inner, **contracts}
    got = observed.tensors
    faults = [_failed(n, "is missing from what the artifact gave") for n in wanted if n not in got]
    faults += [
        _failed(n, "is given, but the bundle names no such output") for n in got.keys() - wanted
    ]
    for name, contract in wanted.items():
        if name in got:
            reason = form_fault(contract.shape, np.dtype(contract.dtype), got[name])
            faults += [_failed(name, reason)] if reason else []
    if faults:
        return sorted(faults, key=lambda c: c.name)
    text = f"{len(contracts)} outputs and {len(inner)} inner tensors: names, shapes, types"
    return [Check("contract", "forms", "PASS", detail=text)]


def _nms_promises(bundle: Bundle, observed: Observed, limits: Limits) -> list[Check]:
    """Return checks of count, padding, order, class ids, threshold and overlap."""
    nms = bundle.spec.effective_nms
    got = observed.tensors
    rows = got["scores"].shape[-1]
    count = int(got["count"].reshape(-1)[0])
    if not 0 <= count <= rows:
        return [_failed("count", f"is {count}, but there are {rows} rows")]
    per_row = {n: got[n].reshape(rows, -1) for n in got if _has_rows(n, bundle)}
    found = {n: v[:count] for n, v in per_row.items()}
    checks = [
        _nonfinite(found),
        _padding({n: v[count:] for n, v in per_row.items()}, rows - count),
    ]
    if checks[0].verdict == "FAIL":
        return checks
    scores = found["scores"][:, 0].astype(np.float64)
    ids = found["class_ids"][:, 0]
    checks += [_order(scores), _class_ids(ids, len(bundle.spec.labels))]
    if count and nms is not None:
        checks.append(_threshold(scores, nms, limits))
        if nms.selection == "nms":
            checks.append(_overlap(found, nms, bundle, limits))
    return checks


def _has_rows(name: str, bundle: Bundle) -> bool:
    return name not in ("count", *WHOLE) and any(t.name == name for t in bundle.outputs)


def _nonfinite(found: dict[str, Array]) -> Check:
    bad = [n for n, v in found.items() if not np.isfinite(v).all()]
    detail = f"NaN or inf in {', '.join(bad)}" if bad else ""
    return Check("contract", "finite", passed(not bad), detail=detail)


def _padding(rest: dict[str, Array], rows: int) -> Check:
    bad = [n for n, v in rest.items() if np.any(v != 0)]
    detail = f"rows from `count` on are not zero in {', '.join(bad)}" if bad else f"{rows} rows"
    return Check("contract", "padding", passed(not bad), detail=detail)


def _order(scores: Array) -> Check:
    rises = np.flatnonzero(np.diff(scores) > 0)
    detail = f"row {rises[0] + 1} scores higher than row {rises[0]}" if rises.size else ""
    return Check("contract", "order", passed(not rises.size), detail=detail)


def _class_ids(ids: Array, labels: int) -> Check:
    bad = [int(i) for i in ids if i < 0 or (labels and i >= labels)]
    have = f"{labels} labels" if labels else "no negative class"
    detail = f"class {bad[0]}, but there are {have}" if bad else ""
    return Check("contract", "class_ids", passed(not bad), detail=detail)


def _threshold(scores: Array, nms: NmsSpec, limits: Limits) -> Check:
    below = float(max(0.0, nms.score_threshold - scores.min()))
    detail = f"lowest score {scores.min():.4f}, score_threshold {nms.score_threshold:g}"
    ok = below <= limits.scores
    return Check("detections", "threshold", passed(ok), below, limits.scores, detail)


def _overlap(found: dict[str, Array], nms: NmsSpec, bundle: Bundle, limits: Limits) -> Check:
    """No two kept boxes overlap beyond iou_threshold: measured is by how much they do, since close
    to it is no worse than far below.

    IoU is a ratio like a score, and has the scores' rounding: that tolerance applies.
    """
    boxes = found["boxes"].astype(np.float64)
    if "angles" in found:
        measured = overlap_of(boxes, found["angles"], nms)
        share = np.stack([measured(i, list(range(len(boxes)))) for i in range(len(boxes))])
    else:
        share = iou(boxes, boxes)
    if nms.per_class:
        ids = found["class_ids"][:, 0]
        share = np.where(ids[:, None] == ids[None], share, 0)
    np.fill_diagonal(share, 0)
    i, j = np.unravel_index(int(share.argmax()), share.shape)
    worst = float(share[i, j])
    beyond = max(0.0, worst - nms.iou_threshold)
    detail = f"largest IoU of two kept boxes {worst:.4f}, iou_threshold {nms.iou_threshold:g}"
    ok = beyond <= limits.scores
    return Check("detections", "overlap", passed(ok), beyond, limits.scores, detail)


def _failed(name: str, detail: str, stage: Stage = "contract") -> Check:
    return Check(stage, name, "FAIL", detail=detail)
