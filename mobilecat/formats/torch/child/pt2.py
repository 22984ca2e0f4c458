"""A file of torch.export.save → a program, by way of a clean copy of the file.

The copy holds the checked JSON, numbers as they are, and pickles only as torch reads them with
`weights_only=True` and writes them again. What torch.export.load opens is that copy.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.source import Gradient
from mobilecat.formats.onnx.input_shapes import Dims
from mobilecat.formats.torch.child.network import Network, Shapes, as_arrays, named_tensors
from mobilecat.formats.torch.child.pt2_check import checked
from mobilecat.formats.torch.child.to_onnx import by_dynamo, by_tracing, either
from mobilecat.graph import Array

_PROGRAM = re.compile(r"(?:models/model|serialized_exported_program)\.json")
_NUMBERS = re.compile(r"data/(?:weights/weight|constants/tensor)_\d+")
_CONFIG = re.compile(r"data/(?:weights/model_weights|constants/model_constants)_config\.json")
_PICKLES = re.compile(
    r"data/(?:weights|constants)/model\.pt|serialized_(?:state_dict|constants)\.(?:pt|json)"
)
_EXAMPLES = re.compile(r"data/sample_inputs/model\.pt|serialized_example_inputs\.(?:pt|json)")
_SMALL = re.compile(r"archive_format|archive_version|byteorder|version|\.data/\w+")
_COMPILED = re.compile(r"data/aotinductor/.*|.*\.so|.*\.dll|.*\.cubin")
_MOST_PARTS = 100_000


def open_pt2(path: Path, scratch: Path) -> Network:
    """Open a program of torch.export. Errors: ModelError."""
    import torch

    copy = scratch / "clean.pt2"
    notes = write_clean(path, copy)
    program = torch.export.load(copy)
    copy.unlink()
    module = program.module()
    inputs: dict[str, Dims] = {}
    places: list[Any] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind.name != "USER_INPUT":
            continue
        argument = spec.arg
        if hasattr(argument, "value"):  # a number or None, fixed when it was exported
            places.append((None, argument.value))
            continue
        places.append((argument.name, None))
        inputs[argument.name] = _dims(program, argument.name)
    structure = program.call_spec.in_spec

    def given(tensors: dict[str, Any]) -> tuple[Any, Any]:
        flat = [tensors[n] if n is not None else v for n, v in places]
        args, kwargs = torch.utils._pytree.tree_unflatten(flat, structure)
        return args, kwargs

    def run(feeds: Any) -> dict[str, Array]:
        args, kwargs = given({k: torch.from_numpy(v) for k, v in feeds.items()})
        with torch.no_grad():
            return as_arrays(module(*args, **kwargs))

    def at_inner_value(feeds: Any, maps: Any, factors: Any) -> Gradient:
        from mobilecat.formats.torch.child.gradient import gradient

        tensors = {k: torch.from_numpy(v) for k, v in feeds.items()}
        flat = [tensors[n] if n is not None else v for n, v in places]
        return gradient(module, flat, program.call_spec.out_spec, maps, factors)

    names = _output_names(program)

    def translate(shapes: Shapes) -> tuple[Any, list[str]]:
        def older() -> Any:
            args, kwargs = given({n: _example(program, n) for n in inputs})
            if kwargs:
                raise ValueError("it takes arguments by name")
            return by_tracing(module, args, list(inputs), names)

        return either(lambda: by_dynamo(program, list(inputs), names), older)

    parameters = sum(p.numel() for p in program.parameters())
    return Network(inputs, tuple(names), run, translate, tuple(notes), parameters, at_inner_value)


def _dims(program: Any, name: str) -> Dims:
    return tuple(d if isinstance(d, int) else None for d in _value(program, name).shape)


def _value(program: Any, name: str) -> Any:
    return next(n for n in program.graph.nodes if n.name == name).meta["val"]


def _example(program: Any, name: str) -> Any:
    import torch

    value = _value(program, name)
    return torch.zeros([int(d) for d in value.shape], dtype=value.dtype)


def _output_names(program: Any) -> list[str]:
    """Return the names of the outputs that are tensors, from the structure that they come in."""
    import torch

    outputs = [s.arg for s in program.graph_signature.output_specs if s.kind.name == "USER_OUTPUT"]
    flat = [torch.zeros(()) if type(a).__name__ == "TensorArgument" else None for a in outputs]
    structure = torch.utils._pytree.tree_unflatten(flat, program.call_spec.out_spec)
    return [name for name, _ in named_tensors(structure)]


def write_clean(path: Path, copy: Path) -> list[str]:
    """Write the parts of `path` that may be opened to `copy`; return notes. Errors: ModelError."""
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as clean:
            names = archive.namelist()
            if len(names) > _MOST_PARTS or len(set(names)) < len(names):
                raise ModelError(f"{path.name} cannot be read", [Problem("parts of one name")])
            root = names[0].split("/")[0] + "/" if names and "/" in names[0] else ""
            notes: list[str] = []
            for info in archive.infolist():
                part = info.filename.removeprefix(root)
                if _COMPILED.fullmatch(part):
                    what = "holds code compiled for one machine (AOTInductor)"
                    fix = "save the program itself: torch.export.save(program, 'model.pt2')"
                    raise ModelError(f"{path.name} cannot be read", [Problem(what, part, fix)])
                data = _clean(part, archive, info, path.name, notes)
                if data is not None:
                    clean.writestr(f"{root}{part}", data)
            return notes
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError) as e:
        damaged = Problem("cut short, or no archive of torch's", "", "export it again")
        raise ModelError(f"{path.name} cannot be read", [damaged]) from e


def _clean(
    part: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, notes: list[str]
) -> bytes | None:
    """Return a part as it may be opened, or None where it is left out."""
    if _NUMBERS.fullmatch(part) or _SMALL.fullmatch(part):
        return archive.read(info)
    if _PROGRAM.fullmatch(part):
        program, said = checked(archive.read(info), name)
        notes += said
        return json.dumps(program).encode()
    if _CONFIG.fullmatch(part):
        return _config(archive.read(info), part, name)
    if _PICKLES.fullmatch(part):
        return _weights_only(archive.read(info), part, name)
    return b"" if _EXAMPLES.fullmatch(part) else None


def _config(text: bytes, part: str, name: str) -> bytes:
    """Return the table of weights; each is an array of numbers in a part of its own."""
    try:
        table = json.loads(text)
        entries = table["config"]
        folder = part.rpartition("/")[0]
        wrong = [
            weight
            for weight, meta in entries.items()
            if meta.get("use_pickle") or not _NUMBERS.fullmatch(f"{folder}/{meta['path_name']}")
        ]
        for meta in entries.values():
            if meta.get("tensor_meta"):
                meta["tensor_meta"]["device"] = {"type": "cpu", "index": None}
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise ModelError(f"{name} cannot be read", [Problem("damaged", part)]) from e
    if wrong:
        pickled = "pickled, and a pickle runs code when it is opened"
        fix = "export the network with plain tensors for weights"
        shown = [Problem(pickled, f"weight {w!r}", fix) for w in wrong[:20]]
        raise ModelError(f"{name}: weights that are no numbers", shown)
    return json.dumps(table).encode()


def _weights_only(data: bytes, part: str, name: str) -> bytes:
    import torch

    if not data:
        return data
    try:
        held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as e:
        what = "a pickle that holds more than tensors: it would run code when it is opened"
        fix = "export it again with a torch of 2.10 or newer, which writes no pickles"
        raise ModelError(f"{name} cannot be read", [Problem(what, part, fix)]) from e
    made = io.BytesIO()
    torch.save(held, made)
    return made.getvalue()
