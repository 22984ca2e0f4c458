"""The child that runs a `.aimodel` in Apple's own interpreter: `python -m …interpreter`.

    OUT LIMIT SECONDS MODEL JOBS FEEDS TAPS

JOBS is a JSON list of the graphs to run, one after another. FEEDS is what `save` writes: `0:x` is
input x of the first job. The answer is `found.npz` with outputs named likewise, and `taps.npz`.
TAPS is a JSON list of nodes of the first job's graph, or null for all.

Apple's Linux build takes no images. A picture input is given the type of the tensor that
`coreai.image_to_tensor` makes of it, and that op is taken out: the rest runs as shipped.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.formats.coreai.read import child
from mobilecat.formats.coreai.read.bindings import place_of

if TYPE_CHECKING:
    from mobilecat.graph import Array


def main(argv: list[str]) -> None:
    out, (model, jobs, feeds, taps) = child.begin(argv)
    try:
        found, inner = asyncio.run(
            _run(Path(model), json.loads(jobs), load(Path(feeds)), json.loads(taps))
        )
    except MobileCatError as e:
        child.end(out, e)
    except (RuntimeError, KeyError, ValueError, TypeError) as e:
        said = " ".join(str(e).split())[:300]
        child.end(out, ArtifactError("Apple's interpreter refuses the model", [Problem(said)]))
    save(out / "found.npz", found)
    save(out / "taps.npz", inner)


def save(path: Path, arrays: dict[str, Array]) -> None:
    """Write arrays under names that may hold what a file's cannot."""
    numbered: dict[str, Any] = {f"x{i}": a for i, a in enumerate(arrays.values())}
    np.savez(path, names=np.array(list(arrays), dtype=np.str_), **numbered)


def load(path: Path) -> dict[str, Array]:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return {str(n): stored[f"x{i}"] for i, n in enumerate(stored["names"])}


async def _run(
    path: Path, jobs: list[str], feeds: dict[str, Array], taps: list[str] | None
) -> tuple[dict[str, Array], dict[str, Array]]:
    from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
        compile_to_binary,
        serialize_module,
    )
    from coreai.authoring import AIModelAsset
    from coreai.runtime import AIModel, NDArray

    module = AIModelAsset.load(path).program._module._mlir_module
    take_tensors(module)
    names = _tapped(module, jobs, taps) if taps != [] else {}
    outputs: dict[str, Array] = {}
    with tempfile.TemporaryDirectory(suffix=".aimodelx") as folder:
        compile_to_binary(module=module, output_directory=Path(folder))
        serialize_module(module=module, path=Path(folder) / "main-universal.odix")
        model = await AIModel.load(folder)
        for i, job in enumerate(jobs):
            function = model.load_function(job)
            mine = {k[len(f"{i}:") :]: v for k, v in feeds.items() if k.startswith(f"{i}:")}
            given: dict[str, Any] = {k: NDArray(np.asarray(v, order="C")) for k, v in mine.items()}
            found: dict[str, Any] = dict(await function(given))
            outputs |= {f"{i}:{k}": np.array(v.numpy()) for k, v in found.items()}
    inner = {names[k[2:]]: v for k, v in outputs.items() if k[2:] in names}
    return {k: v for k, v in outputs.items() if k[2:] not in names}, inner


def _tapped(module: Any, jobs: Sequence[str], taps: Sequence[str] | None) -> dict[str, str]:
    with module.context:
        for op in module.body.operations:
            if op.operation.name == "coreai.graph" and op.sym_name.value == jobs[0]:
                return add_outputs(op.operation, taps)
    return {}


def take_tensors(module: Any) -> int:
    """Give picture inputs of every graph the type of their tensor; return how many there were."""
    from coreai._compiler.ir import FunctionType, TypeAttr

    changed = 0
    with module.context:
        for graph in module.body.operations:
            if graph.operation.name != "coreai.graph":
                continue
            block = graph.regions[0].blocks[0]
            before = changed
            for argument in block.arguments:
                if not str(argument.type).startswith("!coreai.image"):
                    continue
                users = [use.owner.operation for use in argument.uses]
                tensors = {str(u.results[0].type): u.results[0].type for u in users if u.results}
                alone = all(u.name == "coreai.image_to_tensor" for u in users)
                if not alone or len(tensors) != 1:
                    what = "a picture input has another use than coreai.image_to_tensor"
                    raise ArtifactError("Apple's interpreter takes no images", [Problem(what)])
                argument.set_type(next(iter(tensors.values())))
                for user in users:
                    user.results[0].replace_all_uses_with(argument)
                    user.erase()
                changed += 1
            if changed > before:
                results = list(graph.attributes["function_type"].value.results)
                types = [a.type for a in block.arguments]
                graph.attributes["function_type"] = TypeAttr.get(FunctionType.get(types, results))
    return changed


def add_outputs(graph: Any, wanted: Sequence[str] | None) -> dict[str, str]:
    """Give a graph what nodes make as outputs behind its own; return their names → the nodes'.

    A node's name is the file of its ops' locations; what its last op makes is its value. Apple's
    IntermediateLogger shows less: lowering loses most ops' locations (coreai-core 1.0.0b3).
    """
    from coreai._compiler.dialects.coreai import output
    from coreai._compiler.ir import (
        ArrayAttr,
        DictAttr,
        FunctionType,
        InsertionPoint,
        StringAttr,
        TypeAttr,
    )

    block = graph.regions[0].blocks[0]
    ops = [o.operation for o in block.operations]
    found: dict[str, Any] = {}
    for op in ops[:-1]:
        node = place_of(str(op.location))
        plain = len(op.results) == 1 and str(op.results[0].type).startswith("tensor<")
        if node and plain and op.name != "coreai.constant" and (wanted is None or node in wanted):
            found[node] = op.results[0]
    end = ops[-1]
    values = [*end.operands, *found.values()]
    names = {f"mobilecat tap {i}": node for i, node in enumerate(found)}
    with InsertionPoint(end), end.location:
        output(values)
    end.erase()
    taken = list(graph.attributes["function_type"].value.inputs)
    graph.attributes["function_type"] = TypeAttr.get(
        FunctionType.get(taken, [v.type for v in values])
    )
    attributes = [*graph.attributes["res_attrs"]]
    attributes += [DictAttr.get({"coreai.name": StringAttr.get(n)}) for n in names]
    graph.attributes["res_attrs"] = ArrayAttr.get(attributes)
    return names


if __name__ == "__main__":
    main(sys.argv[1:])
    child.leave()
