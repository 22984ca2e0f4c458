"""A pipeline's output is its stages', run one by one (in coremltools issue 2445 it was not)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreml import runtime
from tests.formats.coreml.runtime.builders import (
    DOUBLE,
    layer,
    model,
    multi_array,
    network,
    nms_model,
    save,
)

ROWS, LABELS = 6, ["cat", "dog", "bird"]


def first_stage() -> Any:
    """Logits → sigmoid, float32."""
    spec = network({"logits": (ROWS, 3)}, {"raw_confidence": (ROWS, 3)}, spec=model(4))
    layer(spec.neuralNetwork, "activation", ["logits"], ["raw_confidence"]).sigmoid.SetInParent()
    return spec


def whole(stages: list[Any]) -> Any:
    spec = model(4)
    multi_array(spec.description.input.add(), "logits", (ROWS, 3))
    multi_array(spec.description.input.add(), "raw_coordinates", (ROWS, 4), DOUBLE)
    for name in ("iou", "threshold"):
        feature = spec.description.input.add()
        feature.name = name
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = True
    for name, width in (("confidence", 3), ("coordinates", 4)):
        multi_array(spec.description.output.add(), name, (4, width), DOUBLE)
    for stage in stages:
        spec.pipeline.models.add().CopyFrom(stage)
    spec.pipeline.names.extend(["network", "suppression"])
    return spec


def feeds() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "logits": rng.standard_normal((ROWS, 3)).astype(np.float32) * 3,
        "raw_coordinates": rng.random((ROWS, 4)) * 2 + 1,
    }


@pytest.mark.parametrize("thresholds", [{}, {"iou": 0.1, "threshold": 0.9}, {"threshold": 1.0}])
def test_the_whole_equals_its_stages(thresholds: dict[str, float], tmp_path: Path) -> None:
    stages = [first_stage(), nms_model(ROWS, LABELS, out_rows=4)]
    pipeline = runtime.load(save(whole(stages), tmp_path / "whole.mlmodel"))
    one, two = (runtime.load(save(s, tmp_path / f"{i}.mlmodel")) for i, s in enumerate(stages))
    given = feeds()
    middle = one.predict({"logits": given["logits"]})
    expected = two.predict({**middle, "raw_coordinates": given["raw_coordinates"], **thresholds})
    found = pipeline.predict({**given, **thresholds})
    assert list(found) == ["confidence", "coordinates"]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    sigmoid = 1 / (1 + np.exp(-given["logits"]))
    np.testing.assert_allclose(middle["raw_confidence"], sigmoid, rtol=1e-5, atol=1e-6)
    tapped = pipeline.predict(given, taps=["network/raw_confidence"])
    np.testing.assert_array_equal(tapped["network/raw_confidence"], middle["raw_confidence"])
    assert pipeline.ops == {"activation": 1, "NonMaximumSuppression": 1}


def test_a_value_that_no_stage_makes(tmp_path: Path) -> None:
    spec = whole([first_stage(), nms_model(ROWS, LABELS, out_rows=4)])
    spec.pipeline.models[0].description.output[0].name = "elsewhere"
    spec.pipeline.models[0].neuralNetwork.layers[0].output[0] = "elsewhere"
    pipeline = runtime.load(save(spec, tmp_path / "whole.mlmodel"))
    with pytest.raises(ArtifactError, match="raw_confidence"):
        pipeline.predict(feeds())
