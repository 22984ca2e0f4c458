"""TF1 frozen graphs and SavedModels, held to TensorFlow; cut where asked, or where recognised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.errors import ModelError
from mobilecat.formats.base.notes import notes_from_metadata
from mobilecat.formats.importing import ImportOptions
from mobilecat.graph.anchors import anchors_from_metadata
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

SSD = "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb"


def graph(path: Path, build: Any) -> Path:
    """Write the graph that `build(tf.compat.v1)` adds nodes to."""
    import tensorflow as tf

    with tf.Graph().as_default() as g:
        build(tf.compat.v1)
    path.write_bytes(g.as_graph_def().SerializeToString())
    return path


def two_heads(v1: Any) -> None:
    """x [?,4,6,3] → conv → split → a; b → d. Besides: a control input, an assertion."""
    import tensorflow as tf

    rng = np.random.default_rng(2)
    x = v1.placeholder(tf.float32, [None, 4, 6, 3], "x")
    check = v1.assert_greater(v1.reduce_max(x, name="top"), -1e9, name="check")
    with v1.control_dependencies([check]):
        y = tf.nn.conv2d(x, rng.normal(size=(3, 3, 3, 4)).astype("float32"), 1, "SAME", name="conv")
    first, second = tf.split(y, [1, 3], axis=3, name="split")
    tf.nn.relu(first, name="a")
    tf.identity(tf.nn.softmax(second, name="soft") * 3.0, name="d")


def saved_model(folder: Path, signatures: Mapping[str, Any] | None = None) -> Path:
    """Write a SavedModel with a variable, and signatures `big`, `small` unless others are given."""
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(np.random.default_rng(1).normal(size=(5, 3)).astype("float32"))

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, 2, 5), tf.float32, "z"),
                tf.TensorSpec((None, 2, 5), tf.float32, "a"),
            ]
        )
        def big(self, z: Any, a: Any) -> dict[str, Any]:
            return {"q": tf.matmul(z - a, self.w), "b": a * 2.0}

        @tf.function(input_signature=[tf.TensorSpec((None, None, 5), tf.float32, "x")])
        def small(self, x: Any) -> Any:
            return tf.nn.softmax(tf.matmul(x, self.w))

    module = Module()
    own = {"big": module.big, "small": module.small}
    tf.saved_model.save(module, folder, signatures=own if signatures is None else signatures)
    return folder


# --- frozen graphs --------------------------------------------------------------------------------


def test_a_graph_cut_where_asked(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    chosen = ImportOptions(inputs=("x",), outputs=("d", "a"))
    imported = assert_import_computes_the_same(path, tmp_path, chosen)
    shapes = [(o.name, tuple(o.shape or ())) for o in imported.graph.outputs]
    assert shapes == [("d", (1, 4, 6, 3)), ("a", (1, 4, 6, 1))]


def test_inputs_may_lie_inside_and_be_a_nodes_second_output(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    inner = ImportOptions(inputs=("split:1",), outputs=("d",))
    imported = assert_import_computes_the_same(path, tmp_path, inner)
    assert [i.name for i in imported.graph.inputs] == ["split_1"]
    assert tuple(imported.graph.inputs[0].shape or ()) == (1, 4, 6, 3)
    both = ImportOptions(inputs=("x", "split:1"), outputs=("d", "a"))
    assert_import_computes_the_same(path, tmp_path, both)


def test_outputs_may_be_a_nodes_second_output(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    chosen = ImportOptions(outputs=("split:1", "split:0"))
    imported = assert_import_computes_the_same(path, tmp_path, chosen)
    assert [o.name for o in imported.graph.outputs] == ["split_1", "split"]


def test_one_placeholder_and_one_end_need_no_choice(tmp_path: Path) -> None:
    def build(v1: Any) -> None:
        import tensorflow as tf

        x = v1.placeholder(tf.float32, [1, 5, 3], "image")
        v1.placeholder_with_default(False, [], "training")
        tf.nn.softmax(x, name="probabilities")

    network = open_network(graph(tmp_path / "m.pb", build))
    assert dict(network.inputs) == {"image": (1, 5, 3)}
    assert list(network.outputs) == ["probabilities"]


def test_two_ends_ask_for_a_choice(tmp_path: Path) -> None:
    text = refusal(graph(tmp_path / "m.pb", two_heads))
    assert "which of 2 ends of the graph is the output? a, d" in text
    assert "import.outputs" in text


def test_all_unknown_names_are_told_at_once_with_the_nearest(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    text = refusal(path, ImportOptions(inputs=("y_in", "x"), outputs=("conv2", "split:1", "d")))
    assert "there is no node 'y_in'" in text
    assert "there is no node 'conv2'" in text and "the nearest: conv" in text
    assert "'split'" not in text and "'d'" not in text


def test_a_port_that_a_node_has_not(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    text = refusal(path, ImportOptions(inputs=("split:7",), outputs=("d", "a:3", "split:x")))
    for name in ("split:7", "a:3", "split:x"):
        assert f"there is no tensor {name!r}" in text


def test_outputs_that_the_inputs_do_not_reach(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    text = refusal(path, ImportOptions(inputs=("soft",), outputs=("d", "a")))
    assert "needs placeholder 'x', which is no input" in text


def test_a_graph_of_variables_is_not_frozen(tmp_path: Path) -> None:
    def build(v1: Any) -> None:
        import tensorflow as tf

        x = v1.placeholder(tf.float32, [1, 5, 3], "x")
        for name in ("w", "b"):
            x = x * v1.get_variable(name, [3], use_resource=name == "b")
        tf.identity(x, name="y")

    text = refusal(graph(tmp_path / "m.pb", build), ImportOptions(outputs=("y",)))
    assert "not frozen" in text and "w: a VariableV2" in text and "b: a VarHandleOp" in text


def test_loops_are_named(tmp_path: Path) -> None:
    def build(v1: Any) -> None:
        import tensorflow as tf

        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, [1, 5, 3], "x")
        y = v1.while_loop(
            lambda y: v1.reduce_sum(y) < 100.0, lambda y: y * 2.0 + 1.0, [x], name="map"
        )
        tf.identity(y, name="y")

    path = graph(tmp_path / "m.pb", build)
    text = refusal(path)
    assert "map/while: a loop: control flow that depends on data" in text
    assert "import.outputs" in text
    # As it is, TensorFlow runs it: 0 → 1 → 3 → 7 on each of 15 values until their sum is 105.
    made = open_network(path).run({"x": np.zeros((1, 5, 3), np.float32)})
    np.testing.assert_array_equal(made["y"], np.full((1, 5, 3), 7, np.float32))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_graph(share: float, tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    text = refusal(path, ImportOptions(outputs=("d",)))
    assert "cut short" in text or "no node" in text


@pytest.mark.parametrize(
    "text, what",
    [
        ("<html>404</html>", "a web page or other text"),
        ("node { name: 'a' }", "not a TensorFlow graph, or cut short (18 bytes)"),
    ],
)
def test_a_file_that_is_no_graph(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "m.pb").write_text(text)
    assert what in refusal(tmp_path / "m.pb")


def test_a_frozen_graph_has_no_signatures(tmp_path: Path) -> None:
    path = graph(tmp_path / "m.pb", two_heads)
    assert "import.signature" in refusal(path, ImportOptions(signature="serving_default"))


# --- SavedModels ----------------------------------------------------------------------------------


def test_each_signature(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "m")
    big = assert_import_computes_the_same(folder, tmp_path, ImportOptions(signature="big"))
    assert {i.name for i in big.graph.inputs} == {"z", "a"}
    assert [(o.name, tuple(o.shape or ())) for o in big.graph.outputs] == [
        ("b", (1, 2, 5)),
        ("q", (1, 2, 3)),
    ]
    small = assert_import_computes_the_same(
        folder, tmp_path, ImportOptions(signature="small"), x=(1, 7, 5)
    )
    assert [(o.name, tuple(o.shape or ())) for o in small.graph.outputs] == [
        ("output_0", (1, 7, 3))
    ]


def test_subtraction_tells_the_inputs_apart(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "m")
    imported = freeze(open_network(folder, ImportOptions(signature="big")), tmp_path)
    feeds = feeds_for(imported)
    w = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
    made = outputs(imported, feeds)
    np.testing.assert_allclose(made["q"], (feeds["z"] - feeds["a"]) @ w, atol=1e-5)


@pytest.mark.parametrize("options", [ImportOptions(), ImportOptions(signature="bigg")])
def test_signatures_are_listed_where_none_is_chosen(options: ImportOptions, tmp_path: Path) -> None:
    text = refusal(saved_model(tmp_path / "m"), options)
    assert "which signature?" in text and "one of big, small" in text


def test_a_saved_model_without_signatures(tmp_path: Path) -> None:
    assert "has no signature" in refusal(saved_model(tmp_path / "m", {}))


def test_a_saved_model_cut_inside(tmp_path: Path) -> None:
    import tensorflow as tf

    folder = saved_model(tmp_path / "m")
    text = refusal(folder, ImportOptions(signature="small", outputs=("MatMul",)))
    name = "StatefulPartitionedCall/MatMul"
    assert f"the nearest: {name}" in text
    inside = open_network(folder, ImportOptions(signature="small", outputs=(name,), inputs=("x",)))
    imported = freeze(inside, tmp_path, {"x": (1, 7, 5)})
    feeds = feeds_for(imported)
    want = tf.matmul(feeds["x"], tf.saved_model.load(str(folder)).w).numpy()
    assert_close(outputs(imported, feeds), {name: want})


def test_a_saved_model_without_its_variables(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "m")
    for file in (folder / "variables").iterdir():
        file.unlink()
    assert "not a whole SavedModel" in refusal(folder, ImportOptions(signature="small"))


def test_a_damaged_saved_model(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "m")
    file = folder / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:100])
    assert "not a whole SavedModel" in refusal(folder, ImportOptions(signature="small"))


def test_what_is_read_is_never_written(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "m")
    files = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    freeze(open_network(folder, ImportOptions(signature="big")), tmp_path)
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    assert after == files


# --- the object detection API ---------------------------------------------------------------------


def generated_anchors() -> np.ndarray:
    """Return the SSD anchors as the API's own settings make them, in float64.

    Source: models/research/object_detection/anchor_generators/multiple_grid_anchor_generator.py
    """
    scales = [0.2 + (0.95 - 0.2) * k / 5 for k in range(6)] + [1.0]
    rows = []
    for k, grid in enumerate((19, 10, 5, 3, 2, 1)):
        shapes: Sequence[tuple[float, float]] = [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
        if k > 0:
            shapes = [(scales[k], r) for r in (1.0, 2.0, 0.5, 3.0, 0.3333)]  # not ⅓: as configured
            shapes = [*shapes, (math.sqrt(scales[k] * scales[k + 1]), 1.0)]
        for row in range(grid):
            for column in range(grid):
                for s, ratio in shapes:
                    y, x = (row + 0.5) / grid, (column + 0.5) / grid
                    rows.append((y, x, s / math.sqrt(ratio), s * math.sqrt(ratio)))
    return np.array(rows)


@pytest.fixture(scope="module")
def ssd(shared_data: Path) -> Any:
    return open_network(shared_data / "models" / SSD)


@pytest.fixture(scope="module")
def ssd_frozen(ssd: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return freeze(ssd, tmp_path_factory.mktemp("ssd"))


def test_the_detection_api_is_recognised_and_cut(ssd: Any, ssd_frozen: Any) -> None:
    named = [(v.name, tuple(v.shape)) for v in ssd_frozen.graph.inputs]
    assert named == [("Preprocessor/sub", (1, 300, 300, 3))]
    named = [(v.name, tuple(v.shape)) for v in ssd_frozen.graph.outputs]
    assert named == [("box_encodings", (1, 1917, 4)), ("class_predictions", (1, 1917, 2))]
    note = notes_from_metadata(ssd_frozen.metadata_props)[0]
    assert "Squeeze" in note and "concat_1" in note and "activation" not in note
    feeds = feeds_for(ssd_frozen)
    assert_close(outputs(ssd_frozen, feeds), ssd.run(feeds))


def test_anchors_come_from_the_graph_and_are_the_generators(ssd_frozen: Any) -> None:
    anchors = anchors_from_metadata(ssd_frozen.metadata_props)
    assert anchors is not None and anchors.dtype == np.float32
    # The graph has float32 corners, each within 1.14e-7; a side is the distance of two.
    np.testing.assert_allclose(anchors, generated_anchors(), rtol=0, atol=2.4e-7)


def test_the_same_graph_cut_behind_its_own_decode(
    shared_data: Path, ssd: Any, ssd_frozen: Any, tmp_path: Path
) -> None:
    names = ("Postprocessor/ExpandDims_1", "Postprocessor/convert_scores")
    chosen = ImportOptions(inputs=("Preprocessor/sub",), outputs=names)
    decoded = assert_import_computes_the_same(shared_data / "models" / SSD, tmp_path, chosen)
    feeds = feeds_for(decoded)
    boxes = outputs(decoded, feeds)[names[0]].reshape(1917, 4)  # ymin, xmin, ymax, xmax
    raw = ssd.run(feeds)["box_encodings"][0].astype(np.float64)
    anchors = anchors_from_metadata(ssd_frozen.metadata_props)
    assert anchors is not None
    ya, xa, ha, wa = anchors.T
    ty, tx, th, tw = raw.T
    cy, cx = ty / 10 * ha + ya, tx / 10 * wa + xa
    h, w = np.exp(th / 5) * ha, np.exp(tw / 5) * wa
    want = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], axis=1)
    np.testing.assert_allclose(boxes, want, rtol=0, atol=1e-4 * np.abs(want).max())


def test_the_whole_graph_runs_as_it_is_but_does_not_compile(shared_data: Path) -> None:
    whole = ImportOptions(
        inputs=("image_tensor",),
        outputs=("detection_boxes", "detection_scores", "num_detections"),
    )
    path = shared_data / "models" / SSD
    network = open_network(path, whole)
    picture = np.random.default_rng(0).integers(0, 256, (1, 200, 310, 3)).astype(np.uint8)
    made = network.run({"image_tensor": picture})
    assert made["detection_boxes"].shape[2] == 4
    assert made["num_detections"].shape == (1,)


def test_a_saved_model_of_the_detection_api(
    shared_data: Path, ssd_frozen: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString((shared_data / "models" / SSD).read_bytes())
    with tf.Graph().as_default() as g, tf.compat.v1.Session(graph=g) as session:
        tf.import_graph_def(graph_def, name="")
        ends = {k: g.get_tensor_by_name(f"{k}:0") for k in ("detection_boxes", "detection_scores")}
        image = {"inputs": g.get_tensor_by_name("image_tensor:0")}
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "m"), image, ends)
    imported = freeze(open_network(tmp_path / "m"), tmp_path)
    feeds = feeds_for(imported)
    assert_close(outputs(imported, feeds), outputs(ssd_frozen, feeds))
    assert dict(imported.metadata_props) == dict(ssd_frozen.metadata_props)


@pytest.mark.parametrize("activation", ["Sigmoid", "Softmax"])
def test_a_graph_exported_for_tflite(
    activation: str, shared_data: Path, ssd_frozen: Any, tmp_path: Path
) -> None:
    """The same network as export_tflite_ssd_graph leaves it: its names, its op at the end."""
    import tensorflow as tf

    whole = tf.compat.v1.GraphDef()
    whole.ParseFromString((shared_data / "models" / SSD).read_bytes())
    with tf.Graph().as_default() as g:
        tf.import_graph_def(whole, name="")
    cut = tf.compat.v1.graph_util.extract_sub_graph(g.as_graph_def(), ["Squeeze", "concat_1"])
    anchors = anchors_from_metadata(ssd_frozen.metadata_props)
    with tf.Graph().as_default() as g:
        image = tf.compat.v1.placeholder(
            tf.float32, [1, 300, 300, 3], "normalized_input_image_tensor"
        )
        boxes, classes = tf.import_graph_def(
            cut, {"Preprocessor/sub": image}, ["Squeeze:0", "concat_1:0"], name=""
        )
        tf.identity(boxes, "raw_outputs/box_encodings")
        activated = getattr(tf.nn, activation.lower())(classes, name="Postprocessor/scores")
        tf.identity(activated, "raw_outputs/class_predictions")
        tf.constant(anchors, name="anchors")
    ends = ["raw_outputs/box_encodings", "raw_outputs/class_predictions", "anchors"]
    graph_def = tf.compat.v1.graph_util.extract_sub_graph(g.as_graph_def(), ends)
    last = graph_def.node.add(
        name="TFLite_Detection_PostProcess",
        op="TFLite_Detection_PostProcess",
        input=ends,
    )
    for key, scale in zip("yxhw", (10.0, 10.0, 5.0, 5.0), strict=True):
        last.attr[f"{key}_scale"].f = scale
    path = tmp_path / "tflite_graph.pb"
    path.write_bytes(graph_def.SerializeToString())
    imported = freeze(open_network(path), tmp_path)
    feeds = feeds_for(imported)
    assert list(feeds) == ["normalized_input_image_tensor"]
    same = outputs(ssd_frozen, {"Preprocessor/sub": feeds["normalized_input_image_tensor"]})
    assert_close(outputs(imported, feeds), same)
    found = anchors_from_metadata(imported.metadata_props)
    assert found is not None
    np.testing.assert_array_equal(found, anchors)
    note = notes_from_metadata(imported.metadata_props)[0]
    assert ('activation = "softmax"' in note) == (activation == "Softmax")


def test_other_graphs_are_not_taken_for_it(tmp_path: Path) -> None:
    def build(v1: Any) -> None:
        import tensorflow as tf

        x = v1.placeholder(tf.float32, [1, 4, 6, 3], "image")
        y = tf.subtract(x, 1.0, name="Preprocessor/sub")
        tf.concat([y, y], 3, name="concat")
        tf.concat([y, x], 3, name="concat_1")

    with pytest.raises(ModelError, match="what part of the graph"):
        open_network(graph(tmp_path / "m.pb", build))
