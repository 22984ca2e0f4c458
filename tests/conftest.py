"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mobilecat.demo import FOLDER

# Goldens are never written where CI is set; the tests of that set it themselves.
os.environ.pop("CI", None)
# What a test exports is made by the code as the test has changed it; tests of the cache say so.
os.environ["MOBILECAT_CACHE"] = "off"

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(trylast=True)  # of what -k and a named case leave
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test marked `sampled(step)`, keep every step-th case, the first among them.

    MOBILECAT_EVERY_CASE=1, as `make cases` sets it, keeps them all.
    """
    if os.environ.get("MOBILECAT_EVERY_CASE"):
        return
    met: dict[str, int] = {}
    kept, left = [], []
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is None:
            kept.append(item)
            continue
        test = item.nodeid.split("[", 1)[0]
        (kept if met.get(test, 0) % mark.args[0] == 0 else left).append(item)
        met[test] = met.get(test, 0) + 1
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def shared_data_path() -> Path | None:
    """Return the folder of test models and photos, or None on a machine without them."""
    given = os.environ.get("MOBILECAT_SHARED_DATA")
    path = Path(given) if given else ROOT.parent / "shared" / "data"
    return path if (path / "models").is_dir() else None


def the_shared_data() -> Path:
    path = shared_data_path()
    if path is None:
        pytest.skip("NOT_RUN: no test data (models and photos) beside this checkout")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return the_shared_data()


def network_and_picture(name: str) -> tuple[Path, Path]:
    """Return an ONNX file, and a picture with what it looks for: the demo's, or of the test data.

    Skips where that data is not here.
    """
    demos = FOLDER / f"{name}.onnx"
    if demos.is_file():
        return demos, FOLDER / "pictures" / "one_at_night.png"
    data = the_shared_data()
    return data / "models" / f"{name}.onnx", data / "astronaut.png"
