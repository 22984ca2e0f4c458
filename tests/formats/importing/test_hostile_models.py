"""A model file chooses no function: what it names is read as data before a library sees it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.importing import format_of
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tensorflow.worker import Worker
from tests.formats.importing.tensorflow import needs_tensorflow, open_network, refusal

pytestmark = needs_tensorflow


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be built: both libraries' loaders are taken away."""
    from importlib import import_module

    def loaded(*_: Any, **__: Any) -> None:
        raise AssertionError("a library was asked to build the model")

    for library in ("keras", "tf_keras"):
        monkeypatch.setattr(import_module(library).models, "load_model", loaded)
    import tensorflow as tf

    monkeypatch.setattr(tf.saved_model, "load", loaded)
    monkeypatch.setattr(tf, "import_graph_def", loaded)


def _cases() -> dict[str, Any]:
    if needs_tensorflow.args[0]:
        return {}
    from tests.formats.importing.hostile import KERAS

    return KERAS


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", _cases())
def test_what_a_keras_file_names(case: str, suffix: str, tmp_path: Path, no_library: None) -> None:
    from tests.formats.importing.hostile import KERAS, conv_model, keras_file

    change, expected = KERAS[case]
    config = conv_model()
    change(config, tmp_path / "sentinel")
    text = refusal(keras_file(tmp_path / f"m{suffix}", config))
    assert expected in text
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_same_model_without_it_loads(suffix: str, tmp_path: Path) -> None:
    from tests.formats.importing.hostile import conv_model, keras_file

    # Keras writes the network of an HDF5 file in another form: only the archive is built here.
    path = keras_file(tmp_path / f"m{suffix}", conv_model())
    if suffix == ".keras":
        assert dict(open_network(path).outputs) == {"act": (None, 4, 3)}
    else:
        assert "not Keras's own" not in str(_refusal_or_none(path))


def _refusal_or_none(path: Path) -> ModelError | None:
    try:
        open_network(path)
    except ModelError as e:
        return e
    return None


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_configuration_nested_without_end(suffix: str, tmp_path: Path, no_library: None) -> None:
    from tests.formats.importing.hostile import keras_file

    for depth in (400, 30_000):
        text = '{"a":' * depth + "1" + "}" * depth
        said = refusal(keras_file(tmp_path / f"m{suffix}", text))
        assert "nested without end" in said


@pytest.mark.parametrize("text", ["[]", "7", "null", '"Sequential"', "{", ""])
def test_a_configuration_that_is_none(text: str, tmp_path: Path, no_library: None) -> None:
    from tests.formats.importing.hostile import keras_file

    assert "The model cannot be read" in refusal(keras_file(tmp_path / "m.keras", text))


def test_a_compiled_inner_model_is_loaded_without_its_loss(tmp_path: Path) -> None:
    import keras

    class Own(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.sum(y_true - y_pred)

    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)], name="inner")
    inner.compile("adam", Own())
    x = keras.Input((5,), name="x")
    keras.Model(x, inner(x)).save(tmp_path / "m.keras")
    assert dict(open_network(tmp_path / "m.keras").inputs) == {"x": (None, 5)}


# --- the files themselves -------------------------------------------------------------------------


def weights(path: Path, how: str) -> Path:
    """Write weights that are another file's, or that are not there."""
    import h5py

    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["secret"] = np.arange(3.0)
    with h5py.File(path, "w") as file:
        group = file.create_group("layers")
        if how == "an external link":
            group["w"] = h5py.ExternalLink(str(other), "/secret")
        elif how == "a soft link":
            group["w"] = h5py.SoftLink("/elsewhere")
        elif how == "external bytes":
            group.create_dataset("w", (3,), "f8", external=[("/etc/hostname", 0, 24)])
        elif how == "a virtual dataset":
            layout = h5py.VirtualLayout((3,), "f8")
            layout[:] = h5py.VirtualSource(str(other), "secret", shape=(3,))
            group.create_virtual_dataset("w", layout)
        else:
            group.create_dataset("w", (1 << 40,), "f4", chunks=(1 << 20,))
    return path


WEIGHTS = {
    "an external link": "a link to another file",
    "a soft link": "a link to another place",
    "external bytes": "weights that lie in another file",
    "a virtual dataset": "weights that lie in another file",
    "more than there is": "unpacks to over 100 times its size",
}


@pytest.mark.parametrize("how", WEIGHTS)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_are_the_files_own(how: str, suffix: str, tmp_path: Path, no_library: None) -> None:
    from tests.formats.importing.hostile import conv_model, keras_file

    made = weights(tmp_path / "w.h5", how)
    path = tmp_path / f"m{suffix}"
    if suffix == ".keras":
        keras_file(path, conv_model(), made)
    else:
        import h5py

        with h5py.File(made, "a") as file:
            file.attrs["model_config"] = json.dumps(conv_model())
        made.rename(path)
    assert WEIGHTS[how] in refusal(path)


def _archive(path: Path, change: Any) -> Path:
    from tests.formats.importing.hostile import conv_model, empty_weights

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(conv_model()))
        archive.write(empty_weights(path.with_suffix(".inner")), "model.weights.h5")
        change(archive)
    return path


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("model.link")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/hostname")


ARCHIVES = {
    "a part that climbs": (lambda a: a.writestr("../out", "x"), "lies elsewhere: '../out'"),
    "an absolute part": (lambda a: a.writestr("/tmp/out", "x"), "lies elsewhere: '/tmp/out'"),
    "a part of another system": (lambda a: a.writestr("c:\\x", "x"), "lies elsewhere"),
    "a link": (_link, "lies elsewhere: 'model.link'"),
    "an asset": (lambda a: a.writestr("assets/vocabulary.txt", "x"), "a file that a layer reads"),
    "a second configuration": (lambda a: a.writestr("config.json", "{}"), "two parts of one name"),
    "a bomb": (lambda a: a.writestr("x", bytes(200 << 20)), "unpacks to over 100 times"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_hold_what_they_should(case: str, tmp_path: Path, no_library: None) -> None:
    change, expected = ARCHIVES[case]
    assert expected in refusal(_archive(tmp_path / "m.keras", change))


# --- graphs ---------------------------------------------------------------------------------------


def _graph(path: Path, build: Any) -> Path:
    import tensorflow as tf

    with tf.Graph().as_default() as g:
        x = tf.compat.v1.placeholder(tf.float32, [1, 2], "x")
        build(tf, x)
        tf.identity(x, name="y")
    path.write_bytes(g.as_graph_def().SerializeToString())
    return path


GRAPHS = {
    "ReadFile": lambda tf, x: tf.io.read_file("/etc/hostname", name="bad"),
    "WriteFile": lambda tf, x: tf.io.write_file("/tmp/out", "x", name="bad"),
    "MatchingFiles": lambda tf, x: tf.io.matching_files("/etc/*", name="bad"),
    "EagerPyFunc": lambda tf, x: tf.py_function(lambda v: v, [x], tf.float32, name="bad"),
    "PyFunc": lambda tf, x: tf.compat.v1.py_func(lambda v: v, [x], tf.float32, name="bad"),
    "PrintV2": lambda tf, x: tf.raw_ops.PrintV2(
        input="x", output_stream="file:///tmp/out", name="bad"
    ),
    "SaveV2": lambda tf, x: tf.raw_ops.SaveV2(
        prefix="/tmp/out", tensor_names=["x"], shape_and_slices=[""], tensors=[x], name="bad"
    ),
    "RestoreV2": lambda tf, x: tf.raw_ops.RestoreV2(
        prefix="/tmp/in", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32], name="bad"
    ),
    "ImmutableConst": lambda tf, x: tf.raw_ops.ImmutableConst(
        dtype=tf.float32, shape=[1], memory_region_name="/etc/hostname", name="bad"
    ),
    "InitializeTableFromTextFileV2": lambda tf, x: tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64),
        filename="/etc/hostname",
        key_index=-2,
        value_index=-1,
        name="bad",
    ),
    "TFRecordDataset": lambda tf, x: tf.raw_ops.TFRecordDataset(
        filenames="/etc/hostname", compression_type="", buffer_size=1, name="bad"
    ),
    "DebugIdentityV2": lambda tf, x: tf.raw_ops.DebugIdentityV2(
        input=x, debug_urls=["file:///tmp/out"], name="bad"
    ),
}


@pytest.mark.parametrize("op", GRAPHS)
def test_ops_of_a_graph(op: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = _graph(tmp_path / "m.pb", GRAPHS[op])
    request.getfixturevalue("no_library")
    text = refusal(path)
    assert f"{op} 'bad'" in text and "nothing was run" in text


def test_a_graphs_print_to_the_terminal_is_no_reason(tmp_path: Path) -> None:
    path = _graph(tmp_path / "m.pb", lambda tf, x: tf.print(x, name="note"))
    assert "may do more than compute" not in str(_refusal_or_none(path))


@pytest.mark.parametrize("depth", [1, 3])
def test_ops_of_a_graphs_functions(
    depth: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def build(tf: Any, x: Any) -> None:
        def inner() -> Any:
            return tf.io.read_file("/etc/hostname", name="bad")

        call = tf.function(inner)
        for _ in range(depth - 1):
            call = tf.function(lambda f=call: tf.identity(f()))
        call()

    path = _graph(tmp_path / "m.pb", build)
    request.getfixturevalue("no_library")
    text = refusal(path)
    assert "ReadFile 'bad' in function" in text


def _module(folder: Path, act: Any, **more: Any) -> Path:
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(2.0)
            for key, value in more.items():
                setattr(self, key, value)

        @tf.function(input_signature=[tf.TensorSpec((1, 2), tf.float32, "x")])
        def serve(self, x: Any) -> Any:
            act(tf)
            return x * self.w

    module = Module()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
    return folder


@pytest.mark.parametrize("op", ["WriteFile", "ReadFile", "MatchingFiles", "PrintV2"])
def test_ops_of_a_saved_model(op: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = _module(tmp_path / "m", lambda tf: GRAPHS[op](tf, None))
    request.getfixturevalue("no_library")
    assert f"{op} 'bad' in function" in refusal(folder)


def test_a_saved_model_that_reads_its_assets(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import tensorflow as tf

    (tmp_path / "vocabulary.txt").write_text("a\n")
    asset = tf.saved_model.Asset(str(tmp_path / "vocabulary.txt"))
    folder = _module(tmp_path / "m", lambda tf: None, asset=asset)
    request.getfixturevalue("no_library")
    text = refusal(folder)
    assert "reads a file of its own: 'vocabulary.txt'" in text and "object" in text


def test_a_link_out_of_a_saved_model(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = _module(tmp_path / "m", lambda tf: None)
    assert dict(open_network(folder).inputs) == {"x": (1, 2)}
    data = next((folder / "variables").glob("*.data-*"))
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    request.getfixturevalue("no_library")
    assert "is a link out of the model's folder" in refusal(folder)


def _old_model(folder: Path) -> Path:
    import tensorflow as tf

    with tf.Graph().as_default() as g, tf.compat.v1.Session(graph=g) as session:
        x = tf.compat.v1.placeholder(tf.float32, [1, 3], "x")
        w = tf.compat.v1.get_variable("w", [3, 2])
        y = tf.matmul(x, w)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    return folder


def _changed(folder: Path, change: Any) -> Path:
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())
    return folder


def _saves_where_it_should_restore(meta: Any) -> None:
    meta.saver_def.restore_op_name = "save/SaveV2"


def _restores_another_file(meta: Any) -> None:
    node = next(n for n in meta.graph_def.node if n.op == "RestoreV2")
    node.input[0] = "save/StringJoin"


def _saves_as_an_initialiser(meta: Any) -> None:
    meta.collection_def["saved_model_main_op"].node_list.value.append("save/SaveV2")


def _saves_as_an_output(meta: Any) -> None:
    meta.signature_def["serving_default"].outputs["z"].name = "save/Identity:0"


OLD = {
    _saves_where_it_should_restore: "SaveV2 'save/SaveV2'",
    _restores_another_file: "restores from another file",
    _saves_as_an_initialiser: "SaveV2 'save/SaveV2'",
    _saves_as_an_output: "MergeV2Checkpoints 'save/MergeV2Checkpoints'",
}


@pytest.mark.parametrize("change", OLD, ids=lambda f: f.__name__)
def test_saving_and_restoring_in_the_wrong_place(
    change: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = _old_model(tmp_path / "m")
    assert dict(open_network(folder).inputs) == {"x": (1, 3)}
    _changed(folder, change)
    request.getfixturevalue("no_library")
    assert OLD[change] in refusal(folder)


# --- the child ------------------------------------------------------------------------------------


def test_what_the_child_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both verbs go through the check in the child, which is asked here as `inspect` asks it."""
    from tests.formats.importing.hostile import KERAS, conv_model, keras_file

    monkeypatch.setenv("SECRET_TOKEN", "in the parent alone")
    config = conv_model()
    KERAS["a function of TensorFlow that writes"][0](config, tmp_path / "sentinel")
    path = keras_file(tmp_path / "m.h5", config)
    with pytest.raises(ModelError, match=r"io\.write_file"):
        inspect_file(path)
    assert not (tmp_path / "sentinel").exists()
    with Worker(path) as worker:
        with pytest.raises(ModelError, match=r"io\.write_file"):
            worker.ask("open", path=str(path), format=format_of(path), options={})
        environment = Path(f"/proc/{worker._child.pid}/environ")
        if environment.exists():
            assert b"SECRET_TOKEN" not in environment.read_bytes()
            assert Path(f"/proc/{worker._child.pid}/cwd").readlink() == worker.folder.resolve()
    assert not worker.folder.exists()
