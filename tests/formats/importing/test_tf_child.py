"""The whole way: parent, child process, cache. Each child takes TensorFlow seconds to start."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.importing import ImportOptions, dims_of, format_of, import_model
from mobilecat.formats.tensorflow import read as tf_file
from mobilecat.formats.tensorflow.run import TensorFlowModel
from tests.formats.importing.tensorflow import assert_close, feeds_for, needs_tensorflow, outputs

pytestmark = needs_tensorflow


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mobilecat"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.keras` file with picture sides left open."""
    import keras

    keras.utils.set_random_seed(7)
    x = keras.Input((None, None, 3), name="photo")
    y = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(x)
    y = keras.layers.UpSampling2D(2, interpolation="bilinear", name="up")(y)
    path = tmp_path_factory.mktemp("keras") / "open.keras"
    keras.Model(x, y).save(path)
    return path


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras

    keras.utils.set_random_seed(8)
    x = keras.Input((7, 12, 3), name="photo")
    path = tmp_path_factory.mktemp("keras") / "fixed.h5"
    keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(x)).save(path)
    return path


def no_child(*_: Any) -> Any:
    raise AssertionError("a child process was started")


def test_freeze_run_and_cache(
    fixed: Path,
    cache_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = (fixed.read_bytes(), fixed.stat().st_mtime_ns)
    steps: list[str] = []
    assert dims_of(fixed, progress=steps.append) == {"photo": (None, 7, 12, 3)}
    assert steps[0] == "starting TensorFlow" and steps[-1] == "translating to ONNX"
    with TensorFlowModel(fixed, format_of(fixed)) as original:
        monkeypatch.setattr(tf_file, "Worker", no_child)
        imported = import_model(fixed, {})
        feeds = feeds_for(imported)
        assert_close(outputs(imported, feeds), original.run(feeds))
        other = {"photo": feeds["photo"] * 0.5}
        assert_close(outputs(imported, other), original.run(other))
        with pytest.raises(ModelError, match="these are not the model's inputs"):
            original.run({"picture": feeds["photo"]})
        assert original.run(feeds)["conv"].shape == (1, 5, 10, 2)
    assert capfd.readouterr() == ("", "")  # all of TensorFlow's noise stayed in the child
    assert (fixed.read_bytes(), fixed.stat().st_mtime_ns) == before
    assert [p.name for p in fixed.parent.iterdir()] == [fixed.name]
    # Another choice, a damaged file: TensorFlow is asked again.
    with pytest.raises(AssertionError, match="a child process"):
        import_model(fixed, {}, ImportOptions(outputs=("conv",)))
    for kept in cache_folder.glob("*.onnx"):
        kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(AssertionError, match="a child process"):
        import_model(fixed, {})


def test_open_sides_are_frozen_to_the_size_asked_for(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dims_of(model) == {"photo": (None, None, None, 3)}
    with monkeypatch.context() as m:
        m.setattr(tf_file, "Worker", no_child)
        assert dims_of(model) == {"photo": (None, None, None, 3)}
        with pytest.raises(ModelError) as caught:
            import_model(model, {})
        assert "input 'photo': dynamic shape [1,?,?,3]" in str(caught.value)
    imported = import_model(model, {"photo": (1, 7, 12, 3)})
    assert tuple(imported.graph.outputs[0].shape or ()) == (1, 8, 12, 4)
    monkeypatch.setattr(tf_file, "Worker", no_child)
    import_model(model, {"photo": (1, 7, 12, 3)})
    with pytest.raises(AssertionError, match="a child process"):
        import_model(model, {"photo": (1, 12, 7, 3)})


def test_errors_come_through_whole(fixed: Path) -> None:
    chosen = ImportOptions(outputs=("conv2", "nothing"))
    with pytest.raises(ModelError) as caught:
        dims_of(fixed, chosen)
    problems = [(p.what, p.where, p.fix) for p in caught.value.problems]
    assert problems == [
        ("there is no layer 'conv2'", "import.outputs", "the nearest: conv"),
        ("there is no layer 'nothing'", "import.outputs", ""),
    ]


def test_a_child_that_is_killed_between_two_runs(fixed: Path) -> None:
    original = TensorFlowModel(fixed, format_of(fixed))
    child = original._child._child
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with pytest.raises(ModelError, match="stopped without an answer"):
        original.run({"photo": np.zeros((1, 7, 12, 3), np.float32)})
    original.close()
    original.close()


def test_the_child_ends_with_its_model(fixed: Path) -> None:
    original = TensorFlowModel(fixed, format_of(fixed))
    child = original._child._child
    assert child.poll() is None
    del original
    assert child.poll() is not None
