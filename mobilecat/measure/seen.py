"""Pictures that measure nothing, since scales were taken from them: those of the calibration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from mobilecat.bundle import HASH_DIGITS, Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem


def require_unseen(bundle: Bundle, pictures: Sequence[Path]) -> None:
    """Raise MobileCatError where a picture to measure on is one of the bundle's calibration.

    Pictures are told by what they hold, wherever they lie and whatever they are called.
    """
    parts = (bundle.detector, bundle.landmark_model) if isinstance(bundle, CascadeBundle) else ()
    records = [b.calibration for b in (bundle, *parts) if b is not None]
    refuse_seen({h for done in records if done is not None for h in done.hashes}, pictures)


def refuse_seen(calibration: Collection[str], pictures: Sequence[Path]) -> None:
    """Raise MobileCatError where one of `pictures` is in the calibration. calibration: hashes."""
    known = {h[:HASH_DIGITS] for h in calibration}
    if not known:
        return
    seen = [p for p in pictures if sha256_of(p)[:HASH_DIGITS] in known]
    if seen:
        what = (
            f"{len(seen)} of {len(pictures)} pictures are those that the quantised artifacts took "
            "their scales from: on them they look better than they are"
        )
        fix = "measure on others, or say --allow-calibration"
        where = seen[0].name + (f" and {len(seen) - 1} more" if len(seen) > 1 else "")
        raise MobileCatError("These pictures were used already", [Problem(what, where, fix)])
