"""Layers rounded in a float graph, how far detections move, and which layers have to stay float."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mobilecat.quantize.movement import movement, sureness
from mobilecat.quantize.sensitivity import search
from mobilecat.quantize.simulate import Layer, Step, simulated

GRAPH = """<ir_version: 8, opset_import: ["" : 13]>
g (float[1,1,1,4] x) => (float[1,2,1,4] y, float[1,2,1,4] z) {
  y = Conv (x, w)
  z = Relu (y)
}"""


def _graph() -> onnx.ModelProto:
    model = onnx.parser.parse_model(GRAPH)
    w = np.array([1.0, -0.3], np.float32).reshape(2, 1, 1, 1)
    model.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    for i, node in enumerate(model.graph.node):
        node.name = f"n{i}"
    return model


def _run(model: onnx.ModelProto, x: Sequence[float]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # or it computes in int8
    data = model.SerializeToString()
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    fed = np.array(x, np.float32).reshape(1, 1, 1, 4)
    return [v.reshape(2, 4) for v in session.run(None, {"x": fed})]


def test_values_are_rounded_where_they_are_taken_and_where_they_are_given() -> None:
    """By hand: x to halves on its way into the convolution, z to ones for all."""
    layers = [
        Layer("a", ("n0",), takes=(("n0", "x"),)),
        Layer("b", ("n1",), gives=("z",)),
    ]
    steps = {"x": Step(0.5, 0), "z": Step(1.0, -128)}
    x = [0.3, 0.8, 200.0, -1.0]
    y, z = _run(simulated(_graph(), layers, steps), x)
    taken = np.array([0.5, 1.0, 63.5, -1.0])  # 0.6 → 1, 1.6 → 2, 400 → 127
    assert y[0] == pytest.approx(taken)
    assert y[1] == pytest.approx(-0.3 * taken)
    assert z[0].tolist() == [0.0, 1.0, 64.0, 0.0]  # ties to even
    assert z[1].tolist() == [0.0, 0.0, 0.0, 0.0]
    plain, _ = _run(simulated(_graph(), [], steps), x)
    assert plain[0] == pytest.approx(x)


def test_weights_have_a_step_for_each_output() -> None:
    graph = _graph()
    w = np.array([[1.0, 0.5 / 127 * 1.2], [0.127, 0.0006]], np.float32).reshape(2, 2, 1, 1)
    graph.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(w, "w"))
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2
    made = simulated(graph, [Layer("a", ("n0",), weights=("n0",))], {})
    found = {c.name: onnx.numpy_helper.to_array(c) for c in made.graph.initializer}
    rounded = found[made.graph.node[0].input[1]].reshape(2, 2)
    assert rounded[0] == pytest.approx([1.0, 1 / 127], rel=1e-6)
    assert rounded[1] == pytest.approx([0.127, 0.001], rel=1e-6)
    assert found["w"].tolist() == w.tolist()  # another reader has them as they were


def _picture(box: Sequence[float], score: float) -> dict[str, np.ndarray]:
    boxes = np.array([[box, [0, 0, 1, 1]]], np.float32)
    return {"d/boxes": boxes, "d/scores": np.array([[[score], [0.01]]], np.float32)}


def test_movement_is_of_scores_and_boxes_that_are_found() -> None:
    """By hand: the score falls by 0.2, the box by half its width, which is an IoU of 1/3."""
    before, after = _picture([0, 0, 10, 10], 0.9), _picture([5, 0, 15, 10], 0.7)
    assert movement([before], [after]) == pytest.approx(0.2 + 2 / 3, abs=1e-6)
    assert movement([before], [before]) == 0.0
    assert sureness(before) == pytest.approx(0.9)
    unsure = _picture([0, 0, 1, 1], 0.9)
    unsure["d/boxes"][0, 1] = [7, 7, 9, 9]  # a candidate that nobody sees
    assert movement([_picture([0, 0, 1, 1], 0.9)], [unsure]) == 0.0


def test_what_appears_counts_as_what_vanishes() -> None:
    there, gone = _picture([0, 0, 10, 10], 0.8), _picture([0, 0, 10, 10], 0.0)
    gone["d/scores"][0, 1] = there["d/scores"][0, 1]
    assert (
        movement([there], [gone]) == pytest.approx(movement([gone], [there])) == pytest.approx(0.8)
    )


def test_tensors_without_boxes_move_relative_to_their_spread() -> None:
    a = {"y": np.array([1.0, -1.0, 1.0, -1.0], np.float32)}
    b = {"y": np.array([1.1, -1.1, 1.1, -1.1], np.float32)}
    assert movement([a], [b]) == pytest.approx(0.1, rel=1e-5)


def _layers(count: int) -> list[Layer]:
    return [Layer(f"l{i}", (f"l{i}",)) for i in range(count)]


def test_the_fewest_layers_stay_float() -> None:
    """Layers 3 and 9 of 64 move 0.5 and 0.2, the others 0.0001 each."""
    cost = {3: 0.5, 9: 0.2}
    asked = []

    def moved(layers: Sequence[Layer]) -> float:
        asked.append(len(layers))
        return sum(cost.get(int(layer.name[1:]), 0.0001) for layer in layers)

    found = search(_layers(64), moved, limit=0.03)
    assert [layer.name for layer in found.kept] == ["l3", "l9"]
    assert found.whole == pytest.approx(0.7062) and found.left == pytest.approx(0.0062)
    assert len(asked) <= 32  # those that move nothing together are not tried one by one


def test_where_nothing_moves_one_run_is_enough() -> None:
    asked: list[int] = []

    def moved(layers: Sequence[Layer]) -> float:
        asked.append(len(layers))
        return 0.01

    found = search(_layers(8), moved, limit=0.03)
    assert found.kept == () and asked == [8]


def test_all_stay_float_where_every_layer_is_too_much() -> None:
    found = search(_layers(4), lambda layers: 0.1 * len(layers), limit=0.03)
    assert len(found.kept) == 4 and found.left == 0.0


def test_what_costs_little_stays_float_first() -> None:
    """By hand, 0.04² + 0.03² + 0.02² + 0.01²; a movement of 0.04 costs 100, the others 1 each."""
    own = [0.04, 0.03, 0.02, 0.01]

    def moved(layers: Sequence[Layer]) -> float:
        return float(np.sqrt(sum(own[int(layer.name[1:])] ** 2 for layer in layers)))

    costs = {"l0": 100.0, "l1": 1.0, "l2": 1.0, "l3": 1.0}
    plain = search(_layers(4), moved, limit=0.046)
    assert [layer.name for layer in plain.kept] == ["l0"]
    found = search(_layers(4), moved, limit=0.046, costs=costs)
    assert [layer.name for layer in found.kept] == ["l1"]  # what is left is √0.0021
    assert found.left == pytest.approx(0.0021**0.5)


def test_weights_that_are_given_take_the_place_of_the_nearest() -> None:
    given = np.array([0.5, -0.25], np.float32).reshape(2, 1, 1, 1)
    layers = [Layer("a", ("n0",), weights=("n0",))]
    y, _ = _run(simulated(_graph(), layers, {}, {"n0": given}), [1.0, 2.0, 3.0, 4.0])
    assert y.tolist() == [[0.5, 1.0, 1.5, 2.0], [-0.25, -0.5, -0.75, -1.0]]
