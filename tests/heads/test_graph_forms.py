"""Every head in the graph, run by onnxruntime, against its numpy form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bake import Baked, bake
from mobilecat.heads import Candidates, reference_decode
from mobilecat.heads.reference.nms import suppress
from mobilecat.rows import ROWS
from mobilecat.spec import spec_from_text
from mobilecat.spec.heads import HEAD_KINDS
from tests.heads.cases import SINGLE, SUPPRESSED
from tests.heads.networks import frozen, run_file, run_graph, save_network
from tests.heads.rows import Case, toml

# Ops that the existing lowerings of YuNet and the YOLOs need; a head brings no others.
LEAN_OPS = {
    *("Slice", "Concat", "Reshape", "Transpose", "Unsqueeze", "Cast"),
    *("Mul", "Add", "Sub", "Div", "Exp", "Sqrt", "Sigmoid", "Softmax", "Clip", "Less"),
    *("ReduceMax", "ReduceMin", "ReduceSum", "ArgMax", "Max", "Relu", "Equal", "Where"),
    # heat maps: the cells around the highest are read by products
    *("MatMul", "Conv", "Log", "Div", "Min", "Resize"),
}


@dataclass(frozen=True)
class Decoded:
    """Outputs and taps of a baked graph, the numpy candidates, and the graph."""

    got: dict[str, Any]
    want: Candidates
    baked: Baked


Decode = Callable[..., Decoded]


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Decode:
    known: dict[tuple[str, str], Decoded] = {}

    def decode(case: Case, nms: str = "") -> Decoded:
        key = (case.name, nms)
        if key not in known:
            known[key] = _decoded(case, tmp_path_factory.mktemp("net"), nms)
        return known[key]

    return decode


def _decoded(case: Case, folder: Path, nms: str) -> Decoded:
    path = save_network(folder / "net.onnx", case.size_wh, case.outputs)
    spec = spec_from_text(toml(case, path, nms))
    assert spec.input is not None
    baked = bake(frozen(path), spec, "uint8")
    width, height = case.size_wh
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    got = run_graph(baked.model, {"image": picture}, baked.candidates)
    raw = run_file(path, {"input": picture.transpose(0, 3, 1, 2).astype(np.float32)})
    return Decoded(got, reference_decode(spec.head, raw, spec.input.size), baked)


def test_every_kind_has_a_case() -> None:
    kinds = {c.head.split('"')[1] for c in (*SUPPRESSED, *SINGLE)}
    assert kinds == set(HEAD_KINDS) - {"raw"}


@pytest.mark.parametrize("case", [*SUPPRESSED, *SINGLE], ids=lambda c: c.name)
def test_candidates_equal_the_reference(case: Case, decoded: Decode) -> None:
    found = decoded(case)
    got, want, baked = found.got, found.want, found.baked
    widths = {"boxes": 4, "scores": case.c, **_carried(case)}
    assert list(want.all) == list(widths)
    for (name, width), tap in zip(widths.items(), baked.candidates, strict=True):
        shape, expected = (1, case.n, width), want.all[name]
        assert expected.shape == got[tap].shape == shape, name
        # float32 against float64, on coordinates up to a few thousand
        np.testing.assert_allclose(got[tap], expected, rtol=2e-5, atol=2e-4, err_msg=name)
    assert len({tuple(row) for row in np.round(want.boxes[0], 3)}) > 0.9 * case.n  # not all alike


def _carried(case: Case) -> dict[str, int]:
    """Return the D of each row value."""
    points = {"landmarks": 2 * case.points} if case.points else {}
    return points | case.carries


UPRIGHT = [c for c in SUPPRESSED if "angles" not in c.carries]
"""Turned boxes are suppressed by the app: `test_turned`."""


@pytest.mark.parametrize("case", UPRIGHT, ids=lambda c: c.name)
@pytest.mark.parametrize("per_class", [True, False])
def test_what_is_kept_equals_suppression_of_the_reference(
    case: Case, per_class: bool, decoded: Decode
) -> None:
    nms = (
        f"nms = {{ score_threshold = 0.3, iou_threshold = 0.4, max_detections = 17, "
        f"per_class = {str(per_class).lower()} }}"
    )
    found = decoded(case, nms)
    got, want = found.got, found.want
    keep = suppress(want.boxes[0], want.scores[0], 0.3, 0.4, 17, per_class)
    n = int(got["count"][0])
    assert n == len(keep) > 0
    np.testing.assert_allclose(got["boxes"][0, :n], want.boxes[0][keep], rtol=2e-5, atol=2e-4)
    np.testing.assert_array_equal(got["class_ids"][0, :n], want.scores[0][keep].argmax(axis=1))
    assert not got["boxes"][0, n:].any()
    for name in _carried(case):
        if ROWS[name].becomes in got:
            continue  # tests/heads/test_masks.py
        rows = want.rows[name][0][keep].reshape(got[name][0, :n].shape)
        np.testing.assert_allclose(got[name][0, :n], rows, rtol=2e-5, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("case", SINGLE, ids=lambda c: c.name)
def test_one_result_is_always_counted(case: Case, decoded: Decode) -> None:
    found = decoded(case)
    got, want = found.got, found.want
    shapes = {"boxes": (1, 1, 4), "scores": (1, 1), "class_ids": (1, 1), "count": (1,)}
    if case.points:
        shapes["landmarks"] = (1, 1, case.points, 2)
    assert {k: got[k].shape for k in shapes} == shapes
    assert got["count"].tolist() == [1]
    assert got["class_ids"].dtype == got["count"].dtype == np.int32
    assert got["class_ids"][0, 0] == want.scores[0, 0].argmax()
    np.testing.assert_allclose(got["scores"][0, 0], want.scores.max(), rtol=1e-6)
    if case.head.split('"')[1] in ("box", "landmarks") and 'score = "' not in case.head:
        assert got["scores"].tolist() == [[1.0]]


@pytest.mark.parametrize("case", [*SUPPRESSED, *SINGLE], ids=lambda c: c.name)
def test_decode_uses_plain_ops_and_small_constants(case: Case, decoded: Decode) -> None:
    baked = decoded(case).baked
    made = [n for n in baked.model.graph if (n.name or "").split("/")[0] in ("decode", "result")]
    assert {n.op_type for n in made} <= LEAN_OPS
    constants = [
        v
        for k, v in baked.model.graph.initializers.items()
        if k and k.split("/")[0] in ("decode", "result")
    ]
    # Origins and sizes at most: never one constant tiled over classes or corners.
    floats = sum(v.const_value.size for v in constants if v.const_value is not None)
    assert floats <= 7 * case.n + 200
