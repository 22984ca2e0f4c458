"""A value that was refused is one error: what follows from its default is none."""

from __future__ import annotations

import pytest

from mobilecat.errors import SpecError
from mobilecat.spec import spec_from_text


def problems(image: str) -> list[str]:
    with pytest.raises(SpecError) as e:
        spec_from_text(
            f'source = "n.onnx"\n[input]\nsize = [64, 64]\n{image}\n[head]\nkind = "yunet"\n'
            "[targets.onnx]\n"
        )
    return [p.what for p in e.value.problems]


@pytest.mark.parametrize(
    ("image", "key"),
    [
        ('resize = "leterbox"\npad = 114', "resize"),
        ('resize = "leterbox"\nrounding = "half-even"', "resize"),
        ('color = "GREY"\nmean = [3]', "color"),
    ],
)
def test_what_follows_from_a_refused_value_is_not_said(image: str, key: str) -> None:
    (said,) = problems(image)
    assert said.startswith(f"input.{key} = ")


def test_what_is_wrong_besides_is_still_said() -> None:
    said = problems('resize = "leterbox"\npad = 114\nstd = 0')
    assert len(said) == 2 and any("std has a zero" in s for s in said)
    (one,) = problems("pad = 114")
    assert one.endswith('pad is set, but resize = "stretch" pads nothing')
