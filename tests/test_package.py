"""What is shipped: the wheel's files, its version and extras, and what `doctor` says of them."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.api import doctoring
from tests.command import mobilecat
from tests.test_cli import refused
from tests.test_grammar import COMMANDS
from tools import wheel

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]


def _tracked() -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "mobilecat"], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip("NOT_RUN: this is no git checkout")
    return done.stdout.splitlines()


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    """As setuptools reads the patterns: `*` is of one folder."""
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["mobilecat"]
    data = [p.removeprefix("mobilecat/") for p in _tracked() if not p.endswith(".py")]
    left_out = [p for p in data if not any(_matches(p, x) for x in patterns)]
    assert not left_out
    assert not [n for n in wheel.NEEDED if not (ROOT / n).is_file()]
    assert not _matches("demo/golden/cats/index.json", "demo/*"), "the test can fail"


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def test_the_version_is_said_once() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "mobilecat.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", mc.__version__)


def test_extras() -> None:
    users = set(EXTRAS) - {"all", "dev", "train"}
    assert users == set(doctoring.BRINGS), "doctor says what each brings"
    (every,) = EXTRAS["all"]
    named = re.fullmatch(r"mobilecat\[(.*)\]", every)
    assert named is not None and set(named[1].split(",")) == users


def test_doctor_names_what_is_missing_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {"": ["numpy>=2.0"], "evaluate": ["pycocotools>=2.0.10"], "video": ["av>=18"]}
    there = {"numpy": "2.3.5", "av": "18.0"}

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(doctoring, "_requirements", lambda: needs)
    monkeypatch.setattr(doctoring.metadata, "version", version)
    found = mc.doctor()
    pieces = {p.extra: p for p in found.pieces}
    assert pieces[""].versions == {"numpy": "2.3.5"} and pieces["video"].missing == ()
    assert pieces["evaluate"].missing == ("pycocotools>=2.0.10",)
    assert pieces["evaluate"].command.endswith(' -m pip install "pycocotools>=2.0.10"')
    assert pieces["tensorflow"].missing == ("mobilecat[tensorflow]",), "nothing is known of it"
    assert (found.exit_code, mc.doctor(["video"]).exit_code, mc.doctor(["evaluate"]).exit_code) == (
        0, 0, 1,
    )  # fmt: skip
    lacking = {p.extra for p in mc.doctor(["all"]).lacking}
    assert lacking == set(doctoring.BRINGS) - {"video"} and mc.doctor(["all"]).exit_code == 1
    needs |= {extra: ["av>=18"] for extra in doctoring.BRINGS}
    assert mc.doctor(["all"]).exit_code == 0
    there.clear()
    assert mc.doctor().exit_code == 1, "it cannot do without numpy"


def test_doctor_on_the_command_line() -> None:
    done = mobilecat("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == told["exit_code"] == 0
    assert told["runners"]["onnx"] and told["mobilecat"] == mc.__version__
    refused(mobilecat("doctor", "everything"), "No such extra", "tensorflow")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_verb_has_an_example_that_can_be_given(path: str) -> None:
    command: Any = COMMANDS[path]
    paragraphs = [" ".join(p.split()) for p in (command.help or "").split("\n\n")]
    examples = [p for p in paragraphs if p.startswith(f"mobilecat {path}")]
    assert examples, f"{path} --help shows no example"
    for example in examples:
        words = shlex.split(example)[1 + len(path.split()) :]
        command.make_context(path, words)  # raises where the words do not fit


def test_an_example_with_a_word_too_many_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["inspect"].make_context("inspect", ["a.onnx", "--fast"])


def test_completion_is_there() -> None:
    told = mobilecat("--help").stdout
    assert "--install-completion" in told and "--show-completion" in told
