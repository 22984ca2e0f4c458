"""The CI templates: each parsed, and each of its steps run in a shell as its system would."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from tests.test_grammar import PICTURES
from tests.tiny import save_yunet_like, yunet_like_spec

ROOT = Path(__file__).resolve().parents[1]
yaml = pytest.importorskip("yaml", reason="NOT_RUN: no PyYAML")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a spec, its bundle and an approved golden; and the tools on its PATH."""
    folder = tmp_path_factory.mktemp("repository")
    save_yunet_like(folder / "tiny.onnx")
    (folder / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    mc.export(folder / "mobilecat.toml", folder / "bundle")
    mc.golden.record(folder / "bundle", folder / "golden", PICTURES / "two_on_a_sofa.png")
    mc.golden.approve(folder / "bundle", folder / "golden", every=True, by="test")
    tools = folder / "tools"
    tools.mkdir()
    # What a step may call: mobilecat of this checkout, and a pip that installs nothing.
    (tools / "mobilecat").write_text(f'#!/bin/sh\nexec {sys.executable} -m mobilecat "$@"\n')
    (tools / "python").write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return folder


def shell(home: Path, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{home / 'tools'}:/usr/bin:/bin"
    common = {"PATH": path, "HOME": str(home), "CALLS": str(home / "calls.txt"), "CI": "true",
              "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), *sys.path]))}  # fmt: skip
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=home, env={**common, **env}, capture_output=True, text=True,
    )  # fmt: skip


def github(home: Path, temp: Path, given: dict[str, str]) -> tuple[int, str, list[str]]:
    """Run action.yml's steps; return the job's exit code, its summary, and what it `uses`."""
    action = read("action.yml")
    assert set(given) <= set(action["inputs"])
    values = {f"inputs.{k}": given.get(k, v["default"]) for k, v in action["inputs"].items()}
    values |= {"runner.temp": str(temp), "steps.report.outputs.artifact-url": "https://x.test/1"}

    def filled(text: str) -> str:
        return EXPRESSION.sub(lambda m: values[m[1]], text)

    summary, code, used = temp / "summary", 0, []
    for step in action["runs"]["steps"]:
        condition = EXPRESSION.sub(lambda m: m[1], str(step.get("if", "")))
        left = re.search(r"(inputs\.[\w-]+|steps[\w.-]+) != ''", condition)
        if left and not values[left[1]]:
            continue
        if code and "!cancelled()" not in condition:
            continue
        if "uses" in step:
            used.append(step["uses"])
            continue
        assert step["shell"] == "bash"
        assert not EXPRESSION.search(step["run"]), "an input is text, and never a script"
        env = {k: filled(v) for k, v in step.get("env", {}).items()}
        done = shell(home, step["run"], {**env, "GITHUB_STEP_SUMMARY": str(summary)})
        code = code or done.returncode
        if done.returncode == 127:
            pytest.fail(done.stderr)
    return code, summary.read_text() if summary.exists() else "", used


def test_the_action_holds_a_bundle(home: Path, tmp_path: Path) -> None:
    code, summary, used = github(home, tmp_path, {"args": "--runner onnx --random 1"})
    assert code == 0 and summary.startswith("**HELD")
    assert "(https://x.test/1)" in summary and "mobilecat golden review bundle" in summary
    assert used == ["actions/setup-python@v5", "actions/upload-artifact@v4"]
    out = tmp_path / "mobilecat"
    assert "<svg" in (out / "report.html").read_text()
    assert ElementTree.parse(out / "junit.xml").getroot().tag in ("testsuites", "testsuite")
    assert "-m pip install --quiet mobilecat" in (home / "calls.txt").read_text()


def test_the_action_exports_first_where_it_is_told_a_spec(home: Path, tmp_path: Path) -> None:
    given = {"spec": "mobilecat.toml", "bundle": "made", "report": "", "python-version": ""}
    code, summary, used = github(home, tmp_path, given)
    assert code == 0 and summary and used == []
    assert (home / "made" / "bundle.json").is_file()


def test_the_action_falls_short_and_says_why(home: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict.toml"
    strict.write_text((home / "mobilecat.toml").read_text().replace("0.5", "0.56"))
    shutil.copy(home / "tiny.onnx", tmp_path)
    mc.export(strict, home / "strict")
    code, summary, used = github(home, tmp_path, {"bundle": "strict"})
    assert code == 1 and summary.startswith("**FELL")
    assert used[-1] == "actions/upload-artifact@v4", "the report is needed most then"
    # In the same job, where the first bundle's verdict lies: it is not told of the second.
    (tmp_path / "summary").unlink()
    code, summary, _ = github(home, tmp_path, {"bundle": "nowhere"})
    assert code == 2 and "could not validate nowhere" in summary and "not a bundle" in summary


def test_an_input_is_never_a_script(home: Path, tmp_path: Path) -> None:
    """Not even with what a shell would act on in it."""
    github(
        home, tmp_path, {"bundle": "$(touch stolen); x", "args": "`touch stolen` ; touch stolen"}
    )
    assert not (home / "stolen").exists()


def test_gitlab(home: Path) -> None:
    job = read("ci/mobilecat.gitlab-ci.yml")[".mobilecat"]
    ours = read("examples/ci/gitlab-ci.yml")
    assert (ROOT / ours["include"][0]["local"]).is_file() and ours["model"]["extends"] in (
        ".mobilecat"
    )
    assert set(ours["model"]["variables"]) <= set(job["variables"])
    for more, code in (("--runner onnx", 0), ("--runner tflite", 2)):
        shutil.rmtree(home / "mobilecat-report", ignore_errors=True)
        env = {**job["variables"], **ours["model"]["variables"], "MOBILECAT_ARGS": more}
        done = shell(home, "\n".join(job["script"]), env)
        assert done.returncode == code, done.stderr
    shell(home, "\n".join(job["script"]), dict(job["variables"]))
    for file in (job["artifacts"]["reports"]["junit"], *job["artifacts"]["paths"]):
        assert (home / file).exists(), file


def test_pre_commit(home: Path) -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    (used,) = read("examples/ci/pre-commit-config.yaml")["repos"][0]["hooks"]
    assert used["id"] == hook["id"] and not hook["pass_filenames"]
    done = shell(home, shlex.join([*shlex.split(hook["entry"]), *used["args"]]), {})
    assert done.returncode == 0, done.stderr
    for path, looked in (("bundle/bundle.json", True), ("golden/a/b/case.json", True),
                         ("mobilecat.toml", True), ("src/app.py", False)):  # fmt: skip
        assert bool(re.search(hook["files"], path)) == looked


def test_the_github_example_names_what_the_action_takes() -> None:
    workflow = read("examples/ci/github.yml")
    steps = workflow["jobs"]["validate"]["steps"]
    ours = [s for s in steps if "/mobilecat@" in s.get("uses", "")]
    assert len(ours) == 1 and set(ours[0]["with"]) <= set(read("action.yml")["inputs"])
    assert ours[0]["with"]["install"] == f"mobilecat=={mc.__version__}"


def test_the_recipe_shows_the_examples_that_are_run_here() -> None:
    text = (ROOT / "docs/recipes/golden-ci.md").read_text("utf-8")
    shown = [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert shown == [read("examples/ci/github.yml"), read("examples/ci/gitlab-ci.yml")]
