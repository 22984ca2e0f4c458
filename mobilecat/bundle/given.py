"""What the files of a bundle give, contract by contract: not every file gives the bundle's own."""

from __future__ import annotations

from collections.abc import Iterator

from mobilecat.bundle.contract import ArtifactRecord, Bundle

OWN = "tensor"
"""The contract of a file that gives `Bundle.outputs` by their names."""

SETTLED = "settled"
_SETTLED = (
    "one output more, settled: 1 where the suppression in the file came to its end, 0 where it did "
    "not and boxes may be wrong. Let your app look at it (docs/coreai.md)"
)


def gives_own(bundle: Bundle) -> bool:
    """Return whether some file gives the bundle's own outputs."""
    return any(a.contract == OWN for a in bundle.artifacts) or not bundle.artifacts


def given(bundle: Bundle) -> Iterator[str]:
    """Say what the files give: a sentence of all where all give the same, else one a contract."""
    own = ", ".join(f"{o.name} {'×'.join(map(str, o.shape))}" for o in bundle.outputs)
    yield from _what(bundle, own)
    yield from besides(bundle)


def besides(bundle: Bundle) -> Iterator[str]:
    """Say what some files give that the contract of all does not have."""
    if settled := [a.file for a in bundle.artifacts if SETTLED in a.outputs]:
        yield f"{', '.join(settled)}: {_SETTLED}"


def _what(bundle: Bundle, own: str) -> Iterator[str]:
    if all(a.contract == OWN for a in bundle.artifacts):
        yield f"gives {own}"
        return
    groups: dict[tuple[str, ...], list[ArtifactRecord]] = {}
    for a in bundle.artifacts:
        named = () if a.contract == OWN else tuple(a.outputs.values())
        groups.setdefault((a.contract, *named), []).append(a)
    for (contract, *names), records in groups.items():
        verb = "gives" if len(records) == 1 else "give"
        what = own if contract == OWN else ", ".join(names) + _meaning(contract, bundle)
        yield f"{', '.join(a.file for a in records)} {verb} {what}"


def _meaning(contract: str, bundle: Bundle) -> str:
    labels = len(bundle.spec.labels)
    classes = f"each of {labels} labels" if labels != 1 else "its one label"
    meanings = {
        "classifier": f": a probability for {classes}",
        "vision": ": what Vision reads as VNRecognizedObjectObservation",
        "detection": ": what TFLite_Detection_PostProcess gives, as MediaPipe Tasks reads it",
        "candidates": ": every candidate, which the app suppresses",
    }
    return meanings.get(contract, "")
