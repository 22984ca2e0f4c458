"""Folders of apps that an export wrote into: a later export that leaves them behind is told of."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import mobilecat as mc
from mobilecat.compile.copies import AppCopy, copies_of, doubtful_words, options
from mobilecat.judge.because import stale_apps, what_changed
from mobilecat.judge.words import said
from tests.command import mobilecat
from tests.ios.test_ios_folder import cascade, files_of
from tests.judge.fake import Workshop, check, edit_bundle, moved, write_bundle
from tests.tiny import save_yunet_like, yunet_like_spec

TARGETS = "[targets.coreml]\n[targets.tflite]\n[targets.onnx]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, exported into an iOS and an Android app; it is the working directory."""
    save_yunet_like(tmp_path / "tiny.onnx")
    (tmp_path / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx"), TARGETS))
    monkeypatch.chdir(tmp_path)
    assert not mobilecat("export", "--ios", "apps/cat", "--android", "apps/robot").returncode
    return tmp_path


def change(path: Path = Path("mobilecat.toml")) -> None:
    text = path.read_text()
    assert "[input]\n" in text
    path.write_text(text.replace("[input]\n", "[input]\nrange = [0, 1]\n"))


def test_the_same_export_again_has_nothing_to_say(project: Path) -> None:
    done = mobilecat("export")
    assert "another export" not in done.stdout + done.stderr
    assert [(c.kind, c.folder, c.stale) for c in copies_of(Path("bundle"))] == [
        ("ios", Path("apps/cat"), False),
        ("android", Path("apps/robot"), False),
    ]


def test_an_export_without_them_ends_with_the_command(project: Path) -> None:
    change()
    lines = mobilecat("export").stdout.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("next: "))
    assert lines[first - 1] == (
        "warning: apps/cat and apps/robot still hold another export than this bundle: their apps "
        "run that one until you export into them too"
    )
    assert lines[-1].endswith("   (once it is right: the apps' folders)")  # after validate
    command = lines[-1].strip().partition("   ")[0]
    assert command == "mobilecat export --ios apps/cat --android apps/robot"
    one = mobilecat("export", "--ios", "apps/cat").stdout
    assert "warning: apps/robot still holds another export" in one and "apps/cat and" not in one
    assert "another export" not in mobilecat(*command.split()[1:]).stdout
    assert not any(c.stale for c in copies_of(Path("bundle")))


def test_what_was_typed_is_in_the_command(project: Path) -> None:
    shutil.copy("tiny.onnx", "other.onnx")
    shutil.move("mobilecat.toml", "my spec.toml")
    text = Path("my spec.toml").read_text()
    Path("my spec.toml").write_text(text.replace("[input]\n", "[input]\nrange = [0, 1]\n"))
    given = ["my spec.toml", "--source", "other.onnx", "--targets", "onnx,tflite,coreml"]
    lines = mobilecat("export", *given).stdout
    assert (
        "      mobilecat export 'my spec.toml' --source other.onnx --targets onnx,tflite,coreml "
        "--ios apps/cat --android apps/robot" in lines
    )


def test_a_folder_that_is_gone_or_of_something_else_is_no_copy(project: Path) -> None:
    change()
    mobilecat("export")
    shutil.rmtree("apps/cat")
    path = Path("apps/robot/assets/model/bundle.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "dogs"}))
    assert copies_of(Path("bundle")) == ()
    path.write_text("no JSON")
    assert copies_of(Path("bundle")) == ()
    path.unlink()
    os.mkfifo(path)  # reading it would wait for ever
    assert copies_of(Path("bundle")) == ()


def test_one_changed_byte_of_a_model_is_another_export(project: Path) -> None:
    path = next(Path("apps/robot").rglob("*.tflite"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert [c.stale for c in copies_of(Path("bundle"))] == [False, True]
    path.unlink()  # a file that the app does without is not missed
    assert [c.stale for c in copies_of(Path("bundle"))] == [False, False]


def test_a_project_that_moves_takes_its_apps_along(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path_factory.mktemp("moved") / "project"
    change()
    mobilecat("export")
    shutil.copytree(project, there)
    shutil.rmtree(project / "apps")
    assert copies_of(project / "bundle") == ()
    monkeypatch.chdir(there)
    assert [c.folder for c in copies_of(Path("bundle"))] == [Path("apps/cat"), Path("apps/robot")]
    shutil.copytree(there / "bundle", there / "deep/er/bundle")  # the bundle alone
    assert copies_of(there / "deep/er/bundle") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"apps": 3}',
        '{"apps": [3, {"kind": "ios"}, {"kind": "web", "folder": "..", "name": "x"}]}',
        '{"apps": [{"kind": "ios", "folder": "a\\u001b[31m", "name": "tiny"}]}',
        '{"apps": [{"kind": "ios", "folder": "a\\u0000b", "name": "tiny"}]}',
        '{"apps": [{"kind": "ios", "folder": "/dev", "name": "tiny"}]}',
        '{"apps": [{"kind": ["ios"], "folder": "..", "name": "tiny"}]}',
    ],
)
def test_a_strangers_list_reads_nothing_but_copies(project: Path, text: str) -> None:
    before = files_of(project / "apps")
    Path("bundle/apps.json").write_text(text)
    assert copies_of(Path("bundle")) == ()
    assert mobilecat("export").returncode == 0
    assert files_of(project / "apps") == before


def test_a_cascade_has_its_rule_and_both_models_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = cascade(tmp_path)
    monkeypatch.chdir(tmp_path)
    given = [spec.name, "-o", "pets", "--ios", "app/Model", "--android", "robot"]
    assert not mobilecat("export", *given).returncode
    assert [c.stale for c in copies_of(Path("pets"))] == [False, False]
    text = spec.read_text()
    assert "grow = 0.25" in text
    spec.write_text(text.replace("grow = 0.25", "grow = 0.5"))
    lines = mobilecat("export", *given[:3]).stdout
    assert "mobilecat export pets.toml -o pets --ios app/Model --android robot" in lines
    spec.write_text(text)
    mobilecat("export", *given[:3])
    assert [c.stale for c in copies_of(Path("pets"))] == [False, False]
    inner = Path("app/LandmarkModel/Bundle/bundle.json")
    inner.write_text(inner.read_text().replace("0", "1", 1))
    assert [c.stale for c in copies_of(Path("pets"))] == [True, False]


def test_several_apps_of_a_kind_are_several_commands() -> None:
    apps = [AppCopy("ios", Path(p), True) for p in ("a", "b")]
    apps.append(AppCopy("android", Path("c"), True))
    assert options(apps) == [["--ios", "a", "--android", "c"], ["--ios", "b"]]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path)


def copied(shop: Workshop) -> Path:
    """Give the workshop's bundle a folder of an Android app that it was copied into."""
    app = shop.root / "robot"
    shutil.copytree(shop.bundle, app / "assets/model")
    row = {"kind": "android", "folder": "../robot", "name": "fake"}
    (shop.bundle / "apps.json").write_text(json.dumps({"schema": 1, "apps": [row]}))
    return app


def test_validate_says_it_below_the_headline(shop: Workshop) -> None:
    shop.approved()
    app = copied(shop)
    assert stale_apps(check(shop)) is None
    (app / "assets/model/labels.txt").write_text("dog\ncat\n")
    report = check(shop)
    lines = [line.text for line in said(report) if hasattr(line, "text")]
    assert lines[0].startswith("HELD: ")
    assert lines[1].startswith(f"  {app} still holds another export than this bundle: its app runs")
    assert lines[1].endswith(f"mobilecat export {shop.root / 'mobilecat.toml'} --android {app}")
    assert report.to_json()["apps"] == [{"kind": "android", "folder": str(app), "stale": True}]


def test_what_falls_short_is_not_pushed_into_the_apps(shop: Workshop) -> None:
    """The folder that still holds another export may hold the right one."""
    shop.approved()
    app = copied(shop)
    (app / "assets/model/labels.txt").write_text("dog\ncat\n")
    shop.faults["onnx:fake.onnx"] = moved
    lines = [line.text for line in said(check(shop)) if hasattr(line, "text")]
    assert lines[0].startswith("FELL SHORT")
    told = (
        f"  {app} still holds another export, perhaps the right one: export into all of them once"
    )
    assert lines[1].startswith(told) and "mobilecat export" not in lines[1]
    both = (AppCopy("ios", Path("a"), False), AppCopy("android", Path("b"), True))
    assert doubtful_words(both).startswith("a holds this bundle, b still holds another export")
    assert doubtful_words(both[:1]) == ""


def test_what_takes_a_change_back_names_the_folders(shop: Workshop) -> None:
    shop.approved()
    app = copied(shop)

    def other(data: dict[str, object]) -> None:
        data["spec"]["nms"]["score_threshold"] = 0.31  # type: ignore[index]
        data["nms"]["score_threshold"] = 0.31  # type: ignore[index]

    edit_bundle(shop.bundle, other)
    changed = what_changed(check(shop))
    assert changed is not None
    assert changed.steps[0].commands[0].endswith(f"--android {app}")
    assert "those folders hold copies" not in changed.steps[0].words


def test_in_python(project: Path) -> None:
    change()
    done = mc.export("mobilecat.toml", "bundle", android="apps/robot")
    assert [(c.kind, c.stale) for c in done.copies] == [("android", False), ("ios", True)]
