"""What to type next, once there is a spec or a bundle."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from mobilecat.cli.grammar import BUNDLE, GOLDEN


def with_a_bundle(
    bundle: Path, *, raw: bool = False, picture: str = "photo.jpg", photos: str = "photos/"
) -> Iterator[str]:
    """Give the commands that lead from a bundle to one that is held.

    raw: its outputs are tensors, of which no golden is approved by eye. picture, photos: what the
    user has, as they were named.
    """
    own = bundle == BUNDLE
    made = "" if own else f" {shlex.quote(str(bundle))}"
    goldens = GOLDEN if own else bundle.parent / GOLDEN
    beside = "" if own else f" --golden {shlex.quote(str(goldens))}"
    if raw:
        yield f"mobilecat validate{made} --random 3   (every artifact against the model)"
        return
    yield f"mobilecat run{made} {picture}"
    if goldens.is_dir():
        yield f"mobilecat validate{made}{beside}   (held to {goldens}/)"
        return
    record = f"golden record{made} {photos}{beside} --at-once"
    yield f"mobilecat {record}   (or without it, then golden review)"
    yield f"mobilecat validate{made}{beside}"


def said(commands: Sequence[str]) -> Iterator[str]:
    """Give them as lines below one another, `next:` before the first."""
    yield from (f"{'next:' if not i else '     '} {line}" for i, line in enumerate(commands))
