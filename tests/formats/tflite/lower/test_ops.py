"""Every lowering against onnxruntime, in LiteRT with XNNPACK and without."""

from __future__ import annotations

import re

import pytest

from mobilecat.formats.tflite import LOWERINGS
from tests.formats.tflite.lower.cases import CASES
from tests.formats.tflite.lower.cases.base import OpCase
from tests.formats.tflite.lower.engines import assert_lowers, graph
from tests.formats.tflite.lower.random_graphs import random_graph


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_op(case: OpCase) -> None:
    assert_lowers(graph(case.text, case.opset, **case.constants), case.name, case.relative)


def test_every_lowering_has_a_case() -> None:
    text = " ".join(c.text for c in CASES)
    without = {op for op in LOWERINGS if not re.search(rf"= {op}[<(]", text)}
    # tests/formats/tflite/lower/test_nms.py and tests/formats/tflite/detection
    assert without <= {"mobilecat::NMS", "mobilecat::DetectionPostProcess"}


@pytest.mark.parametrize("seed", range(60))
def test_random_graph(seed: int) -> None:
    assert_lowers(random_graph(seed), str(seed))
