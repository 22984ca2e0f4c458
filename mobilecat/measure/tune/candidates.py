"""Where candidates come from: the source model, or an artifact that shows them; kept between runs.

A picture is inferred once, however many settings are swept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.graph import Array
from mobilecat.heads import Candidates
from mobilecat.heads.reference.tensors import best_candidates
from mobilecat.lanes import Lane, NotRun, lanes_of, open_lane
from mobilecat.lanes.candidates import candidates_of, shows_candidates
from mobilecat.measure.evaluate.collect import Opener
from mobilecat.measure.tune.kept import Store
from mobilecat.measure.tune.ranked import Ranked, rank
from mobilecat.pictures.reading import fit_picture, read_picture


def lane_to_tune(bundle: Bundle, runner: str | None, artifact: str | None) -> Lane:
    """Return the lane asked for, else `source`; ArtifactError where it shows no candidates."""
    if runner is None and artifact is None:
        return Lane("source")
    lanes = lanes_of(bundle, runner, artifact, slow=False)
    showing = [lane for lane in lanes if shows_candidates(lane, bundle)]
    if showing:
        return showing[0]
    others = [x.name for x in lanes_of(bundle) if shows_candidates(x, bundle)]
    raise ArtifactError(
        "This does not show its candidates before NMS",
        [Problem(lanes[0].name, fix=f"these do: {', '.join(others)}")],
    )


class Engine:
    """The lane's model, opened when the first picture needs it."""

    def __init__(
        self,
        folder: Path,
        bundle: Bundle,
        lane: Lane,
        source: Path | None,
        opener: Opener = open_lane,
    ) -> None:
        self._open = partial(_candidates_of, folder, bundle, lane, source, opener)
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
    folder: Path, bundle: Bundle, lane: Lane, source: Path | None, opener: Opener
) -> Callable[[Array], Candidates]:
    try:
        runner = opener(folder, bundle, lane, source)
    except NotRun as reason:
        fix = ""
        if lane.artifact is None and (shown := _artifact_thatshows_candidates(bundle)):
            fix = f"or tune on an artifact: --artifact {shown}"
        problem = Problem(str(reason), lane.name, fix)
        raise MobileCatError("The model to tune cannot run here", [problem]) from None
    return partial(candidates_of, runner, bundle)


def _artifact_thatshows_candidates(bundle: Bundle) -> str | None:
    lanes = [x for x in lanes_of(bundle) if x.artifact is not None and shows_candidates(x, bundle)]
    return next((x.artifact.file for x in lanes if x.artifact), None)
