"""A JSON object with long tables, read a row at a time: memory is a row's, however long the file.

What is wrong with the text is said in the words, and at the place, that `json.loads` has for it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mobilecat.disk.texts import ENDLESS, shallow

CHUNK = 1 << 18
"""Characters read at a time, or as many again as a row has so far."""
MOST_A_ROW = 1 << 24
"""Characters of one row of a table, or of a value that is no table."""
_SPACES = re.compile(r"[ \t\n\r]*")
_NUMBER_TAIL = 8
"""Characters that may turn a number that was read into another: `1` into `1.5` or `1e+9`."""


class Misplaced(ValueError):
    """Text that is no JSON: what was expected, at which line and column, from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"{message}: line {line} column {column}")
        self.message, self.line, self.column = message, line, column


class NoObject(ValueError):
    """JSON that is no object {…}."""


@dataclass(frozen=True)
class _Row:
    """A row of a table, or with `number` None a value that is no table, or the table itself."""

    key: str
    number: int | None
    value: Any


@dataclass(frozen=True)
class Tables:
    """Keys of a JSON object in a file, each with how often it stands there: as for Python, the last
    counts. lists: those whose last value is a list, a table."""

    path: Path
    keys: dict[str, int]
    lists: frozenset[str]

    def rows(self, key: str) -> Iterator[Any]:
        """Give the rows of a table, in order. Errors: as `read_tables`."""
        before = self.keys[key] - 1
        for row in _walked(self.path):
            if row.key != key:
                continue
            if row.number is None:
                before -= 1
            elif before == 0:
                yield row.value


def read_tables(path: Path, wanted: Collection[str], most: int) -> Tables:
    """Read all of a file once, and say which of the `wanted` keys it has. most: bytes of it.

    Errors: OSError; NoObject; Misplaced; ValueError for what is no text, is larger than `most`, has
    a row beyond MOST_A_ROW, or is nested without end.
    """
    if path.stat().st_size > most:
        raise ValueError(f"larger than {most:,} bytes")
    keys: dict[str, int] = {}
    lists: dict[str, bool] = {}
    for row in _walked(path):
        if row.number is None and row.key in wanted:
            keys[row.key] = keys.get(row.key, 0) + 1
            lists[row.key] = row.value is None
    return Tables(path, keys, frozenset(key for key, is_list in lists.items() if is_list))


def _walked(path: Path) -> Iterator[_Row]:
    """Give every row of every table, after each table a row of no number whose value is None, and
    for each other value one that is True."""
    with path.open("rb") as file:
        text = _Text(io.TextIOWrapper(file, encoding="utf-8-sig"))
        if text.next() != "{":
            for _ in _listed(text) if text.next() == "[" else (text.value(),):
                pass
            text.end()
            raise NoObject("is JSON, but no object {…}")
        text.take()
        if text.next() == "}":
            text.take()
        else:
            yield from _members(text)
        text.end()


def _members(text: _Text) -> Iterator[_Row]:
    while True:
        if text.next() != '"':
            raise text.wrong("Expecting property name enclosed in double quotes")
        key = text.value()
        if text.next() != ":":
            raise text.wrong("Expecting ':' delimiter")
        text.take()
        if text.next() == "[":
            for number, value in enumerate(_listed(text)):
                yield _Row(key, number, value)
            yield _Row(key, None, None)
        else:
            text.value()
            yield _Row(key, None, True)
        if text.separated("}"):
            return


def _listed(text: _Text) -> Iterator[Any]:
    text.take()
    if text.next() == "]":
        text.take()
        return
    while True:
        yield text.value()
        if text.separated("]"):
            return


class _Text:
    """A window on a file's text, from what is read next on."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._text, self._at, self._ended = file, "", 0, False
        self._line, self._column = 1, 1
        """Of the window's first character."""
        self._decoder = json.JSONDecoder()

    def next(self) -> str:
        """Return the next character that is no space, without taking it; "" at the end."""
        while True:
            spaces = _SPACES.match(self._text, self._at)
            self._at = spaces.end() if spaces else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self) -> None:
        self._at += 1

    def separated(self, end: str) -> bool:
        """Take a comma, or `end`; return whether it was that."""
        found = self.next()
        if found not in (",", end) or not found:
            raise self.wrong("Expecting ',' delimiter")
        self.take()
        return found == end

    def end(self) -> None:
        if self.next():
            raise self.wrong("Extra data")

    def value(self) -> Any:
        """Take a value."""
        self.next()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as e:
                if self._more():
                    continue
                self._at = e.pos
                raise self.wrong(e.msg) from None
            except RecursionError:
                raise ValueError(ENDLESS) from None
            number = isinstance(found, int | float)
            if number and len(self._text) - end < _NUMBER_TAIL and self._more():
                continue
            self._at = end
            return shallow(found)

    def wrong(self, message: str) -> Misplaced:
        return Misplaced(message, *self._place(self._at))

    def _place(self, at: int) -> tuple[int, int]:
        lines = self._text.count("\n", 0, at)
        if not lines:
            return self._line, self._column + at
        return self._line + lines, at - self._text.rfind("\n", 0, at)

    def _more(self) -> bool:
        """Read on, and forget what was taken; return whether there was more."""
        if self._ended:
            return False
        left = len(self._text) - self._at
        if left > MOST_A_ROW:
            raise ValueError(f"holds a value of more than {MOST_A_ROW:,} characters")
        read = self._file.read(max(CHUNK, left))
        if not read:  # places in the window stay what they are
            self._ended = True
            return False
        self._line, self._column = self._place(self._at)
        self._text, self._at = self._text[self._at :] + read, 0
        return True
