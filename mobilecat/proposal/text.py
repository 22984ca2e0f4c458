"""A spec as a file that one can read: what is said, what could be, and what each key means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mobilecat.proposal.guess import Ask
from mobilecat.spec.reference import Key, Section, spec_sections

_WIDE = 96
_HEAD = """\
# {title}: {because}.
# Written by `mobilecat init`. A line that begins with `# key =` is a default, and `# CHECK` is what
# the file does not tell. Every key: `mobilecat spec`, docs/spec.md.
"""


def spec_text(
    title: str,
    because: str,
    top: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Any]],
    asks: Sequence[Ask],
    notes: Mapping[str, str],
    blank: Mapping[str, str],
    targets: Sequence[str],
) -> str:
    """Return the TOML of a spec.

    top: keys outside of tables. tables: by name, `input`, `head`, `nms`, their keys. asks: what to
    check. notes: why a key is as it is. blank: a key outside of tables → a line to be filled in, as
    a comment. targets: by name.
    """
    sections = {s.title: s for s in spec_sections() if s.says != "One cascade."}
    checks = {a.key: a for a in asks}
    parts = [_wrapped(_HEAD.format(title=title, because=because))]
    parts.append("\n".join(_keys(sections[""], top, checks, notes, "", ("shapes",), blank)))
    for name, keys in tables.items():
        kind = f' kind = "{keys["kind"]}"' if name == "head" else ""
        section = sections[f"[{name}]{kind}"]
        parts.append("\n".join([f"[{name}]", *_keys(section, keys, checks, notes, name)]))
    for name in targets:
        section = sections[f"[targets.{name}]"]
        parts.append("\n".join([f"[targets.{name}]", *_keys(section, {}, {}, {}, "", ("name",))]))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _keys(
    section: Section,
    given: Mapping[str, Any],
    checks: Mapping[str, Ask],
    notes: Mapping[str, str],
    table: str,
    silent: Sequence[str] = (),
    blank: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    for key in section.keys:
        path = f"{table}.{key.name}" if table else key.name
        if key.name in silent and key.name not in given:
            continue
        if path in checks:
            yield from _comment(f"CHECK: {checks[path].said}.")
        if path in notes:
            yield from _comment(notes[path])
        elif key.meaning:
            yield from _comment(key.meaning)
        yield f"# {blank[path]}" if path in blank else _line(key, given)


def _line(key: Key, given: Mapping[str, Any]) -> str:
    if key.name in given:
        return f"{key.name} = {toml_value(given[key.name])}"
    return f"# {key.name} = {key.default}" if key.default else f"# {key.name}: {key.takes}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDE)]


def _wrapped(head: str) -> str:
    lines = []
    for line in head.splitlines():
        lines += [line] if len(line) <= 100 else _comment(line.removeprefix("# "))
    return "\n".join(lines)


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it; long lists over several lines."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        items = [toml_value(v) for v in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= _WIDE - 20:
            return line
        return "\n".join(["[", *_rows(items), "]"])
    return _quoted(value) if isinstance(value, str) else f"{value!r}"


def _rows(items: Sequence[str]) -> Iterator[str]:
    row = " "
    for item in items:
        if len(row) + len(item) > _WIDE:
            yield row
            row = " "
        row += f" {item},"
    yield row


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in plain) + '"'
