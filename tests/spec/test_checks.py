"""Marks `# CHECK`: found in a spec, told by an export, remembered by its bundle."""

from __future__ import annotations

import json
from pathlib import Path

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.demo import FOLDER
from mobilecat.spec import load_spec
from mobilecat.spec.checks import open_checks
from tests.command import mobilecat
from tests.measure.tune.scenes import SPEC, save_detector, save_pictures

MARKED = SPEC.replace(
    "range = [0, 1]",
    "range = [0, 1]\n"
    "# CHECK: how pictures were fitted in training. Look at several; it may be\n"
    '# "stretch" or "letterbox".\n'
    "# How a picture is brought to size.\n"
    'resize = "stretch"',
).replace("# as the authors say", "# CHECK: the file's own is 0.001. Some more")


def test_marks_are_found_with_their_keys_and_lines() -> None:
    resize, score = open_checks(MARKED, "m.toml")
    assert (resize.key, resize.where, resize.other) == ("input.resize", "m.toml:9", "letterbox")
    assert resize.what == (
        'how pictures were fitted in training. Look at several; it may be "stretch" or "letterbox"'
    )
    assert (score.key, score.other) == ("nms.score_threshold", None)
    assert score.what == "the file's own is 0.001"
    assert score.where == "m.toml:19"
    assert MARKED.splitlines()[18].startswith("score_threshold")
    assert open_checks(SPEC, "m.toml") == ()
    (turned,) = open_checks(MARKED.replace('= "stretch"', '= "letterbox"'), "m.toml")[:1]
    assert turned.other == "stretch"


def test_what_only_speaks_of_marks_is_none() -> None:
    text = '# `# CHECK` is what the file does not tell. A line # CHECK is one.\nname = "a"\n'
    assert open_checks(text, "m.toml") == ()
    assert open_checks("# CHECK: nothing follows\n\n[input]\n", "m.toml") == ()
    assert open_checks('# CHECK: a table\n[input]\nresize = "stretch"\n', "m.toml") == ()


def test_what_init_marks_is_found(tmp_path: Path) -> None:
    found = mc.init(FOLDER / "cat_faces.onnx", tmp_path / "m.toml")
    assert [c.key for c in load_spec(tmp_path / "m.toml").checks] == [a.key for a in found.asks]
    checks = load_spec(tmp_path / "m.toml").checks
    assert [(c.key, c.other) for c in checks] == [
        ("input.color", "BGR"),
        ("input.range", None),
        ("input.resize", "letterbox"),
    ]
    assert checks[2].what == found.asks[2].said


def test_export_says_each_mark_once_and_evaluate_ends_with_it(tmp_path: Path) -> None:
    save_detector(tmp_path / "known.onnx")
    spec, out, told = tmp_path / "known.toml", tmp_path / "out", tmp_path / "told.json"
    spec.write_text(MARKED)
    done = mobilecat("export", spec, "-o", out, "--json", told)
    assert done.returncode == 0, done.stderr
    plain = " ".join(done.stdout.split())
    assert plain.count("input.resize is still marked # CHECK in") == 1
    assert f"{spec}:9 (how pictures were fitted" in plain
    assert "take the mark away when you have looked" in plain
    said = json.loads(told.read_text())["unchecked"]
    assert [(c["key"], c["other"]) for c in said] == [
        ("input.resize", "letterbox"),
        ("nms.score_threshold", None),
    ]
    assert str(tmp_path) not in json.dumps(said)  # a bundle does not tell where it was made
    data = save_pictures(tmp_path / "data")
    assert mc.evaluate(out, data, cache=tmp_path / "c").notes[-2:] == (
        "input.resize is still to be checked: with the other, `mobilecat init … --set "
        "input.resize=letterbox`, mAP may be higher",
        "nms.score_threshold is still to be checked: with another value, mAP may be higher",
    )
    spec.write_text(SPEC)
    mc.export(spec, out)
    assert open_bundle(out).unchecked == () and "unchecked" not in (out / "bundle.json").read_text()
