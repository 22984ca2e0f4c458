"""The contract that a golden was approved for: what its numbers mean, in digests, part by part.

Two exports of one spec have one set of terms, whatever was compiled with and however many targets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.bundle.seal import digest
from mobilecat.compare.tolerances import LIMITS, STRUCTURE, Limits, limits_of
from mobilecat.golden.changed import WORDED, words_of
from mobilecat.golden.store import Expected
from mobilecat.lanes import lanes_of
from mobilecat.spec import Tolerance


class Terms(BaseModel):
    """parts: what the contract says, by its key in bundle.json → SHA-256 of it, but for defaults.
    tolerances: the spec's. values: what some of the parts say, so that a change can be told in
    words; {} in what an older mobilecat wrote. The digests alone decide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, str]
    tolerances: dict[str, Tolerance] = {}
    values: dict[str, Any] = {}

    @property
    def id(self) -> str:
        return digest(self.model_dump(mode="json", exclude_defaults=True, exclude={"values"}))


def terms_of(bundle: Bundle) -> Terms:
    """Return the terms of a bundle or cascade."""
    told = _parts(bundle)
    parts = {k: digest(v) for k, v in told.items()}
    values = {k: v for k, v in told.items() if k in WORDED and v is not None}
    if isinstance(bundle, CascadeBundle):
        for home, part in bundle.parts.items():
            its = terms_of(part)
            parts |= {f"{home}: {k}": v for k, v in its.parts.items()}
            values |= {f"{home}: {k}": v for k, v in its.values.items()}
    return Terms(parts=parts, tolerances=bundle.spec.tolerances, values=values)


def meaning_of(bundle: Bundle) -> dict[str, str]:
    """Return what the numbers of a result mean: the parts of the terms without any limit."""
    parts = terms_of(bundle).parts
    return {k: v for k, v in parts.items() if not k.startswith("tolerances.")}


def _parts(bundle: Bundle) -> dict[str, Any]:
    """Defaults are left out, so that a key that a later mobilecat adds changes nothing; so is where
    boxes are suppressed: the results are the same."""
    spec = bundle.spec
    told: dict[str, Any] = {
        "input": spec.input and _said(spec.input),
        "head": {"kind": spec.head.kind, **_said(spec.head)},
        "nms": spec.effective_nms and _said(spec.effective_nms, but={"where"}),
        "labels": spec.labels,
        "landmarks": spec.landmarks,
        "inputs": [(t.name, t.shape, t.dtype) for t in bundle.inputs],
        "outputs": [(t.name, t.shape, t.dtype) for t in bundle.outputs],
    }
    if STRUCTURE in spec.tolerances:  # of no lane: `_wider` does not see it
        told[f"tolerances.{STRUCTURE}"] = _said(spec.tolerances[STRUCTURE])
    if isinstance(bundle, CascadeBundle):
        chain = bundle.chain
        told["crop"] = _said(bundle.file.crop)
        told["cascade"] = {"boxes": chain.boxes, "max_crops": chain.max_crops}
    return told


def _said(value: BaseModel, but: set[str] | None = None) -> dict[str, Any]:
    return value.model_dump(mode="json", exclude_defaults=True, exclude=but)


def other_terms(approved: Terms, bundle: Bundle) -> list[str]:
    """Return what in the bundle's contract is not as it was approved; limits only where wider."""
    now = terms_of(bundle)
    said = changed_words(approved.parts, approved.values, now, "golden made with")
    return said + list(_wider(approved.tolerances, bundle))


def changed_words(
    parts: Mapping[str, str], values: Mapping[str, Any], now: Terms, made_with: str
) -> list[str]:
    """Return what is not as it was, key by key where both values are known.

    parts, values: as they were. made_with: what is said before the old value.
    """
    changed = [k for k in {**parts, **now.parts} if parts.get(k) != now.parts.get(k)]
    said, untold = [], []
    for key in changed:
        known = key in values and key in now.values and digest(values[key]) == parts.get(key)
        words = words_of(key, values[key], now.values[key], made_with) if known else []
        said += words
        untold += [] if words else [key]
    if said:  # shapes follow from what is told already
        untold = [k for k in untold if k.rpartition(": ")[2] not in ("inputs", "outputs")]
    return said + ([f"{', '.join(untold)} of bundle.json"] if untold else [])


def other_meaning(found: Expected, bundle: Bundle) -> str:
    """Say what a result was found under that is not the bundle's; "" where its numbers mean the
    same. Targets, tolerances and what only a comment says are none of it."""
    if not found.terms:  # as an older mobilecat wrote it: the whole spec is all that it kept
        same = found.made.spec_sha256 == bundle.spec_sha256
        return "" if same else "another spec than the bundle's now"
    now = terms_of(bundle).model_copy(update={"parts": meaning_of(bundle)})
    return "; ".join(changed_words(found.terms, found.values, now, "result made with"))


def other_file(found: Expected, bundle: Bundle) -> str:
    """Say which file a result is of that is not the bundle's; "" where it is of the bundle's own.

    A contract says what numbers mean, not who gives them: two exports of one spec share it, and
    what a file that was calibrated badly gave is no result of the one that took its place.
    """
    made = found.made
    if made.source_sha256 != bundle.source.sha256:
        return "another source model gave it"
    file = made.lane.partition(":")[2]
    if not file:
        return ""
    here = {a.file: a.sha256 for a in bundle.artifacts}
    if file not in here:
        return f"it is of {file}, which the bundle does not have"
    if made.artifact_sha256 in (None, here[file]):
        return ""
    return f"another {file} gave it than the bundle has now: the two files differ"


def _wider(before: Mapping[str, Tolerance], bundle: Bundle) -> Iterator[str]:
    then = bundle.model_copy(
        update={"spec": bundle.spec.model_copy(update={"tolerances": dict(before)})}
    )
    for lane in lanes_of(bundle):
        old, new = _numbers(limits_of(lane, then)), _numbers(limits_of(lane, bundle))
        for key in {**old, **new}:
            if new.get(key, 0.0) > old.get(key, old["tensors"]):
                was = old.get(key, old["tensors"])
                yield f"the limit {key} of {lane.name}, {new[key]:g} for {was:g}"


def _numbers(limits: Limits) -> dict[str, float]:
    return {**{key: limits.of(key) for key in LIMITS}, **limits.outputs}
