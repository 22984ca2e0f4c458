"""Text, numbers and arrays that are damaged or mean harm: each told as an error, none a traceback.

Every case here ended in a traceback, in a wrong success or in all of the memory.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.disk import read_json, read_text, toml_from_text
from mobilecat.disk.arrays import read_array, read_arrays
from mobilecat.errors import MobileCatError, ModelError, SpecError
from mobilecat.formats.base.notes import NOTES_KEY, notes_from_metadata
from mobilecat.formats.onnx.inspect import inspect_model
from mobilecat.formats.onnx.read import import_onnx
from mobilecat.lanes.boxes import read_boxes
from mobilecat.measure.datasets import DatasetError, load_dataset
from mobilecat.spec import load_spec, spec_from_text
from tests.formats.importing.models import external, model, save
from tests.judge.fake import write_bundle

PLAIN = 'source = "m.onnx"\n'
INPUT = PLAIN + "[input]\nsize = [8, 8]\n"


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        spec_from_text(text)
    return str(caught.value)


# --- specs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, key",
    [
        ("std = inf", "input.std"),
        ("std = [1.0, nan, 1.0]", "input.std"),
        ("std = 1e-320", "std has a value below"),
        ("mean = nan", "input.mean"),
        ("mean = -inf", "input.mean"),
        ("mean = 1e39", "input.mean"),
        ("range = [0.0, inf]", "input.range"),
        ("range = [0.0, 1e400]", "input.range"),
    ],
)
def test_numbers_that_no_network_was_trained_on(line: str, key: str) -> None:
    assert key in refusal(INPUT + line)


@pytest.mark.parametrize("value", ["inf", "nan", "-1.0", "-inf"])
@pytest.mark.parametrize("key", ["boxes_px", "landmarks_px", "scores", "tensors"])
def test_tolerances_that_hold_everything(key: str, value: str) -> None:
    assert f"tolerances.onnx.{key}" in refusal(PLAIN + f"[tolerances.onnx]\n{key} = {value}")


def test_what_would_take_all_memory() -> None:
    assert "more than" in refusal(PLAIN + "[input]\nsize = [16384, 16384]")
    assert "more than" in refusal(PLAIN + "[shapes]\nx = [16384, 16384, 16384, 16384]")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{a = " * 5000,
        "a = " + "9" * 5000,
        "[" + "a." * 3000 + "a]",
    ],
)
def test_toml_without_end(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        toml_from_text(text)
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(MobileCatError):
        load_spec(tmp_path / "s.toml")


def test_numbers_without_end() -> None:
    for key in ("name", "source", "labels", "input.size", "nms.max_detections", "head.kind"):
        for number in (f"0x{'f' * 20_000}", str(1 << 63)):
            assert "more than 64 bits" in refusal(f"{key} = {number}\n")


@pytest.mark.parametrize(
    "label", ["cat\ndog", "cat\x1b]0;x\x07", "\ufeffcat", "cat\u2028", " ", ""]
)
def test_labels_of_a_spec(label: str) -> None:
    assert "labels" in refusal(f"labels = [{json.dumps(label)}]\n{PLAIN}")
    assert "landmarks" in refusal(f"landmarks = [{json.dumps(label)}]\n{PLAIN}")


def labels_from(tmp_path: Path, data: bytes) -> tuple[str, ...]:
    (tmp_path / "names.txt").write_bytes(data)
    (tmp_path / "s.toml").write_text('labels = "names.txt"\n' + PLAIN)
    return load_spec(tmp_path / "s.toml").labels


def test_label_files(tmp_path: Path) -> None:
    assert labels_from(tmp_path, "\ufeffcat\r\ndög\r\n".encode()) == ("cat", "dög")
    assert labels_from(tmp_path, b"cat\rdog\n\n") == ("cat", "dog")
    for data, why in (
        ("dög".encode("latin-1"), "names.txt cannot be read"),
        ("cat".encode("utf-16"), "cannot be read"),
        (b"cat\x0bdog", "U+000B"),
        ("cat\u2028dog".encode(), "U+2028"),
        (b"x\n" * (1 << 20), "larger than"),
    ):
        with pytest.raises(SpecError) as caught:
            labels_from(tmp_path, data)
        assert why in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    ["[" * 100_000, "[[1, 2, 3, 1" + "0" * 400 + "]]", "[[1e400, 0, 0, 0]]", "[[1, [2], 3, 4]]"],
)
def test_anchors_of_no_box(rows: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(rows)
    text = 'source = "m.onnx"\n[input]\nsize = [8, 8]\n[head]\nkind = "ssd"\nanchors = "a.json"\n'
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SpecError, match=r"head\.anchors"):
        load_spec(tmp_path / "s.toml")


# --- JSON -----------------------------------------------------------------------------------------

ENDLESS = ("[" * 100_000, '{"a":' * 30_000, "[" + "9" * 5000 + "]")


@pytest.mark.parametrize("text", ENDLESS)
def test_json_without_end(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError):
        read_json(tmp_path / "x.json")
    folder = write_bundle(tmp_path / "shop").bundle
    (folder / "bundle.json").write_text(text)
    with pytest.raises(MobileCatError, match="damaged"):
        open_bundle(folder)
    with pytest.raises(MobileCatError):
        read_boxes(tmp_path / "x.json", "image", (10, 10))
    with pytest.raises(DatasetError):
        load_dataset(tmp_path / "x.json")


def test_a_bundle_saved_by_an_editor_that_marks_files(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "shop").bundle
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text("\ufeff" + text.replace("\n", "\r\n"), newline="")
    assert open_bundle(folder).artifacts


def test_text_is_read_to_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(1 << 20)
    with pytest.raises(ValueError, match="larger than 1,000 bytes"):
        read_text(tmp_path / "x", 1000)


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400, "NaN", "-Infinity"])
def test_boxes_that_are_no_numbers(number: str, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(f'[{{"box_xyxy": [0, 0, {number}, 5]}}]')
    with pytest.raises(MobileCatError, match="box_xyxy is"):
        read_boxes(tmp_path / "b.json", "image", (10, 10))


@pytest.mark.parametrize("dtype", ["os.system", "object", "O", "f4,f4", "float128"])
def test_types_of_a_bundle(dtype: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "shop").bundle
    told = json.loads((folder / "bundle.json").read_text())
    told["outputs"][0]["dtype"] = dtype
    (folder / "bundle.json").write_text(json.dumps(told))
    with pytest.raises(MobileCatError, match="is none of"):
        open_bundle(folder)
    told["outputs"][0].update(dtype="float32", shape=[1, 99999, 99999])
    (folder / "bundle.json").write_text(json.dumps(told))
    with pytest.raises(MobileCatError, match="no tensor's that a phone could hold"):
        open_bundle(folder)


# --- data sets ------------------------------------------------------------------------------------


def picture(folder: Path, name: str = "p.png") -> Path:
    Image.new("RGB", (20, 10)).save(folder / name)
    return folder


COCO = (
    '{"images": [{"id": 1, "file_name": "%s", "width": 20, "height": 10}],'
    ' "categories": [{"id": 1, "name": "cat"}],'
    ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, %s, 5]}]}'
)


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400, "NaN", "[1]", "true"])
def test_coco_boxes_of_no_number(number: str, tmp_path: Path) -> None:
    (picture(tmp_path) / "x.json").write_text(COCO % ("p.png", number))
    with pytest.raises(DatasetError, match="bbox must be four numbers"):
        load_dataset(tmp_path / "x.json")


@pytest.mark.parametrize("keypoints", ["7", '"eye"', "true", '{"a": 1}'])
def test_coco_keypoints_that_are_no_list(keypoints: str, tmp_path: Path) -> None:
    text = (COCO % ("p.png", "5")).replace('"cat"', f'"cat", "keypoints": {keypoints}')
    (picture(tmp_path) / "x.json").write_text(text)
    with pytest.raises(DatasetError, match="keypoints must be a list"):
        load_dataset(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["p\\u0000.png", "p" * 5000, "..", "\\ud800.png"])
def test_coco_pictures_of_no_name(name: str, tmp_path: Path) -> None:
    (picture(tmp_path) / "x.json").write_text(COCO % (name, "5"))
    with pytest.raises((DatasetError, OSError)):
        load_dataset(tmp_path / "x.json")


def test_a_picture_that_unpacks_to_too_much(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IEND\xaeB`\x82"
    (tmp_path / "p.png").write_bytes(data)
    (tmp_path / "x.json").write_text(COCO % ("p.png", "5"))
    with pytest.raises(DatasetError, match="not a picture that can be read"):
        load_dataset(tmp_path / "x.json")


VOC = (
    '<?xml version="1.0" encoding="%s"?><annotation><filename>p.png</filename><object>'
    "<name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    "</object></annotation>"
)


@pytest.mark.parametrize("codec", ["utf-7", "shift-jis", "utf-32", "idna", "no-such", "rot13"])
def test_voc_encodings(codec: str, tmp_path: Path) -> None:
    (picture(tmp_path) / "p.xml").write_text(VOC % codec)
    with pytest.raises(DatasetError):
        load_dataset(tmp_path)


def test_voc_in_latin_1_is_read(tmp_path: Path) -> None:
    text = (VOC % "latin-1").replace("cat", "kätzchen")
    (picture(tmp_path) / "p.xml").write_bytes(text.encode("latin-1"))
    assert load_dataset(tmp_path).classes == ("kätzchen",)


def test_xml_that_grows(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    doctype = f'<!DOCTYPE annotation [<!ENTITY a0 "haha">{laughs}]>'
    text = (VOC % "utf-8").replace("?><annotation>", f"?>{doctype}<annotation>")
    (picture(tmp_path) / "p.xml").write_text(text.replace("cat", "&a11;"))
    with pytest.raises(DatasetError, match="it could grow without end"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("names", ["['\\x']", "['a\0b']", "['\\N{nothing}']", "['" + "a" * 10])
def test_yolo_names(names: str, tmp_path: Path) -> None:
    picture(tmp_path)
    (tmp_path / "p.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text(f"names: {names}\n")
    with pytest.raises(DatasetError):
        load_dataset(tmp_path)


# --- arrays ---------------------------------------------------------------------------------------


def npy(header: str, body: bytes = b"", version: bytes = b"\1\0") -> bytes:
    data = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(data)) + data + body


NPY = {
    "a shape of all memory": npy("{'descr':'<f4','fortran_order':False,'shape':(999999999,99999)}"),
    "a shape below zero": npy("{'descr':'<f4','fortran_order':False,'shape':(-4,)}", bytes(16)),
    "objects": npy("{'descr':'|O','fortran_order':False,'shape':(1,)}", b"cos\nsystem\n(S'x'\ntR."),
    "objects inside": npy("{'descr':[('a','|O')],'fortran_order':False,'shape':(1,)}", bytes(8)),
    "code": npy("__import__('os').system('true')"),
    "a deep header": npy("[" * 5000 + "]" * 5000),
    "another version": npy("{}", version=b"\x09\0"),
    "too short": npy("{'descr':'<f4','fortran_order':False,'shape':(9,)}", bytes(8)),
    "no header": b"\x93NUMPY",
    "empty": b"",
}


@pytest.mark.parametrize("case", NPY)
def test_arrays_that_are_none(case: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(NPY[case])
    with pytest.raises(ValueError):
        read_array(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", NPY[case])
    with pytest.raises(ValueError):
        read_arrays(tmp_path / "x.npz")


def test_archives_that_are_none(tmp_path: Path) -> None:
    for data in (b"", b"PK\3\4", b"x" * 100):
        (tmp_path / "x.npz").write_bytes(data)
        with pytest.raises(ValueError):
            read_arrays(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.pkl", b"cos\nsystem\n(S'x'\ntR.")
    with pytest.raises(ValueError, match="is no array"):
        read_arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", ">i8", "bool", "complex64", "<U5"])
def test_arrays_come_back_as_they_were(order: Any, dtype: str, tmp_path: Path) -> None:
    made = np.asarray(np.arange(24).reshape(2, 3, 4).astype(dtype), order=order)
    np.save(tmp_path / "x.npy", made)
    np.savez(tmp_path / "x.npz", a=made, b=np.zeros((0, 3)), c=np.float32(7))
    found = read_arrays(tmp_path / "x.npz")
    np.testing.assert_array_equal(read_array(tmp_path / "x.npy"), made)
    np.testing.assert_array_equal(found["a"], made)
    assert (found["b"].shape, found["c"].shape, found["c"].item()) == ((0, 3), (), 7)
    assert found["a"].dtype == made.dtype and found["a"].flags.writeable


# --- ONNX -----------------------------------------------------------------------------------------


def onnx_refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        import_onnx(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "entries, why",
    [
        ({"offset": "-1"}, "no whole numbers"),
        ({"offset": "x"}, "no whole numbers"),
        ({"offset": "1" * 400}, "no whole numbers"),
        ({"length": "-128"}, "no whole numbers"),
        ({"length": "64"}, "64 bytes of external data for [4, 2, 2, 2], which takes 128"),
        ({"length": ""}, ""),
        ({"location": "a\0b"}, "outside the model's folder"),
        ({"location": "..\\w.bin"}, "outside the model's folder"),
        ({"location": "C:\\w.bin"}, "outside the model's folder"),
        ({"location": "link.bin"}, "by a link"),
        ({"location": "."}, "is missing"),
    ],
)
def test_external_data(entries: dict[str, str], why: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "secret").write_bytes(bytes(128))
    (tmp_path / "deep" / "link.bin").symlink_to(tmp_path / "secret")
    path = external(tmp_path / "deep" / "m.onnx", **entries)
    if why:
        assert why in onnx_refusal(path)
    else:
        import_onnx(path)


def outside(tensor: TensorProto, **entries: str) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_external_data_inside_a_constant_and_a_subgraph(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    inner = outside(numpy_helper.from_array(np.zeros(4, np.float32), "k"))
    body = helper.make_graph(
        [helper.make_node("Constant", [], ["y1"], "inner", value=inner)], "then", [],
        [helper.make_tensor_value_info("y1", TensorProto.FLOAT, [4])],
    )  # fmt: skip
    yes = numpy_helper.from_array(np.array(True), "yes")
    branches = helper.make_node("If", ["yes"], ["y"], "if", then_branch=body, else_branch=body)
    proto = model([branches], [yes])
    frozen = import_onnx(save(proto, tmp_path / "m.onnx"))
    assert frozen.graph.outputs[0].name == "y"
    inner.external_data[0].value = "../w.bin"
    proto.graph.node[0].attribute[0].g.node[0].attribute[0].t.CopyFrom(inner)
    assert "outside the model's folder" in onnx_refusal(save(proto, tmp_path / "m.onnx"))


def test_the_same_bytes_over_and_over(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(4096))
    tensors = [
        outside(numpy_helper.from_array(np.zeros(1024, np.float32), f"w{i}")) for i in range(99)
    ]
    nodes = [helper.make_node("Sum", [t.name for t in tensors], ["y"], "sum")]
    assert "over and over" in onnx_refusal(save(model(nodes, tensors), tmp_path / "m.onnx"))


def functions(calls: dict[str, list[str]]) -> onnx.ModelProto:
    """Return x → f0 → y, where each function calls those in its list, one after another."""
    made = []
    for name, called in calls.items():
        values = ["x", *(f"v{i}" for i in range(len(called) - 1)), "y"]
        nodes = [
            helper.make_node(c, [values[i]], [values[i + 1]], domain="" if c == "Relu" else "own")
            for i, c in enumerate(called)
        ]
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        made.append(helper.make_function("own", name, ["x"], ["y"], nodes, opsets))
    proto = model([helper.make_node("f0", ["x"], ["y"], "call", domain="own")])
    proto.opset_import.append(helper.make_opsetid("own", 1))
    proto.functions.extend(made)
    return proto


def test_functions_without_end(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    assert "a function calls itself" in onnx_refusal(save(functions({"f0": ["f0"]}), path))
    ring = {"f0": ["f1", "Relu"], "f1": ["f2"], "f2": ["Relu", "f0"]}
    assert "a function calls itself" in onnx_refusal(save(functions(ring), path))
    tower = {f"f{i}": [f"f{i + 1}"] * 2 for i in range(60)} | {"f60": ["Relu"]}
    assert "more nodes than can be built" in onnx_refusal(save(functions(tower), path))
    fine = {"f0": ["f1", "f1"], "f1": ["Relu"]}
    assert [n.op_type for n in import_onnx(save(functions(fine), path)).graph] == ["Relu"] * 2


BOMBS = {
    "a range": (["Range"], [np.float32(0), np.float32(4e9), np.float32(1)]),
    "a fill": (["ConstantOfShape"], [np.array([40000, 40000, 4], np.int64)]),
    "a tile": (["Tile"], [np.zeros((1000, 1000), np.float32), np.array([2000, 2000], np.int64)]),
    "an expansion": (["Expand"], [np.float32(1), np.array([1 << 18, 1 << 18], np.int64)]),
}


@pytest.mark.parametrize("case", BOMBS)
def test_constants_that_take_all_memory(case: str, tmp_path: Path) -> None:
    (op,), given = BOMBS[case]
    tensors = [numpy_helper.from_array(np.asarray(v), f"c{i}") for i, v in enumerate(given)]
    nodes = [
        helper.make_node(op, [t.name for t in tensors], ["big"], "bomb"),
        helper.make_node("ReduceMax", ["big"], ["m"], "max", keepdims=0),
        helper.make_node("Add", ["x", "m"], ["y"], "add"),
    ]
    said = onnx_refusal(save(model(nodes, tensors), tmp_path / "m.onnx"))
    assert "bomb" in said and ("takes more than 4 GiB" in said or "elements" in said)


def test_values_that_no_phone_holds(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([1 << 14, 1 << 14, 3, 5], np.int64), "s")
    nodes = [helper.make_node("Expand", ["x", "s"], ["big"], "bomb"),
             helper.make_node("ReduceMax", ["big"], ["y"], "max")]  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3, 5])
    said = onnx_refusal(save(model(nodes, [shape], [x]), tmp_path / "m.onnx"))
    assert "elements" in said and "bomb" in said


def test_names_that_are_no_text(tmp_path: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["relu_out"], "the_node"),
                   helper.make_node("Relu", ["relu_out"], ["y"], "last")])  # fmt: skip
    data = proto.SerializeToString()
    for name in (b"Relu", b"relu_out", b"the_node"):
        path = tmp_path / "m.onnx"
        path.write_bytes(data.replace(name, b"\xff" + name[1:]))
        assert "not an ONNX file, or cut short" in onnx_refusal(path)


def test_inspect_of_types_that_are_none(tmp_path: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"], "r")])
    proto.graph.input[0].type.tensor_type.elem_type = 99
    proto.graph.initializer.append(TensorProto(name="w", dims=[1 << 40, 1 << 40]))
    found = inspect_model(save(proto, tmp_path / "m.onnx"))
    assert found.inputs[0].dtype == "type 99"
    assert found.parameters == 1 << 80


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "7", '{"a": 1}', "[1, null]", ""])
def test_notes_that_are_somebodys_own(text: str) -> None:
    assert notes_from_metadata({NOTES_KEY: text}) == ()
    assert notes_from_metadata({NOTES_KEY: '["cut at x"]'}) == ("cut at x",)


def test_a_name_with_a_zero() -> None:
    assert "U+0000" in refusal('source = "a\\u0000b"')
