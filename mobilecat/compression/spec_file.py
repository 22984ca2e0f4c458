"""A recipe written into a target's table of a user's spec: its keys change, no other byte does."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from mobilecat.disk import write_text
from mobilecat.errors import MobileCatError, Problem, SpecError
from mobilecat.spec import Spec, spec_from_text
from mobilecat.spec.lines import KeyPath, key_lines

BEFORE = ".before-compress"
"""What is put behind a spec's name where it is kept as it was."""
_SHORT = 88
_KEY_LINE = re.compile(r"^(\s*)([\"']?[\w-]+[\"']?)(\s*=\s*)")


def write_recipes(
    path: Path,
    recipes: Mapping[KeyPath, tuple[Sequence[str], Mapping[str, Any]]],
    expected: Spec,
    dry_run: bool = False,
) -> tuple[str, Path | None]:
    """Write each recipe into its target's table; return the diff and where the spec is kept as it
    was: "" and None where nothing changes.

    recipes: (`targets`, `coreml`, 0) → (all keys that a recipe settles, those that it has).
    expected: what the spec must mean afterwards. dry_run: only say what would change.
    Errors: MobileCatError where the layout cannot be edited for sure; the file is as it was.
    """
    text = path.read_bytes().decode("utf-8")
    new = text
    for place, (own, keys) in recipes.items():
        made = with_keys(new, place, own, keys)
        if made is None:
            raise _by_hand(path, recipes)
        new = made
    if new == text:
        return "", None
    try:
        after = spec_from_text(new, str(path), expected.name, path.parent)
    except SpecError:
        raise _by_hand(path, recipes) from None
    if after != expected:
        raise _by_hand(path, recipes)
    kept = None
    if not dry_run:
        kept = kept_as(path, text)
        write_text(kept, text)
        write_text(path.resolve(), new)  # a link stays a link
    before, now = text.splitlines(), new.splitlines()
    said = difflib.unified_diff(before, now, str(path), str(path), n=1, lineterm="")
    return "\n".join(said), kept


def kept_as(path: Path, text: str) -> Path:
    """Return where a spec's text is kept: a file that holds it already, or a new one."""
    for i in count(1):
        kept = path.with_name(f"{path.name}{BEFORE}{f'.{i}' if i > 1 else ''}")
        if not kept.exists() or (kept.is_file() and kept.read_bytes() == text.encode("utf-8")):
            return kept
    raise AssertionError


@dataclass(frozen=True)
class Held:
    """What a spec says of one file's `map_loss`. line: of it, or of the file's table of tolerances;
    None where there is no table. header: whether that table has a line of its own."""

    loss: float | None = None
    line: int | None = None
    header: bool = True


def held_of(text: str, file: str) -> Held:
    """Return what the spec's TOML `text` says of the `map_loss` of `file`."""
    try:
        table = tomllib.loads(text)["tolerances"][file]
    except (KeyError, TypeError):
        return Held()
    places, place = key_lines(text), ("tolerances", file)
    line = places.get((*place, "map_loss"), places.get(place))
    header = line is not None and text.splitlines()[line - 1].lstrip().startswith("[")
    loss = table.get("map_loss") if isinstance(table, Mapping) else None
    return Held(loss, line, header)


def places_of(spec: Spec, text: str) -> dict[int, KeyPath]:
    """Return where the table of each target is, by its place in `spec.targets.all`."""
    places: dict[int, KeyPath] = {}
    said = tomllib.loads(text).get("targets", {})
    i = 0
    for name in type(spec.targets).model_fields:
        several = isinstance(said.get(name), list)
        for k, _ in enumerate(getattr(spec.targets, name)):
            places[i] = ("targets", name, k) if several else ("targets", name)
            i += 1
    return places


def with_keys(text: str, place: KeyPath, own: Sequence[str], keys: Mapping[str, Any]) -> str | None:
    """Return the TOML `text` with `keys` in the table at `place`, and no other of `own`.

    None where the table has no header line of its own, as an inline one.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    for key in own:
        places, lines = key_lines(text), text.splitlines(keepends=True)
        head = places.get(place)
        if head is None or not lines[head - 1].lstrip().startswith("["):
            return None
        at = places.get((*place, key))
        if at is None and key not in keys:
            continue
        if at is None:
            last = max(
                [n for p, n in places.items() if p[:-1] == place and _plain(lines, n)] + [head]
            )
            last = _span(lines, last) if last != head else last
            before = "".join(lines[:last])
            before += "" if before.endswith("\n") else end
            indent = _indent(lines, places, place, head)
            text = before + f"{indent}{key} = {_toml(keys[key])}{end}" + "".join(lines[last:])
            continue
        until = _span(lines, at)
        found = _KEY_LINE.match(lines[at - 1])
        if found is None:
            return None
        old = tomllib.loads("".join(lines[at - 1 : until]).strip())
        if key in keys and old.get(key) == _as_toml(keys[key]):
            continue
        if key not in keys:
            text = "".join([*lines[: at - 1], *lines[until:]])
            continue
        comment = _comment(lines[until - 1]) if until == at else ""
        new = f"{found[0]}{_toml(keys[key])}{comment}{end}"
        text = "".join([*lines[: at - 1], new, *lines[until:]])
    return text


def _plain(lines: Sequence[str], number: int) -> bool:
    return not lines[number - 1].lstrip().startswith("[")


def _indent(lines: Sequence[str], places: Mapping[KeyPath, int], place: KeyPath, head: int) -> str:
    own = [n for p, n in places.items() if p[:-1] == place and _plain(lines, n)]
    line = lines[max(own) - 1] if own else lines[head - 1]
    return line[: len(line) - len(line.lstrip())]


def _span(lines: Sequence[str], at: int) -> int:
    """Return the line where the value that begins on line `at` ends."""
    for until in range(at, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[at - 1 : until]).strip())
        except tomllib.TOMLDecodeError:
            continue
        return until
    return at


def _comment(line: str) -> str:
    """Return what follows a value on its line: blanks, and a comment where there is one."""
    body = line.rstrip("\r\n")
    for i in range(len(body)):
        if body[i] == "#":
            try:
                tomllib.loads(body[:i].strip())
            except tomllib.TOMLDecodeError:
                continue
            return body[len(body[:i].rstrip()) :]
    return ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        parts = [_toml(v) for v in value]
        short = f"[{', '.join(parts)}]"
        if len(short) <= _SHORT or not isinstance(value[0], str | Mapping):
            return short
        return "[\n" + "".join(f"  {p},\n" for p in parts) + "]"
    return repr(value)


def _as_toml(value: Any) -> Any:
    """Return a value as tomllib gives it."""
    return tomllib.loads(f"v = {_toml(value)}")["v"]


def in_toml(keys: Mapping[str, Any]) -> str:
    """Return keys as lines of TOML."""
    return "\n".join(f"{k} = {_toml(v)}" for k, v in keys.items())


def _by_hand(
    path: Path, recipes: Mapping[KeyPath, tuple[Sequence[str], Mapping[str, Any]]]
) -> MobileCatError:
    problems = []
    for place, (_, keys) in recipes.items():
        said = in_toml(keys).replace("\n", ", ") or "nothing besides its name"
        fix = f"set by hand in [{'.'.join(map(str, place[:2]))}]: {said}"
        problems.append(Problem("no place for these keys that is sure", str(path), fix))
    return MobileCatError("The spec's layout cannot be edited; it was not touched", problems)
