"""Every reader function against numpy by hand and against Apple's own interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from tests.formats.coreai import build
from tests.formats.coreai.test_graphs import REMOVED

from mobilecat.formats.coreai import apple  # isort: skip
from mobilecat.formats.coreai.read.bindings import read_module  # isort: skip
from mobilecat.formats.coreai.read.op import READERS, REFUSED  # isort: skip
from mobilecat.formats.coreai.read.translate import count_ops, translate  # isort: skip
from tests.formats.coreai import cases_elementwise, cases_numeric, cases_shaping  # noqa: F401  isort: skip

CASES = build.CASES
NAMES = {name: f"case{i}" for i, name in enumerate(CASES)}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("coreai") / "cases.aimodel"
    nets = {NAMES[n]: build.Net(c.feeds, c.body) for n, c in CASES.items()}
    return build.save(path, nets)


@pytest.fixture(scope="module")
def module(model):
    return read_module(model / "main.mlirb")


@pytest.fixture(scope="module")
def judged(model):
    """What Apple's interpreter gives for all cases, in one child process."""
    chosen = [n for n, c in CASES.items() if not c.apple]
    found = apple.run_graphs(model, [(NAMES[n], CASES[n].feeds) for n in chosen])
    return dict(zip(chosen, found, strict=True))


def same(got, expected, case):
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(
            got.astype(np.float64), expected.astype(np.float64), case.rtol, case.atol
        )
    else:
        np.testing.assert_array_equal(got, expected)


def run(found, feeds):
    session = ort.InferenceSession(
        found.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs = [o.name for o in session.get_outputs()]
    return dict(zip(outputs, session.run(outputs, dict(feeds)), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_ours(name, module):
    case = CASES[name]
    found = run(translate(module, NAMES[name]), case.feeds)
    for i, expected in enumerate(case.expected):
        same(found[f"y{i}"], expected, case)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if not c.apple])
def test_apples_interpreter(name, judged):
    for i, expected in enumerate(CASES[name].expected):
        same(judged[name][f"y{i}"], expected, CASES[name])


def test_every_reader_has_a_case(module):
    seen = {op for n in NAMES.values() for op in count_ops(module, module.graphs[n])}
    assert set(READERS) - seen - REMOVED == {"coreaix.cast"}  # which only devices' compilers write


def test_the_page_lists_every_op_that_is_read_or_refused():
    text = (Path(__file__).resolve().parents[3] / "docs" / "coreai.md").read_text("utf-8")
    for op in (*READERS, *REFUSED):
        name = op.removeprefix("coreai.decomposable.broadcasting_").removeprefix("coreai.")
        assert f"`{name}`" in text, op
    assert not set(READERS) & set(REFUSED)
