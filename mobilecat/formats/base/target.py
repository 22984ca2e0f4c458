"""What every `[targets.<format>]` says, whatever else it does."""

from __future__ import annotations

from typing import ClassVar, Protocol


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
    the spec's does not do.
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
    def makes(self, record: Written) -> bool: ...
