"""The child's loop: one request a line on stdin, answers on stdout; see `formats.base.serving`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.serving import Say, Verbs, serve
from mobilecat.formats.tensorflow.child.network import Network
from mobilecat.formats.tensorflow.child.reason import reason


class Server:
    """Answers requests about the one model that it has open."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._network: Network | None = None
        self._name = ""

    def open(self, path: str, format: str, options: dict[str, Any]) -> dict[str, Any]:
        chosen = ImportOptions(
            options.get("signature"),
            tuple(options.get("inputs", ())),
            tuple(options.get("outputs", ())),
        )
        network = _open(Path(path), format, chosen, self._say)
        self._network, self._name = network, Path(path).name
        return {
            "inputs": dict(network.inputs),
            "outputs": dict(network.outputs),
            "notes": network.notes,
        }

    def freeze(self, out: str, shapes: dict[str, list[int]]) -> dict[str, Any]:
        from mobilecat.formats.tensorflow.child.to_onnx import loops_in, write_onnx

        assert self._network is not None
        self._say("freezing")
        frozen = self._network.freeze({k: tuple(v) for k, v in shapes.items()})
        self._say("translating to ONNX")
        write_onnx(self._network, frozen, self._name, Path(out))
        return {"loops": loops_in(frozen.graph_def)}

    def run(self, inputs: list[str], given: str, made: str) -> dict[str, Any]:
        assert self._network is not None
        with np.load(given, allow_pickle=False) as arrays:
            feeds = {n: arrays[f"x{i}"] for i, n in enumerate(inputs)}
        try:
            outputs = self._network.run(feeds)
        except Exception as e:
            raise ModelError(
                f"{self._name}: TensorFlow cannot run it on these inputs", [Problem(reason(e))]
            ) from e
        arrays_out = {f"y{i}": np.asarray(v) for i, v in enumerate(outputs.values())}
        np.savez(made, **arrays_out)  # type: ignore[arg-type]
        return {"outputs": list(outputs)}

    def gradient(
        self, inputs: list[str], outputs: list[str], maps: int, given: str, made: str
    ) -> dict[str, Any]:
        from mobilecat.formats.base.gradients import answered, given_arrays
        from mobilecat.formats.tensorflow.child.gradient import gradient

        assert self._network is not None
        self._say("taking the gradient")
        arrays = given_arrays(given, inputs, outputs, maps)
        try:
            return answered(gradient(self._network, *arrays), made)
        except (LookupError, TypeError, ValueError) as e:  # an operator without a gradient
            what = Problem(reason(e))
            raise ModelError(f"{self._name}: TensorFlow gives no gradient", [what]) from e


def _open(path: Path, format: str, options: ImportOptions, say: Say) -> Network:
    if format == "saved-model":
        from mobilecat.formats.tensorflow.child.saved_model import open_saved_model

        return open_saved_model(path, options, say)
    if format == "tf-graph":
        from mobilecat.formats.tensorflow.child.graph_file import open_graph

        return open_graph(path, options, say)
    from mobilecat.formats.tensorflow.child.keras_file import open_keras

    return open_keras(path, format, options, say)


def main() -> None:
    def verbs(say: Say) -> Verbs:
        server = Server(say)
        return {
            "open": server.open,
            "freeze": server.freeze,
            "run": server.run,
            "gradient": server.gradient,
        }

    serve(verbs, "TensorFlow cannot read or freeze this model", reason)


if __name__ == "__main__":
    main()
