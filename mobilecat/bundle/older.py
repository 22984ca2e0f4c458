"""Whether a bundle is older than the spec beside it: what the spec says now, and what is baked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobilecat.bundle.contract import Bundle
from mobilecat.bundle.seal import digest
from mobilecat.errors import MobileCatError
from mobilecat.spec import load_spec

SPEC = "mobilecat.toml"
_FROM_THE_MODEL = ("shapes", "labels", "landmarks")
"""What an export takes from the model where the spec leaves it out."""


def changed_since(folder: Path, bundle: Bundle) -> str:
    """Say that the spec beside a bundle has changed since its export; "" where it has not.

    A comment, and a default that is written out, change nothing. The spec is the file of the name
    that was exported; one that says another `name` is another bundle's. One that cannot be read has
    changed since; what is wrong in it is told by `export`.
    """
    path = folder.resolve().parent / (bundle.spec_file or SPEC)
    if not path.is_file():
        return ""
    try:
        spec = load_spec(path)
    except MobileCatError as e:
        return _unreadable(path, len(e.problems))
    if spec.name != bundle.name:
        return ""
    said = spec.model_dump(mode="json", by_alias=True, exclude={"source"})
    kept = bundle.spec.model_dump(mode="json", by_alias=True, exclude={"source"})
    if bundle.asked:  # the others were left out on purpose
        said["targets"] = {k: v if k in bundle.asked else [] for k, v in said["targets"].items()}
    unsaid = {k for k in _FROM_THE_MODEL if not said.get(k)}
    if not said.get("head", {}).get("classes") and "head" in kept:
        kept["head"].pop("classes", None)
        said["head"].pop("classes", None)
    keys = [k for k in {**said, **kept} if k not in unsaid and _differ(said.get(k), kept.get(k))]
    if not keys:
        return ""
    shown = ", ".join(k if k in ("labels", "landmarks") else f"[{k}]" for k in keys)
    beside, command = _named(path)
    return (
        f"note: {beside} has changed since this bundle was exported ({shown}), and the bundle has "
        f"what it said then: {command}"
    )


def _unreadable(path: Path, problems: int) -> str:
    beside, command = _named(path)
    many, them = ("1 problem", "it") if problems <= 1 else (f"{problems} problems", "them")
    return (
        f"note: {beside} cannot be read ({many}: {command} lists {them}); this bundle was exported "
        "from an older one"
    )


def _named(path: Path) -> tuple[str, str]:
    """Return a spec as it is called from here, and the command that exports it."""
    beside = path.name if path.parent == Path.cwd() else str(path)
    return beside, "mobilecat export" + ("" if beside == SPEC else f" {beside}")


def _differ(said: Any, kept: Any) -> bool:
    return digest(said) != digest(kept)
