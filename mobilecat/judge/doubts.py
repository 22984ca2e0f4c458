"""What a person should doubt of a golden before approving it: every lane may agree with it.

A wrong `units` or `range` in the spec is wrong in the source and in all artifacts alike.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.errors import MobileCatError
from mobilecat.golden.store import PENDING, Case, Expected, read_result
from mobilecat.golden.terms import other_meaning
from mobilecat.pictures.odd import odd_values

_SHOWN = 3


def doubts_of(bundle: Bundle, result: Expected) -> list[str]:
    """Return a sentence for each thing in a result that no trained detector gives."""
    if isinstance(bundle, CascadeBundle) or result.found is None or result.plan is None:
        return []
    return odd_values(bundle.spec, result.found, result.plan.plan.model_from_image, "bundle")


def doubted(folder: Path, bundle: Bundle, results: Mapping[str, Expected]) -> list[str]:
    """Return a note on the goldens that look wrong, none where all look like detections.

    folder: of the bundle. results: by the case's name.
    """
    said: dict[str, list[str]] = {}  # by what is wrong, whichever share of the boxes it is
    for name, result in results.items():
        for text in doubts_of(bundle, result):
            said.setdefault(_COUNT.sub("", text), []).append(name)
    if not said:
        return []
    odd = len({name for names in said.values() for name in names})
    listed = "; ".join(f"{_some(names)}: {text}" for text, names in said.items())
    many = "1 golden looks" if odd == 1 else f"{odd} of {len(results)} goldens look"
    return [
        f"{many} wrong, and so is every file that agrees. {listed}. Look at a picture: "
        f"mobilecat run {shlex.quote(str(folder))} PICTURE --draw out.png"
    ]


_COUNT = re.compile(r"^\d+ of \d+ ")


def _some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def left_behind(folder: Path, golden: Path, bundle: Bundle, cases: Sequence[Case]) -> list[str]:
    """Return a note on pending results beside the goldens that another bundle gave, and the command
    that takes them away; none where there are none."""
    homes: list[str] = []
    for path in (p for case in cases for p in case.folder.glob(f"{PENDING}*.json")):
        try:
            found = read_result(path)
            homes += [found.bundle or "another"] if other_meaning(found, bundle) else []
        except MobileCatError:
            continue
    if not homes:
        return []
    whose = ", ".join(dict.fromkeys(homes))
    many = "1 pending result" if len(homes) == 1 else f"{len(homes)} pending results"
    named = f"{shlex.quote(str(folder))} --golden {shlex.quote(str(golden))}"
    return [
        f"{many} beside the goldens {'is' if len(homes) == 1 else 'are'} of another bundle "
        f"({whose}): mobilecat golden review {named} --clean removes what is not of this one"
    ]


def nothing_in(bundle: Bundle, result: Expected) -> str:
    """Say that a result has no detection, and how near the best candidate comes; "" else."""
    if result.found is None or len(result.found):
        return ""
    nms = bundle.spec.effective_nms
    if nms is None or isinstance(bundle, CascadeBundle):
        return "nothing is detected"
    said = f"nothing is above the threshold {nms.score_threshold:g}"
    best = [result.tensors[t.name].high for t in bundle.candidates[1:2] if t.name in result.tensors]
    if best and best[0] is not None:
        said += f"; the best candidate has a score of {best[0]:.3f}"
    return said
