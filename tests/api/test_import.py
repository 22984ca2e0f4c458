"""`import mobilecat`: fast, empty-handed, complete; and no module in a function's place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mobilecat as mc
import mobilecat.golden

PACKAGE = Path(mc.__file__).parent


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_is_loaded() -> None:
    code = (
        "import sys; before = set(sys.modules); import mobilecat as mc; dir(mc); mc.golden\n"
        "ours = {m for m in sys.modules if m.startswith('mobilecat')}\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'pydantic', 'PIL', 'coremltools', 'rich'}\n"
        "print(sorted(ours), sorted(heavy & set(sys.modules)))"
    )
    assert python(code) == "['mobilecat', 'mobilecat.golden'] []"


def test_it_takes_less_than_50_ms() -> None:
    """Of this process, the best of five: a busy machine is no reason to fail."""
    code = (
        "import time; start = time.process_time(); import mobilecat\n"
        "print(time.process_time() - start)"
    )
    assert min(float(python(code)) for _ in range(5)) < 0.05


def test_every_public_name_is_there() -> None:
    for module in (mc, mobilecat.golden):
        assert set(module.__all__) <= set(dir(module))
        for name in module.__all__:
            assert getattr(module, name) is not None
        with pytest.raises(AttributeError, match="no attribute 'exprot'"):
            _ = module.exprot  # type: ignore[attr-defined]


def test_types_and_table_agree() -> None:
    """What a type checker is told is what is given: names under TYPE_CHECKING, and their homes."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    told = {
        alias.name: line.module
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    given = {name: f"mobilecat.{home}" for name, home in mc._HOME.items()}
    assert told == given | dict.fromkeys(("golden", "runtime"), "mobilecat")
    assert {*told, "__version__"} == set(mc.__all__)


def test_no_module_has_the_name_of_a_function() -> None:
    files = {
        p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()
    }
    functions = [n for n in mc.__all__ if not isinstance(getattr(mc, n), ModuleType)]
    assert not files & set(functions)
    inside = {p.stem for p in (PACKAGE / "golden").glob("*.py")}
    assert not inside & set(mobilecat.golden.__all__)


def test_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert '"py.typed"' in (PACKAGE.parent / "pyproject.toml").read_text("utf-8")
