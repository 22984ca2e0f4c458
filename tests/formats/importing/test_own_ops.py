"""TensorFlow ops whose ONNX form is ours: held to TensorFlow itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.formats.importing import ImportOptions
from tests.formats.importing.tensorflow import (
    assert_import_computes_the_same,
    freeze,
    needs_tensorflow,
    open_network,
    refusal,
)

pytestmark = needs_tensorflow
Build = Callable[[Any, Any], Any]


def saved(folder: Path, build: Build, shape: tuple[int, ...] = (1, 6, 8, 3)) -> Path:
    """Write a SavedModel of one function of x."""
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": build(tf, x)}, input_signature=[tf.TensorSpec(shape, tf.float32, "x")]
    )
    tf.saved_model.save(module, str(folder), signatures=module.f.get_concrete_function())
    return folder


def whole(tf: Any, x: Any, op: Callable[[Any], Any]) -> Any:
    """Return what `op` makes of whole numbers of both signs."""
    return tf.cast(op(tf.cast(x * 20, tf.int32)), tf.float32)


WORKS: dict[str, Build] = {
    "erfc": lambda tf, x: tf.math.erfc(x),
    "gelu, exact": lambda tf, x: tf.nn.gelu(x),
    "expm1": lambda tf, x: tf.math.expm1(x),
    "log1p": lambda tf, x: tf.math.log1p(tf.abs(x)),
    "xlogy": lambda tf, x: tf.math.xlogy(tf.nn.relu(x), tf.abs(x) + 1),
    "xdivy": lambda tf, x: tf.math.xdivy(tf.nn.relu(x), x),
    "symmetric pad": lambda tf, x: tf.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], "SYMMETRIC"),
    "nearest, up": lambda tf, x: tf.image.resize(x, (13, 11), method="nearest"),
    "nearest, down": lambda tf, x: tf.image.resize(x, (4, 5), method="nearest"),
    "area, halves": lambda tf, x: tf.image.resize(x, (3, 4), method="area"),
    "area, thirds and quarters": lambda tf, x: tf.image.resize(x, (2, 2), method="area"),
    "floor mod": lambda tf, x: tf.math.floormod(x, -0.7),
    "floor mod, whole": lambda tf, x: whole(tf, x, lambda n: tf.math.floormod(n, -3)),
    "floor div": lambda tf, x: tf.math.floordiv(x, -0.7),
    "floor div, whole": lambda tf, x: whole(tf, x, lambda n: tf.math.floordiv(n, 3)),
    "a default nobody feeds": lambda tf, x: tf.compat.v1.placeholder_with_default(x, x.shape) + x,
}


@pytest.mark.parametrize("case", WORKS)
def test_it_computes_what_tensorflow_does(case: str, tmp_path: Path) -> None:
    assert_import_computes_the_same(saved(tmp_path / "m", WORKS[case]), tmp_path)


def test_the_frozen_graph_is_standard_onnx(tmp_path: Path) -> None:
    path = saved(tmp_path / "m", WORKS["nearest, up"])
    model = freeze(open_network(path), tmp_path)
    (resize,) = (n for n in model.graph if n.op_type == "Resize")
    assert resize.attributes["coordinate_transformation_mode"].as_string() == "half_pixel"


def test_an_area_resize_of_parts_of_pixels_is_refused(tmp_path: Path) -> None:
    """tf2onnx would take the first pixel of each block, without a word."""
    text = refusal(saved(tmp_path / "m", lambda tf, x: tf.image.resize(x, (4, 5), method="area")))
    assert "an area resize of [6, 8] to [4, 5]" in text and 'method="bilinear"' in text


def test_no_flag_of_another_tool_is_passed_on(tmp_path: Path) -> None:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (1, 3), "x")
        keep = tf.compat.v1.placeholder_with_default(tf.reduce_mean(x), [], "keep")
        tf.multiply(x, keep, "y")
    path = tmp_path / "m.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    network = open_network(path, ImportOptions(inputs=("x",), outputs=("y",)))
    model = freeze(network, tmp_path)
    assert [v.name for v in model.graph.inputs] == ["x"]
    assert np.prod(tuple(model.graph.outputs[0].shape or ())) == 3
