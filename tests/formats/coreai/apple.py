"""Apple's interpreter in a child process of its own: `with Apple() as apple: apple.run(path, x)`.

One child runs many files, since starting one takes a second. Where Apple's code ends the child, the
next file gets a new one, and the run raises `Crashed`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[3]


class Refused(Exception):
    """Apple's engine says no, with its words."""


class Crashed(Refused):
    """Apple's code ended the process."""


class Apple:
    """A child that runs `.aimodel` folders; a picture input takes uint8 [H,W,4], B, G, R, A."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="mobilecat-apple-")

    def __enter__(self) -> Apple:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._child is not None:
            assert self._child.stdin is not None
            self._child.stdin.close()
            self._child.wait(timeout=30)
            self._child = None
        self._folder.cleanup()

    def run(self, path: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        feeds, found = (Path(self._folder.name) / n for n in ("feeds.npz", "found.npz"))
        write_arrays(feeds, inputs)
        answer = self._ask({"model": str(path), "feeds": str(feeds), "found": str(found)})
        if answer != "done":
            raise Refused(answer)
        return read_arrays(found)

    def _ask(self, question: Mapping[str, str]) -> str:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            code = self._child.wait(timeout=30)
            self._child = None
            raise Crashed(f"Apple's code ended the process with {code}")
        return str(json.loads(line))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays whose names may hold anything."""
    numbered: dict[str, Any] = {f"x{i}": a for i, a in enumerate(arrays.values())}
    np.savez(path, names=np.array(json.dumps(list(arrays))), **numbered)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        names = json.loads(str(stored["names"]))
        return {n: stored[f"x{i}"] for i, n in enumerate(names)}


def serve() -> None:
    """Answer one question a line, until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Apple's code prints is no answer
    for line in sys.stdin:
        question = json.loads(line)
        try:
            found = asyncio.run(_run(Path(question["model"]), read_arrays(Path(question["feeds"]))))
            write_arrays(Path(question["found"]), found)
            answer = "done"
        except (RuntimeError, ValueError, TypeError, KeyError) as e:
            answer = " ".join(str(e).split())[:300] or type(e).__name__
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


async def _run(path: Path, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
        compile_to_binary,
        serialize_module,
    )
    from coreai.authoring import AIModelAsset
    from coreai.runtime import AIModel, NDArray

    module = AIModelAsset.load(str(path)).program._module._mlir_module
    _take_tensors(module)
    with tempfile.TemporaryDirectory(suffix=".aimodelx") as folder:
        compile_to_binary(module=module, output_directory=Path(folder))
        serialize_module(module=module, path=Path(folder) / "main-universal.odix")
        model = await AIModel.load(folder)
        function = model.load_function("main")
        given = {k: NDArray(np.ascontiguousarray(v).reshape(v.shape)) for k, v in feeds.items()}
        found = await function(given)
        return {k: np.array(v.numpy()) for k, v in found.items()}


def _take_tensors(module: Any) -> None:
    """Let a picture input take the tensor that `image_to_tensor` makes: Linux has no images."""
    from coreai._compiler.ir import FunctionType, TypeAttr

    with module.context:
        graph = module.body.operations[0]
        block = graph.regions[0].blocks[0]
        for argument in block.arguments:
            if not str(argument.type).startswith("!coreai.image"):
                continue
            (use,) = list(argument.uses)
            user = use.owner.operation
            assert user.name == "coreai.image_to_tensor"
            argument.set_type(user.results[0].type)
            user.results[0].replace_all_uses_with(argument)
            user.erase()
        results = list(graph.attributes["function_type"].value.results)
        types = [a.type for a in block.arguments]
        graph.attributes["function_type"] = TypeAttr.get(FunctionType.get(types, results))


if __name__ == "__main__":
    serve()
