"""What every `[targets.<format>]` says, whatever else it does."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar

from pydantic import model_validator

from mobilecat.value import Value

APP: Literal["candidates"] = "candidates"
"""The contract of a file that leaves suppression to the app."""
T = TypeVar("T")


class Written(Protocol):
    """What bundle.json says of an artifact's form."""

    @property
    def format(self) -> str: ...
    @property
    def contract(self) -> str: ...
    @property
    def image(self) -> str | None: ...


class TargetSpec(Protocol):
    """One file to make: a frozen, hashable value.

    kind: the format's name. contract: `tensor`, or one of the format's own. name: the file's, where
    the spec's does not do. calibrated: whether its `emit` needs `Baked.calibration`; fits: whether
    it takes that where there is one. system: the oldest that loads what it stores, such as `iOS16`;
    "" where no file of the format says one.
    """

    kind: ClassVar[str]

    @property
    def contract(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def suffix(self) -> str: ...
    @property
    def calibrated(self) -> bool: ...
    @property
    def fits(self) -> bool: ...
    @property
    def system(self) -> str: ...
    def makes(self, record: Written) -> bool: ...


class SuppressingTarget(Value):
    """A target that can suppress boxes in its file, or leave that to the app."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "calibration": 'write it in a table of its own: [quantize] calibration = "photos"',
        "method": 'write it in a table of its own: [quantize] method = "mse"',
        "map_loss": 'write it in the table of the file: [tolerances."FILE"] map_loss = 0.5',
        "score_loss": 'write it in the table of the file: [tolerances."FILE"] score_loss = 0.1',
    }
    """What to write in place of a key that it has not, or of a value (`precision = int8`) that the
    key does not take: what other formats, or other converters, call otherwise."""

    nms: Literal["graph", "app"] | None = None
    """Where boxes are suppressed. graph: in the file. app: the file gives every candidate that the
    head decodes, and the app suppresses, by the bundle's `nms` (docs/suppression.md). Left out: as
    `where` of [nms] says."""

    @property
    def calibrated(self) -> bool:
        return False

    @property
    def fits(self) -> bool:
        return self.calibrated

    @property
    def system(self) -> str:
        return ""

    @model_validator(mode="before")
    @classmethod
    def _one_word_for_it(cls, data: Any) -> Any:
        """`nms = "app"` and `contract = "candidates"` say the same: each implies the other."""
        if not isinstance(data, dict) or "contract" not in cls.model_fields:
            return data
        if data.get("nms") == "app":
            return {"contract": APP, **data}
        return {"nms": "app", **data} if data.get("contract") == APP else data

    @model_validator(mode="after")
    def _no_two_places(self) -> Self:
        contract = getattr(self, "contract", None)
        if contract == APP and self.nms == "graph":
            raise ValueError(f'contract "{APP}" leaves suppression to the app, nms = "graph" not')
        if self.nms == "app" and contract != APP:
            raise ValueError(
                f'contract "{contract}" suppresses in the file, nms = "app" does not: take one out'
            )
        return self


def left_to_app(target: T) -> T:
    """Return the target as one whose suppression is the app's, where it does not say itself."""
    if not isinstance(target, SuppressingTarget) or target.nms is not None:
        return target
    if getattr(target, "contract", None) != "tensor":
        return target  # a contract of its own, which it asks for by name
    own = {"contract": APP} if "contract" in type(target).model_fields else {}
    return target.model_copy(update={"nms": "app", **own})
