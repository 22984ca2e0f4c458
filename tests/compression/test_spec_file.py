"""A recipe in a user's spec: its keys change, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.compression.spec_file import Held, held_of, places_of, with_keys, write_recipes
from mobilecat.errors import MobileCatError
from mobilecat.spec import load_spec, spec_from_text

OWN = ("precision", "keep_float")
TFLITE = ("targets", "tflite")
KEEP = {"precision": "int8", "keep_float": ("*/stem/*", "a[[]0]")}

CASES = {
    "keys that are not there": (
        '[targets.tflite]  # phone\ninput = "uint8" # camera\n\n[targets.onnx]\n',
        '[targets.tflite]  # phone\ninput = "uint8" # camera\nprecision = "int8"\n'
        'keep_float = ["*/stem/*", "a[[]0]"]\n\n[targets.onnx]\n',
    ),
    "an empty table at the end of the file": (
        "[targets.tflite]",
        '[targets.tflite]\nprecision = "int8"\nkeep_float = ["*/stem/*", "a[[]0]"]\n',
    ),
    "replaced, comments kept, a list over lines": (
        '[targets.tflite]\n  precision = "float16"  # "half"\n  keep_float = [\n    "x", # y\n  ]\n'
        '  input = "uint8"\n',
        '[targets.tflite]\n  precision = "int8"  # "half"\n'
        '  keep_float = ["*/stem/*", "a[[]0]"]\n  input = "uint8"\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_layouts(case: str) -> None:
    before, after = CASES[case]
    assert with_keys(before, TFLITE, OWN, KEEP) == after
    again = with_keys(after, TFLITE, OWN, KEEP)
    assert again == after


def test_keys_that_a_recipe_does_not_have_go() -> None:
    text = '[targets.tflite]\nprecision = "int8"\nkeep_float = [\n "x",\n]\ninput = "uint8"\n'
    made = with_keys(text, TFLITE, OWN, {"precision": "float16"})
    assert made == '[targets.tflite]\nprecision = "float16"\ninput = "uint8"\n'


def test_line_ends_stay() -> None:
    made = with_keys('[targets.tflite]\r\ninput = "uint8"\r\n', TFLITE, OWN, {"precision": "int8"})
    assert made == '[targets.tflite]\r\ninput = "uint8"\r\nprecision = "int8"\r\n'


def test_the_second_of_several() -> None:
    text = '[[targets.coreml]]\nformat = "mlpackage"\n\n[[targets.coreml]]\nformat = "mlmodel"\n'
    made = with_keys(text, ("targets", "coreml", 1), ("weights",), {"weights": "int8"})
    assert made == text + 'weights = "int8"\n'


@pytest.mark.parametrize("text", ["targets.tflite = {}\n", "[targets]\ntflite = {}\n", ""])
def test_a_table_without_a_header_is_not_edited(text: str) -> None:
    assert with_keys(text, TFLITE, OWN, KEEP) is None


HEAD = """# a comment
name = "x"
source = "x.onnx"
input = { size = [16, 16] }
head = { kind = "yolov8" }
labels = ["cat"]
"""


def test_written_or_only_said(tmp_path: Path) -> None:
    path = tmp_path / "mobilecat.toml"
    text = HEAD + '[targets.tflite]\ninput = "uint8" # bytes\n'
    path.write_text(text)
    spec = load_spec(path)
    assert places_of(spec, text) == {0: TFLITE}
    wanted = spec_from_text(text + 'precision = "float16"\n', str(path), "x", tmp_path)
    said = write_recipes(path, {TFLITE: (OWN, {"precision": "float16"})}, wanted, dry_run=True)[0]
    assert '+precision = "float16"' in said and path.read_text() == text
    kept = tmp_path / "mobilecat.toml.before-compress"
    assert not kept.exists()
    assert write_recipes(path, {TFLITE: (OWN, {"precision": "float16"})}, wanted) == (said, kept)
    assert kept.read_text() == text
    assert path.read_text() == text + 'precision = "float16"\n'
    assert load_spec(path) == wanted
    assert write_recipes(path, {TFLITE: (OWN, {"precision": "float16"})}, wanted) == ("", None)
    # Another text is kept besides: what was kept first is nowhere else.
    path.write_text(text.replace("# bytes", "# pixels"))
    wanted = spec_from_text(path.read_text() + 'precision = "int8"\n', str(path), "x", tmp_path)
    _, second = write_recipes(path, {TFLITE: (OWN, {"precision": "int8"})}, wanted)
    assert second == tmp_path / "mobilecat.toml.before-compress.2"
    assert "# pixels" in second.read_text() and kept.read_text() == text


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ("", Held()),
        ('[tolerances."a.tflite"]\nboxes_px = 2\n', Held(None, 1)),
        ('[tolerances."a.tflite"]\nboxes_px = 2\nmap_loss = 1.5\n', Held(1.5, 3, False)),
        ('[tolerances]\n"a.tflite" = { boxes_px = 2 }\n', Held(None, 2, False)),
        ('[tolerances."b.tflite"]\nmap_loss = 2\n', Held()),
    ],
)
def test_what_a_spec_says_of_the_loss_already(said: str, held: Held) -> None:
    assert held_of(said, "a.tflite") == held


def test_what_would_mean_something_else_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "mobilecat.toml"
    for text in (HEAD + "[targets]\ntflite = {}\n", HEAD + "[targets.tflite]\n"):
        path.write_text(text)
        with pytest.raises(MobileCatError, match=r"set by hand in \[targets.tflite\]: precision ="):
            write_recipes(path, {TFLITE: (OWN, {"precision": "float16"})}, load_spec(path))
        assert path.read_text() == text
