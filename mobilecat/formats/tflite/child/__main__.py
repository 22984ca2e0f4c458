"""The child's loop: one request a line on stdin, answers on stdout; see `formats.base.serving`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.serving import Say, Verbs, serve
from mobilecat.formats.tflite.child.engine import LiteFile


class Server:
    """Answers requests about the one file that it has open."""

    def __init__(self) -> None:
        self._file: LiteFile | None = None

    def open(self, path: str, shapes: list[tuple[int, list[int]]], keep: bool) -> dict[str, Any]:
        self._file = LiteFile(Path(path), dict(shapes), keep)
        return {}

    def sizes(self) -> dict[str, Any]:
        assert self._file is not None
        return {"sizes": list(self._file.sizes().items())}

    def run(self, inputs: list[int], outputs: list[int], given: str, made: str) -> dict[str, Any]:
        assert self._file is not None
        with np.load(given, allow_pickle=False) as arrays:
            feeds = {n: arrays[f"x{n}"] for n in inputs}
        try:
            found = self._file.run(feeds, outputs)
        except (ValueError, RuntimeError) as e:
            raise ModelError(
                "LiteRT cannot run the model on these inputs", [Problem(_reason(e))]
            ) from e
        np.savez(made, **{f"y{n}": v for n, v in zip(outputs, found, strict=True)})  # type: ignore[arg-type]
        return {}


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def main() -> None:
    def verbs(say: Say) -> Verbs:
        server = Server()
        return {"open": server.open, "sizes": server.sizes, "run": server.run}

    serve(verbs, "LiteRT cannot read this model", _reason)


if __name__ == "__main__":
    main()
