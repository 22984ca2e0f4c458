"""`python:package.module:function` held to the folder's own text: nothing is imported, nothing run.

What cannot be told from text (an installed package, a star import) is left to the run itself.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from mobilecat.errors import ModelError, Problem

PYTHON = "python:"
_NAME = r"[^\W\d]\w*"
_FORM = re.compile(rf"({_NAME}(?:\.{_NAME})*):({_NAME})")
_SHOWN = 6
_FORM_IS = "a Python source is python:module:function"


def require_named(path: Path) -> None:
    """Raise ModelError where a `python:` source names no module or function of its folder.

    path: the folder and the source, as `folder/python:nets:build`.
    """
    problem = _of_form(path) or _of_module(path) or _of_function(path)
    if problem is not None:
        raise ModelError("The Python source is not there", [problem])


def _of_form(path: Path) -> Problem | None:
    source = path.name.removeprefix(PYTHON)
    module, _, function = source.removesuffix(":").partition(":")
    if _FORM.fullmatch(source) and (not module.endswith(".py") or _file(path.parent, module)):
        return None
    name = module.removesuffix(".py")
    parent, _, last = name.rpartition(".")
    if function or name != module:
        meant = f"{name}:{function}" if function else ""
    else:
        meant = f"{parent}:{last}" if parent and _file(path.parent, parent) else ""
    said = _FORM_IS if function else f"it names no function; {_FORM_IS}"
    likely = f"did you mean {PYTHON}{meant}?" if _FORM.fullmatch(meant) else ""
    fix = likely or _one_of(path.parent, name, function) or "such as python:my_net:build"
    return Problem(said, path.name, fix)


def _of_module(path: Path) -> Problem | None:
    module, _ = _parts(path)
    folder = path.parent
    if _file(folder, module) or _installed(module):
        return None
    where = folder.joinpath(*module.split(".")[:-1])
    first, _, last = module.rpartition(".")
    close = difflib.get_close_matches(last, _modules(where), n=1)
    if close:
        meant = f"{first}.{close[0]}" if first else close[0]
        fix = f"did you mean {path.name.replace(module, meant, 1)}?"
    else:
        fix = "name a .py file beside the spec, or put the folder of its package on PYTHONPATH"
    return Problem(f"there is no module {module!r} in {_shown(folder)}", path.name, fix)


def _of_function(path: Path) -> Problem | None:
    module, function = _parts(path)
    file = _file(path.parent, module)
    names = _names(_tree(file)) if file is not None else None
    if file is None or names is None or function in names:
        return None
    fix = _one_of(path.parent, module, function) or "write a function that returns the network"
    return Problem(f"{file.name} has no function {function!r}", path.name, fix)


def _one_of(folder: Path, module: str, function: str) -> str:
    """Return what to name in place of `function`: what is nearly called so, else what there is."""
    file = _file(folder, module)
    tree = _tree(file) if file is not None else None
    close = difflib.get_close_matches(function, [n for n in _names(tree) or () if n[0] != "_"], n=1)
    if close:
        return f"did you mean {PYTHON}{module}:{close[0]}?"
    made = [n for n in _defined(tree) if n[0] != "_"]
    listed = ", ".join(f"{PYTHON}{module}:{n}" for n in made[:_SHOWN])
    return f"it has {listed}{', …' if len(made) > _SHOWN else ''}" if made else ""


def _parts(path: Path) -> tuple[str, str]:
    module, _, function = path.name.removeprefix(PYTHON).partition(":")
    return module, function


def _file(folder: Path, module: str) -> Path | None:
    """Return the text of a module that lies in the folder."""
    place = folder.joinpath(*module.split("."))
    for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


def _installed(module: str) -> bool:
    """Whether the first package is one of Python's path, which says nothing of what is in it."""
    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def _modules(folder: Path) -> Sequence[str]:
    if not folder.is_dir():
        return ()
    files = [p.stem for p in folder.glob("*.py")]
    return [*files, *(p.parent.name for p in folder.glob("*/__init__.py"))]


def _defined(tree: ast.Module | None) -> Sequence[str]:
    """Return functions, then classes, as a file has them in order."""
    found = list(_statements(tree))
    functions = [n.name for n in found if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [*functions, *(n.name for n in found if isinstance(n, ast.ClassDef))]


def _names(tree: ast.Module | None) -> set[str] | None:
    """Return what a module's own text names; None where only running it would tell."""
    if tree is None:
        return None
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        else:
            stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
            names |= {n.id for n in stored if isinstance(n.ctx, ast.Store)}
    return None if names & {"*", "__getattr__"} else names


def _tree(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # running it says what is wrong with it


def _statements(tree: ast.AST | None) -> Iterator[ast.stmt]:
    """Give the statements of a module, those under `if`, `try` and `with` among them."""
    for field in ("body", "orelse", "finalbody"):
        for node in getattr(tree, field, ()):
            yield node
            if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                yield from _statements(node)
    for handler in getattr(tree, "handlers", ()):
        yield from _statements(handler)


def _shown(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)
