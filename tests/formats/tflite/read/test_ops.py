"""Every operator that is read, held to LiteRT on a small file of its own; and what our own emitter
writes, read back. All of it: `python -m tools.tflite_read_back`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.formats.tflite import tflite_from_graph
from mobilecat.formats.tflite.read.file import graph_of
from mobilecat.formats.tflite.read.translate import READERS
from tests.formats.tflite.lower.cases import CASES as EMITTED
from tests.formats.tflite.lower.cases.base import OpCase
from tests.formats.tflite.lower.engines import graph
from tests.formats.tflite.lower.random_graphs import random_graph
from tests.formats.tflite.read.back import assert_read
from tests.formats.tflite.read.made import CASES, Made, built

_SAMPLED = EMITTED[::6]
_ELSEWHERE = {
    # What stands for whole numbers or lies sparse: test_quantised.py. Suppression: test_models.py.
    *("QUANTIZE", "DEQUANTIZE", "DENSIFY", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"),
    # Of constants alone, as converters leave them, or of hand arithmetic: test_quantised.py.
    *("PACK", "RANGE", "BROADCAST_ARGS"),
    "FAKE_QUANT",
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_made(case: Made, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(built(case, behind_conv=False))
    assert_read(tmp_path / "m.tflite", str(case))


@pytest.mark.parametrize("case", [c for c in CASES if c.behind_conv], ids=str)
def test_behind_a_convolution(case: Made, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(built(case, behind_conv=True))
    assert_read(tmp_path / "m.tflite", str(case))


@pytest.mark.parametrize("case", _SAMPLED, ids=lambda c: c.name)
def test_emitted(case: OpCase, tmp_path: Path) -> None:
    data = tflite_from_graph(graph(case.text, case.opset, **case.constants))
    (tmp_path / "m.tflite").write_bytes(data)
    assert_read(tmp_path / "m.tflite", case.name, max(case.relative, 1e-4))


@pytest.mark.parametrize("seed", range(0, 60, 6))
def test_random_graph(seed: int, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(tflite_from_graph(random_graph(seed)))
    assert_read(tmp_path / "m.tflite", str(seed))


def test_every_reader_has_a_case() -> None:
    emitted = set()
    for case in EMITTED:
        data = tflite_from_graph(graph(case.text, case.opset, **case.constants))
        emitted |= {op.code for op in graph_of(data, "").ops}
    assert set(READERS) - emitted - {c.code for c in CASES} <= _ELSEWHERE


def test_a_planted_fault_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SAME padding with its odd pixel in front, as PyTorch's exporters have it."""
    from mobilecat.formats.tflite.read import conv

    right = conv.pads_of

    def turned(*given: object) -> list[int]:
        pads = right(*given)  # type: ignore[arg-type]
        return pads[len(pads) // 2 :] + pads[: len(pads) // 2]

    monkeypatch.setattr(conv, "pads_of", turned)
    case = next(c for c in CASES if c.code == "CONV_2D" and c.name == "011")
    (tmp_path / "m.tflite").write_bytes(built(case, behind_conv=False))
    with pytest.raises(AssertionError):
        assert_read(tmp_path / "m.tflite", str(case))
