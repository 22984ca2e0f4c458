"""Keras files of both formats and both libraries, held to Keras itself."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.importing import ImportOptions
from tests.formats.importing.tensorflow import (
    assert_close,
    assert_import_computes_the_same,
    feeds_for,
    freeze,
    needs_tensorflow,
    open_network,
    outputs,
    refusal,
)

pytestmark = needs_tensorflow


def seeded(model: Any, seed: int = 4) -> Any:
    """Give every variable values that matter: batch norms of a fresh model would do nothing."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            name = variable.name.rpartition("/")[2].partition(":")[0]
            if name in ("gamma", "moving_variance"):
                variable.assign(rng.uniform(0.7, 1.3, variable.shape))
            elif name in ("beta", "moving_mean", "bias"):
                variable.assign(rng.normal(0, 0.1, variable.shape))
    return model


def small(library: Any) -> Any:
    """Return a two-head model of a few layers with a picture of 24×40."""
    layers = library.layers
    x = library.Input((24, 40, 3), name="photo")
    y = layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    y = layers.BatchNormalization(name="bn")(y)
    y = layers.Activation("swish", name="act")(y)
    y = layers.DepthwiseConv2D(3, padding="valid", name="dw")(y)
    y = layers.GlobalAveragePooling2D(name="pool")(y)
    box = layers.Dense(4, name="box")(layers.Dropout(0.4, name="drop")(y))
    kind = layers.Dense(3, activation="softmax", name="kind")(y)
    return seeded(library.Model(x, [kind, box]))


def _is_affine_of_conv(node: Any) -> bool:
    makers = [v.producer() for v in node.inputs if v is not None and v.producer() is not None]
    constants = [v for v in node.inputs if v is not None and v.const_value is not None]
    normal = node.op_type in ("Mul", "Add", "BatchNormalization") and constants
    return bool(normal) and any(m.op_type == "Conv" for m in makers)


APPLICATIONS = {
    # name → settings, picture, the layer to stop at: past the first of each kind of block
    "EfficientNetV2B0": ({}, (64, 96), "block5b_add"),
    "ResNet50": ({}, (64, 96), "conv3_block2_out"),
    "MobileNetV2": ({"alpha": 0.35}, (96, 64), "out_relu"),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_applications(name: str, tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    settings, size_hw, last = APPLICATIONS[name]
    backbone = getattr(keras.applications, name)
    model = backbone(weights=None, input_shape=(*size_hw, 3), include_top=False, **settings)
    y = keras.layers.GlobalAveragePooling2D(name="pool")(model.get_layer(last).output)
    path = tmp_path / "m.keras"
    seeded(keras.Model(model.input, keras.layers.Dense(4, name="box")(y))).save(path)
    imported = assert_import_computes_the_same(path, tmp_path)
    assert [o.name for o in imported.graph.outputs] == ["box"]
    # Batch norms are worked into the convolutions: no engine pays for them at every picture.
    assert not [n.name for n in imported.graph if _is_affine_of_conv(n)]


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_both_formats_of_both_libraries(library: str, suffix: str, tmp_path: Path) -> None:
    from importlib import import_module

    path = tmp_path / f"m{suffix}"
    small(import_module(library)).save(path)
    imported = assert_import_computes_the_same(path, tmp_path)
    assert [(i.name, tuple(i.shape or ())) for i in imported.graph.inputs] == [
        ("photo", (1, 24, 40, 3))
    ]
    shapes = [(o.name, tuple(o.shape or ())) for o in imported.graph.outputs]
    assert shapes == [("kind", (1, 3)), ("box", (1, 4))]


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("suffix, wrong", [(".keras", ".h5"), (".h5", ".keras")])
def test_a_file_under_the_other_formats_name(
    library: str, suffix: str, wrong: str, tmp_path: Path
) -> None:
    from importlib import import_module

    small(import_module(library)).save(tmp_path / f"m{suffix}")
    path = (tmp_path / f"m{suffix}").rename(tmp_path / f"other{wrong}")
    assert [list(open_network(path).inputs), path.suffix] == [["photo"], wrong]


def test_what_keras_3_cannot_load_tf_keras_does_and_says_so(tmp_path: Path) -> None:
    import tf_keras

    x = tf_keras.Input((6, 10, 3), name="photo")
    y = tf_keras.layers.Conv2D(4, 3, name="conv")(x * 2.0 - 1.0)  # layers only tf-keras has
    path = tmp_path / "m.h5"
    tf_keras.Model(x, y).save(path)
    network = open_network(path)
    assert len(network.notes) == 1
    assert network.notes[0].startswith("loaded by tf-keras, as Keras 3: ")
    assert len(network.notes[0]) <= 125  # Keras's own words may hold a layer's whole configuration
    assert_import_computes_the_same(path, tmp_path)


def test_an_hdf5_file_of_2017(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "models" / "keras_fer_mini_xception.hdf5"
    imported = assert_import_computes_the_same(path, tmp_path)
    assert [(o.name, tuple(o.shape or ())) for o in imported.graph.outputs] == [
        ("predictions", (1, 7))
    ]


def test_outputs_by_layer(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.keras"
    small(keras).save(path)
    chosen = ImportOptions(outputs=("box", "act"))
    imported = assert_import_computes_the_same(path, tmp_path, chosen)
    shapes = [(o.name, tuple(o.shape or ())) for o in imported.graph.outputs]
    assert shapes == [("box", (1, 4)), ("act", (1, 12, 20, 5))]


def test_sequential_dict_and_unnamed_outputs(tmp_path: Path) -> None:
    import keras

    sequential = keras.Sequential([keras.layers.Dense(3, name="last")])
    sequential.build((None, 7))
    sequential.save(tmp_path / "s.keras")
    assert list(open_network(tmp_path / "s.keras").outputs) == ["last"]
    x = keras.Input((5, 7))
    shared = keras.layers.Dense(2, name="twice")
    keras.Model(x, {"b": shared(x), "a": keras.layers.ReLU()(x)}).save(tmp_path / "d.keras")
    by_key = open_network(tmp_path / "d.keras").outputs
    assert dict(by_key) == {"b": (None, 5, 2), "a": (None, 5, 7)}
    keras.Model(x, [shared(x), shared(keras.layers.ReLU()(x))]).save(tmp_path / "t.keras")
    assert list(open_network(tmp_path / "t.keras").outputs) == ["twice", "twice_1"]
    assert_import_computes_the_same(tmp_path / "s.keras", tmp_path)


def test_several_inputs_keep_their_places(tmp_path: Path) -> None:
    import keras

    z = keras.Input((3, 5), name="z")
    a = keras.Input((3, 5), name="a")
    y = keras.layers.Subtract(name="difference")([z, a])
    path = tmp_path / "m.keras"
    keras.Model([z, a], y).save(path)
    imported = freeze(open_network(path), tmp_path)
    feeds = feeds_for(imported)
    assert set(feeds) == {"z", "a"}
    got = outputs(imported, feeds)
    np.testing.assert_allclose(got["difference"], feeds["z"] - feeds["a"], atol=1e-6)


def test_dynamic_sides_are_fixed_later(tmp_path: Path) -> None:
    import keras

    x = keras.Input((None, None, 3), name="photo")
    y = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(x)
    y = keras.layers.UpSampling2D(2, interpolation="bilinear", name="up")(y)
    path = tmp_path / "m.keras"
    keras.Model(x, y).save(path)
    network = open_network(path)
    assert dict(network.inputs) == {"photo": (None, None, None, 3)}
    imported = freeze(network, tmp_path, {"photo": (1, 7, 12, 3)})
    feeds = feeds_for(imported)
    assert_close(outputs(imported, feeds), network.run(feeds))
    with pytest.raises(ModelError) as caught:
        freeze(network, tmp_path)
    assert "input 'photo': dynamic shape [1,?,?,3]" in str(caught.value)


# --- refusals -------------------------------------------------------------------------------------


def test_all_unknown_layers_are_told_at_once_with_the_nearest(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.keras"
    small(keras).save(path)
    text = refusal(path, ImportOptions(outputs=("boxx", "box", "nothing_alike")))
    assert "there is no layer 'boxx'" in text and "the nearest: box" in text
    assert "there is no layer 'nothing_alike'" in text and "'box'\n" not in text


def test_options_that_keras_has_no_use_for(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.keras"
    small(keras).save(path)
    text = refusal(path, ImportOptions(signature="serve", inputs=("photo",)))
    assert "import.signature" in text and "import.inputs" in text


def test_weights_without_the_network(tmp_path: Path) -> None:
    import keras

    small(keras).save_weights(tmp_path / "m.weights.h5")
    text = refusal(tmp_path / "m.weights.h5")
    assert "holds weights without the network" in text and "model.save" in text


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_lambda_layers_are_refused_before_they_are_run(suffix: str, tmp_path: Path) -> None:
    import keras

    x = keras.Input((3, 5), name="x")
    y = keras.layers.Lambda(lambda t: t * 2.0, output_shape=(3, 5), name="first")(x)
    y = keras.layers.Lambda(lambda t: t + 1.0, output_shape=(3, 5), name="second")(y)
    path = tmp_path / f"m{suffix}"
    keras.Model(x, y).save(path)
    text = refusal(path)
    assert "layer 'first': a Lambda layer" in text and "layer 'second': a Lambda layer" in text


def foreign(library: Any, path: Path) -> Path:
    class Squash(library.layers.Layer):  # type: ignore[misc,name-defined]
        def call(self, x: Any) -> Any:
            return x * 0.5

    x = library.Input((3, 5), name="x")
    model = library.Model(x, Squash(name="inner")(Squash(name="outer")(x)))
    model.save(path)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_layers_of_other_code_are_listed(library: str, suffix: str, tmp_path: Path) -> None:
    from importlib import import_module

    text = refusal(foreign(import_module(library), tmp_path / f"m{suffix}"))
    assert "2 parts are not Keras's own" in text
    for name in ("inner", "outer"):
        assert f"layer '{name}': class 'Squash'" in text


def test_modules_that_a_file_names_are_not_imported(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.keras"
    small(keras).save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    config = json.loads(parts["config.json"])
    stem = next(x for x in config["config"]["layers"] if x["config"]["name"] == "stem")
    stem.update(module="os", class_name="system", registered_name=None)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert "layer 'stem': class 'system'" in refusal(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_loss_of_ones_own_does_not_matter(suffix: str, tmp_path: Path) -> None:
    """A model is saved with what it was trained by, which only its authors' code can build."""
    import keras

    class Own(keras.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.sum(y_true - y_pred)

    model = small(keras)
    model.compile(optimizer="adam", loss=Own())
    model.save(tmp_path / f"m{suffix}")
    assert_import_computes_the_same(tmp_path / f"m{suffix}", tmp_path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_truncated_files(suffix: str, share: float, tmp_path: Path) -> None:
    import keras

    path = tmp_path / f"m{suffix}"
    small(keras).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    text = refusal(path)
    assert "damaged or cut short" in text or "can load it" in text
    assert "BadZipFile" not in text
    assert str(path) in text


def test_an_archive_that_is_no_model(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "damaged or cut short" in refusal(tmp_path / "m.keras")


def test_an_op_that_has_no_onnx_form_is_named(tmp_path: Path) -> None:
    import keras

    x = keras.Input((4, 4), name="x")
    path = tmp_path / "m.keras"
    keras.Model(x, keras.ops.svd(x, compute_uv=False)).save(path)
    text = refusal(path)
    assert "Svd" in text and "ONNX has no form" in text


def test_the_file_is_never_written(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "in" / "m.h5"
    path.parent.mkdir()
    small(keras).save(path)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    freeze(open_network(path), tmp_path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]
