"""A program is hashed when it is written and once more when it is loaded, and a byte that changes
in between is found."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import mobilecat as mc
from mobilecat.bundle import ArtifactRecord
from mobilecat.compile import making
from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError
from mobilecat.formats.coreai.read.package import missing

if reason := missing():
    pytest.skip(f"NOT_RUN: {reason}", allow_module_level=True)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    value = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in ("x", "y"))
    x, y = value
    graph = helper.make_graph([helper.make_node("Exp", ["x"], ["y"])], "g", [x], [y])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset]), tmp_path / "net.onnx")
    path = tmp_path / "mobilecat.toml"
    path.write_text(
        'name = "net"\nsource = "net.onnx"\n[head]\nkind = "raw"\n[targets.coreai]\n', "utf-8"
    )
    return path


def test_the_record_has_the_hash_of_what_lies_there(spec: Path, tmp_path: Path) -> None:
    done = mc.export(spec, tmp_path / "bundle", cache=False)
    (record,) = done.bundle.artifacts
    assert record.sha256 == sha256_of(tmp_path / "bundle" / record.file)


def test_a_byte_that_changes_before_the_file_is_loaded_is_found(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = making.require_loads

    def changed(path: Path, record: ArtifactRecord) -> None:
        program = path / "main.mlirb"
        data = bytearray(program.read_bytes())
        data[len(data) // 2] ^= 1
        program.write_bytes(data)
        loads(path, record)

    monkeypatch.setattr(making, "require_loads", changed)
    with pytest.raises(MobileCatError, match=r"main\.hash is not the SHA-256"):
        mc.export(spec, tmp_path / "bundle", cache=False)
    assert not (tmp_path / "bundle").exists()
