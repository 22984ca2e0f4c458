"""A lane that fails says why, the others show what they find, and the exit code is 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.errors import ModelError, Problem
from tests.command import mobilecat
from tests.judge.fake import LANE, Tensors, Workshop, write_bundle

CRASH = RuntimeError("no kernel\n  for this op")
TOLD = ModelError("It cannot be read", [Problem("torch is not installed", fix="pip install it")])


def failing(shop: Workshop, error: Exception) -> Workshop:
    def fault(_: Tensors) -> Tensors:
        raise error

    shop.faults[LANE] = fault
    return shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = write_bundle(tmp_path)
    monkeypatch.setattr("mobilecat.api.opened.open_lane", made.open)
    return made


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (CRASH, "RuntimeError: no kernel for this op"),
        (TOLD, "It cannot be read; torch is not installed: pip install it"),
    ],
)
def test_the_other_lanes_show(shop: Workshop, error: Exception, why: str) -> None:
    failing(shop, error)
    done = mobilecat("run", shop.bundle, shop.picture())
    assert done.returncode == 1, done.stderr
    assert f"{LANE}: FAIL, {why}" in done.stdout
    assert "tflite:fake.tflite  " in done.stdout and "Traceback" not in done.stderr
    told = json.loads(mobilecat("run", shop.bundle, shop.picture(), "--json").stdout)
    rows = {r["lane"]: r for r in told["results"]}
    assert rows[LANE]["failed"] is True and rows[LANE]["not_run"] == why
    assert len(rows["tflite:fake.tflite"]["detections"]) == 3


def test_of_several_pictures_it_is_said_once(shop: Workshop) -> None:
    failing(shop, CRASH)
    done = mobilecat("run", shop.bundle, shop.picture("a"), shop.picture("b"))
    assert done.returncode == 1 and done.stdout.count("FAIL, RuntimeError") == 1
    assert done.stdout.count("3 detections") == 2


def test_a_lane_that_is_asked_for_alone_says_it_as_an_error(shop: Workshop) -> None:
    failing(shop, TOLD)
    with pytest.raises(ModelError, match="It cannot be read"):
        mc.run(shop.bundle, shop.picture(), runner="onnx")
    shop.faults.clear()
    assert mobilecat("run", shop.bundle, shop.picture()).returncode == 0


def test_a_package_that_is_missing_is_no_fault_of_the_lane_s(shop: Workshop) -> None:
    failing(shop, ImportError("no module named x"))
    done = mobilecat("run", shop.bundle, shop.picture())
    assert done.returncode == 0 and f"{LANE}: NOT_RUN, a package is missing" in done.stdout
