"""A row's settings written into a user's spec: three values change, every other byte stays."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path

from mobilecat.disk import write_text
from mobilecat.errors import MobileCatError, Problem, SpecError
from mobilecat.measure.tune.grid import Setting
from mobilecat.spec import NmsSpec, Spec, load_spec, spec_from_text
from mobilecat.spec.cascade import load_cascade
from mobilecat.spec.files import is_cascade
from mobilecat.spec.lines import key_lines

# What a spec may change after the export and still be the one whose model was swept.
_FREE = ("nms", "targets", "tolerances")
_VALUE = r"[^\s,}#]+"
_INLINE = re.compile(r"^(\s*[\"']?nms[\"']?\s*=\s*\{)(.*?)(\s*)(\}\s*(?:#.*)?)$", re.DOTALL)


_SWEPT = ("score_threshold", "iou_threshold", "max_detections")


def write_setting(path: Path, spec: Spec, setting: Setting) -> str:
    """Write `setting` into the spec at `path`, which must be `spec`'s; return the diff.

    "" where the file says so already; it then is not touched. Errors: MobileCatError, and the file
    is as it was.
    """
    theirs = _require_same(path, spec)
    nms = theirs.effective_nms
    assert nms is not None
    chosen = {key: getattr(setting, key) for key in _SWEPT}
    wanted = nms.model_copy(update=chosen)
    values = {
        key: getattr(wanted, key) for key in _SWEPT if getattr(wanted, key) != getattr(nms, key)
    }
    if not values:
        return ""
    text = path.read_bytes().decode("utf-8")
    new = with_nms(text, values)
    _require_meant(new, theirs, wanted, values, path)
    write_text(path.resolve(), new)  # a link stays a link
    before, after = text.splitlines(), new.splitlines()
    return "\n".join(difflib.unified_diff(before, after, str(path), str(path), n=1, lineterm=""))


def require_writable(path: Path, spec: Spec) -> None:
    """Raise MobileCatError where `write_setting` would, before hours are spent."""
    _require_same(path, spec)


def _require_same(path: Path, spec: Spec) -> Spec:
    if path.is_file() and is_cascade(path):
        detector = load_cascade(path).cascade.detector
        named = path.parent / detector if detector else "the detector's spec"
        raise MobileCatError(
            "A cascade's spec has no [nms]",
            [Problem("is a cascade", str(path), f"--write {named}")],
        )
    theirs = load_spec(path)
    given, swept = (s.model_dump(mode="json", exclude=set(_FREE)) for s in (theirs, spec))
    problems = [
        Problem(f"{key} is {_short(given[key])}, the bundle's is {_short(swept[key])}", str(path))
        for key in given
        if given[key] != swept[key]
    ]
    if problems:
        last = problems[-1]
        fix = "name the spec that the bundle was made from, or export this one and tune that"
        problems[-1] = Problem(last.what, last.where, fix)
        raise MobileCatError("This is not the bundle's spec; it was not touched", problems)
    return theirs


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _require_meant(
    text: str, before: Spec, wanted: NmsSpec, values: Mapping[str, float | int], path: Path
) -> None:
    """Hold the edited text to what it must mean: the same spec with other thresholds."""
    try:
        after = spec_from_text(text, str(path), before.name, path.parent)
    except SpecError:
        after = None
    if after is None or after != before.model_copy(update={"nms": wanted}):
        by_hand = ", ".join(f"{key} = {_number(v)}" for key, v in values.items())
        raise MobileCatError(
            "The spec's layout cannot be edited; it was not touched",
            [Problem("no place for [nms] that is sure", str(path), f"set by hand: {by_hand}")],
        )


def with_nms(text: str, values: Mapping[str, float | int]) -> str:
    """Return the TOML `text` with these keys of its [nms]; the rest, byte for byte, as it was."""
    for key, value in values.items():
        text = _with(text, key, _number(value))
    return text


def _number(value: float | int) -> str:
    return repr(value)


def _with(text: str, key: str, value: str) -> str:
    places, lines = key_lines(text), text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if (at := places.get(("nms", key))) is not None:
        lines[at - 1] = re.sub(rf"(=\s*){_VALUE}", rf"\g<1>{value}", lines[at - 1], count=1)
        return "".join(lines)
    if (at := places.get(("nms",))) is None:
        return f"{_ended(text, end)}{end if lines else ''}[nms]{end}{key} = {value}{end}"
    if inline := _INLINE.match(lines[at - 1]):
        lines[at - 1] = _inline(inline, key, value)
        return "".join(lines)
    last = max(n for path, n in places.items() if path[:1] == ("nms",))
    indent, prefix = _style(lines[last - 1])
    before, after = "".join(lines[:last]), "".join(lines[last:])
    return f"{_ended(before, end)}{indent}{prefix}{key} = {value}{end}{after}"


def _inline(found: re.Match[str], key: str, value: str) -> str:
    start, inner, space, close = found.groups()
    there = rf"((?:^|,)\s*[\"']?{key}[\"']?\s*=\s*){_VALUE}"
    edited, count = re.subn(there, rf"\g<1>{value}", inner, count=1)
    if not count:
        edited = f"{inner}, {key} = {value}" if inner.strip() else f" {key} = {value} "
    return f"{start}{edited}{space}{close}"


def _style(line: str) -> tuple[str, str]:
    """Return how a key beside the one on `line` begins: its indent, and `nms.` where that does."""
    indent = line[: len(line) - len(line.lstrip())]
    dotted = "nms." if re.match(r"\s*[\"']?nms[\"']?\s*\.", line) else ""
    return indent, dotted


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end
