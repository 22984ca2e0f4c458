"""Faults put into an artifact's bytes after it was written."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.graph import Array
from tools.plant_faults.files import (
    blob_weights,
    coreml_file,
    edit_blob,
    edit_coreml,
    edit_tflite,
    operations,
    tflite_const,
    tflite_ops,
)
from tools.plant_faults.workshop import Mutant

RGB, BGR = 20, 30  # FeatureTypes.proto, ImageFeatureType.ColorSpace


def flipped_byte(m: Mutant) -> None:
    file = coreml_file(m.path)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)
    m.keep_hash = True


def cut_short(m: Mutant) -> None:
    cut_short_and_vouched(m)
    m.keep_hash = True


def cut_short_and_vouched(m: Mutant) -> None:
    file = coreml_file(m.path)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])


def other_colour_space(m: Mutant) -> None:
    def change(spec: Any) -> None:
        image = spec.description.input[0].type.imageType
        image.colorSpace = RGB if image.colorSpace == BGR else BGR

    edit_coreml(m.path, change)


def scaled_again(m: Mutant) -> None:
    def change(spec: Any) -> None:
        spec.neuralNetwork.preprocessing[0].scaler.channelScale = 1 / 255

    edit_coreml(m.path, change)


def biased(m: Mutant) -> None:
    def change(spec: Any) -> None:
        scaler = spec.neuralNetwork.preprocessing[0].scaler
        scaler.redBias, scaler.greenBias, scaler.blueBias = -123.68, -116.78, -103.94

    edit_coreml(m.path, change)


def infinite(m: Mutant) -> None:
    """One weight of 65520, which float16 holds as inf."""

    def change(weights: Array) -> Array:
        weights[weights.size // 2] = np.inf
        return weights

    edit_blob(m.path, _blob(m), change)


def zeroed_blob(m: Mutant) -> None:
    edit_blob(m.path, _blob(m), np.zeros_like)


def _blob(m: Mutant) -> str:
    from mobilecat.formats.coreml.runtime.package import read_package

    names = blob_weights(read_package(m.path).spec)
    return names[len(names) // 2]


def zeroed_buffer(m: Mutant) -> None:
    def change(model: Any) -> None:
        convs = tflite_ops(model, "CONV_2D")
        tflite_const(model, convs[len(convs) // 2].inputs[1])[:] = 0

    edit_tflite(m.path, change)


def zeroed_layer(m: Mutant) -> None:
    def change(spec: Any) -> None:
        layers = [x for x in spec.neuralNetwork.layers if x.WhichOneof("layer") == "convolution"]
        weights = layers[len(layers) // 2].convolution.weights
        weights.floatValue[:] = [0.0] * len(weights.floatValue)

    edit_coreml(m.path, change)


def other_iou(m: Mutant) -> None:
    if m.format == "tflite":
        edit_tflite(m.path, _tflite_iou)
    else:
        edit_coreml(m.path, lambda spec: _coreml_threshold(spec, "iou", 0.6))


def _tflite_iou(model: Any) -> None:
    for op in tflite_ops(model, "NON_MAX_SUPPRESSION_V4"):
        tflite_const(model, op.inputs[3])[:] = 0.6


def other_score(m: Mutant) -> None:
    edit_coreml(m.path, lambda spec: _coreml_threshold(spec, "score", 0.4))


def _coreml_threshold(spec: Any, which: str, value: float) -> None:
    if spec.WhichOneof("Type") == "neuralNetwork":
        for layer in spec.neuralNetwork.layers:
            if layer.WhichOneof("layer") == "NonMaximumSuppression":
                setattr(layer.NonMaximumSuppression, f"{which}Threshold", value)
        return
    consts = {o.outputs[0].name: o for o in operations(spec) if o.type == "const"}
    for op in operations(spec):
        if op.type == "non_maximum_suppression":
            argument = op.inputs[f"{which}_threshold"].arguments[0]
            held = argument.value
            if argument.WhichOneof("binding") == "name":
                held = consts[argument.name].attributes["val"]
            held.immediateValue.tensor.floats.values[0] = value


def renamed_output(m: Mutant) -> None:
    if m.format == "tflite":
        edit_tflite(m.path, _rename_signature)
    else:
        edit_coreml(m.path, _rename_feature)


def _rename_signature(model: Any) -> None:
    for entry in model.signatureDefs[0].outputs:
        if entry.name in (b"scores", "scores"):
            entry.name = b"confidences"


def _rename_feature(spec: Any) -> None:
    """Rename the feature and the value behind it, so that the model itself is sound."""
    for feature in spec.description.output:
        if feature.name == "scores":
            feature.name = "confidences"
    if spec.WhichOneof("Type") == "neuralNetwork":
        for layer in spec.neuralNetwork.layers:
            for names in (layer.input, layer.output):
                for i, name in enumerate(names):
                    names[i] = "confidences" if name == "scores" else name
        return
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    for op in block.operations:
        for output in op.outputs:
            output.name = "confidences" if output.name == "scores" else output.name
        for argument in op.inputs.values():
            for a in argument.arguments:
                if a.WhichOneof("binding") == "name" and a.name == "scores":
                    a.name = "confidences"
    for i, name in enumerate(block.outputs):
        block.outputs[i] = "confidences" if name == "scores" else name


def exchanged_signature(m: Mutant) -> None:
    """The tensors behind `scores` and `class_ids` change places."""

    def change(model: Any) -> None:
        entries = {e.name.decode(): e for e in model.signatureDefs[0].outputs}
        a, b = entries["scores"], entries["class_ids"]
        a.tensorIndex, b.tensorIndex = b.tensorIndex, a.tensorIndex

    edit_tflite(m.path, change)
