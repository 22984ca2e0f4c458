"""Rows in a TopK's order: near-ties are a set, and whatever else is swapped is a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.compile import export
from mobilecat.formats.onnx.ranks import ranks_of
from mobilecat.judge import validate
from mobilecat.judge.report import Report
from mobilecat.lanes import open_lane
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text

Tensors = dict[str, np.ndarray[Any, Any]]
NAMES = ("scores", "boxes", "labels")
KEPT = 6
SCORES = [0.9, 0.7, 0.7 + 2e-7, 0.5, 0.4, 0.3, 0.3 - 1e-7, 0.1]
"""Rows 1 and 2 tie but for rounding; so do the sixth best and the seventh, which is not kept."""


def network() -> onnx.ModelProto:
    """x [1,8,6]: score, box, label of eight rows → the six best of them."""

    def array(values: Any, name: str) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(values, np.int64), name)

    nodes = [
        helper.make_node("Split", ["x", "parts"], ["s", "b", "l"], axis=2),
        helper.make_node("Squeeze", ["s", "two"], ["flat"]),
        helper.make_node("TopK", ["flat", "k"], ["scores", "at"], axis=1),
        helper.make_node("Unsqueeze", ["at", "two"], ["column"]),
        helper.make_node("Tile", ["column", "wide"], ["four"]),
        helper.make_node("GatherElements", ["b", "four"], ["boxes"], axis=1),
        helper.make_node("GatherElements", ["l", "column"], ["kinds"], axis=1),
        helper.make_node("Cast", ["kinds"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole", "two"], ["labels"]),
    ]
    float32, int64 = TensorProto.FLOAT, TensorProto.INT64
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("x", float32, [1, 8, 6])],
        [
            helper.make_tensor_value_info("scores", float32, [1, KEPT]),
            helper.make_tensor_value_info("boxes", float32, [1, KEPT, 4]),
            helper.make_tensor_value_info("labels", int64, [1, KEPT]),
        ],
        [
            array([1, 4, 1], "parts"),
            array([2], "two"),
            array([KEPT], "k"),
            array([1, 1, 4], "wide"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def given() -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, (1, 8, 6)).astype(np.float32)
    x[0, :, 0] = SCORES
    x[0, :, 5] = np.arange(8)  # labels that differ, so that a row is known by them
    return x


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ranked")
    onnx.save(network(), root / "net.onnx")
    spec = spec_from_text('name = "net"\nsource = "net.onnx"\n[targets.onnx]\n')
    export(spec, root / "bundle", source=root / "net.onnx")
    np.savez(root / "rows.npz", x=given())
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    record(root / "bundle", root / "golden", root / "rows.npz")
    approve(root / "bundle", root / "golden", every=True)
    patch.undo()
    return root


def judged(shop: Path, fault: Callable[[Tensors], None]) -> Report:
    """Validate with what the artifact gives changed."""

    class Faulty:
        note = "a fault"

        def __init__(self, runner: Any) -> None:
            self.runner = runner

        def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> Tensors:
            found = {k: np.array(v) for k, v in self.runner.infer(inputs, taps).items()}
            fault(found)
            return found

    def opener(folder: Path, bundle: Any, lane: Any, source: Path | None) -> Any:
        runner = open_lane(folder, bundle, lane, source)
        return Faulty(runner) if lane.artifact else runner

    return validate(shop / "bundle", shop / "golden", opener=opener, write_pending=False)


def swap(names: Sequence[str], i: int, j: int) -> Callable[[Tensors], None]:
    def fault(found: Tensors) -> None:
        for name in names:
            found[name][:, [i, j]] = found[name][:, [j, i]]

    return fault


def other_last(score: float, box: float) -> Callable[[Tensors], None]:
    """The seventh row in place of the sixth."""

    def fault(found: Tensors) -> None:
        found["scores"][0, 5] = score
        found["boxes"][0, 5] = box
        found["labels"][0, 5] = 6

    return fault


def said(report: Report) -> list[str]:
    return [r.check.detail for r in report.results if r.check.name == "ties"]


def test_the_true_rows_hold_and_nothing_is_said(shop: Path) -> None:
    report = judged(shop, lambda found: None)
    assert report.held and not said(report)


def test_rows_that_tie_may_change_places(shop: Path) -> None:
    report = judged(shop, swap(NAMES, 1, 2))
    assert report.held, [r.check for r in report.failed]
    assert said(report) == ["rows that tie in the ranking at another place: 2"]


def test_another_row_may_be_the_last_where_it_ties(shop: Path) -> None:
    report = judged(shop, other_last(SCORES[6], 0.25))
    assert report.held, [r.check for r in report.failed]
    assert said(report) == ["others than the source's where they tie with the last row: 1"]


@pytest.mark.parametrize(
    "fault",
    [
        swap(NAMES, 0, 1),  # scores .9 and .7
        swap(NAMES, 3, 4),
        swap(("boxes",), 1, 2),  # boxes of two rows that tie, without their labels
        swap(("labels",), 1, 2),
        swap(("boxes", "labels"), 0, 3),  # with other scores
        swap(("boxes", "labels"), 3, 4),
    ],
)
def test_any_other_swap_is_a_fault(shop: Path, fault: Callable[[Tensors], None]) -> None:
    assert not judged(shop, fault).held


def test_a_row_that_changed_its_place_is_held_to_the_same_limit(shop: Path) -> None:
    def fault(found: Tensors) -> None:
        swap(NAMES, 1, 2)(found)
        found["boxes"][0, 1, 0] += 3e-4

    assert [r.check.name for r in judged(shop, fault).failed if r.check.against == "source"] == [
        "boxes"
    ]


def test_more_than_one_row_that_is_another_is_a_fault(shop: Path) -> None:
    def fault(found: Tensors) -> None:
        other_last(SCORES[6], 0.25)(found)
        found["boxes"][0, 4] = 0.5

    assert not judged(shop, fault).held


def test_the_last_topk_orders_the_rows() -> None:
    """A first TopK chooses tokens, a second one orders what is given out."""
    proto = network()
    assert ranks_of(proto) == dict.fromkeys(NAMES, "scores")
    more = [
        helper.make_node("TopK", ["first", "all"], ["tokens", "token_at"], axis=1),
        helper.make_node("Unsqueeze", ["token_at", "two"], ["token_column"]),
        helper.make_node("Tile", ["token_column", "six"], ["token_rows"]),
        helper.make_node("GatherElements", ["x0", "token_rows"], ["x"], axis=1),
    ]
    for k, node in enumerate(more):
        proto.graph.node.insert(k, node)
    assert ranks_of(proto) == dict.fromkeys(NAMES, "scores")
    for node in proto.graph.node:
        if node.op_type == "TopK" and node.output[0] == "scores":
            node.attribute.append(helper.make_attribute("largest", 0))
    assert ranks_of(proto) == dict.fromkeys(NAMES, "tokens")  # rising: no ranking of ours
