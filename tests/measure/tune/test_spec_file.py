"""A row written into a user's spec: three values change and no other byte, or nothing does."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from mobilecat.errors import MobileCatError
from mobilecat.measure.tune.grid import Setting
from mobilecat.measure.tune.spec_file import require_writable, with_nms, write_setting
from mobilecat.spec import load_spec, spec_from_text

BEST = Setting(0.25, 0.5, 3000)
VALUES = {"score_threshold": 0.25, "iou_threshold": 0.5, "max_detections": 3000}

HEAD = """# a detector
name = "known"
source = "known.onnx"   # relative
labels = ["cat"]
[input]
size = [40, 24]
[head]
kind = "yolov8"
"""

# What follows the head, before → after.
LAYOUTS = {
    "table": (
        '[nms]\nscore_threshold = 0.3\niou_threshold=0.45\nmax_detections  =  100\n'
        '[targets.onnx]\n',
        '[nms]\nscore_threshold = 0.25\niou_threshold=0.5\nmax_detections  =  3000\n'
        '[targets.onnx]\n',
    ),
    "comments, blanks, order": (
        '[ nms ]  # ours\n\n# at most\nmax_detections = 1_00\t# "many" = 5\n\n'
        '  iou_threshold = 4.5e-1#close\nper_class = false\nscore_threshold = 0.3 # a = b\n'
        '\n# next\n[targets.onnx] # end',
        '[ nms ]  # ours\n\n# at most\nmax_detections = 3000\t# "many" = 5\n\n'
        '  iou_threshold = 0.5#close\nper_class = false\nscore_threshold = 0.25 # a = b\n'
        '\n# next\n[targets.onnx] # end',
    ),
    "keys left out": (
        '[nms]\n  iou_threshold = 0.45\n\n[targets.onnx]\n',
        '[nms]\n  iou_threshold = 0.5\n  score_threshold = 0.25\n  max_detections = 3000\n\n'
        '[targets.onnx]\n',
    ),
    "empty table": (
        '[nms]\n\n[targets.onnx]\n',
        '[nms]\nscore_threshold = 0.25\niou_threshold = 0.5\nmax_detections = 3000\n\n'
        '[targets.onnx]\n',
    ),
    "empty table, end of file": (
        '[targets.onnx]\n[nms]',
        '[targets.onnx]\n[nms]\nscore_threshold = 0.25\niou_threshold = 0.5\n'
        'max_detections = 3000\n',
    ),
    "no table": (
        '[targets.onnx]\n',
        '[targets.onnx]\n\n[nms]\nscore_threshold = 0.25\niou_threshold = 0.5\n'
        'max_detections = 3000\n',
    ),
    "no table, no last newline": (
        '[targets.onnx]',
        '[targets.onnx]\n\n[nms]\nscore_threshold = 0.25\niou_threshold = 0.5\n'
        'max_detections = 3000\n',
    ),
    "quoted": (
        '["nms"]\n"score_threshold" = 0.3\n\'iou_threshold\' = 0.45\nmax_detections = 100\n'
        '[targets.onnx]\n',
        '["nms"]\n"score_threshold" = 0.25\n\'iou_threshold\' = 0.5\nmax_detections = 3000\n'
        '[targets.onnx]\n',
    ),
}  # fmt: skip

# In front of every table.
ON_TOP = {
    "inline": (
        'nms = { score_threshold = 0.3, iou_threshold=0.45,max_detections = 100 }  # ours\n',
        'nms = { score_threshold = 0.25, iou_threshold=0.5,max_detections = 3000 }  # ours\n',
    ),
    "inline, a key left out": (
        'nms = {iou_threshold = 0.45, per_class = false}\n',
        'nms = {iou_threshold = 0.5, per_class = false, score_threshold = 0.25, '
        'max_detections = 3000}\n',
    ),
    "inline, empty": (
        'nms = {}\n',
        'nms = { score_threshold = 0.25, iou_threshold = 0.5, max_detections = 3000 }\n',
    ),
    "dotted": (
        'nms.score_threshold = 0.3 # x\nnms . max_detections = 100\n',
        'nms.score_threshold = 0.25 # x\nnms . max_detections = 3000\nnms.iou_threshold = 0.5\n',
    ),
}  # fmt: skip


def cases() -> list[tuple[str, str, str]]:
    below = [(name, HEAD + a, HEAD + b) for name, (a, b) in LAYOUTS.items()]
    end = HEAD + "[targets.onnx]\n"
    return below + [(name, a + end, b + end) for name, (a, b) in ON_TOP.items()]


@pytest.mark.parametrize(("before", "after"), [c[1:] for c in cases()], ids=[c[0] for c in cases()])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_layouts(tmp_path: Path, before: str, after: str, newline: str) -> None:
    before, after = before.replace("\n", newline), after.replace("\n", newline)
    path = tmp_path / "known.toml"
    path.write_bytes(before.encode())
    diff = write_setting(path, spec_from_text(before), BEST)
    assert path.read_bytes().decode() == after
    nms = load_spec(path).effective_nms
    assert nms is not None
    assert (nms.score_threshold, nms.iou_threshold, nms.max_detections) == (0.25, 0.5, 3000)
    assert "+" in diff and str(path) in diff
    assert sorted(p.name for p in tmp_path.iterdir()) == ["known.toml"]


def test_a_value_that_holds_is_not_rewritten(tmp_path: Path) -> None:
    text = HEAD + "[nms]\nscore_threshold = 2.5e-1\niou_threshold = 0.50\nmax_detections = 9\n"
    path = tmp_path / "known.toml"
    path.write_text(text)
    diff = write_setting(path, spec_from_text(text), BEST)
    assert path.read_text() == text.replace("= 9", "= 3000")
    changed = [line for line in diff.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-max_detections = 9", "+max_detections = 3000"]


def test_nothing_to_write(tmp_path: Path) -> None:
    text = HEAD + "[nms]\nscore_threshold = 0.250\niou_threshold = 0.5\nmax_detections = 3_000\n"
    path = tmp_path / "known.toml"
    path.write_text(text)
    os.utime(path, ns=(1, 1))
    assert write_setting(path, spec_from_text(text), BEST) == ""
    assert path.read_text() == text and path.stat().st_mtime_ns == 1


def test_family_defaults_that_hold_are_not_written_out(tmp_path: Path) -> None:
    """YuNet's own NMS: IoU 0.45, written nowhere."""
    text = HEAD.replace("yolov8", "yunet") + "[targets.onnx]\n"
    path = tmp_path / "known.toml"
    path.write_text(text)
    was = spec_from_text(text).effective_nms
    assert was is not None and was.iou_threshold == 0.45
    write_setting(path, spec_from_text(text), Setting(0.25, 0.45, 7))
    assert path.read_text() == text + "\n[nms]\nscore_threshold = 0.25\nmax_detections = 7\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    text = HEAD + "[nms]\nscore_threshold = 0.3\n"
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "known.toml", tmp_path / "link.toml"
    real.write_text(text)
    link.symlink_to(real)
    write_setting(link, load_spec(link), Setting(0.1, 0.45, 100))
    assert link.is_symlink() and real.read_text() == text.replace("0.3", "0.1")


OTHERS = [
    ("name", HEAD.replace('"known"', '"other"'), ["name"]),
    ("size and labels", HEAD.replace("40", "48").replace('"cat"', '"dog"'), ["input", "labels"]),
    ("source", HEAD.replace("known.onnx", "else.onnx"), ["source"]),
]


@pytest.mark.parametrize(("text", "keys"), [o[1:] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_another_models_spec_is_refused(tmp_path: Path, text: str, keys: list[str]) -> None:
    path = tmp_path / "known.toml"
    path.write_text(text)
    spec = spec_from_text(HEAD)
    for call in (lambda: require_writable(path, spec), lambda: write_setting(path, spec, BEST)):
        with pytest.raises(MobileCatError, match="not the bundle's spec") as caught:
            call()
        assert [p.what.split()[0] for p in caught.value.problems] == keys
    assert path.read_text() == text


def test_thresholds_targets_and_tolerances_may_have_changed_since(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    text = HEAD + "[nms]\nscore_threshold = 0.9\n[targets.onnx]\n[tolerances.onnx]\nboxes_px = 1\n"
    path.write_text(text)
    require_writable(path, spec_from_text(HEAD))


def test_a_cascade_names_its_detectors_spec(tmp_path: Path) -> None:
    path = tmp_path / "cascade.toml"
    path.write_text('[cascade]\ndetector = "faces.toml"\nlandmarks = "points.toml"\n')
    with pytest.raises(MobileCatError, match="no \\[nms\\]") as caught:
        require_writable(path, spec_from_text(HEAD))
    assert str(tmp_path / "faces.toml") in str(caught.value)


def test_a_layout_that_cannot_be_edited_is_left_alone(tmp_path: Path) -> None:
    """A table header and a key inside a string: what is edited is not what is meant."""
    inside = '[input]\ntensor = """x\n[nms]\nscore_threshold = 0.3\n"""\n'
    text = HEAD.replace("[input]\n", inside)
    assert text != HEAD
    path = tmp_path / "known.toml"
    path.write_text(text)
    with pytest.raises(MobileCatError, match="it was not touched") as caught:
        write_setting(path, spec_from_text(text), BEST)
    assert "score_threshold = 0.25, iou_threshold = 0.5" in str(caught.value)
    assert path.read_text() == text


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-05, 0.0, 1.0, 5e-324])
def test_numbers_come_back_exactly(value: float) -> None:
    text = with_nms(HEAD, {"score_threshold": value})
    assert tomllib.loads(text)["nms"]["score_threshold"] == value


def test_texts_without_any_line() -> None:
    assert with_nms("", VALUES).startswith("[nms]\nscore_threshold = 0.25\n")
