"""A value of the wrong form, for every key of a spec: what the key takes, and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilecat.errors import SpecError
from mobilecat.spec import spec_from_text
from mobilecat.spec.cascade import load_cascade
from mobilecat.spec.reference import Key, Section, spec_sections

VALUES = ('"wrong"', "3.5", "true", "[]", '["a"]', "-7", "[[1]]", "1979-05-27")
VALIDATOR = re.compile(
    r"[Ii]nput should|should (be|have|match)|valid (tuple|dictionary|string|number|integer)|"
    r"valid boolean|instance of|datetime\.|\bTrue|\(\d"
)
"""Words of a validator and of Python, which no spec has."""


def texts_of(section: Section, key: Key) -> Iterator[str]:
    """Give specs in which this key has a value that it may not take."""
    table, _, kind = section.title.partition(" kind = ")
    name = table.strip("[]").replace('."…"', ".onnx")
    for value in VALUES:
        tables = {"": {"source": '"n.onnx"'}, "input": {"size": "[64, 64]"}}
        tables["head"] = {"kind": kind or '"yolox"'}
        tables.setdefault(name, {})[key.name] = value
        lines = []
        for title, keys in tables.items():
            lines += [f"[{title}]"] * bool(title) + [f"{k} = {v}" for k, v in keys.items()]
        yield "\n".join([*lines, "[targets.onnx]" * (not name.startswith("targets")), ""])


OWN = [s for s in spec_sections() if not re.search("cascade|crop", s.title)]


@pytest.mark.parametrize("section", OWN, ids=lambda s: s.title or "top")
def test_no_key_answers_in_the_words_of_a_validator(section: Section) -> None:
    refused = 0
    for key in section.keys:
        for text in texts_of(section, key):
            try:
                spec_from_text(text)
            except SpecError as e:
                refused += 1
                for problem in e.problems:
                    said = f"{problem.what} {problem.fix}"
                    assert not VALIDATOR.search(said), (key.path, said)
                    assert "is not what it takes" not in said, (key.path, said)
    assert refused > len(section.keys)


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ('range = "0..1"', "input.range = '0..1', but it takes a list of 2 numbers",
         "write range = [0, 1]"),
        ('range = "-1..1"', "takes a list of 2 numbers", "write range = [-1, 1]"),
        ("range = true", "input.range = true, but", "write range = [0, 1], for example"),
        ("range = [0, 1, 2]", "input.range = [0, 1, 2], but it takes a list of 2 numbers", ""),
        ('pad = "114"', "takes a whole number from 0 to 255", "write pad = 114"),
        ("pad = 400", "input.pad = 400, but it takes a whole number from 0 to 255", ""),
        ('transposed = "true"', "takes true or false", "write transposed = true"),
        ('mean = "none"', "takes a number or list of numbers", "write mean = 0, for example"),
    ],
)  # fmt: skip
def test_what_was_meant_is_written(line: str, what: str, fix: str) -> None:
    text = f'source = "n.onnx"\n[input]\nsize = [64, 64]\n{line}\n[head]\nkind = "yolox"\n'
    with pytest.raises(SpecError) as refused:
        spec_from_text(f"{text}[targets.onnx]\n")
    (problem,) = refused.value.problems
    assert what in problem.what and problem.where.endswith(":4")
    assert problem.fix == fix or (not fix and problem.fix.startswith("write "))


@pytest.mark.parametrize(("given", "meant"), [("640", "[640, 640]"), ('"640x480"', "[640, 480]")])
def test_a_size_as_it_is_said(given: str, meant: str) -> None:
    text = f'source = "n.onnx"\n[input]\nsize = {given}\n[head]\nkind = "yolox"\n[targets.onnx]'
    with pytest.raises(SpecError, match=re.escape(f"write size = {meant}")):
        spec_from_text(text)


def test_a_cascade_answers_alike(tmp_path: Path) -> None:
    path = tmp_path / "cascade.toml"
    path.write_text('[cascade]\ndetector = 3\nlandmarks = "l.toml"\nmax_crops = "many"\n')
    with pytest.raises(SpecError) as refused:
        load_cascade(path)
    said = str(refused.value)
    assert "max_crops = 'many', but it takes a whole number" in said
    assert not VALIDATOR.search(said)
