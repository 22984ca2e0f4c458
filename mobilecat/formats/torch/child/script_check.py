"""What TorchScript may say: every word of its code is held to an allow-list before it is loaded.

`torch.jit.load` runs some of a file's code at once (`__setstate__`), and its code may name any
operator that there is, those that read and write files among them.
https://github.com/pytorch/pytorch/blob/main/torch/csrc/jit/docs/serialization.md
"""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.torch.child.ops import SCRIPT, is_aten, other_may_be_named, words

_PRIM = frozenset(
    words(
        """
        ImplicitTensorToNum NumToTensor RaiseException TupleIndex TupleUnpack abs data device
        dtype grad_fn is_cpu is_cuda is_mkldnn is_mps is_quantized is_sparse itemsize layout max
        min requires_grad shape type unchecked_cast
        """
    )
)
_BUILT_IN = frozenset(
    words(
        """
        abs annotate bool complex dict divmod enumerate float getattr hasattr int isinstance len
        list max min pow range reversed round set sorted str sum tuple unchecked_cast
        uninitialized zip
        """
    )
)
_MOST_BYTES = 64 << 20


def check_script(path: Path) -> None:
    """Raise ModelError with every part of the file's code that is not allowed."""
    problems: list[Problem] = []
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [i for i in archive.infolist() if i.filename.endswith(".py")]
            names = archive.namelist()
            if len(set(names)) < len(names) or sum(i.file_size for i in parts) > _MOST_BYTES:
                raise ModelError(f"{path.name} cannot be read", [Problem("an odd archive")])
            trees = {i.filename: ast.parse(archive.read(i).decode()) for i in parts}
    except (zipfile.BadZipFile, OSError, ValueError, SyntaxError, RecursionError, MemoryError) as e:
        what = Problem("its code cannot be read, or it is cut short", str(path), "export it again")
        raise ModelError(f"{path.name} cannot be read", [what]) from e
    own = {n.name for t in trees.values() for n in ast.walk(t) if isinstance(n, ast.FunctionDef)}
    for file, tree in trees.items():
        for word, line in _foreign(tree, own):
            fix = "build the network from torch's own operators"
            where = f"{file.partition('/')[2]}:{line}"
            problems.append(Problem(f"{word} is not one that may be run", where, fix))
    if problems:
        unique = list(dict.fromkeys(problems))
        shown = unique[:20] + ([Problem(f"and {len(unique) - 20} more")] if unique[20:] else [])
        raise ModelError(f"{path.name}: {len(unique)} parts are not allowed", shown)


def _foreign(tree: ast.AST, own: set[str]) -> Iterator[tuple[str, int]]:
    """Yield each word that may not be said, and its line.

    A word of torch's operators is foreign wherever it stands; a method is only where it is called,
    since `x.save` may be a part of the network, and where `own` code does not hide an operator.
    """
    roots: set[ast.AST] = set()
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    named = {n for f in functions for n in _calls_of_own(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node not in roots:
            chain = _chain(node, roots)
            if chain and chain[0] in ("torch", "ops") and not _torch_word(chain):
                yield ".".join(chain), node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.AsyncFunctionDef):
            yield type(node).__name__, node.lineno
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id not in _BUILT_IN:
                if called not in named:
                    yield called.id, node.lineno
            elif isinstance(called, ast.Attribute) and not _method(called, own):
                yield f".{called.attr}", node.lineno


def _calls_of_own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield each `_0` that is called where `_0` is only ever a function of the file's own:
    `_0 = __torch__.torch.nn.functional.relu`."""
    own: dict[str, bool] = {a.arg: False for a in function.args.args}
    nodes = list(ast.walk(function))
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            value = node.value if isinstance(node, ast.Assign) else None
            chain = _chain(value, set()) if isinstance(value, ast.Attribute) else []
            for name in (n for n in ast.walk(target) if isinstance(n, ast.Name)):
                own[name.id] = own.get(name.id, True) and chain[:1] == ["__torch__"]
    called = (n.func for n in nodes if isinstance(n, ast.Call))
    yield from (n for n in called if isinstance(n, ast.Name) and own.get(n.id, False))


def _chain(node: ast.Attribute, roots: set[ast.AST]) -> list[str]:
    """Return `torch.nn.conv2d` as its words, and note the attributes inside it as seen."""
    words = [node.attr]
    value = node.value
    while isinstance(value, ast.Attribute):
        roots.add(value)
        words.append(value.attr)
        value = value.value
    return [value.id, *reversed(words)] if isinstance(value, ast.Name) else []


def _torch_word(chain: list[str]) -> bool:
    if chain[0] == "torch":
        return len(chain) == 2 and (is_aten(chain[1]) or chain[1] in SCRIPT)
    if len(chain) != 3:
        return False
    _, namespace, name = chain
    if namespace == "aten":
        return is_aten(name) or name in SCRIPT
    return name in _PRIM if namespace == "prim" else other_may_be_named(namespace, name)


def _method(called: ast.Attribute, own: set[str]) -> bool:
    root: ast.expr = called
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(root, ast.Name) and root.id in ("torch", "ops", "__torch__"):
        return True  # looked at as a word of torch's, or a class of the file's own
    if called.attr in own:
        return not _is_operator(called.attr)
    return is_aten(called.attr) or called.attr in SCRIPT or called.attr in _PRIM


def _is_operator(name: str) -> bool:
    """Whether a method's name is also that of an operator that may not be run."""
    import torch

    if is_aten(name) or name in SCRIPT:
        return False
    return bool(torch._C._jit_get_schemas_for_operator(f"aten::{name}"))
