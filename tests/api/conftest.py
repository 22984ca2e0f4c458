"""A folder with the demo's detector, exported once."""

from __future__ import annotations

from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.demo import DETECTOR, FOLDER

PICTURES = FOLDER / "pictures"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `cat_faces`, the bundle, lies in. Tests leave the bundle as it is."""
    folder = tmp_path_factory.mktemp("api")
    mc.export(DETECTOR, folder / "cat_faces")
    return folder
