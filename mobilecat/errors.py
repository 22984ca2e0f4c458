"""What a user is told when something cannot be done: what, where, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    what:  the fact, one sentence without a full stop.
    where: file, line, node or key; "" when there is no place to name.
    fix:   what the user can do; "" when there is nothing to say.
    """

    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n    → {self.fix}" if self.fix else head


class MobileCatError(Exception):
    """Unusable input: carries every problem found, not only the first. The CLI exits with 2.

    Problems name options of the command line; as text in Python, an error says their names there.
    """

    def __init__(self, summary: str, problems: Iterable[Problem] = ()) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        super().__init__(summary)

    @property
    def in_options(self) -> str:
        """The text for a command line."""
        return "\n".join([self.summary, *(f"  {p}" for p in self.problems)])

    def __str__(self) -> str:
        text = self.in_options
        named = [(o, python_name(o)) for o in dict.fromkeys(_OPTION.findall(text))]
        said = ", ".join(f"--{o} is {name}=…" for o, name in named if name)
        return f"{text}\n  In Python {said}" if said else text


_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)(?![\w-])")
_NAMES = {
    "all": "every", "class": "class_", "clean": "", "for": "goal", "from": "saved", "iou": "ious",
    "json": "", "plot": "", "range": "value_range", "score": "scores", "set": "answers",
    "shape": "shapes",
    "no-cache": "cache", "trust-pickle": "trust", "trust-python": "trust",
}  # fmt: skip


def python_name(option: str) -> str:
    """Return what an option of the command line is called in Python; "" where it has no use."""
    return _NAMES.get(option, option.replace("-", "_"))


def reason(e: OSError | ValueError) -> str:
    """Return why a text file cannot be read, without the number and the path that Python adds."""
    if isinstance(e, UnicodeDecodeError):
        return "not a text file"
    if isinstance(e, ValueError):
        return str(e)
    return "not found" if isinstance(e, FileNotFoundError) else e.strerror or str(e)


def joined(errors: Sequence[MobileCatError]) -> MobileCatError:
    """Return one error of the first one's kind with the problems of all, each once."""
    summaries = dict.fromkeys(e.summary for e in errors)
    problems = dict.fromkeys(p for e in errors for p in e.problems)
    return type(errors[0])("; ".join(summaries), problems)


class SpecError(MobileCatError):
    """`mobilecat.toml` does not say something that can be compiled."""


class ModelError(MobileCatError):
    """A source model cannot be read, or contradicts itself."""


class UnsupportedError(MobileCatError):
    """The model is sound, but a target has no form for part of it; lists all such parts."""


class ArtifactError(MobileCatError):
    """An artifact or bundle on disk is missing, damaged, or not what its contract says."""


class ImageError(MobileCatError):
    """A picture or pixel buffer cannot be what it claims to be."""


class WorkersError(MobileCatError):
    """Dask's workers cannot be used as they are: nothing is said by it of what they were given."""
