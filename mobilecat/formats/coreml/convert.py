"""MIL program → Core ML specification → files, the same bytes every time.

This drives coremltools' backends, not `ct.convert`. The program comes out of our lowerings as it
should run, so the hundred passes of `ct.convert` would only cost time (most of a second for a small
detector), rename variables that callers want to read back, and rewrite constants.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mobilecat.formats.coreml.compress.literals import share_literals
from mobilecat.formats.coreml.lower.lowering import Format
from mobilecat.formats.coreml.lower.mil import quiet
from mobilecat.formats.coreml.neural_network import neural_network
from mobilecat.formats.coreml.program import Precision, Program
from mobilecat.formats.coreml.recipe import PLAIN, Recipe
from mobilecat.formats.onnx.unread import serialised, varint

Color = Literal["RGB", "BGR", "GRAY"]
SPEC_VERSIONS = {"iOS13": 4, "iOS14": 5, "iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9}

_COLOR_SPACES = {
    "GRAY": 10,
    "RGB": 20,
    "BGR": 30,
}  # FeatureTypes.proto, ImageFeatureType.ColorSpace
_DATA = "com.apple.CoreML"
_NETWORK, _LAYERS = "neuralNetwork", 1
_METADATA_FIELDS = {
    "author": "author",
    "license": "license",
    "short_description": "shortDescription",
    "version": "versionString",
}


def specification(
    program: Program,
    format: Format,
    target: str,
    precision: Precision,
    weights_dir: Path,
    labels: Sequence[str] = (),
    recipe: Recipe = PLAIN,
) -> Any:
    """Return the Model proto; an ML Program's large constants go to `weights_dir`/weight.bin.

    labels: of an ML Program's one output, a probability each: it ends in `classify` then.
    """
    shapes = {v.name: [int(d) for d in v.shape] for v in program.mil.functions["main"].outputs}
    with quiet():
        from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

        PASS_REGISTRY["common::dead_code_elimination"](program.mil)
        PASS_REGISTRY["nn_backend::handle_unused_inputs"](program.mil)
        if format == "mlpackage":
            from coremltools.converters.mil.backend.mil.load import load as load_mil

            version = SPEC_VERSIONS[target]
            more = {}
            if labels:
                from coremltools import ClassifierConfig

                (output,) = shapes
                more["classifier_config"] = ClassifierConfig(
                    list(labels), predicted_probabilities_output=output
                )
            spec = load_mil(program.mil, str(weights_dir), specification_version=version, **more)
            if not recipe.plain:
                share_literals(spec)
        else:
            spec = neural_network(program, precision, recipe)
    _declare_output_shapes(spec, shapes)
    return spec


def _declare_output_shapes(spec: Any, shapes: Mapping[str, Sequence[int]]) -> None:
    """coremltools leaves a NeuralNetwork's output shapes open; they are known, so say them."""
    for feature in spec.description.output:
        if feature.type.WhichOneof("Type") != "multiArrayType":
            continue
        array = feature.type.multiArrayType
        if not array.shape:
            array.shape.extend(shapes[feature.name])


def declare_image(spec: Any, name: str, color: Color, size_hw: tuple[int, int]) -> None:
    """Turn the multiarray input `name` into an image; the graph itself scales and biases it."""
    feature = next(f for f in spec.description.input if f.name == name)
    image = feature.type.imageType
    image.height, image.width = size_hw
    image.colorSpace = _COLOR_SPACES[color]
    if spec.WhichOneof("Type") == "neuralNetwork":
        step = spec.neuralNetwork.preprocessing.add()
        step.featureName = name
        step.scaler.channelScale = 1.0


def describe(spec: Any, metadata: Mapping[str, str], labels: Sequence[str]) -> None:
    """Write user metadata: the four fields that Core ML names, everything else as userDefined."""
    target = spec.description.metadata
    for key, text in metadata.items():
        if key in _METADATA_FIELDS:
            setattr(target, _METADATA_FIELDS[key], text)
        else:
            target.userDefined[key] = text
    if labels:
        target.userDefined["classes"] = ",".join(labels)


def write_mlmodel(spec: Any, path: Path) -> None:
    """Write a specification; a NeuralNetwork's layer by layer, as their weights lie inside."""
    with path.open("wb") as file:
        file.writelines(_parts(spec))


def _parts(spec: Any) -> Iterator[bytes]:
    """Yield what the protobuf library gives for the whole: fields in the order of their numbers.

    https://protobuf.dev/programming-guides/encoding/
    """
    if spec.WhichOneof("Type") != _NETWORK:
        yield spec.SerializeToString(deterministic=True)
        return
    network = spec.neuralNetwork
    layers = [(varint(_LAYERS << 3 | 2) + varint(n.ByteSize()), n) for n in network.layers]
    rest = _without(network, "layers")
    size = sum(len(head) + n.ByteSize() for head, n in layers) + len(rest)
    number = spec.DESCRIPTOR.fields_by_name[_NETWORK].number  # above all that stands beside it
    yield _without(spec, _NETWORK) + varint(number << 3 | 2) + varint(size)
    for head, layer in layers:
        yield head
        yield layer.SerializeToString(deterministic=True)
    yield rest


def _without(message: Any, name: str) -> bytes:
    """Serialise a message but for one field."""
    return serialised(message, lambda field: field.name != name)


def write_mlpackage(spec: Any, path: Path) -> None:
    """Write manifest and model around a weights folder that is already in place.

    coremltools draws the manifest's identifiers at random; here they follow from the content.
    """
    data = path / "Data" / _DATA
    data.mkdir(parents=True, exist_ok=True)
    model = spec.SerializeToString(deterministic=True)
    (data / "model.mlmodel").write_bytes(model)
    digest = hashlib.sha256(model)
    entries = {"model": ("model.mlmodel", "CoreML Model Specification")}
    weights = data / "weights"
    if weights.is_dir():
        for file in sorted(weights.iterdir()):
            with file.open("rb") as opened:
                while chunk := opened.read(1 << 20):
                    digest.update(chunk)
        entries["weights"] = ("weights", "CoreML Model Weights")
    ids = {k: str(uuid.uuid5(uuid.NAMESPACE_OID, f"{digest.hexdigest()}/{k}")) for k in entries}
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            ids[k]: {
                "author": _DATA,
                "description": description,
                "name": name,
                "path": f"{_DATA}/{name}",
            }
            for k, (name, description) in entries.items()
        },
        "rootModelIdentifier": ids["model"],
    }
    (path / "Manifest.json").write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")


def weights_folder(path: Path) -> Path:
    """Return where an .mlpackage keeps weight.bin, made ready for writing."""
    folder = path / "Data" / _DATA / "weights"
    folder.mkdir(parents=True)
    return folder
