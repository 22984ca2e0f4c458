"""A file of torch.jit.save → a network: shapes come from the user, for it has none."""

from __future__ import annotations

import json
import linecache
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.onnx.input_shapes import Dims
from mobilecat.formats.torch.child.network import Network, Shapes, as_arrays, named_tensors
from mobilecat.formats.torch.child.reason import code_line
from mobilecat.formats.torch.child.script_check import check_script
from mobilecat.formats.torch.child.to_onnx import by_tracing
from mobilecat.graph import Array

SHAPES = "mobilecat.shapes"
"""In the archive's extra files, where we traced it: JSON of the inputs' shapes by name."""


def open_script(path: Path, shapes: Shapes) -> Network:
    """Open a TorchScript file. Errors: ModelError."""
    import torch

    check_script(path)
    extra = {SHAPES: ""}
    module = torch.jit.load(path, map_location="cpu", _extra_files=extra)
    notes = []
    if module.training:
        notes.append("saved in training mode: put to eval mode")
    module.eval()
    arguments = module.forward.schema.arguments[1:]
    odd = [a for a in arguments if str(a.type) not in ("Tensor", "Optional[Tensor]")]
    if odd:
        raise ModelError(
            f"{path.name}: only tensors can be inputs",
            [Problem(f"is a {a.type}", f"input {a.name!r}", "trace it with tensors") for a in odd],
        )
    names = [a.name for a in arguments if str(a.type) == "Tensor"]
    dims = _said(extra[SHAPES], names)

    def given(feeds: Mapping[str, Any]) -> list[Any]:
        return [feeds[n] for n in names]

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        with torch.no_grad():
            return as_arrays(module(*given({k: torch.from_numpy(v) for k, v in feeds.items()})))

    def translate(sizes: Shapes) -> tuple[Any, list[str]]:
        generator = torch.Generator().manual_seed(0)
        examples = [torch.rand(list(sizes[n]), generator=generator) for n in names]
        with torch.no_grad():
            outputs = [n for n, _ in named_tensors(module(*examples))]
        branches = control_flow(module)
        proto = by_tracing(_flat(module, names, outputs), examples, names, outputs)
        left = [n.op_type for n in proto.graph.node if n.op_type in ("Loop", "If", "Scan")]
        if left and branches:
            what = "control flow that depends on data"
            fix = "trace the network instead of scripting it, or cut before it"
            problems = [Problem(what, where, fix) for where in branches[:20]]
            raise ModelError(f"{path.name}: {len(branches)} parts cannot be compiled", problems)
        return proto, ["translated by torch's older ONNX exporter, the only one of TorchScript"]

    parameters = sum(p.numel() for p in module.parameters())
    outputs = tuple(n for n, _ in named_tensors(_outputs(module.forward.schema.returns[0].type)))
    return Network(dims, outputs, run, translate, tuple(notes), parameters)


def _flat(module: Any, names: list[str], outputs: list[str]) -> Any:
    """Return a module that gives a dictionary's tensors as a tuple: a graph has no dictionaries."""
    import torch

    if module.forward.schema.returns[0].type.kind() != "DictType":
        return module
    if not all(_KEY.fullmatch(key) for key in outputs):
        raise ModelError("The network's outputs cannot be named", [Problem(", ".join(outputs))])
    given = ", ".join(f"x{i}" for i in range(len(names)))
    places = "".join(f"found[{key!r}], " for key in outputs)
    text = f"def forward(self, {given}):\n    found = self.inner({given})\n    return ({places})\n"
    linecache.cache[_FLAT] = (len(text), None, text.splitlines(keepends=True), _FLAT)
    made: dict[str, Any] = {}
    exec(compile(text, _FLAT, "exec"), made)  # TorchScript is compiled from a function's source
    kind = type("Flat", (torch.nn.Module,), {"forward": made["forward"]})
    flat = kind()
    flat.inner = module
    return torch.jit.freeze(torch.jit.script(flat.eval()))


_FLAT = "<the outputs of a dictionary>"
_KEY = re.compile(r"[A-Za-z_][\w.]*")


def control_flow(module: Any) -> list[str]:
    """Return where a module's loops and branches are that its constants do not settle."""
    import torch

    found = []
    for kind in ("prim::If", "prim::Loop"):
        for node in torch.jit.freeze(module).graph.findAllNodes(kind, recurse=True):
            text = node.sourceRange()
            found.append(code_line(text) or text.strip().splitlines()[0][:100])
    return list(dict.fromkeys(found))


def _outputs(kind: Any) -> Any:
    """Return something of a type's structure, as far as the type says it."""
    import torch

    name = kind.kind()
    if name == "TensorType":
        return torch.zeros(())
    return [_outputs(k) for k in kind.elements()] if name == "TupleType" else None


def _said(text: str | bytes, names: list[str]) -> dict[str, Dims]:
    """Return the shapes that we wrote when we traced it, else none."""
    try:
        said = json.loads(text) if text else {}
        return {n: tuple(int(d) for d in said[n]) if n in said else None for n in names}
    except (ValueError, TypeError, KeyError):
        return dict.fromkeys(names)
