"""JSON tables a row at a time: what json.loads gives, and its words and places where it refuses."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mobilecat.disk import tables
from mobilecat.disk.tables import Misplaced, NoObject, read_tables

KEYS = ("a", "b", "c", "d")
GIVEN = """ {"a": [1, {"x": [1.5e-3, null, "\\u00e9 ]},"]}, "é", [], -7],
  "b": {"deep": [[[true]]]}, "a": [2.25, false] ,"c": [ ], "other": [{}],
\t"d": "text"}  """


@pytest.fixture(params=[1, 2, 5, 1 << 18])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(tables, "CHUNK", request.param)
    size: int = request.param
    return size


def _read(path: Path, text: str) -> dict[str, Any]:
    """Return the lists of KEYS, each read row by row, as one object."""
    path.write_text(text, "utf-8")
    found = read_tables(path, KEYS, 1 << 20)
    return {key: list(found.rows(key)) for key in found.keys if key in found.lists}


def _whole(text: str) -> dict[str, Any]:
    told = json.loads(text)
    return {key: told[key] for key in KEYS if isinstance(told.get(key), list)}


def test_rows_are_what_json_has(tmp_path: Path, chunk: int) -> None:
    assert _read(tmp_path / "t.json", GIVEN) == _whole(GIVEN)
    assert _whole(GIVEN) == {"a": [2.25, False], "c": []}  # the last of two counts
    found = read_tables(tmp_path / "t.json", ("b", "d", "e"), 1 << 20)
    assert found.keys == {"b": 1, "d": 1} and not found.lists


def _broken() -> Iterator[str]:
    """Give the text cut anywhere, and with a character less, more, or another."""
    rng = random.Random(5)
    yield from (GIVEN[:k] for k in range(len(GIVEN)))
    for k in range(0, len(GIVEN), 2):
        yield GIVEN[:k] + GIVEN[k + 1 :]
        yield GIVEN[:k] + rng.choice('{}[],:"0\\n x') + GIVEN[k:]
        yield GIVEN[:k] + rng.choice('{}[],:"0-.e') + GIVEN[k + 1 :]


def test_what_is_wrong_is_said_as_json_says_it(tmp_path: Path, chunk: int) -> None:
    wrong = 0
    for text in _broken():
        try:
            expected: object = _whole(text)
        except json.JSONDecodeError as e:
            expected, wrong = (e.msg, e.lineno, e.colno), wrong + 1
        except AttributeError:
            expected = NoObject
        try:
            found: object = _read(tmp_path / "t.json", text)
        except Misplaced as e:
            found = (e.message, e.line, e.column)
        except NoObject:
            found = NoObject
        assert found == expected, text
    assert wrong > 200


@pytest.mark.parametrize("text", ["[1, 2]", "7", '"a"', "[]", " null "])
def test_what_is_no_object(text: str, tmp_path: Path, chunk: int) -> None:
    with pytest.raises(NoObject, match="no object"):
        _read(tmp_path / "t.json", text)


def test_lines_of_any_system_and_a_mark_before_them(tmp_path: Path, chunk: int) -> None:
    (tmp_path / "t.json").write_bytes(b'\xef\xbb\xbf{"a":\r\n [1,\r\n 2 3]}')
    with pytest.raises(Misplaced) as told:
        read_tables(tmp_path / "t.json", KEYS, 1 << 20)
    assert (told.value.line, told.value.column) == (3, 4)


def test_no_file_chooses_how_much_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long table, keys without end, one endless row, depth without end, and no text at all."""
    path = tmp_path / "t.json"
    path.write_text('{"a": [' + ",".join(['{"x": 12345}'] * 60_000) + "]}")
    tracemalloc.start()
    rows = read_tables(path, KEYS, 1 << 30).rows("a")
    assert sum(row["x"] == 12345 for row in rows) == 60_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3_000_000  # of whole rows in memory, 14 million
    with pytest.raises(ValueError, match="larger than 1,000 bytes"):
        read_tables(path, KEYS, 1000)
    path.write_text("{" + ",".join(f'"{k}": 0' for k in range(1000)) + "}")
    assert read_tables(path, KEYS, 1 << 30).keys == {}
    monkeypatch.setattr(tables, "CHUNK", 64)
    monkeypatch.setattr(tables, "MOST_A_ROW", 1000)
    for text in ('{"a": ["' + "x" * 5000 + '"]}', '{"b": {"x": [' + "1," * 3000 + "1]}}"):
        path.write_text(text)
        with pytest.raises(ValueError, match="a value of more than 1,000 characters"):
            read_tables(path, KEYS, 1 << 30)
    path.write_text('{"a": [' + "[" * 400 + "]" * 400 + "]}")
    with pytest.raises(ValueError, match="nested without end"):
        read_tables(path, KEYS, 1 << 30)
    path.write_bytes(b'{"a": ["\xff\xfe"]}')
    with pytest.raises(UnicodeDecodeError):
        read_tables(path, KEYS, 1 << 30)
