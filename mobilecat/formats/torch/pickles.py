"""What a PyTorch checkpoint holds, told without opening its pickle.

A pickle is a program: `pickletools` lists its instructions, and runs none.
https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".tar")
_MOST_BYTES = 64 << 20
_SHOWN = 3
_TENSORS = {
    "collections": ("OrderedDict", "defaultdict"),
    "torch._utils": (
        *("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"),
        *("_rebuild_parameter_with_state", "_rebuild_qtensor"),
    ),
    "torch._tensor": ("_rebuild_from_type_v2",),
    "torch.nn.parameter": ("Parameter",),
    "torch.serialization": ("_get_layout",),
    "torch.storage": ("UntypedStorage", "TypedStorage"),
}


def is_checkpoint(path: Path) -> bool:
    """Return whether a file is a pickle of torch's: weights, or a whole model."""
    if not path.is_file() or path.suffix.lower() not in _SUFFIXES:
        return False
    return bool(_globals(_pickle(path)))


def checkpoint_words(path: Path) -> tuple[str, str]:
    """Return what a checkpoint is, and what to do."""
    names = _globals(_pickle(path))
    code = [n for n in names if not _only_tensors(*n)]
    if not code:
        return (
            "weights without a network (a state_dict): the code that builds the network is missing",
            "write a function build() in my_net.py that returns the network with these weights "
            "loaded: mobilecat init python:my_net:build --trust-python --size 224x224 "
            "(docs/torch.md)",
        )
    named = ", ".join(f"{m}.{n}" if m else n for m, n in code[:_SHOWN])
    more = f" and {len(code) - _SHOWN} more" if len(code) > _SHOWN else ""
    return (
        f"a pickle of a whole model: opening it runs code, and it names {named}{more}",
        "export it where its code is: torch.export.save(torch.export.export(model.eval(), "
        "(example,)), 'model.pt2'). Or, if you know who made it and that code can be imported, "
        "give --trust-pickle to init (with --size 224x224) and to export",
    )


def _only_tensors(module: str, name: str) -> bool:
    if module == "torch":
        return name.endswith("Storage") or name.islower() or name == "Size"
    return name in _TENSORS.get(module, ())


def _pickle(path: Path) -> bytes:
    """Return the first pickle of a file of torch.save, old or new; nothing where it is none."""
    try:
        with path.open("rb") as f:
            start = f.read(2)
        if start == b"PK":
            with zipfile.ZipFile(path) as archive:
                parts = [i for i in archive.infolist() if i.filename.endswith("data.pkl")]
                if len(parts) != 1 or parts[0].file_size > _MOST_BYTES:
                    return b""
                return archive.read(parts[0])
        if start[:1] == b"\x80":
            with path.open("rb") as f:
                return f.read(_MOST_BYTES)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, EOFError):
        return b""
    return b""


def _globals(data: bytes) -> list[tuple[str, str]]:
    """Return every (module, name) that a pickle, or each of those in a row, asks for.

    A name that is put together in another way than pickle's own is ("", "a name of its making").
    """
    found: dict[tuple[str, str], None] = {}
    words: list[str] = []
    at = 0
    try:
        while data[at : at + 1] == b"\x80":
            end = at
            for code, argument, place in pickletools.genops(data[at:]):
                end = at + (place or 0)
                if code.name in ("GLOBAL", "INST"):
                    module, _, name = str(argument).partition(" ")
                    found[module, name] = None
                elif code.name == "STACK_GLOBAL":
                    known = len(words) > 1
                    found[(words[-2], words[-1]) if known else ("", "a name of its making")] = None
                elif isinstance(argument, str):
                    words.append(argument)
                elif code.name not in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
                    words.clear()
            at = end + 1
    except Exception:  # numbers follow, or it is cut short
        return list(found)
    return list(found)
