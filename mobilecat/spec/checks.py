"""Lines of a spec that are marked `# CHECK`: what `init` could not tell, and nobody looked at."""

import re
from collections.abc import Sequence

from pydantic import Field

from mobilecat.spec.lines import key_lines
from mobilecat.value import Value

_MARK = re.compile(r"(?:^|\s)#\s*CHECK\b:?\s*(.*)$")
_MAY_BE = re.compile(r"^(.*?\bit may be (.+?))\.(?: [A-Z]|$)")
_WORD = re.compile(r'"([^"]*)"')
_LONGEST = 1000
OPEN = "is still marked # CHECK"
"""In every `OpenCheck.said`."""


class OpenCheck(Value):
    """One mark. key: its path in the spec, as `--set` takes it. what: what is to be looked at.
    other: of two words that it may be, the one that is not written. where: file:line of the mark,
    which a bundle does not keep."""

    key: str
    where: str = Field(default="", exclude=True)
    what: str = ""
    other: str | None = None

    @property
    def said(self) -> str:
        what = f" ({self.what})" if self.what else ""
        return f"{self.key} {OPEN} in {self.where}{what}; take the mark away when you have looked"

    @property
    def evaluated(self) -> str:
        """What it means for figures of a bundle."""
        if self.other is None:
            return f"{self.key} is still to be checked: with another value, mAP may be higher"
        return (
            f"{self.key} is still to be checked: with the other, `mobilecat init … --set "
            f"{self.key}={self.other}`, mAP may be higher"
        )


def open_checks(text: str, where: str) -> tuple[OpenCheck, ...]:
    """Return the marks in the TOML `text`, above a key among its comments, or after its value.

    where: names the file.
    """
    lines = text.splitlines()
    keys = {line: path for path, line in key_lines(text).items()}  # the longest path comes last
    found = []
    for at, line in enumerate(lines):
        mark = _MARK.search(line)
        if mark is None or not (_is_comment(line) or at + 1 in keys):
            continue
        if _is_comment(line):
            if line.lstrip() != mark[0].lstrip():
                continue  # a comment that speaks of the mark
            end = at + 1
            while end < len(lines) and _is_comment(lines[end]) and not _MARK.search(lines[end]):
                end += 1
            said = [mark[1], *(c.strip().lstrip("#").strip() for c in lines[at + 1 : end])]
        else:
            end, said = at, [mark[1]]
        if end + 1 in keys and not lines[end].lstrip().startswith("["):
            key = ".".join(map(str, keys[end + 1]))
            found.append(_check(key, f"{where}:{at + 1}", said, lines[end]))
    return tuple(found)


def _check(key: str, where: str, said: Sequence[str], line: str) -> OpenCheck:
    text = " ".join(s for s in said if s)[:_LONGEST]
    if (told := _MAY_BE.match(text)) is None:
        what = re.split(r"\.(?: |$)", text, maxsplit=1)[0]
        return OpenCheck(key=key, where=where, what=what)
    words = _WORD.findall(told[2])
    others = [w for w in words if f'"{w}"' not in line]
    other = others[0] if len(words) == 2 and len(others) == 1 else None
    return OpenCheck(key=key, where=where, what=told[1], other=other)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
