"""Where candidates come from: the source model, or an artifact that shows them; kept between runs.

A picture is inferred once, however many settings are swept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.heads.reference.tensors import best_candidates
from mobilecat.lanes import Lane, NotRun, Runner, lanes_of, open_lane
from mobilecat.lanes.source import SourceRunner
from mobilecat.measure.tune.kept import Store
from mobilecat.measure.tune.ranked import Ranked, rank
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.rows import kinds_of


def lane_to_tune(bundle: Bundle, runner: str | None, artifact: str | None) -> Lane:
    """Return the lane asked for, else `source`; ArtifactError where it shows no candidates."""
    if runner is None and artifact is None:
        return Lane("source")
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    showing = [lane for lane in lanes if _shows(lane, bundle)]
    if showing:
        return showing[0]
    others = [x.name for x in lanes_of(bundle) if _shows(x, bundle)]
    raise ArtifactError(
        "This does not show its candidates before NMS",
        [Problem(lanes[0].name, fix=f"these do: {', '.join(others)}")],
    )


def _shows(lane: Lane, bundle: Bundle) -> bool:
    if lane.artifact is None:
        return True
    names = [t.name for t in bundle.candidates]
    return lane.taps and set(names) <= set(lane.artifact.taps)


class Engine:
    """The lane's model, opened when the first picture needs it."""

    def __init__(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> None:
        self._open = partial(_candidates_of, folder, bundle, lane, source)
        self._infer: Callable[[Array], Candidates] | None = None
        self._bundle = bundle
        self.inferences = 0

    def ranked(self, path: Path, floor: float) -> Ranked:
        """Run the model on the picture at `path`; return its candidates above `floor`."""
        if self._infer is None:
            self._infer = self._open()
        image = self._bundle.spec.input
        assert image is not None
        pixels, _ = fit_picture(read_picture(path), image)
        self.inferences += 1
        nms = self._bundle.spec.effective_nms
        found = best_candidates(self._infer(pixels), nms.candidates if nms else None)
        return rank(found, floor, nms.selection if nms else "nms")


def ranked_of(path: Path, floor: float, engine: Engine, store: Store) -> Ranked:
    """Return the picture's candidates above `floor`, from the store or else from the model."""
    key = sha256_of(path)
    if (kept := store.get(key, floor)) is not None:
        return kept
    found = engine.ranked(path, floor)
    store.put(key, found)
    return found


def _candidates_of(
    folder: Path, bundle: Bundle, lane: Lane, source: Path | None
) -> Callable[[Array], Candidates]:
    try:
        runner = open_lane(folder, bundle, lane, source)
    except NotRun as reason:
        fix = ""
        if lane.artifact is None and (shown := _artifact_that_shows(bundle)):
            fix = f"or tune on an artifact: --artifact {shown}"
        problem = Problem(str(reason), lane.name, fix)
        raise MobileCatError("The model to tune cannot run here", [problem]) from None
    if isinstance(runner, SourceRunner):
        return runner.candidates
    return lambda pixels: _tapped(runner, bundle, pixels)


def _artifact_that_shows(bundle: Bundle) -> str | None:
    lanes = [x for x in lanes_of(bundle) if x.artifact is not None and _shows(x, bundle)]
    return next((x.artifact.file for x in lanes if x.artifact), None)


def _tapped(runner: Runner, bundle: Bundle, pixels: Array) -> Candidates:
    """Return what an artifact has before its NMS, as the bundle's contract names it."""
    names = [t.name for t in bundle.candidates]
    found = runner.infer({"image": pixels}, names)
    if missing := [name for name in names if name not in found]:
        what = f"does not show {', '.join(missing)}, which its record promises"
        raise ArtifactError("The bundle contradicts itself", [Problem(what, bundle.name)])
    arrays = [np.asarray(found[t.name], np.float64).reshape(t.shape) for t in bundle.candidates]
    kinds = kinds_of(t.name for t in bundle.outputs)
    return Candidates(arrays[0], arrays[1], dict(zip(kinds[2:], arrays[2:], strict=True)))
