"""The grammar of the command line, held by walking every command: CONTRIBUTING.md has the rules."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import mobilecat as mc
from mobilecat.bundle import HASH_DIGITS
from mobilecat.cli import grammar
from mobilecat.cli.grammar import bundle_and_pictures, with_json_values
from mobilecat.cli.main import app
from mobilecat.cli.steps import photos_here, photos_of
from mobilecat.demo import DETECTOR, FOLDER
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from tests.command import mobilecat
from tests.judge.fake import edit_bundle
from tests.test_cli import refused

PICTURES = FOLDER / "pictures"
EMPTY = PICTURES / "nobody_home.png"


def commands(command: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    command = command or get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}".strip())
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = dict(commands())
# An option of one name: what it takes and says, wherever it is.
OPTIONS: dict[str, dict[str, Any]] = {}
for _path, _command in COMMANDS.items():
    for _option in _command.params:
        for _name in _option.opts:
            if _name.startswith("--") and not _option.hidden:
                OPTIONS.setdefault(_name, {})[_path] = _option

# What a verb may say in words of its own, since it takes more or less there.
OWN_WORDS = {
    "--runner": {"bisect", "replay"},  # it must be named, and is an artifact's; several lanes
    "--image": {"bisect", "explain", "init", "diagnose"},  # one picture; a folder
    "--draw": {
        "run",
        "diagnose",
        "replay",
    },  # a clip; a folder; two kinds
    "--golden": {"validate"},  # none is needed
    "--source": {"export"},  # another model for a spec
    "--out": {"init", "export"},
    "--all": {"bisect", "golden approve"},
}


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_means_one_thing(name: str) -> None:
    meant = {
        (str(o.metavar), str(o.help))
        for path, o in OPTIONS[name].items()
        if path not in OWN_WORDS.get(name, ())
    }
    assert len(meant) <= 1, meant


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_is_a_verb_of_the_grammar(path: str) -> None:
    command = COMMANDS[path]
    assert isinstance(command, grammar.Verb)
    first = next((p for p in command.params if not p.opts[0].startswith("-")), None)
    assert first is not None, "what a verb works on is positional"
    short = [o for p in command.params for o in p.opts if len(o) == 2 and o[0] == "-"]
    assert set(short) <= {"-o"}


@pytest.mark.parametrize("path", COMMANDS)
def test_its_help_fits_and_ends_its_sentences(path: str) -> None:
    told = mobilecat(*path.split(), "-h")
    assert told.returncode == 0
    assert max(map(len, told.stdout.splitlines())) <= 80
    for option in COMMANDS[path].params:
        if option.help and not option.hidden:
            assert option.help.rstrip()[-1] in ".;", (path, option.opts, option.help)


@pytest.mark.parametrize(
    ("words", "settled"),
    [
        (["d", "--json"], ["d", "--json", "-"]),
        (["--json", "."], ["--json", "-", "."]),
        (["--json", "new/report"], ["--json", "new/report"]),
        (["--json", "a.jpg"], ["--json", "-", "a.jpg"]),
        (["--json", "out.json"], ["--json", "out.json"]),
        (["--json", "-"], ["--json", "-"]),
        (["--json", "--draw", "x.png"], ["--json", "-", "--draw", "x.png"]),
        (["--json=x"], ["--json=x"]),
        (["--", "--json"], ["--", "--json"]),
        (["--markdown", "--json"], ["--markdown", "-", "--json", "-"]),
        (["--markdown", "notes.md"], ["--markdown", "notes.md"]),
        (["--markdown", "a.jpg"], ["--markdown", "-", "a.jpg"]),
    ],
)
def test_json_may_stand_alone(words: list[str], settled: list[str]) -> None:
    assert with_json_values(words) == settled


def test_the_bundle_is_the_first_word_unless_it_is_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("b.png", "a.JPG", "notes.txt"):
        (photos / name).touch()
    a, b = photos / "a.JPG", photos / "b.png"
    assert bundle_and_pictures([Path("cats"), photos], None) == (Path("cats"), [a, b])
    assert bundle_and_pictures([photos], None) == (Path("bundle"), [a, b])
    assert bundle_and_pictures([b, a], None) == (Path("bundle"), [b, a])
    assert bundle_and_pictures([Path("cats")], [b]) == (Path("cats"), [b])
    assert bundle_and_pictures([Path("-")], None) == (Path("bundle"), [Path("-")])
    with pytest.raises(MobileCatError, match=r"cats/ is not there\n.*name a picture that is there"):
        bundle_and_pictures([Path("cats")], None)
    with pytest.raises(MobileCatError, match=r"phtos/ is not there\n.*did you mean photos\?"):
        bundle_and_pictures([Path("phtos")], None)
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "bundle.json").touch()
    with pytest.raises(MobileCatError, match=r"none is named.*\n.*cats photo\.jpg"):
        bundle_and_pictures([Path("cats")], None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MobileCatError, match="no bundle, and has no picture"):
        bundle_and_pictures([Path("empty")], None)
    assert bundle_and_pictures([Path("empty")], [b]) == (Path("empty"), [b])
    with pytest.raises(MobileCatError, match="a folder with no picture in it"):
        bundle_and_pictures([Path("cats"), Path("empty")], None)


def test_no_bundle_beside_a_spec_says_the_shortest_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MobileCatError, match=r"make one: mobilecat export SPEC -o DIR$"):
        mc.open("bundle")
    (tmp_path / "mobilecat.toml").touch()
    with pytest.raises(MobileCatError, match=r"make one: mobilecat export$"):
        mc.open("bundle")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as one works in: a spec, a bundle beside it, a golden that is approved."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copy(DETECTOR, folder / "mobilecat.toml")
    for file in FOLDER.glob("cat_faces.onnx"):
        shutil.copy(file, folder)
    assert at(folder, "export").returncode == 0
    return folder


def at(folder: Path, *words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    told = subprocess.run(
        [sys.executable, "-m", "mobilecat", *map(str, words)],
        cwd=folder,
        input=stdin,
        capture_output=True,
        env={k: v for k, v in os.environ.items() if k != "CI"},
    )
    return subprocess.CompletedProcess(
        told.args, told.returncode, told.stdout.decode(), told.stderr.decode()
    )


def test_nothing_is_named_twice(home: Path) -> None:
    """Spec, bundle and goldens lie where one works: the verbs need no more words."""
    picture = PICTURES / "two_on_a_sofa.png"
    told = at(home, "golden", "record", picture, "--case", "sofa")
    assert told.returncode == 0, told.stderr
    assert at(home, "golden", "review", "--approve", "sofa").returncode == 0
    told = at(home, "validate", "--runner", "onnx")
    assert told.returncode == 0 and "sofa" in at(home, "golden", "list").stdout
    old = at(home, "golden", "review", "--accept", "sofa")
    assert "--accept is now called --approve" in old.stderr


def test_several_pictures_get_a_line_each(home: Path) -> None:
    told = at(home, "run", PICTURES, "--runner", "onnx", "--draw", "drawn")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    found = {Path(line.split(": ")[0]).name: line.split(": ")[1] for line in lines[:-1]}
    assert found["two_on_a_sofa.png"].startswith("2 detections, best cat face 0.")
    assert found["nobody_home.png"].startswith("0 detections, the best below the threshold cat")
    assert len(found) == len(list((home / "drawn").iterdir())) == len(list(PICTURES.glob("*.png")))
    both = at(home, "run", PICTURES / "one_at_night.png", PICTURES / "two_on_a_sofa.png")
    assert "other lanes within" in both.stdout
    told = at(home, "run", PICTURES, "--runner", "onnx", "--json")
    assert len(json.loads(told.stdout)["pictures"]) == len(found)


def test_pictures_of_the_calibration_are_told(home: Path, tmp_path: Path) -> None:
    bundle, sofa, night = tmp_path / "b", PICTURES / "two_on_a_sofa.png", "one_at_night.png"
    shutil.copytree(home / "bundle", bundle)
    seen = {"method": "minmax", "seed": 0, "pictures": 1, "hashes": [sha256_of(sofa)[:HASH_DIGITS]]}
    edit_bundle(bundle, lambda told: told.update(calibration=seen))
    source = "--source", FOLDER / "cat_faces.onnx"
    warning = "that the calibration had (two_on_a_sofa.png): on them a quantised file looks better"
    one = at(home, "run", bundle, sofa, "--runner", "source", *source).stdout
    assert f"warning: the picture is one {warning}" in one
    two = at(home, "run", bundle, sofa, PICTURES / night, "--runner", "source", *source).stdout
    assert f"warning: 1 of 2 are those {warning}" in two
    kept = "--golden", tmp_path / "g"
    told = at(home, "golden", "record", bundle, sofa, PICTURES / night, *kept, *source).stdout
    assert f"warning: 1 of 2 are those {warning}" in told
    other = at(home, "golden", "record", bundle, PICTURES / night, *kept, *source).stdout
    assert "calibration" not in other


def test_one_that_cannot_be_read_does_not_stop_the_others(home: Path) -> None:
    (home / "broken.png").write_bytes(b"no picture")
    told = at(home, "run", "broken.png", PICTURES / "one_at_night.png", "--runner", "onnx")
    assert "1 detection, best" in told.stdout
    refused(told, "Some pictures cannot be read", "broken.png")


def test_a_picture_on_stdin(home: Path) -> None:
    data = (PICTURES / "two_on_a_sofa.png").read_bytes()
    told = at(home, "run", "-", "--runner", "onnx", stdin=data)
    assert told.returncode == 0 and told.stdout.count("cat face 0.") == 2, told.stderr
    wrong = at(home, "run", "-", stdin=b"no picture")
    refused(wrong, "This is not a picture", "stdin: 10 bytes that no reader knows", "JPEG, PNG")
    assert "BytesIO" not in wrong.stderr
    refused(at(home, "run", PICTURES, "--draw", "one.png"), "one.png is one picture", "--draw one")
    assert not (home / "one.png").exists()


def test_goldens_in_one_step(home: Path, tmp_path: Path) -> None:
    sofa = PICTURES / "two_on_a_sofa.png"
    told = at(home, "golden", "record", sofa, "--golden", tmp_path / "g", "--at-once")
    assert told.returncode == 0, told.stderr
    assert "approved; new: 2 detections" in told.stdout and "cat face 0." in told.stdout
    told = at(home, "validate", "--golden", tmp_path / "g", "--runner", "onnx")
    assert told.returncode == 0 and "HELD" in told.stdout
    told = at(home, "validate", "bundle", "--runner", "onnx", "--golden", tmp_path / "none")
    assert told.returncode == 2


def test_a_validation_without_goldens_says_how_to_make_some(home: Path, tmp_path: Path) -> None:
    refused(at(tmp_path, "validate", home / "bundle"), "mobilecat golden record")


def test_one_picture_says_how_the_lanes_agree_and_what_was_nearly_found(home: Path) -> None:
    told = at(home, "run", PICTURES / "two_on_a_sofa.png")
    assert "other lanes within" in told.stdout and "(the first time" in told.stdout
    told = at(home, "run", EMPTY, "--runner", "onnx")
    assert "nothing above the threshold 0.4; the best below it: cat face 0.0" in told.stdout
    assert "--set nms.score_threshold=" in told.stdout
    told = at(home, "run", EMPTY, "--runner", "onnx", "--set", "nms.score_threshold=0.01")
    assert "nothing above" not in told.stdout and "cat face 0.0" in told.stdout
    refused(at(home, "run", EMPTY, "--set", "head.kind=ssd"), "is not nms.KEY=VALUE")


def test_old_forms_still_work(home: Path) -> None:
    picture = PICTURES / "two_on_a_sofa.png"
    told = at(home, "run", "bundle", "--image", picture, "--runner", "onnx", "--json")
    assert len(json.loads(told.stdout)["results"][0]["detections"]) == 2
    told = at(home, "bisect", "--runner", "onnx", "--image", picture, "--limit", "1")
    assert told.returncode == 0 and "--limit is now called --max-error" in told.stderr


def test_version_and_help() -> None:
    assert mobilecat("--version").stdout == "mobilecat 0.1.0\n"
    assert "-h, --help" in mobilecat("-h").stdout
    assert io.StringIO(mobilecat("run", "-h").stdout).readline().startswith("Usage: mobilecat run")


def test_goldens_of_nothing_are_said_to_hold_nothing(home: Path, tmp_path: Path) -> None:
    told = at(home, "golden", "record", EMPTY, "--golden", tmp_path)
    text = " ".join(told.stdout.split())
    looking = f"next: mobilecat golden review bundle --golden {tmp_path} --html review.html"
    approving = f"mobilecat golden approve bundle --golden {tmp_path} --all"
    assert text.index(looking) < text.index(approving) and "--at-once" not in text
    assert "nothing is found on any golden picture yet" in told.stdout
    more = at(home, "golden", "record", PICTURES / "two_on_a_sofa.png", "--golden", tmp_path)
    assert "nothing is found" not in more.stdout
    # What is found is said where it is pending, as where it is approved.
    assert "; new: 2 detections" in more.stdout and more.stdout.count("cat face 0.") == 2
    assert "xyxy" in more.stdout


def test_what_comes_next_names_the_pictures_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert photos_here() == "photos/" == photos_of([])
    (tmp_path / "my cats").mkdir()
    (tmp_path / "my cats" / "a.JPG").touch()
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a.png").touch()
    assert photos_here() == "'my cats/'" == photos_of([])
    assert photos_of([Path("elsewhere/a.png")]) == "elsewhere/"
    assert photos_of([Path("a.png")]) == "a.png"  # not every picture that lies here
    assert photos_of([Path("a.png"), Path("my cats")]) == "'my cats/'"
    (tmp_path / "photos").mkdir()
    assert photos_here() == "photos/" == photos_of([Path("a.png")])
