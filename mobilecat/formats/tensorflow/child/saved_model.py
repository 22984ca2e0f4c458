"""SavedModel folders: one signature, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.tensorflow.child.cut import with_shapes
from mobilecat.formats.tensorflow.child.graph_check import check_saved_model
from mobilecat.formats.tensorflow.child.graph_file import network_from_graph, recognise
from mobilecat.formats.tensorflow.child.network import Frozen, Given, Network, Say, dims
from mobilecat.formats.tensorflow.child.reason import reason
from mobilecat.graph import Array

_DEFAULT = "serving_default"
_INTERNAL = "__saved_model"


def open_saved_model(path: Path, options: ImportOptions, say: Say) -> Network:
    """Load the folder and choose a signature, or cut its graph where inputs or outputs are named.

    A signature of the TF object detection API is cut as its frozen graph would be.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    say("loading the SavedModel")
    check_saved_model(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as e:
        raise ModelError(
            "The model cannot be read",
            [
                Problem(
                    f"not a whole SavedModel: {reason(e)}",
                    str(path),
                    "copy the folder again, with variables/ and assets/",
                )
            ],
        ) from e
    signature, function, notes = _choose(dict(loaded.signatures), options, path)
    say(f"freezing signature {signature!r}")
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph_def = frozen.graph.as_graph_def()
    cut = bool(options.inputs or options.outputs)
    if cut or recognise(graph_def) is not None:
        return network_from_graph(graph_def, path, options, notes)
    # The order of a signature's tensors: of its keywords, and of its sorted outputs.
    inputs = dict(zip(function._arg_keywords, frozen.inputs, strict=True))
    outputs = dict(zip(sorted(function.structured_outputs), frozen.outputs, strict=True))

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        made: dict[str, Any] = function(
            **{k: tf.constant(feeds[k], inputs[k].dtype) for k in feeds}
        )
        return {k: made[k].numpy() for k in outputs}

    keep_alive = loaded  # the signature's variables live as long as what was loaded

    def freeze(given: Given) -> Frozen:
        assert keep_alive is not None
        names = {k: t.name for k, t in inputs.items()}
        return Frozen(
            with_shapes(graph_def, {names[k]: v for k, v in given.items()}),
            names,
            {k: t.name for k, t in outputs.items()},
        )

    return Network(
        {k: dims(t.shape) for k, t in inputs.items()},
        {k: dims(t.shape) for k, t in outputs.items()},
        run,
        freeze,
        notes,
    )


def _choose(
    signatures: dict[str, Any], options: ImportOptions, path: Path
) -> tuple[str, Any, tuple[str, ...]]:
    own = {k: v for k, v in signatures.items() if not k.startswith(_INTERNAL)}
    listed = ", ".join(own)
    if not own:
        raise ModelError(
            f"{path.name}: the SavedModel has no signature",
            [
                Problem(
                    "nothing in it says what to compile",
                    str(path),
                    "save it with one: tf.saved_model.save(…, signatures=…) or model.export(…)",
                )
            ],
        )
    wanted = options.signature or (_DEFAULT if _DEFAULT in own or len(own) > 1 else next(iter(own)))
    if wanted not in own:
        what = f"there is no signature {wanted!r}; it has {listed}"
        raise ModelError(
            f"{path.name}: which signature?",
            [Problem(what, "import.signature", f"one of {listed}")],
        )
    notes = () if options.signature or len(own) == 1 else (f"signature {wanted!r}, of {listed}",)
    return wanted, own[wanted], notes
