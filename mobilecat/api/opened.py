"""`mc.open` and `mc.run`: a bundle or cascade, and all that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mobilecat.api import changing, judging, measuring, replaying
from mobilecat.api.given import PathLike, Progress, path_or_none, silent
from mobilecat.api.lending import Lent
from mobilecat.bundle import ArtifactRecord, Bundle, TensorContract
from mobilecat.bundle.cascade import CascadeBundle, open_any
from mobilecat.bundle.given import OWN, given
from mobilecat.bundle.older import changed_since
from mobilecat.judge.rounding import Shaker
from mobilecat.lanes import Lane, Runner, lanes_of, open_lane
from mobilecat.lanes.picture import PictureRun, run_picture
from mobilecat.measure.seen import seen_among
from mobilecat.pictures.reading import Picture
from mobilecat.shown import Column, Line, Shown, Table, human_size
from mobilecat.spec import Spec


@dataclass(frozen=True, repr=False)
class OpenBundle(Shown):
    """A bundle or cascade that was opened; usable as its path wherever a bundle is asked for.

    contract: bundle.json. source: where the source model lies now, if not where bundle.json has it.
    A lane's engine is loaded when it first runs, and kept. `evaluate`, `tune` and `validate` lend
    each other theirs (`lent`), as long as no file has changed.
    """

    folder: Path
    contract: Bundle
    source: Path | None = None
    _engines: dict[str, Runner] = field(default_factory=dict, compare=False)
    lent: Lent = field(default_factory=Lent, init=False, compare=False)

    def __fspath__(self) -> str:
        return str(self.folder)

    @property
    def name(self) -> str:
        return self.contract.name

    @property
    def spec(self) -> Spec:
        """What was exported: input, head, NMS, labels, landmarks, targets, tolerances."""
        return self.contract.spec

    @property
    def older(self) -> str:
        """A sentence where the spec beside it has changed since it was exported, else ""."""
        if isinstance(self.contract, CascadeBundle):
            return ""
        return changed_since(self.folder, self.contract)

    def calibrated_on(self, pictures: Sequence[PathLike]) -> tuple[Path, ...]:
        """Return which of these pictures the quantised files took their ranges from: by their
        bytes, or else their pixels. On them such a file looks better than it is."""
        there = [Path(p) for p in pictures if Path(p).is_file()]
        return tuple(seen_among(self.contract, there))

    @property
    def artifacts(self) -> tuple[ArtifactRecord, ...]:
        """Each compiled file and what it takes and gives; of a cascade, each pair of files."""
        return self.contract.artifacts

    @property
    def outputs(self) -> tuple[TensorContract, ...]:
        """What every artifact gives, with the frame that it is in; one of another contract than
        `tensor` gives what its record says, and a lane of it is read as these."""
        return self.contract.outputs

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The ways to run it: the source model, and each artifact in each engine that takes it."""
        return tuple(lanes_of(self.contract))

    def run(
        self,
        picture: Picture,
        *,
        runner: str | None = None,
        artifact: str | None = None,
        boxes: PathLike | None = None,
        nms: Mapping[str, Any] | None = None,
        progress: Progress = silent,
    ) -> PictureRun:
        """Run the lanes, all or those named, on a picture; see `mc.run`."""
        return run_picture(
            self.folder,
            self.contract,
            picture,
            runner=runner,
            artifact=artifact,
            boxes=path_or_none(boxes),
            opener=self.engine,
            is_warm=lambda lane: lane.name in self._engines,
            nms=nms,
            progress=progress,
        )

    @cached_property
    def shaker(self) -> Shaker:
        """The source with rounded weights, opened when a golden is first recorded."""
        return Shaker(self.folder, self.contract, self.source)

    def engine(self, lane: Lane) -> Runner:
        """Return a lane's engine, loaded once. Errors: NotRun where it cannot run here."""
        if lane.name not in self._engines:
            opened = open_lane(self.folder, self.contract, lane, self.source)
            self._engines[lane.name] = opened
        return self._engines[lane.name]

    # A bundle that is open is a path: the verbs are its methods as they are.
    validate = judging.validate
    bisect = judging.bisect
    inspect = judging.inspect
    evaluate = measuring.evaluate
    tune = measuring.tune
    replay = replaying.replay
    diff = changing.diff

    def words(self) -> Iterator[Line | Table]:
        head = self.spec.head.kind
        kind = "cascade" if self.contract.source.format == "cascade" else f"head {head}"
        yield Line(f"{self.name}  {kind}, {self.folder}", "bold")
        columns = [Column("artifact", "text"), Column("size"), Column("precision", "word")]
        yield Table(columns, [(a.file, human_size(a.bytes), a.precision) for a in self.artifacts])
        if any(a.contract != OWN for a in self.artifacts):
            yield from (Line(f"  {said}", "dim") for said in given(self.contract))
            return
        for o in self.outputs:
            shape = "×".join(map(str, o.shape))
            yield Line(f"  out  {o.name}  {shape} {o.dtype}  ({o.meaning})", "dim")


def run(
    bundle: PathLike,
    picture: Picture,
    *,
    runner: str | None = None,
    artifact: str | None = None,
    source: PathLike | None = None,
    boxes: PathLike | None = None,
    nms: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> PictureRun:
    """Run a bundle on a picture: what each lane finds, in the picture's pixels.

    picture: a path, a PIL image, or uint8 [H,W,3], RGB. runner, artifact: one engine, one file; all
    of them without. source: where the source model lies now. boxes: JSON, of a cascade that finds
    none itself. nms: keys of [nms], such as `{"score_threshold": 0.1}`, tried on each lane's
    candidates in place of what is baked in. For many pictures, `mc.open` once and run that.

    What cannot run here says so in `not_run`. Errors: ArtifactError for a damaged bundle,
    ImageError for an unusable picture, MobileCatError for names that it does not have.

    >>> found = mc.run("cat_faces", PICTURES / "two_on_a_sofa.png", runner="onnx")
    >>> found.detections.boxes_xyxy.shape, found["onnx"].lane.name
    ((2, 4), 'onnx:cat_faces.onnx')
    >>> mc.run("cat_faces", np.zeros((48, 64, 3), np.uint8), runner="tflite").detections
      nothing above the threshold
    """
    return open(bundle, source=source).run(
        picture, runner=runner, artifact=artifact, boxes=boxes, nms=nms, progress=progress
    )


def open(bundle: PathLike, *, source: PathLike | None = None, verify: bool = True) -> OpenBundle:
    """Open a bundle or a cascade that `export` made, and hold every file to its hash.

    source: where the source model lies now. verify: False trusts the files.
    Errors: ArtifactError listing every missing, damaged or contradictory file.

    >>> cats = mc.open("cat_faces")
    >>> cats.spec.labels, cats.spec.input.size
    (('cat face',), (224, 224))
    >>> len(cats.run(PICTURES / "three_in_a_meadow.png", runner="coreml").detections)
    3
    """
    if isinstance(bundle, OpenBundle) and source is None:
        return bundle
    folder = Path(bundle)
    return OpenBundle(folder, open_any(folder, verify), path_or_none(source))
