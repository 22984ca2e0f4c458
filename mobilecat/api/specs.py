"""`mc.load_spec`, and what a spec may say: `mc.explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilecat.api.given import PathLike
from mobilecat.spec import Spec
from mobilecat.spec import load_spec as load

if TYPE_CHECKING:
    from mobilecat.spec.reference import Explained


def load_spec(path: PathLike) -> Spec:
    """Read a model's `mobilecat.toml`. It remembers its folder, which its paths are relative to.

    Errors: SpecError lists every problem with its line and the nearest valid name.

    >>> spec = mc.load_spec(DETECTOR)
    >>> spec.nms.score_threshold, spec.folder == DETECTOR.parent
    (0.4, True)
    >>> changed = spec.model_copy(update={"name": "mine"})
    >>> mc.export(changed, "mine").bundle.name
    'mine'
    """
    return load(Path(path))


def explain(key: str = "") -> Explained:
    """Return what a spec may say: a key, a table or a kind of head; without `key`, everything.

    Errors: MobileCatError for a key that there is not, with the nearest ones.

    >>> mc.explain("input.pad")
    [input]
      pad: whole number from 0 to 255  default 0
          Grey level of the padding, 0 to 255.
    """
    from mobilecat.spec.reference import explain as found

    return found(key)


def spec_schema() -> dict[str, Any]:
    """Return the JSON schema of `mobilecat.toml`, which editors complete and check from.

    >>> mc.spec_schema()["properties"]["landmarks"]["description"]
    "Landmark names, in the network's order."
    """
    from mobilecat.spec.schema import json_schema

    return json_schema()
