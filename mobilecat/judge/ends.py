"""The ends of a new bundle's artifacts, tried on made values before the bundle takes its place.

Decode and suppression are ours: where one of them is wrong for this model in one target, no picture
of the user's needs to show it first. What this machine cannot run is left to `validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.compare.compare import Check
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.foreign import give_back_memory
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.graph import Array
from mobilecat.judge.made import made_for, try_made
from mobilecat.judge.observe import gives_detections, watched
from mobilecat.judge.random import random_inputs
from mobilecat.lanes import lanes_of, open_lane

_FIX = "please report the model: this is a fault of mobilecat's; leave the target out meanwhile"


def require_right_ends(folder: Path, bundle: Bundle, source: Path) -> tuple[str, ...]:
    """Return a note of what was tried; ArtifactError where an artifact's end is wrong.

    source: the model file. Its own values, by which the decode is tried, are asked for where
    onnxruntime runs it: TensorFlow would take ten seconds to start.
    """
    if not gives_detections(bundle):
        return ()
    runner, raw = (None, {}) if bundle.source.format != "onnx" else _example(folder, bundle, source)
    made = made_for(bundle, runner, raw)
    del runner
    give_back_memory(max((a.bytes for a in bundle.artifacts), default=0))
    tried: list[str] = []
    partly: list[str] = []
    wrong: list[Problem] = []
    for lane in lanes_of(bundle, slow=False):
        checks = try_made(folder, bundle, lane, made)
        wrong += [
            _said(c, lane.artifact.file) for c in checks if c.verdict == "FAIL" and lane.artifact
        ]
        if lane.artifact and any(c.verdict == "PASS" for c in checks):
            tried.append(lane.artifact.file)
            partly += [lane.artifact.file] if any(c.verdict == "NOT_RUN" for c in checks) else []
    if wrong:
        raise ArtifactError("A new artifact's decode or suppression is wrong on made values", wrong)
    what = "decode and suppression" if raw else "suppression"
    files = [f"{x} (but for one test)" if x in partly else x for x in dict.fromkeys(tried)]
    return (f"tried on made values, {what}: {', '.join(files)}",) if files else ()


def _example(
    folder: Path, bundle: Bundle, source: Path
) -> tuple[Runner | None, Mapping[str, Array]]:
    """Return the source, and what its network gives for one random picture."""
    names = [n for n, w in watched(bundle).items() if w.stage == "raw"]
    try:
        runner = open_lane(folder, bundle, lanes_of(bundle, "source")[0], source)
        found = runner.infer(random_inputs(bundle, 0, 0).tensors, names)
    except (NotRun, MobileCatError):
        return None, {}
    return runner, {n: found[n] for n in names if n in found}


def _said(check: Check, file: str) -> Problem:
    limit = "" if check.limit is None else f", limit {check.limit:g}"
    value = "" if check.value is None else f" {check.value:.3g}{limit}:"
    return Problem(f"{check.name}{value} {check.detail}", file, _FIX)
