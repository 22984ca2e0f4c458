"""The lanes' own part: a picture's bytes, outputs by the bundle's names, `settled`, NOT_RUN."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import ArtifactRecord
from mobilecat.errors import ArtifactError
from mobilecat.formats.base.runner import NotRun
from tests.formats.coreai.build import F, ImageType, Net, at, d, ints, save

from mobilecat.formats.coreai import apple, native, run  # isort: skip


def record(**more):
    told = {
        "file": "a.aimodel",
        "kind": "coreai",
        "format": "aimodel",
        "contract": "tensor",
        "precision": "float32",
        "bytes": 1,
        "sha256": "0" * 64,
        "image": "bgra",
        "inputs": {"image": "picture"},
        "outputs": {"sums": "y"},
        "taps": {"inner": "halves"},
    }
    return ArtifactRecord(**{**told, **more})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Half of each byte, and the sums over rows and columns: one a channel, B, G, R, A."""

    def body(image):
        with at("halves"):
            x = d.broadcasting_mul(d.cast(d.image_to_tensor(image), F), F(0.5))
        return [d.reshape(d.reduce_sum(x, ints(0, 1)), ints(4)), d.constant(ints(1))]

    net = Net({"picture": ImageType(d.FourCC.BGRA32, 2, 3)}, body, ("y", "settled"))
    return save(tmp_path_factory.mktemp("lanes") / "a.aimodel", {"main": net})


RGB = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize("engine", [run, apple])
def test_a_picture_in_rgb_is_handed_over_in_bgra(model, engine):
    found = engine.open_artifact(model, record()).infer({"image": RGB}, ["inner", "unknown"])
    assert set(found) == {"sums", "inner"}
    r, g, b = (RGB[..., i].sum() / 2 for i in range(3))
    np.testing.assert_array_equal(found["sums"], [b, g, r, 6 * 255 / 2])
    np.testing.assert_array_equal(found["inner"][..., 2], RGB[..., 0] / 2)


@pytest.mark.parametrize("engine", [run, apple])
def test_a_relative_path_is_the_callers(model, engine, monkeypatch):
    """The child that reads a file works in a folder of its own."""
    monkeypatch.chdir(model.parent)
    found = engine.open_artifact(Path(model.name), record()).infer({"image": RGB}, [])
    assert set(found) == {"sums"}


def test_a_grey_picture_is_three_equal_channels():
    grey = np.array([[[7], [9]]], np.uint8)
    found = run.coreai_inputs({"image": grey}, record())["picture"]
    np.testing.assert_array_equal(found, [[[7, 7, 7, 255], [9, 9, 9, 255]]])


def test_what_did_not_settle_is_no_result():
    told = record(outputs={"sums": "y", "settled": "settled"})
    found = {"y": np.ones(2, F), "settled": np.array([1], np.int32)}
    assert set(run.named(found, told, {})) == {"sums"}
    with pytest.raises(ArtifactError, match="suppression in the graph did not come to its end"):
        run.named({**found, "settled": np.array([0], np.int32)}, told, {})


@pytest.mark.parametrize("engine", [run, apple])
def test_a_bundles_file_is_held_to_its_own_hash(model, tmp_path, engine):
    import shutil

    copy = shutil.copytree(model, tmp_path / "a.aimodel")
    (copy / "main.hash").write_bytes(bytes(32))
    with pytest.raises(ArtifactError, match="damaged"):
        engine.open_artifact(copy, record())


@pytest.mark.parametrize("engine", [run, apple])
def test_not_run_without_apples_package(model, monkeypatch, engine):
    monkeypatch.setattr(engine, "missing", lambda: "coreai-core is not installed")
    with pytest.raises(NotRun, match="not installed"):
        engine.open_artifact(model, record())


@pytest.mark.parametrize(
    ("system", "version", "words"),
    [("Linux", "", "runs on macOS 27 only; this is Linux"), ("Darwin", "26.1", "this is 26.1")],
)
def test_core_ai_itself_says_why_not(model, monkeypatch, system, version, words):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "mac_ver", lambda: (version, ("", "", ""), ""))
    with pytest.raises(NotRun, match=words):
        native.open_artifact(model, record())


@pytest.mark.parametrize("engine", [run.open_artifact, apple.open_artifact])
def test_a_relative_path_is_read(model, monkeypatch, engine):
    """The children that read and run it live in folders of their own."""
    monkeypatch.chdir(model.parent)
    picture = np.full((1, 2, 3, 3), 7, np.uint8)
    there, here = engine(model, record()), engine(Path(model.name), record())
    for name, value in there.infer({"image": picture[0]}).items():
        np.testing.assert_array_equal(here.infer({"image": picture[0]})[name], value)
