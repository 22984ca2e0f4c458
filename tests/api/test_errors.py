"""An error names options of the command line, and in Python says what they are called there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import mobilecat as mc
from mobilecat.errors import MobileCatError, Problem, python_name

PACKAGE = Path(mc.__file__).parent
NOT_OURS = re.compile(r"--(?:its_own|mobilecat)|mpv|pip install")


def named() -> Iterator[tuple[str, str]]:
    """Give each option that a text outside of the command line names, with its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "cli" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and not NOT_OURS.search(text):
                for option in re.findall(r"(?<![\w-])--([a-z][a-z-]*)(?![\w-])", text):
                    yield option, path.name


def test_every_option_that_an_error_names_has_its_name_in_python() -> None:
    verbs = [getattr(m, n) for m in (mc, mc.golden) for n in dir(m)]
    taken = {p for v in verbs if inspect.isfunction(v) for p in inspect.signature(v).parameters}
    found = list(named())
    missing = [(o, f) for o, f in found if (name := python_name(o)) and name not in taken]
    assert not missing
    assert len(found) > 30


def test_an_error_says_both() -> None:
    problem = Problem("not found", "a.onnx", "name it: --source FILE, or --shape x=1, --json")
    told = MobileCatError("There is no such model", [problem, Problem("twice: --source")])
    last = "In Python --source is source=…, --shape is shapes=…"
    assert str(told).splitlines()[-1].strip() == last
    assert "In Python" not in told.in_options
    assert "In Python" not in str(MobileCatError("plain", [Problem("x-- --y_z")]))
