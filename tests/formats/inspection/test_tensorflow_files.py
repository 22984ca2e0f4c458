"""What is said of the files that only TensorFlow reads: names and shapes as a spec calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.cli.inspect import run_inspect
from mobilecat.errors import ModelError
from mobilecat.formats.base.inspection import Port
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tensorflow import worker
from tests.formats.importing.tensorflow import needs_tensorflow


@needs_tensorflow
@pytest.mark.parametrize(
    "name, format", [("m.keras", "keras"), ("m.h5", "keras-hdf5"), ("saved", "saved-model")]
)
def test_inputs_and_outputs(name: str, format: str, tmp_path: Path) -> None:
    import keras

    x = keras.Input((6, None, 3), name="photo")
    y = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(x, {"box": keras.layers.Dense(4)(y), "kind": keras.layers.Dense(2)(y)})
    path = tmp_path / name
    if path.suffix:
        model.save(path)
    else:
        model.export(path, verbose=False)
    found = inspect_file(path)
    assert found.format == format
    assert found.inputs == (Port("photo", "", ("?", 6, "?", 3)),)
    assert sorted(found.outputs, key=lambda p: p.name) == [
        Port("box", "", ("?", 4)),
        Port("kind", "", ("?", 2)),
    ]
    assert found.bytes > (3 * 4 + 4 + 3 * 2 + 2) * 4  # the weights of both, in float32


@needs_tensorflow
def test_a_graph_of_the_detection_api_as_it_is_cut(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb"
    run_inspect(shared_data / "models" / name, as_json=False)
    said = capsys.readouterr().out
    assert "in   Preprocessor/sub  ?×300×300×3\n" in said
    assert "out  box_encodings  ?×?×4\n" in said
    assert "out  class_predictions  ?×?×2\n" in said  # a person, and the background
    assert "TensorFlow object detection API: cut at Preprocessor/sub" in said


def test_without_tensorflow_the_install_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "missing_extra", lambda: "tensorflow")
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n and more")
    with pytest.raises(ModelError) as caught:
        inspect_file(tmp_path / "m.h5")
    assert "pip install 'mobilecat[tensorflow]'" in str(caught.value)
