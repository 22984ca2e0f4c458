"""What an import must be told where a model file leaves a choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from mobilecat.errors import Problem


@dataclass(frozen=True)
class ImportOptions:
    """Choices inside a model file; `()` and None leave them to the importer.

    signature: which signature of a SavedModel.
    inputs, outputs: values between which the graph is cut. ONNX: by their names. TensorFlow: by
        node name (`concat`, `split:1`); the network's input or output is then called `concat`,
        `split_1`. For Keras files `outputs` names layers, and inputs stay as they are.
    """

    signature: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def given(self) -> dict[str, str | tuple[str, ...]]:
        """Return only what was set."""
        return {k: v for k, v in asdict(self).items() if v}

    def unusable(self, keys: Iterable[str], why: str) -> list[Problem]:
        """Return a problem for each of `keys` that was set, where a format has no use for it."""
        return [Problem(why, f"import.{k}", "leave it out") for k in keys if k in self.given()]
