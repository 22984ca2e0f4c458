"""MediaPipe Tasks' own ImageClassifier loads the file and names the same classes.

pip install mediapipe==1.2.2 && pytest tests/formats/tflite/classifier/test_mediapipe.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.formats.tflite.classifier.test_file import LABELS, PROBABILITIES, exported

mp = pytest.importorskip("mediapipe", reason="NOT_RUN: mediapipe is not installed")


@pytest.mark.parametrize("file", ["net.tflite", "net.floats.tflite"])
def test_the_same_classes(tmp_path: Path, file: str) -> None:
    from mediapipe.tasks.python import BaseOptions, vision

    data = (exported(tmp_path) / file).read_bytes()
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_buffer=data))
    picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.full((6, 8, 3), 7, np.uint8))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        (found,) = classifier.classify(picture).classifications
    best = sorted(zip(PROBABILITIES, LABELS, strict=True), reverse=True)
    assert [c.category_name for c in found.categories] == [name for _, name in best]
    np.testing.assert_allclose([c.score for c in found.categories], [p for p, _ in best], atol=1e-4)
