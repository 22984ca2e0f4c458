"""What a .tflite says: signature, tensors in their order, quantisation, metadata, packed labels."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilecat.bundle import ArtifactRecord, Bundle
from mobilecat.disk import mapped
from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.base.facts import (
    INTERFACE,
    LABELS,
    METADATA,
    PICTURE,
    Fact,
    ports,
    tensor_inputs,
    tensor_outputs,
)
from mobilecat.formats.base.inspection import Port
from mobilecat.formats.tflite.inspect import inspect_model
from mobilecat.formats.tflite.quantised import quantised_facts

LABELS_FILE = "labels.txt"
POSTPROCESS = "TFLite_Detection_PostProcess"
# Left, top, right, bottom lie at 1, 0, 3, 2 of the operator's ymin, xmin, ymax, xmax.
# https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs
_LOCATION = "'location', boxes BOUNDARIES RATIO, index [1, 0, 3, 2]"
_CATEGORY = "'category'"
_IMAGE = {1: "'image', image GRAYSCALE", 3: "'image', image RGB"}
_MAX_LABELS_BYTES = 16 << 20


def facts(path: Path, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    from mobilecat.formats.tflite.read.file import shared_tflite

    data = mapped(path)
    model = shared_tflite(data, str(path))
    yield from _interface(model, record, bundle)
    yield from quantised_facts(model, record)
    stated = record.image_scale or ()
    for name, scale in _arithmetic(model):
        expected = tuple(map(float, stated)) if name == "input 0" else ()
        yield Fact(PICTURE, f"quantisation of {name}", scale, expected)
    about = inspect_model(path, "tflite").metadata
    spec = bundle.spec
    yield Fact(METADATA, "description", about.get("description"), f"{spec.name}, made by mobilecat")
    described = record.contract in ("detection", "classifier")
    wanted = _described(bundle, record) if described else {}
    said = {k.strip(): v for k, v in about.items() if k.startswith("  ")}
    for key in sorted(wanted.keys() | said.keys() - {"parser"}):
        group = PICTURE if key.startswith("input") else METADATA
        yield Fact(group, f"metadata, {key}", said.get(key), wanted.get(key))
    labels = spec.labels if described else ()
    files = about["files"].split(", ") if "files" in about else []
    yield Fact(LABELS, "files in the model", tuple(files), (LABELS_FILE,) if labels else ())
    if labels and LABELS_FILE in files:
        yield Fact(LABELS, "label", _packed_labels(path), labels)


def taps(path: Path, record: ArtifactRecord) -> dict[str, str]:
    """Return the record's taps; none where a tool has stripped every inner tensor of its name.

    Where others have theirs, one that is gone is a fault for the run to find.
    """
    from mobilecat.formats.tflite.read.file import shared_tflite

    graph = shared_tflite(mapped(path), str(path)).subgraphs[0]
    ends = {int(i) for i in (*graph.inputs, *graph.outputs)}
    named = any(_text(t.name) for i, t in enumerate(graph.tensors) if i not in ends)
    return record.taps if named else {}


def _interface(model: Any, record: ArtifactRecord, bundle: Bundle) -> Iterator[Fact]:
    graph = model.subgraphs[0]
    signatures = list(model.signatureDefs or [])
    yield Fact(INTERFACE, "signatures", len(signatures), 1)
    if not signatures:
        return
    takes, gives = list(signatures[0].inputs or []), list(signatures[0].outputs or [])
    wanted = tensor_inputs(bundle, record), _outputs(bundle, record)
    for kind, entries, places, expected in (
        ("input", takes, graph.inputs, wanted[0]),
        ("output", gives, graph.outputs, wanted[1]),
    ):
        names = {int(e.tensorIndex): _text(e.name) for e in entries}
        found = [_port(graph.tensors[i], names.get(int(i), f"unnamed {i}")) for i in places]
        yield from ports(kind, found, expected)
        listed = tuple(sorted(_text(e.name) for e in entries))
        yield Fact(
            INTERFACE, f"signature's {kind}s", listed, tuple(sorted(p.name for p in expected))
        )
    if record.contract == "detection":
        by_place = {int(e.tensorIndex): _text(e.name) for e in gives}
        made = tuple(tuple(by_place.get(int(i), "unnamed") for i in op.outputs)
                     for op in _postprocess(model))  # fmt: skip
        yield Fact(INTERFACE, f"outputs of {POSTPROCESS}", made, (tuple(_names(record)),))


def _outputs(bundle: Bundle, record: ArtifactRecord) -> list[Port]:
    if record.contract == "classifier":
        name = record.outputs["class_probabilities"]
        return [Port(name, "float32", (1, len(bundle.spec.labels)))]
    if record.contract != "detection":
        return tensor_outputs(bundle, record)
    nms = bundle.spec.effective_nms
    k = nms.max_detections if nms else 0
    shapes: tuple[tuple[int, ...], ...] = ((1, k, 4), (1, k), (1, k), (1,))
    return [Port(n, "float32", s) for n, s in zip(_names(record), shapes, strict=True)]


def _names(record: ArtifactRecord) -> list[str]:
    """Return the operator's four outputs in the order in which its readers take them."""
    return [record.outputs.get(n, "") for n in ("boxes", "class_ids", "scores", "count")]


def _port(tensor: Any, name: str) -> Port:
    from mobilecat.formats.tflite.inspect import _shape, _type_name

    shape = _shape(tensor)
    open_ = tensor.shapeSignature
    given = shape if open_ is None or not len(open_) else tuple(int(d) for d in open_)
    detail = "" if given == shape else f"or {'×'.join(map(str, given))}"
    return Port(name, _type_name(tensor.type), shape, detail)


def _arithmetic(model: Any) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield scale and zero point of each input and output: float has none."""
    graph = model.subgraphs[0]
    for kind, places in (("input", graph.inputs), ("output", graph.outputs)):
        for k, i in enumerate(places):
            q = graph.tensors[i].quantization
            there = q is not None and q.scale is not None and len(q.scale)
            zero = q.zeroPoint[0] if there and q.zeroPoint is not None else 0
            yield f"{kind} {k}", (float(q.scale[0]), float(zero)) if there else ()


def _described(bundle: Bundle, record: ArtifactRecord) -> dict[str, str]:
    spec = bundle.spec
    channels = spec.input.channels if spec.input else 3
    # Mandatory for floats: the values 0–255 are handed on, the network does the rest.
    floats = ", mean [0.0], std [1.0]" if record.image == "float32" else ""
    labels = f", value labels in {LABELS_FILE}" if spec.labels else ""
    size = f" {spec.input.size[0]}×{spec.input.size[1]}" if spec.input else ""
    said = {
        "name": spec.name,
        "description": f"{spec.name}, made by mobilecat",
        "input 0": f"{_IMAGE[channels]}{size}{floats}",
    }
    if record.contract == "classifier":
        return {**said, "output 0": f"'probability', axis labels in {LABELS_FILE}"}
    return {
        **said,
        "output 0": _LOCATION,
        "output 1": f"{_CATEGORY}{labels}",
        "output 2": "'score'",
        "output 3": "'number of detections'",
    }


def _packed_labels(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as packed, packed.open(LABELS_FILE) as file:
            text = file.read(_MAX_LABELS_BYTES + 1)
    except zipfile.BadZipFile as e:
        raise ArtifactError("The labels cannot be read", [Problem(str(e), str(path))]) from e
    if len(text) > _MAX_LABELS_BYTES:
        what = f"{LABELS_FILE} in it is larger than 16 MB"
        raise ArtifactError("The labels cannot be read", [Problem(what, str(path))])
    lines = text.decode("utf-8").replace("\r\n", "\n")
    return tuple(lines.removesuffix("\n").split("\n"))


def _postprocess(model: Any) -> list[Any]:
    codes = model.operatorCodes
    return [
        op
        for op in model.subgraphs[0].operators
        if _text(codes[op.opcodeIndex].customCode) == POSTPROCESS
    ]


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
