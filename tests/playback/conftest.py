"""A bundle of the demo's detector and clips of drawn cats, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.compile import export
from mobilecat.demo import FOLDER
from tests.cat_faces import cat_faces_spec
from tools.render_clips import STORIES, Stored, Take, shots, write_clip

pytest.importorskip("av", reason="NOT_RUN: PyAV is not installed")

TARGETS = """
[targets.onnx]
[targets.tflite]
input = "uint8"
[[targets.coreml]]
format = "mlpackage"
"""


@pytest.fixture(scope="session")
def cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "cats"
    export(cat_faces_spec(TARGETS), folder, spec_folder=FOLDER)
    return folder


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "walk.mp4", shots(Take(STORIES["walk"], seconds=0.5)), Stored(rotation=90))
    uneven = Take(STORIES["leave"], seconds=0.8, rate=10, uneven=False)
    write_clip(folder / "leave.mov", shots(uneven), Stored("mjpeg", sound="pcm_s16le"))
    return folder
