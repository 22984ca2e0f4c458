"""An artifact made before is taken where everything it follows from is the same, and only there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

import mobilecat as mc
from mobilecat.bake import Baked
from mobilecat.compile import kept, making
from mobilecat.disk import sha256_of
from mobilecat.graph.passes import freeze
from mobilecat.heads import EncodedAnchors
from mobilecat.spec import Spec, spec_from_text

SPEC = """
name = "tiny"
source = "tiny.onnx"
[head]
kind = "raw"
[targets.onnx]
[targets.tflite]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a model beside it."""
    monkeypatch.delenv("MOBILECAT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tiny.onnx").write_bytes(_proto().SerializeToString())
    (tmp_path / "mobilecat.toml").write_text(SPEC, "utf-8")
    return tmp_path


def _proto(weight: float = 2.0) -> object:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    w = numpy_helper.from_array(np.float32([1, weight, 3, 4]), "w")
    graph = helper.make_graph([helper.make_node("Mul", ["x", "w"], ["y"])], "g", [x], [y], [w])
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


def _made(home: Path, monkeypatch: pytest.MonkeyPatch, name: str = "b", **options: object) -> list:
    """Export; return the names of the files that were made, and not taken from the cache."""
    made: list[str] = []
    emit = making.emit

    def counted(target: object, baked: object, spec: object, path: Path) -> object:
        made.append(path.name)
        return emit(target, baked, spec, path)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(making, "emit", counted)
        mc.export(home / "mobilecat.toml", home / name, **options)  # type: ignore[arg-type]
    return made


def test_the_same_again_is_taken_and_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _made(home, monkeypatch, "first") == ["tiny.tflite", "tiny.onnx"]
    assert _made(home, monkeypatch, "second") == []
    # bundle.json, too: all that was said of a file is said again.
    assert sha256_of(home / "first") == sha256_of(home / "second")
    assert _made(home, monkeypatch, "third", cache=False) == ["tiny.tflite", "tiny.onnx"]
    assert sha256_of(home / "first") == sha256_of(home / "third")


def test_a_changed_target_costs_only_that_target(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(home, monkeypatch)
    text = SPEC.replace("[targets.tflite]", '[targets.tflite]\nname = "other"')
    (home / "mobilecat.toml").write_text(text, "utf-8")
    assert _made(home, monkeypatch) == ["other.tflite"]


def test_changed_weights_and_a_damaged_file_are_made_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(home, monkeypatch)
    expected = sha256_of(home / "b")
    (file,) = [p for p in home.glob("cache/mobilecat/artifacts/*/artifact")
               if p.read_bytes() == (home / "b" / "tiny.tflite").read_bytes()]  # fmt: skip
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    assert _made(home, monkeypatch) == ["tiny.tflite"]
    assert sha256_of(home / "b") == expected
    (home / "tiny.onnx").write_bytes(_proto(5.0).SerializeToString())  # type: ignore[attr-defined]
    assert len(_made(home, monkeypatch)) == 2


@pytest.mark.parametrize("what", ["text", "link", "name", "none"])
def test_an_entry_that_is_not_as_it_was_kept_is_not_believed(
    what: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(home, monkeypatch)
    for entry in home.glob("cache/mobilecat/artifacts/*"):
        (record,) = entry.glob("record-*.json")
        if what == "text":
            record.write_text(record.read_text("utf-8").replace("float32", "float16"), "utf-8")
        elif what == "link":
            (entry / "artifact").rename(home / entry.name)
            (entry / "artifact").symlink_to(home / entry.name)
        elif what == "name":
            told = json.loads(record.read_text("utf-8")) | {"file": "../../out.tflite"}
            record.unlink()
            text = json.dumps(told).encode()
            (entry / kept._record_name(text)).write_bytes(text)
        else:
            record.unlink()
    assert len(_made(home, monkeypatch)) == 2
    assert _made(home, monkeypatch) == []


def _baked(weight: float = 2.0) -> Baked:
    model = freeze(ir.from_proto(_proto(weight)))  # type: ignore[arg-type]
    return Baked(model, None, ("y",), (), frozenset({"a"}), (),
                 EncodedAnchors(np.float32([[0, 0, 1, 1]]), (1, 1, 1, 1)))  # fmt: skip


def _spec(text: str = SPEC) -> Spec:
    return spec_from_text(text)


def test_each_ingredient_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOBILECAT_CACHE")
    spec, baked = _spec(), _baked()
    target = spec.targets.all[0]
    changed = {
        "nothing": (target, baked, spec, "f"),
        "weights": (target, _baked(2.5), spec, "f"),
        "raw": (target, dataclasses.replace(baked, raw=("z",)), spec, "f"),
        "exact": (target, dataclasses.replace(baked, exact_nodes=frozenset({"b"})), spec, "f"),
        "anchors": (target, dataclasses.replace(baked, anchors=None), spec, "f"),
        "file": (target, baked, spec, "g"),
        "spec": (target, baked, _spec(SPEC.replace('"tiny"', '"tina"')), "f"),
        "target": (spec.targets.all[1], baked, spec, "f"),
    }
    keys = {what: kept.Kept(True).key(*given) for what, given in changed.items()}
    assert keys["nothing"] == kept.Kept(True).key(target, _baked(), _spec(), "f")
    monkeypatch.setattr(kept, "version_of", lambda name: "9" if name == "coremltools" else "")
    keys["library"] = kept.Kept(True).key(target, baked, spec, "f")
    monkeypatch.setattr(kept, "code_sha256", lambda: "other")
    keys["code"] = kept.Kept(True).key(target, baked, spec, "f")
    assert len(set(keys.values())) == len(keys)
    assert kept.Kept(False).key(target, baked, spec, "f") == ""


def test_what_nobody_asked_for_longest_goes_first(tmp_path: Path) -> None:
    import os

    for k, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "artifact").write_bytes(bytes(100))
        os.utime(tmp_path / name, (k, k))
    kept.drop_the_oldest(tmp_path, most=250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "c"]
