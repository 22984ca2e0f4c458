"""Where a source's own engine is not installed, its lane says how to install it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from mobilecat.formats.base.runner import NotRun
from mobilecat.formats.base.source import Source


@pytest.mark.parametrize("extra", ["torch", "tensorflow"])
def test_the_lane_says_what_to_install(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = import_module(f"mobilecat.formats.{extra}.run")
    monkeypatch.setattr(run, "missing_extra", lambda: "a package")
    with pytest.raises(
        NotRun, match=rf"a package, not installed.*pip install 'mobilecat\[{extra}\]'"
    ):
        run.reference(Source(Path("net.file"), extra), {})
