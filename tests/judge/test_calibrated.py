"""What a report says of goldens where a file took its ranges from few pictures, or from theirs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from mobilecat.bundle import CalibrationRecord
from mobilecat.judge.notes import _calibration_first, _seen

SEEN, OTHER = "a" * 64, "b" * 64


def cases(*hashes: str) -> Any:
    return [SimpleNamespace(name=f"case{i}", input_sha256=h) for i, h in enumerate(hashes)]


def bundle(*hashes: str) -> Any:
    record = CalibrationRecord(method="minmax", seed=0, pictures=len(hashes), hashes=hashes)
    return SimpleNamespace(calibration=record if hashes else None)


def test_few_pictures_are_to_be_more_before_a_limit_is_wider() -> None:
    few = _calibration_first("tflite:a", "int8", 4, '[tolerances."a"]', "")
    assert "widen no limit" in few and "[tolerances" not in few
    assert "twenty or more" in few


def test_with_enough_pictures_the_limit_comes_last() -> None:
    said = _calibration_first("tflite:a", "int8", 10, '[tolerances."a"]', "int8-weights")
    assert said.index("[quantize] calibration") < said.index("int8-weights")
    assert said.index("int8-weights") < said.index('[tolerances."a"]')


def test_goldens_of_the_calibrations_own_pictures_are_told() -> None:
    (said,) = _seen(bundle(SEEN[:16]), cases(OTHER, SEEN))
    assert said.startswith("case1 is a golden of a picture that the calibration had")
    assert _seen(bundle(SEEN[:16]), cases(OTHER)) == []
    assert _seen(bundle(), cases(SEEN)) == []
