"""The check that follows every export: it passes what is right, and names what is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.errors import ArtifactError
from mobilecat.formats.coreai import check, dialect, write_coreai
from mobilecat.formats.coreai.lower.build import Build
from mobilecat.formats.coreai.lower.node import LOWERINGS
from mobilecat.formats.coreai.read.bindings import read_module
from mobilecat.formats.coreai.read.translate import translate
from mobilecat.formats.coreai.write import PROGRAM
from tests.formats.tflite.lower.engines import drawn, graph
from tests.formats.tflite.lower.test_nms import nms_model, spec


@pytest.fixture(autouse=True)
def package() -> None:
    if (reason := dialect.missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")


def checked(model: ir.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    write_coreai(model, path)
    check.require_same(model, translate(read_module(path / PROGRAM), "main"), None)


def rounding() -> ir.Model:
    text = """(float[40] x) => (float[40] y) {
        e = Exp(x) a = Add(e, big) t = Sub(a, big) y = Sqrt(t) }"""
    return graph(text, big=np.float32(1e6))


def test_what_the_lowering_keeps_apart_passes(tmp_path: Path) -> None:
    checked(rounding(), tmp_path)


def test_a_rewrite_that_changes_values_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Let Apple's compiler make x of (x + 1e6) − 1e6."""
    monkeypatch.setattr(Build, "_apart", lambda self, x, kind: x)
    with pytest.raises(ArtifactError) as e:
        checked(rounding(), tmp_path)
    (problem,) = e.value.problems
    assert problem.what.startswith("value 't' differs")
    assert problem.where.startswith("Sub ")


def _break(monkeypatch: pytest.MonkeyPatch, op: str, wrong: Callable[..., Any]) -> None:
    row = LOWERINGS[op]
    monkeypatch.setitem(LOWERINGS._rows, op, type(row)(wrong, row.check))


def test_a_wrong_lowering_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the values behind the choice agree, what goes into it is looked at."""
    text = """(float[1,3,8,9] x) => (float[1,3,8,5] v, int64[1,3,8,5] i) {
        a = Relu(x) c = Conv<kernel_shape=[1,1]>(a, w) s = Sigmoid(c) v, i = TopK(s, k) }"""
    model = graph(text, w=drawn("w", (3, 3, 1, 1)), k=np.array([5]))
    checked(model, tmp_path)
    _break(monkeypatch, "Sigmoid", lambda n: n.build.op("tanh", n.x()))
    (tmp_path / "again").mkdir()
    with pytest.raises(ArtifactError) as e:
        checked(model, tmp_path / "again")
    assert e.value.problems[0].what.startswith("value 's' differs")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda made: [*made[:4], made[4].owner.operands[0]],
        lambda made: [made[0], made[1], made[3], made[3], made[4]],
    ],
    ids=["count", "class"],
)
def test_a_wrong_suppression_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: Callable[..., Any]
) -> None:
    """The count without its limit; indices instead of classes. 300 random boxes, 20 wanted."""
    model = nms_model(300, 2, spec(kept=20, per_class=True))
    checked(model, tmp_path)
    right = LOWERINGS["mobilecat::NMS"].lower
    _break(monkeypatch, "mobilecat::NMS", lambda n: wrong(list(right(n))))
    (tmp_path / "again").mkdir()
    with pytest.raises(ArtifactError, match="suppression"):
        checked(model, tmp_path / "again")


def test_one_step_of_rounding_is_no_fault(tmp_path: Path) -> None:
    """Values in the middle of two steps go either way where the last bit differs."""
    wanted = np.zeros(1000, np.float32)
    found = wanted.copy()
    found[:10] = 1.0
    assert check._same(found, wanted)
    found[:11] = 1.0
    assert not check._same(found, wanted)
    assert check._same(wanted[None], wanted)
    assert not check._same(wanted[:-1], wanted)
    assert not check._same(found.astype(np.int32), wanted)
