"""The child that runs a `.aimodel` in Apple's own interpreter: `python -m …interpreter`.

    OUT LIMIT SECONDS MODEL JOBS FEEDS TAPS

JOBS is a JSON list of the graphs to run, one after another. FEEDS is what `save` writes: `0:x` is
input x of the first job. The answer is `found.npz` with outputs named likewise, and `taps.npz`.
TAPS is a JSON list of node names, or null for all.

Apple's Linux build takes no images. A picture input is given the type of the tensor that
`coreai.image_to_tensor` makes of it, and that op is taken out: the rest runs as shipped.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilecat.errors import ArtifactError, MobileCatError, Problem
from mobilecat.formats.coreai.read import child

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
    outputs: dict[str, Array] = {}
    inner: dict[str, Array] = {}
    with tempfile.TemporaryDirectory(suffix=".aimodelx") as folder:
        compile_to_binary(
            module=module, output_directory=Path(folder), enable_debug_info=taps != []
        )
        serialize_module(module=module, path=Path(folder) / "main-universal.odix")
        model = await AIModel.load(folder)
        for i, job in enumerate(jobs):
            watch = _Watch(model, taps) if taps != [] else None
            function = model.load_function(
                job, intermediate_logger=watch.logger if watch is not None else None
            )
            mine = {k[len(f"{i}:") :]: v for k, v in feeds.items() if k.startswith(f"{i}:")}
            found = await function({k: NDArray(np.asarray(v, order="C")) for k, v in mine.items()})
            outputs |= {f"{i}:{k}": np.array(v.numpy()) for k, v in found.items()}
            inner |= watch.found if watch is not None else {}
    return outputs, inner


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


class _Watch:
    """Collects what ops give, by the file name of their location, which is the node's name."""

    def __init__(self, model: Any, wanted: list[str] | None) -> None:
        from coreai.runtime import CompileIdentifiers, IntermediateLogger

        self._names: dict[int, str] = {}
        self.found: dict[str, Array] = {}
        for function in json.loads(model._debug_infos):
            for op in function["operations"]:
                names = [x["fileName"] for x in op["sourceLocations"]]
                if names and (wanted is None or names[-1] in wanted):
                    self._names[op["odixId"]] = names[-1]
        ids = [CompileIdentifiers(i) for i in self._names]
        self.logger = IntermediateLogger(ids, self._take) if ids else None

    def _take(self, values: Any, kind: str, ids: Any) -> None:
        from coreai.runtime import NDArray

        if kind != "output":
            return
        arrays = [np.array(NDArray._wrap(v).numpy()) for v in values if v is not None]
        if len(arrays) == 1:
            self.found[self._names[ids.id]] = arrays[0]  # the last op of a node is its result


if __name__ == "__main__":
    main(sys.argv[1:])
