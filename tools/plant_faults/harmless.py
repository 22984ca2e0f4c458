"""Changes that change nothing that matters: none may raise alarm."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.graph import Array
from tools.plant_faults.changes import Plant, graph, weights
from tools.plant_faults.edit import Editor
from tools.plant_faults.files import edit_coreml, edit_tflite, operations, tflite_const, tflite_ops
from tools.plant_faults.kinds import ALL, COREML, DETECTORS
from tools.plant_faults.models import WITH_CONTRACTS
from tools.plant_faults.run import Row
from tools.plant_faults.workshop import CONTRACTS, FORMATS, Model, Mutant, stage_of

TAPS = ("decode/", "cls_", "obj_", "bbox_", "kps_", "output", "dense", "soft", "box_", "class_")


@dataclass(frozen=True)
class Harmless:
    name: str
    plant: Plant
    models: Sequence[str] = ALL
    formats: Sequence[str] = FORMATS


def noise(w: Array) -> Array:
    return w * (1 + 1e-6 * np.random.default_rng(7).standard_normal(w.shape))


def noisy_graph(e: Editor) -> None:
    """Float noise of 1e-6 on the weights of every convolution."""
    for conv in e.of_type("Conv"):
        e.set_const(conv.name or "", 1, noise)


def noisy_anchors(e: Editor) -> None:
    e.set_const("decode/centre", 1, noise)


def split_bias(e: Editor) -> None:
    """A convolution without bias, and an Add behind it."""
    conv = next(n for n in e.of_type("Conv") if len(n.inputs) > 2 and n.inputs[2] is not None)
    bias = conv.inputs[2]
    assert bias is not None and bias.const_value is not None
    row = np.asarray(bias.const_value.numpy()).reshape(1, -1, 1, 1)
    e.set_const(conv.name or "", 2, np.zeros_like)
    e.through(conv.outputs[0].name or "", lambda e, v: e.op("Add", v, row))


def neutral(e: Editor) -> None:
    """Times 1 and plus 0 in the middle of the network."""
    convs = e.of_type("Conv")
    one, zero = np.array(1, dtype=np.float32), np.array(0, dtype=np.float32)
    name = convs[len(convs) // 2].outputs[0].name or ""
    e.through(name, lambda e, v: e.op("Add", e.op("Mul", v, one), zero))


def there_and_back(e: Editor) -> None:
    """Two transpositions that cancel."""
    name = e.of_type("Conv")[0].outputs[0].name or ""

    def pair(e: Editor, v: ir.Value) -> ir.Value:
        return e.op("Transpose", e.op("Transpose", v, perm=[0, 2, 3, 1]), perm=[0, 3, 1, 2])

    e.through(name, pair)


def renamed_nodes(e: Editor) -> None:
    """Every node, and every value that no tap asks for, has another name."""
    taps = {v.name for v in e.model.graph.outputs}
    for i, node in enumerate(list(e.model.graph)):
        node.name = f"renamed/{i}"
        if node.op_type == "Conv" and all(v.name not in taps and not _tap(v) for v in node.outputs):
            node.outputs[0].name = f"value/{i}"


def _tap(value: ir.Value) -> bool:
    name = value.name or ""
    return name.startswith(TAPS)


def other_metadata(m: Mutant) -> None:
    def change(spec: Any) -> None:
        about = spec.description.metadata
        entries = dict(about.userDefined)
        about.userDefined.clear()
        for k in sorted(entries, reverse=True):
            about.userDefined[k] = entries[k]
        about.userDefined["zz_note"] = "reordered"
        about.author, about.license, about.shortDescription = "someone", "a licence", "words"

    edit_coreml(m.path, change)


def outputs_in_another_order(m: Mutant) -> None:
    def change(spec: Any) -> None:
        features = list(spec.description.output)[::-1]
        copies = [type(f).FromString(f.SerializeToString()) for f in features]
        del spec.description.output[:]
        spec.description.output.extend(copies)

    edit_coreml(m.path, change)


def other_manifest(m: Mutant) -> None:
    """Other identifiers, other order, no indentation."""
    path = m.path / "Manifest.json"
    told = json.loads(path.read_text("utf-8"))
    ids = {
        old: f"0000000{i}-1111-2222-3333-444444444444"
        for i, old in enumerate(told["itemInfoEntries"])
    }
    told["itemInfoEntries"] = {ids[k]: v for k, v in reversed(told["itemInfoEntries"].items())}
    told["rootModelIdentifier"] = ids[told["rootModelIdentifier"]]
    path.write_text(json.dumps(told), encoding="utf-8")


def op_names(m: Mutant) -> None:
    def change(spec: Any) -> None:
        if spec.WhichOneof("Type") == "neuralNetwork":
            for i, layer in enumerate(spec.neuralNetwork.layers):
                layer.name = f"layer {i}"
            return
        for i, op in enumerate(operations(spec)):
            if "name" in op.attributes:
                op.attributes["name"].immediateValue.tensor.strings.values[0] = f"op_{i}"

    edit_coreml(m.path, change)


def tensor_names(m: Mutant) -> None:
    kept = set(m.artifact["taps"].values())

    def change(model: Any) -> None:
        g = model.subgraphs[0]
        ends = {*g.inputs, *g.outputs}
        for i, t in enumerate(g.tensors):
            if i not in ends and t.name.decode() not in kept:
                t.name = f"tensor_{i}".encode()

    edit_tflite(m.path, change)


def signature_order(m: Mutant) -> None:
    edit_tflite(m.path, lambda model: model.signatureDefs[0].outputs.reverse())


def noisy_buffers(m: Mutant) -> None:
    def change(model: Any) -> None:
        for op in tflite_ops(model, "CONV_2D"):
            weights = tflite_const(model, op.inputs[1])
            weights[:] = noise(weights)

    edit_tflite(m.path, change)


def bundle_in_another_order(m: Mutant) -> None:
    m.told = dict(reversed(m.told.items()))


def other_versions(m: Mutant) -> None:
    m.told["versions"] = {**m.told["versions"], "numpy": "2.9.9", "somewhere": "else"}


def whole_bundle(m: Mutant) -> None:
    """All artifacts are back, listed the other way round."""
    told = json.loads((m.model.folder / "bundle.json").read_text("utf-8"))
    for a in told["artifacts"]:
        source, target = m.model.folder / a["file"], m.folder / a["file"]
        if not target.exists():
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    others = [a for a in told["artifacts"] if a["file"] != m.file]
    m.told["artifacts"] = [*m.told["artifacts"], *reversed(others)]
    m.told["spec"]["targets"] = told["spec"]["targets"]


def rewritten(m: Mutant) -> None:
    """bundle.json as another tool writes it: every key in another order, a byte order mark."""
    m.rewrite = True


def with_litter(m: Mutant) -> None:
    """What Explorer and Finder leave, beside the goldens, in the bundle and in a package."""
    home = m.own_golden()
    case = next(p for p in home.iterdir() if p.is_dir())
    for folder in (home, case, m.folder, *([m.path / "Data"] if m.path.is_dir() else [])):
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._x"):
            (folder / name).write_bytes(b"litter")
    m.keep_hash = True


def windows_lines(m: Mutant) -> None:
    """Goldens and labels.txt as git checks them out on Windows."""
    for path in (m.folder / "labels.txt", *m.own_golden().rglob("*.json")):
        if path.exists():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def nameless(m: Mutant) -> None:
    def change(model: Any) -> None:
        for t in model.subgraphs[0].tensors:
            t.name = b""

    edit_tflite(m.path, change)


def onnx_again(m: Mutant) -> None:
    """Nodes renamed, inner values declared no more, serialised by another writer."""
    proto = onnx.load(m.path)
    for i, node in enumerate(proto.graph.node):
        node.name = f"node {i}"
    del proto.graph.value_info[:]
    proto.doc_string = "words"
    m.path.write_bytes(proto.SerializeToString())


def changes() -> list[Harmless]:
    return [
        Harmless("exported again", lambda m: m.relower()),
        Harmless("noise of 1e-6 on the weights of every convolution", graph(noisy_graph)),
        Harmless("noise of 1e-6 on the anchors", graph(noisy_anchors), DETECTORS),
        Harmless("noise of 1e-6 on one layer", weights("Conv_9", noise), ("yunet",)),
        Harmless("noise of 1e-6 in the flatbuffer's weights", noisy_buffers, ALL, ("tflite",)),
        Harmless("nodes and values renamed, then exported", graph(renamed_nodes)),
        Harmless("a bias as an Add of its own", graph(split_bias), DETECTORS),
        Harmless("times 1, plus 0", graph(neutral)),
        Harmless("two transpositions that cancel", graph(there_and_back)),
        Harmless("metadata reordered and added to", other_metadata, ALL, COREML),
        Harmless("outputs described in another order", outputs_in_another_order, ALL, COREML),
        Harmless("ops or layers renamed", op_names, ALL, COREML),
        Harmless("manifest with other identifiers", other_manifest, ALL, ("mlpackage",)),
        Harmless("inner tensors renamed", tensor_names, ALL, ("tflite",)),
        Harmless("signature in another order", signature_order, ALL, ("tflite",)),
        Harmless(
            "flatbuffer packed again",
            lambda m: edit_tflite(m.path, lambda _: None),
            ALL,
            ("tflite",),
        ),
        Harmless(
            "protobuf written again", lambda m: edit_coreml(m.path, lambda _: None), ALL, COREML
        ),
        Harmless("bundle.json's keys in another order", bundle_in_another_order, ALL, ("tflite",)),
        Harmless("other versions in bundle.json", other_versions, ALL, ("tflite",)),
        Harmless("artifacts listed in another order", whole_bundle, ALL, ("tflite", "mlmodel")),
        Harmless("another folder", lambda m: None, ALL, (*FORMATS, "onnx")),
        Harmless("other contracts in another folder", lambda m: None, WITH_CONTRACTS, CONTRACTS),
        Harmless("bundle.json by another writer", rewritten, ALL, ("tflite", "mlmodel")),
        Harmless("Thumbs.db and .DS_Store", with_litter, ALL, ("tflite", "mlpackage")),
        Harmless("lines end as on Windows", windows_lines, ALL, ("tflite",)),
        Harmless("every tensor without a name", nameless, ALL, ("tflite",)),
        Harmless("every tensor without a name", nameless, WITH_CONTRACTS, ("detection.tflite",)),
        Harmless("ONNX nodes renamed, written again", onnx_again, ALL, ("onnx",)),
    ]


def plan_harmless(models: Sequence[Model]) -> list[tuple[Harmless, Model, str]]:
    by_name = {m.name: m for m in models}
    return [
        (change, by_name[name], format)
        for change in changes()
        for name in change.models
        for format in change.formats
        if name in by_name
    ]


def try_harmless(change: Harmless, model: Model, format: str, folder: Path) -> Row:
    mutant = Mutant(model, format, folder)
    change.plant(mutant)
    mutant.finish()
    stage, detail = stage_of(mutant)
    verdict = "held" if stage == "held" else "alarm"
    return Row(change.name, mutant.file, "held", stage, verdict, detail)
