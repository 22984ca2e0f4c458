"""A `python:` source held to the text of its folder: nothing is imported, torch is not needed."""

from __future__ import annotations

from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.errors import ModelError
from mobilecat.formats.torch.named import require_named

TEXT = """
import json as j
from os import path
if True:
    def build(): ...
try:
    class Net: ...
finally:
    made, (other, _) = 1, (2, 3)
raise RuntimeError("it was run")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_net.py").write_text(TEXT)
    (tmp_path / "open.py").write_text("from my_net import *\n")
    (tmp_path / "broken.py").write_text("def build(:\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("")
    (tmp_path / "models" / "small.py").write_text("def build(): ...\n")
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        "my_net:build",
        "my_net:Net",
        "my_net:made",
        "my_net:other",
        "my_net:j",
        "my_net:path",
        "models.small:build",
        # What no text tells is left to the run: a star import, a broken file, an installed package.
        "open:anything",
        "broken:build",
        "numpy:anything",
        "numpy.nothing:build",
    ],
)
def test_what_is_there_or_cannot_be_told_passes(source: str, folder: Path) -> None:
    require_named(folder / f"python:{source}")


@pytest.mark.parametrize(
    ("source", "what", "fix"),
    [
        ("my_net:biuld", "my_net.py has no function 'biuld'", "did you mean python:my_net:build?"),
        ("my_net:zzzz", "my_net.py has no function", "it has python:my_net:build, python:"),
        ("my_nett:build", "no module 'my_nett' in", "did you mean python:my_net:build?"),
        ("models.smal:build", "no module 'models.smal'", "mean python:models.small:build?"),
        ("quite_else:build", "no module 'quite_else'", "name a .py file beside the spec"),
        ("my_net", "it names no function", "it has python:my_net:build"),
        ("my_net.build", "it names no function", "did you mean python:my_net:build?"),
        ("my_net.py:build", "is python:module:function", "did you mean python:my_net:build?"),
        ("my_net:build()", "is python:module:function", "did you mean python:my_net:build?"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_may_be_meant(
    source: str, what: str, fix: str, folder: Path
) -> None:
    with pytest.raises(ModelError) as refusal:
        require_named(folder / f"python:{source}")
    assert what in str(refusal.value) and fix in str(refusal.value)


def test_init_says_what_to_type(folder: Path) -> None:
    with pytest.raises(ModelError) as refusal:
        mc.init("python:my_net:build", folder / "mobilecat.toml")
    assert "mobilecat init python:my_net:build --trust-python --size 224x224" in str(refusal.value)
    with pytest.raises(ModelError, match=r"did you mean python:my_net:build\?"):
        mc.init("python:my_net:biuld", folder / "mobilecat.toml")
    with pytest.raises(ModelError, match=r"did you mean python:models\.small:build\?"):
        mc.init("python:models/small.py:build", folder / "mobilecat.toml")
    assert not (folder / "mobilecat.toml").exists()


def test_export_says_it_before_it_asks_for_trust(folder: Path) -> None:
    spec = folder / "mobilecat.toml"
    spec.write_text('source = "python:my_net:biuld"\n[targets.onnx]\n')
    with pytest.raises(ModelError, match=r"did you mean python:my_net:build\?"):
        mc.export(spec, folder / "bundle")
