"""One thing that a file says, and what the contract says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle, TensorContract
from mobilecat.formats.base.inspection import Port
from mobilecat.formats.base.target import APP
from mobilecat.rows import CANDIDATE, kinds_of

INTERFACE, PICTURE, LABELS = "interface", "picture", "labels"
METADATA, VERSION = "metadata", "version"
ACTIVATIONS = "activations"
_LONGEST = 90
PROTOTYPES = "mask_prototypes"
CLASS_MAP = "class_map"


@dataclass(frozen=True)
class Fact:
    """One thing that a file says. group: the check that it belongs to. They must be equal."""

    group: str
    what: str
    found: Any
    wanted: Any

    @property
    def holds(self) -> bool:
        return bool(self.found == self.wanted)

    def __str__(self) -> str:
        lists = isinstance(self.found, tuple) and isinstance(self.wanted, tuple)
        if lists and len(self.found) == len(self.wanted):
            at = next(i for i, x in enumerate(self.wanted) if x != self.found[i])
            return f"{self.what} {at}: {_words(self.found[at])}, not {_words(self.wanted[at])}"
        return f"{self.what}: {_words(self.found)}, not {_words(self.wanted)}"


def _words(value: Any) -> str:
    if value is None or value == () or value == "":
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def ports(kind: str, found: Sequence[Port], wanted: Sequence[Port]) -> Iterator[Fact]:
    """Yield that the names are these and no others, in this order, and what each one is."""
    names = tuple(p.name for p in wanted)
    yield Fact(INTERFACE, f"{kind}s", tuple(p.name for p in found), names)
    there = {p.name: p for p in found}
    for port in wanted:
        if port.name in there:
            yield Fact(INTERFACE, f"{kind} {port.name!r}", _said(there[port.name]), _said(port))


def _said(port: Port) -> str:
    shape = "open" if port.shape is None else "×".join(map(str, port.shape))
    return " ".join(x for x in (port.dtype, shape, port.detail) if x)


def tensor_inputs(bundle: Bundle, record: ArtifactRecord) -> list[Port]:
    """Return the inputs that the contract gives the artifact, by the artifact's own names.

    The picture as a tensor; a Core ML image is for the caller to say.
    """
    return [_input(t, bundle, record) for t in bundle.inputs]


def _input(tensor: TensorContract, bundle: Bundle, record: ArtifactRecord) -> Port:
    name = record.inputs.get(tensor.name, tensor.name)
    image = bundle.spec.input
    if image is not None and tensor.name == "image":
        width, height = image.size
        return Port(name, record.image or "uint8", (1, height, width, image.channels))
    return Port(name, tensor.dtype, tensor.shape)


def tensor_outputs(bundle: Bundle, record: ArtifactRecord) -> list[Port]:
    """Return the outputs that the contract gives the artifact, by its own names: the tensor
    contract's, or decoded candidates where the app suppresses."""
    if record.contract == APP:
        return [
            Port(record.outputs.get(n, n), record.output_dtypes.get(n, t.dtype), t.shape)
            for n, t in handed_over(bundle)
        ]
    return [
        Port(record.outputs[t.name], record.output_dtypes.get(t.name, t.dtype), t.shape)
        for t in bundle.outputs
        if t.name in record.outputs
    ]


def handed_over(bundle: Bundle) -> list[tuple[str, TensorContract]]:
    """Return what a file gives whose suppression is the app's: `candidate_boxes`, … [1,N,…]."""
    nms = bundle.spec.effective_nms
    most = nms.candidates if nms else None
    kinds = kinds_of(t.name for t in bundle.outputs)
    found = []
    for kind, t in zip(kinds, bundle.candidates, strict=True):
        n = t.shape[1] if most is None else min(t.shape[1], most)
        shape = (t.shape[0], n, *t.shape[2:])
        found.append((f"{CANDIDATE}{kind}", t.model_copy(update={"shape": shape})))
    return [*found, *_maps(bundle, kinds)]


def _maps(bundle: Bundle, kinds: Sequence[str]) -> list[tuple[str, TensorContract]]:
    """Return what belongs to the whole picture: the prototypes [1,P,h,w] of masks, a class map."""
    if whole := [(t.name, t) for t in bundle.outputs if t.name == CLASS_MAP]:
        return whole
    if "mask_coefficients" not in kinds:
        return []
    own = [t for t in bundle.outputs if t.name == PROTOTYPES]
    if own:
        return [(PROTOTYPES, own[0])]
    count = bundle.candidates[kinds.index("mask_coefficients")].shape[2]
    raw = next(t for t in bundle.raw_outputs if len(t.shape) == 4)
    rows = raw.shape[2:] if raw.shape[1] == count else raw.shape[1:3]
    return [(PROTOTYPES, raw.model_copy(update={"name": PROTOTYPES, "shape": (1, count, *rows)}))]
