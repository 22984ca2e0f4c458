"""An artifact's structure apart from its rounding.

Float16 rounds every weight, int8 and palettes far more, and limits wide enough for that hide half a
pixel, a dead channel, a scale of 1/128 for 1/127.5. So such a program also runs in float32 with the
weights as they were before they were rounded, and its activations with all their fractions, and is
held to the source at float32's limits. Those weights come from the same compilation in float32, and
are taken only where they round to the very bits that are shipped, under the scales and palettes
that are shipped (`formats.base.originals`): what the program does with them, and every bit of them
that its weights can hold, is the artifact's own.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk.cache import cached, keep
from mobilecat.formats.base.originals import Originals
from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.formats.table import FORMATS
from mobilecat.graph import Array
from mobilecat.lanes import Lane
from mobilecat.lanes.base import as_tensors
from mobilecat.lanes.source import open_changed, source_file

_SUFFIX = ".npz"
Wide = list[tuple[str, Array]]


def has_structure(lane: Lane, bundle: Bundle) -> bool:
    """Return whether the lane rounds what its source does not, and can run without that."""
    record = lane.artifact
    if record is None or lane.apples or isinstance(bundle, CascadeBundle):
        return False
    return record.precision != "float32" and FORMATS[record.kind].has("unrounded")


def open_plain(folder: Path, bundle: Bundle, _: Lane, source: Path | None = None) -> Runner:
    """Load a source whose engine rounds values as the numbers that its file stands for.

    What is compiled of such a file rounds nothing, and may be far from what its engine gives: here
    is what every artifact is held to in full.
    """
    return open_changed(folder, bundle, lambda name, values: values, source)


def open_structure(folder: Path, bundle: Bundle, lane: Lane, source: Path | None = None) -> Runner:
    """Load the lane's program with its weights unrounded, in float32 arithmetic.

    NotRun where the source is not there: its weights are then not known.
    """
    record = lane.artifact
    assert record is not None
    path = source_file(folder, bundle, source)
    originals = Originals(_wide(path, bundle, record))
    runner: Runner = FORMATS[record.kind].unrounded(folder / record.file, record, originals)
    return Unrounded(as_tensors(runner, record, bundle), originals)


@dataclass
class Unrounded:
    """A program without its rounding."""

    runner: Runner
    originals: Originals

    def __post_init__(self) -> None:
        self.note = self.runner.note

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        return self.runner.infer(inputs, taps)

    def unknown(self, bundle: Bundle) -> str:
        """Return why its weights may not be told from rounding: another version folded others."""
        here = bundle.versions.get("mobilecat")
        if not self.originals.kept or here == version("mobilecat"):
            return ""
        many = f"{self.originals.kept} of its constants"
        return f"{many} are other than this mobilecat makes (exported by {here}): export it again"


def _wide(path: Path, bundle: Bundle, record: ArtifactRecord) -> Wide:
    """Return the weights of the artifact's own compilation in float32, kept between runs."""
    spec = bundle.spec.model_copy(update={"tolerances": {}})
    said = [bundle.source.sha256, str(bundle.source.shapes), spec.model_dump_json(), record.file]
    key = "weights-" + hashlib.sha256("\0".join(said).encode()).hexdigest()[:32]
    if (kept := cached(key, _SUFFIX)) is not None:
        with np.load(kept, allow_pickle=False) as arrays:
            return [(str(n), arrays[f"x{i}"]) for i, n in enumerate(arrays["names"])]
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as scratch:
        found = list(_compiled(path, bundle, record, Path(scratch)))
        file = Path(scratch) / f"weights{_SUFFIX}"
        values: dict[str, Array] = {f"x{i}": a for i, (_, a) in enumerate(found)}
        np.savez(file, allow_pickle=False, names=np.array([n for n, _ in found]), **values)
        keep(key, file, _SUFFIX)
    return found


def _compiled(
    path: Path, bundle: Bundle, record: ArtifactRecord, scratch: Path
) -> Iterator[tuple[str, Array]]:
    from mobilecat.bake import bake
    from mobilecat.compile import CONTRACT, emit, import_options, variant_of
    from mobilecat.formats.importing import import_model

    target = _target(bundle, record)
    network = import_model(path, bundle.source.shapes, import_options(bundle.spec))
    plain = bake(network, bundle.spec, *CONTRACT)
    baked = bake(network, bundle.spec, *variant_of(target, plain, bundle.spec))
    out = scratch / f"float32{target.suffix}"
    emit(as_float(target), baked, bundle.spec, out)
    for name, values in FORMATS[record.kind].wide(out):
        yield name, np.asarray(values, np.float32)


def as_float(target: Any) -> Any:
    """Return the target of the same program with nothing in it rounded."""
    found = getattr(target, "as_float", None)
    return target.model_copy(update={"precision": "float32"}) if found is None else found


def _target(bundle: Bundle, record: ArtifactRecord) -> Any:
    target = bundle.target_of(record)
    if target is not None:
        return target
    raise NotRun(f"the spec has no target that is {record.file}")
