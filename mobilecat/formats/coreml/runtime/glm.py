"""The linear regressor: coremltools' smallest model, and a head that old converters left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.interface import Feature

Array = npt.NDArray[Any]


class GlmEngine:
    """weights · (all inputs in order) + offset, in double."""

    precision = "float32"

    def __init__(self, proto: Any, inputs: Sequence[Feature], outputs: Sequence[Feature]) -> None:
        if proto.postEvaluationTransform != 0:
            raise refused("a regressor with a transformed result", "glmRegressor")
        if len(proto.weights) != 1 or len(proto.offset) != 1 or len(outputs) != 1:
            raise malformed("the regressor has not one row of weights, one offset and one output")
        self._weights = np.asarray(proto.weights[0].value, np.float64)
        self._offset = float(proto.offset[0])
        self._inputs = [f.name for f in inputs]
        self._output = outputs[0].name

    @property
    def ops(self) -> Counter[str]:
        return Counter({"glmRegressor": 1})

    def new_state(self) -> dict[str, Array]:
        return {}

    def run(
        self,
        values: Mapping[str, Any],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]:
        parts = [np.asarray(values[n], np.float64).reshape(-1) for n in self._inputs if n in values]
        x = np.concatenate(parts) if parts else np.zeros(0)
        if x.shape != self._weights.shape:
            raise malformed(f"{x.size} numbers meet {self._weights.size} weights", "glmRegressor")
        return {self._output: np.array([x @ self._weights + self._offset])}
