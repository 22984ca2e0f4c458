"""Apple's interpreter for the session; where its package has no wheel, every test says NOT_RUN."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobilecat.formats.coreai.dialect import missing
from tests.formats.coreai.apple import Apple


@pytest.fixture(scope="session")
def apple() -> Iterator[Apple]:
    if (reason := missing()) is not None:
        pytest.skip(f"NOT_RUN: {reason}")
    with Apple() as engine:
        yield engine
