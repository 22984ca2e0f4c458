"""What every engine does with an artifact: one small protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mobilecat.bundle import ArtifactRecord
from mobilecat.graph import Array


class NotRun(Exception):
    """This runner cannot run here. The message says why; reports print it as NOT_RUN."""


NO_PLACE = (
    "between its network and its decode the file has no value that could be fed: its converter has "
    "merged them"
)


class Runner(Protocol):
    """An artifact, loaded.

    note: what a report must say of the engine, e.g. its arithmetic.
    """

    note: str

    def infer(self, inputs: Mapping[str, Array], taps: Sequence[str] = ()) -> dict[str, Array]:
        """Return the outputs by the bundle's names, with the inner values `taps` besides.

        One that the artifact does not have is left out; validation misses it.

        inputs: `image` uint8 [H,W,C], RGB or one grey channel; or, for a bundle without picture
        input, the network's own tensors by name.
        """


def artifact_inputs(inputs: Mapping[str, Array], record: ArtifactRecord) -> dict[str, Array]:
    """Return the artifact's inputs by its own names: the picture's bytes [H,W,C] as the [1,H,W,C]
    tensor that it takes, others unchanged."""
    feeds = {record.inputs[k]: v for k, v in inputs.items()}
    if record.image in ("uint8", "float32"):
        feeds[record.inputs["image"]] = inputs["image"][None].astype(record.image)
    elif record.image == "int8":
        feeds[record.inputs["image"]] = (inputs["image"][None].astype("int16") - 128).astype("int8")
    return feeds
