"""The child's requests about the one file that it has open; see `formats.base.serving`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.notes import NOTES_KEY, text_from_notes
from mobilecat.formats.base.serving import Say, Verbs, serve
from mobilecat.formats.torch.child.network import Network
from mobilecat.formats.torch.child.reason import reason


class Server:
    """Answers requests about the one model that it has open."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._network: Network | None = None
        self._name = ""

    def open(self, path: str, format: str, shapes: dict[str, list[int]]) -> dict[str, Any]:
        file = Path(path)
        self._say(f"reading {file.name}")
        if format == "torch-export":
            from mobilecat.formats.torch.child.pt2 import open_pt2

            network = open_pt2(file, Path.cwd())
        else:
            from mobilecat.formats.torch.child.script import open_script

            network = open_script(file, {k: tuple(v) for k, v in shapes.items()})
        self._network, self._name = network, file.name
        return {
            "inputs": dict(network.inputs),
            "outputs": network.outputs,
            "notes": network.notes,
            "gradients": network.gradient is not None,
            "parameters": network.parameters,
        }

    def build(self, **said: Any) -> dict[str, Any]:
        """Open a pickle: only where the user said so, `mobilecat.formats.torch.built`."""
        from mobilecat.formats.torch.child.building import from_pickle

        return from_pickle(**said)

    def translate(self, out: str, shapes: dict[str, list[int]]) -> dict[str, Any]:
        import onnx

        from mobilecat.formats.torch.child.to_onnx import add_notes

        assert self._network is not None
        self._say("translating to ONNX")
        proto, notes = self._network.translate({k: tuple(v) for k, v in shapes.items()})
        add_notes(proto, NOTES_KEY, text_from_notes((*self._network.notes, *notes)))
        onnx.save(proto, out)
        return {}

    def run(self, given: str, made: str) -> dict[str, Any]:
        assert self._network is not None
        with np.load(given, allow_pickle=False) as arrays:
            feeds = {n: arrays[f"x{i}"] for i, n in enumerate(self._network.inputs)}
        try:
            outputs = self._network.run(feeds)
        except Exception as e:
            raise ModelError(
                f"{self._name}: PyTorch cannot run it on these inputs", [Problem(reason(e))]
            ) from e
        np.savez(made, **{f"y{i}": v for i, v in enumerate(outputs.values())})  # type: ignore[arg-type]
        return {"outputs": list(outputs)}

    def gradient(
        self, inputs: list[str], outputs: list[str], maps: int, given: str, made: str
    ) -> dict[str, Any]:
        from mobilecat.formats.base.gradients import answered, given_arrays

        assert self._network is not None and self._network.gradient is not None
        self._say("taking the gradient")
        arrays = given_arrays(given, inputs, outputs, maps)
        try:
            return answered(self._network.gradient(*arrays), made)
        except (RuntimeError, KeyError) as e:
            what = Problem(reason(e))
            raise ModelError(f"{self._name}: PyTorch gives no gradient", [what]) from e


def main() -> None:
    def verbs(say: Say) -> Verbs:
        server = Server(say)
        return {
            "open": server.open,
            "build": server.build,
            "translate": server.translate,
            "run": server.run,
            "gradient": server.gradient,
        }

    serve(verbs, "PyTorch cannot read or translate this model", reason)


if __name__ == "__main__":
    main()
