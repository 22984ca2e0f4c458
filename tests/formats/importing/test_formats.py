"""Which file is which, and what is said where it cannot be read: all of it without TensorFlow."""

from __future__ import annotations

import base64
import io
import os
import struct
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from mobilecat import confined
from mobilecat.disk import cache
from mobilecat.errors import ModelError
from mobilecat.formats.base.notes import NOTES_KEY, notes_from_metadata, text_from_notes
from mobilecat.formats.importing import ImportOptions, dims_of, format_of, import_model
from mobilecat.formats.tensorflow import worker
from mobilecat.formats.tensorflow.read import require_onnx_forms
from mobilecat.graph.anchors import ANCHORS_KEY, anchors_from_metadata, text_from_anchors
from tests.formats.importing.models import conv, model, save

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"


def refusal(path: Path, options: ImportOptions | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        import_model(path, {}, options)
    return str(caught.value)


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


FORMATS = {
    "m.onnx": (b"x", "onnx"),
    "m": (b"x", "onnx"),
    "m.pb": (b"x", "tf-graph"),
    "m.keras": (ZIP, "keras"),
    "m.KERAS": (ZIP, "keras"),
    "m.h5": (HDF5, "keras-hdf5"),
    "m.hdf5": (HDF5, "keras-hdf5"),
    "old.keras": (HDF5, "keras-hdf5"),  # TensorFlow below 2.12 wrote HDF5 under this name
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_by_name_and_first_bytes(name: str, tmp_path: Path) -> None:
    data, expected = FORMATS[name]
    (tmp_path / name).write_bytes(data)
    assert format_of(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "parts", "kind"),
    [
        ("m.pt", ("m/data.pkl", "m/constants.pkl", "m/code/x.py"), "torchscript"),
        ("m.torchscript", ("m/data.pkl", "m/constants.pkl", "m/code/x.py"), "torchscript"),
        ("m.pt2", ("a/models/model.json", "a/version"), "torch-export"),
        ("old.pt2", ("serialized_exported_program.json",), "torch-export"),
        ("exported.pt", ("a/models/model.json", "a/version"), "torch-export"),
    ],
)
def test_which_of_pytorchs_files(
    name: str, parts: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(zipped(*parts))
    assert format_of(tmp_path / name) == kind


def test_a_saved_model_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert format_of(tmp_path) == "saved-model"


UNREADABLE = {
    "m.tflite": (b"x", "not a TFLite file"),
    "m.pt": (b"x", "torch.export.save"),
    "m.pt2": (b"x", "no program of torch.export"),
    "scripted.onnx": (zipped("m/data.pkl", "m/constants.pkl"), "name it .pt"),
    "m.mlmodel": (b"x", "not a Core ML file"),
    "m.keras": (b"<html>", "download the file itself"),
    "odd.keras": (b"odd", "neither a Keras archive (zip) nor HDF5"),
    "n.keras": (b"", "the file is empty"),
    "m.h5": (b"", "the file is empty"),
    "m.pb": (b"", "the file is empty"),
    "m.onnx": (b"", "download it again"),
    "empty.pt": (b"", "the file is empty"),
    "empty.pt2": (b"", "the file is empty"),
    "lfs.onnx": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    "lfs.keras": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    "page.onnx": (b"<!DOCTYPE html>", "download the file itself"),
    "hdf.pb": (HDF5, "name it .h5"),
    "zip.onnx": (ZIP, "a zip archive, cut short"),
    "keras.onnx": (zipped("config.json", "metadata.json"), "name it .keras"),
    "state.pth": (zipped("archive/data.pkl", "archive/version"), "a PyTorch checkpoint: a pickle"),
    "net.zip": (zipped("readme.md"), "a zip archive"),
    "app.zip": (zipped("net.mlpackage/Manifest.json"), "a zipped Core ML package"),
    "net.safetensors": (b"\x02\0\0\0\0\0\0\0{}", "weights without a network"),
    "w.onnx": (b"\x02\0\0\0\0\0\0\0{}", "a safetensors file"),
    "m.ckpt": (b"x", "a checkpoint"),
    "legacy.ckpt": (b"\x80\x02}q", "a checkpoint"),
    "legacy.onnx": (b"\x80\x04}q", "a pickle, which runs code"),
    "m.engine": (b"ftrt\0", "a TensorRT engine"),
    "m.plan": (b"x", "a TensorRT engine"),
    "m.xml": (b'<?xml version="1.0"?>\n<net name="m" version="11">', "OpenVINO's network"),
    "page.xml": (b"<!DOCTYPE html>", "a web page"),
    "m.bin": (b"x", "name the network beside it"),
    "m.pbtxt": (b"node {", "it has no weights"),
    "m.joblib": (b"\x80\x05", "scikit-learn"),
    "m.pkl": (b"\x80\x05", "runs code when it is opened"),
    "m.aimodel": (b"x", "is a folder"),
    "m.mlpackage": (ZIP, "a zip archive"),
    "page.tflite": (b"<!DOCTYPE html>", "download the file itself"),
    "cat.jpg": (b"\xff\xd8\xff\xe0", "a picture"),
    "cat.onnx": (b"\x89PNG\r\n", "a picture"),
    "m.param": (b"7767517\n", "ncnn"),
    "m.weights": (b"x", "Darknet's weights"),
    "m.onnx.gz": (b"\x1f\x8b\x08", "unpack it"),
    "m.py": (b"import torch", "let it export to ONNX"),
    "lite.pb": (b"\x1c\0\0\0TFL3", "a TFLite file"),
    "renamed.pb": (b"\x08\x01\x12\x05", "name the folder"),
    "saved_model.pb": (b"x", "one file of a SavedModel"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_so(name: str, tmp_path: Path) -> None:
    data, expected = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)
    text = refusal(tmp_path / name)
    assert expected in text and name in text


def test_a_size_that_the_network_was_not_made_for(tmp_path: Path) -> None:
    """A Reshape to 3×5 cells: another size contradicts it, and the answer says which one fits."""
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"], "flat")]
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 2, 3, 5])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 30])]
    shape = onnx.numpy_helper.from_array(np.array([1, 30]), "s")
    graph = helper.make_graph(nodes, "g", inputs, outputs, [shape])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "m.onnx",
    )
    import_model(tmp_path / "m.onnx", {"x": (1, 2, 3, 5)})
    with pytest.raises(ModelError) as caught:
        import_model(tmp_path / "m.onnx", {"x": (1, 2, 6, 5)})
    text = str(caught.value)
    assert "the file says 1×2×3×5, and 1×2×6×5 was asked for" in text
    assert "take the size that it was made for" in text


def test_a_folder_that_is_no_saved_model(tmp_path: Path) -> None:
    assert "a folder without saved_model.pb" in refusal(tmp_path)


def test_options_that_onnx_has_no_use_for_are_all_refused(tmp_path: Path) -> None:
    path = save(conv(), tmp_path / "m.onnx")
    text = refusal(path, ImportOptions(signature="s"))
    assert "import.signature" in text and "outputs" not in text and "inputs" not in text
    with pytest.raises(ModelError, match="nowhere"):
        dims_of(path, ImportOptions(inputs=("nowhere",)))


def test_a_missing_extra_gives_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mobilecat.formats.base.child.find_spec",
        lambda n: None if n in ("tensorflow", "tf_keras") else find_spec("os"),
    )
    (tmp_path / "m.pb").write_bytes(b"x")
    text = refusal(tmp_path / "m.pb")
    assert "not installed: tensorflow, tf-keras" in text and "tf2onnx" not in text
    assert "pip install 'mobilecat[tensorflow]'" in text


# --- the child process ----------------------------------------------------------------------------


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put another program in the child's place: the file to write it to."""
    program = tmp_path / "child.py"
    real = confined.subprocess.Popen
    monkeypatch.setattr(worker, "require_extra", lambda _: None)
    monkeypatch.setattr(
        confined.subprocess,
        "Popen",
        lambda command, **more: real([sys.executable, str(program)], **more),
    )
    return program


def ask(steps: list[str]) -> dict[str, object]:
    child = worker.Worker(Path("m.pb"), steps.append)
    try:
        return child.ask("open", path="m.pb")
    finally:
        child.close()


def test_steps_come_before_the_answer(child: Path) -> None:
    child.write_text(
        "import sys, json; r = json.loads(sys.stdin.readline())\n"
        "print('noise', file=sys.stderr)\n"
        "print(json.dumps({'step': 'one'})); print(json.dumps({'step': 'two'}))\n"
        "print(json.dumps({'done': {'path': r['path']}}))"
    )
    steps: list[str] = []
    assert ask(steps) == {"path": "m.pb"}
    assert steps == ["one", "two"]


def test_a_childs_noise_stays_out_of_sight(child: Path, capfd: pytest.CaptureFixture[str]) -> None:
    child.write_text(
        "import sys; sys.stdin.readline(); print('E0000 noise', file=sys.stderr)\n"
        "print('{\"done\": {}}')"
    )
    ask([])
    assert capfd.readouterr() == ("", "")


DEATHS = {
    "an exception": (
        "import sys; sys.stdin.readline(); print('W0000 00 cuda', file=sys.stderr)\n"
        "print('WARNING: absl', file=sys.stderr); raise MemoryError('no room for 9 GB')",
        "MemoryError: no room for 9 GB",
    ),
    "out of memory": (
        "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)",
        "killed, as systems do that run out of memory",
    ),
    "silence": ("import sys; sys.stdin.readline(); sys.exit(3)", "ended with code 3"),
    "before the request": ("import sys; sys.exit(4)", "ended with code 4"),
    "half an answer": (
        "import sys; sys.stdin.readline(); print('{\"do', end=''); sys.exit(5)",
        "ended with code 5",
    ),
}


@pytest.mark.parametrize("case", DEATHS)
def test_a_child_that_dies_is_told_with_its_reason(case: str, child: Path) -> None:
    program, expected = DEATHS[case]
    child.write_text(program)
    with pytest.raises(ModelError) as caught:
        ask([])
    text = str(caught.value)
    assert "m.pb: TensorFlow stopped without an answer" in text and expected in text
    assert "WARNING" not in text and "Traceback" not in text


def test_the_child_does_not_read_modules_beside_the_user(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    command = [sys.executable, "-P", "-c", "import mobilecat.formats.tensorflow.child.__main__"]
    done = confined.subprocess.run(
        command, cwd=tmp_path, env=confined._environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# --- the cache ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mobilecat"


def test_what_is_kept_is_found_again(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.write_bytes(b"graph")
    assert cache.cached("key", ".onnx") is None
    cache.keep("key", made, ".onnx")
    found = cache.cached("key", ".onnx")
    assert found is not None and found.read_bytes() == b"graph" and found.parent == folder
    assert cache.cached("other", ".onnx") is None
    assert [p.name for p in folder.iterdir()] == [found.name]


@pytest.mark.parametrize("damage", [b"", b"grap", b"grapH", b"graphs"])
def test_a_damaged_file_is_not_used(damage: bytes, folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.write_bytes(b"graph")
    cache.keep("key", made, ".onnx")
    found = cache.cached("key", ".onnx")
    assert found is not None
    found.write_bytes(damage)
    assert cache.cached("key", ".onnx") is None
    cache.keep("key", made, ".onnx")
    assert cache.cached("key", ".onnx") == found


def test_only_so_many_are_kept_the_newest(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    for i in range(cache._KEPT + 3):
        made.write_bytes(bytes([i]))
        cache.keep(f"key{i}", made, ".onnx")
        newest = cache.cached(f"key{i}", ".onnx")
        assert newest is not None
        os.utime(newest, (i, i))
    assert len(list(folder.iterdir())) == cache._KEPT
    assert cache.cached("key2", ".onnx") is None
    assert cache.cached("key3", ".onnx") is not None


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cache.keep("key", tmp_path / "file", ".onnx")
    assert "cannot be written" in capsys.readouterr().err


def test_the_cache_is_where_xdg_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for given, expected in {
        "/var/c": "/var/c/mobilecat",
        "": "/home/someone/.cache/mobilecat",
        "relative": "/home/someone/.cache/mobilecat",  # XDG: relative paths are to be ignored
    }.items():
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert cache.cache_folder() == Path(expected)


# --- what travels with a graph --------------------------------------------------------------------


def test_anchors_are_little_endian_rows() -> None:
    rows = np.array([[0.5, 0.25, 0.125, 1], [2, 3, 4, 5], [6, 7, 8, 9]], np.float32)
    by_hand = struct.pack("<12f", 0.5, 0.25, 0.125, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert base64.b64decode(text_from_anchors(rows)) == by_hand
    found = anchors_from_metadata({ANCHORS_KEY: text_from_anchors(rows)})
    assert found is not None and found.dtype == np.float32
    np.testing.assert_array_equal(found, rows)


def test_no_anchors_are_none_and_damaged_ones_an_error() -> None:
    assert anchors_from_metadata({}) is None
    for text in ("AAAA", "no base64!"):
        with pytest.raises(ModelError, match=ANCHORS_KEY):
            anchors_from_metadata({ANCHORS_KEY: text})


def test_notes_come_back_in_order() -> None:
    notes = ("cut at concat", "loaded by tf-keras – as said")
    assert notes_from_metadata({NOTES_KEY: text_from_notes(notes)}) == notes
    assert notes_from_metadata({}) == ()


def test_metadata_survives_an_import(tmp_path: Path) -> None:
    proto = conv()
    helper.set_model_props(proto, {ANCHORS_KEY: text_from_anchors(np.ones((3, 4)))})
    imported = import_model(save(proto, tmp_path / "m.onnx"), {})
    found = anchors_from_metadata(imported.metadata_props)
    assert found is not None and found.shape == (3, 4)


def test_loops_and_foreign_ops_are_listed_together() -> None:
    body = helper.make_graph(
        [helper.make_node("Wobble", ["i"], ["k"], "inner")],
        "body",
        [helper.make_tensor_value_info("i", onnx.TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("k", onnx.TensorProto.FLOAT, [])],
    )
    proto = model(
        [
            helper.make_node("Loop", ["x"], ["a"], "map/while", body=body),
            helper.make_node("Svd", ["a"], ["b"], "svd"),
            helper.make_node("Relu", ["b"], ["y"], "fine"),
        ]
    )
    with pytest.raises(ModelError) as caught:
        require_onnx_forms(proto, Path("m.pb"))
    text = str(caught.value)
    assert "m.pb: 3 nodes cannot be compiled" in text and "fine" not in text
    assert "Loop 'map/while': a loop" in text
    assert "Svd 'svd': ONNX has no form" in text and "Wobble 'inner'" in text


@pytest.mark.parametrize(
    "name, fix",
    [
        ("map/while", "name outputs before it: import.outputs"),
        ("Postprocessor/map/while", "leave [import] out"),
        ("SecondStagePostprocessor/map/while", "name outputs before it: import.outputs"),
    ],
)
def test_a_loop_of_the_detection_api_is_cut_off_by_leaving_the_choice_out(
    name: str, fix: str
) -> None:
    proto = model([helper.make_node("Loop", ["x"], ["y"], "loop")])
    with pytest.raises(ModelError) as caught:
        require_onnx_forms(proto, Path("m.pb"), [name])
    (problem,) = caught.value.problems
    assert caught.value.summary == "m.pb: 1 node cannot be compiled"
    assert problem.where == name and problem.fix.startswith(fix)


def test_a_long_list_is_cut_with_its_count() -> None:
    nodes = [helper.make_node("Svd", ["x"], [f"y{i}"], f"n{i}") for i in range(25)]
    with pytest.raises(ModelError) as caught:
        require_onnx_forms(model(nodes), Path("m.pb"))
    assert "25 nodes" in str(caught.value) and "and 5 more" in str(caught.value)
