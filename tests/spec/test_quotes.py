"""A line that is no TOML is told with the nearest that is."""

from __future__ import annotations

import pytest

from mobilecat.errors import SpecError
from mobilecat.spec.load import spec_from_text


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("labels = cat face", 'labels = ["cat face"]'),
        ("labels = cat, dog  # two", 'labels = ["cat", "dog"]'),
        ("labels = [cat, big dog]", 'labels = ["cat", "big dog"]'),
        ("labels = cats.txt", 'labels = "cats.txt"'),
        ("name = cats", 'name = "cats"'),
        ("landmarks = Nase, Öhrchen", 'landmarks = ["Nase", "Öhrchen"]'),
        ("size = 224, 320", "size = [224, 320]"),
        ("full_integer = True", "full_integer = true"),
        ("full_integer = no", "full_integer = false"),
    ],
)
def test_what_was_meant(line: str, meant: str) -> None:
    with pytest.raises(SpecError, match="is not TOML") as e:
        spec_from_text(f'source = "a.onnx"\n{line}\n')
    (problem,) = e.value.problems
    assert problem.fix == f"meant is, perhaps: {meant}" and "line 2" in problem.what


@pytest.mark.parametrize("line", ['labels = "cat', "= 3", "[input", "size = 3\nsize = 3", "a = {b"])
def test_where_nothing_is_near_nothing_is_guessed(line: str) -> None:
    with pytest.raises(SpecError, match="is not TOML") as e:
        spec_from_text(f"{line}\n")
    assert e.value.problems[0].fix == ""
