"""What a spec may say, as it is printed, written into docs, and told to editors."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from mobilecat.errors import MobileCatError
from mobilecat.spec.heads import HEAD_KINDS
from mobilecat.spec.reference import explain, spec_sections
from mobilecat.spec.schema import json_schema
from tests.command import mobilecat
from tools.spec_page import page, schema_text

ROOT = Path(__file__).resolve().parents[2]
SPECS = [p for p in ROOT.glob("examples/*/*.toml") if "[cascade]" not in p.read_text("utf-8")]
REFRESH = "run: python -m tools.spec_page"


def test_every_key_says_what_it_means() -> None:
    silent = [k.path for s in spec_sections() for k in s.keys if not k.meaning and k.name != "kind"]
    assert silent == []


def test_every_table_and_head_is_there() -> None:
    titles = {s.title for s in spec_sections()}
    assert {f'[head] kind = "{kind}"' for kind in HEAD_KINDS} <= titles
    assert {"", "[input]", "[nms]", "[targets.tflite]", '[tolerances."…"]', "[crop]"} <= titles


def test_the_pages_are_of_today() -> None:
    assert (ROOT / "docs" / "spec.md").read_text("utf-8") == page(), REFRESH
    stored = (ROOT / "docs" / "mobilecat.schema.json").read_text("utf-8")
    assert stored == schema_text(), REFRESH


@pytest.mark.parametrize(
    "asked, path, takes, default",
    [
        ("pad", "input.pad", "whole number from 0 to 255", "0"),
        ("nms.per_class", "nms.per_class", "true or false", "true"),
        ("color", "input.color", '"RGB" or "BGR" or "GRAY"', '"RGB"'),
        ("strides", "head.strides", "list of whole numbers from 1 to 4,096", "[8, 16, 32]"),
        ("shapes", "shapes", "table of list of whole numbers from 1 to 16,384", ""),
        ("boxes_px", 'tolerances."…".boxes_px', "number from 0", ""),
    ],
)
def test_a_key(asked: str, path: str, takes: str, default: str) -> None:
    keys = [k for s in explain(asked).sections for k in s.keys]
    assert (path, takes, default) in {(k.path, k.takes, k.default) for k in keys}


def test_a_head_by_its_kind() -> None:
    (section,) = explain("ultraface").sections
    assert section.title == '[head] kind = "ultraface"'
    assert [k.name for k in section.keys if k.required] == ["kind", "form"]


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(MobileCatError, match="score_threshold"):
        explain("scor_threshold")


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.parent.name)
def test_the_schema_takes_the_examples(path: Path) -> None:
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), json_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        'source = "a.onnx"\ncolour = "RGB"',
        'source = "a.onnx"\n[input]\nsize = [64]',
        'source = "a.onnx"\n[input]\nsize = [64, 64]\ncolor = "rgb"',
        'source = "a.onnx"\n[input]\nsize = [64, 64]\n[head]\nkind = "yolo"',
        'source = "a.onnx"\n[input]\nsize = [64, 64]\n[head]\nkind = "yolox"\nunits = "pixels"',
        'source = "a.onnx"\n[targets.tflit]',
        "[targets.tflite]",
    ],
)
def test_the_schema_refuses(wrong: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(wrong), json_schema())


def test_the_command() -> None:
    told = mobilecat("spec", "--explain", "input.pad")
    assert told.returncode == 0 and "Grey level of the padding" in told.stdout
    assert json.loads(mobilecat("spec", "--schema").stdout) == json_schema()
    (section,) = json.loads(mobilecat("spec", "nms", "--json").stdout)
    assert section["keys"][0]["name"] == "score_threshold"
    wrong = mobilecat("spec", "padd")
    assert wrong.returncode == 2 and "did you mean pad" in wrong.stderr
