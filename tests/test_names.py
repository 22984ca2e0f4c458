"""Names that a stranger's spec, bundle or golden gives to files of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mobilecat.bundle import open_bundle
from mobilecat.bundle.cascade import CascadeFile, Pair, Part
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.golden.store import result_path
from mobilecat.spec import spec_from_text
from mobilecat.spec.load import load_spec
from mobilecat.spec.values import Targets
from mobilecat.value import safe_name, unsafe_name
from tests.judge.fake import write_bundle

UNSAFE = {
    "": "is no name",
    "..": "is no name",
    "../up": "holds '/'",
    "/tmp/out": "holds '/'",
    "a\\b": "holds '\\\\'",
    "c:up": "holds ':'",
    "what?": "holds '?'",
    "a\0b": "holds U+0000",
    "a\nb": "holds U+000A",
    "a\x1b[31mb": "holds U+001B",
    "a\u202eb": "holds U+202E",
    ".hidden": "begins with '.'",
    "-rf": "begins with '-'",
    "~": "begins with '~'",
    " a": "begins with ' '",
    "a.": "ends with '.'",
    "a ": "ends with ' '",
    "CON": "device on Windows",
    "nul.txt": "device on Windows",
    "com1": "device on Windows",
    "é" * 101: "longer than 200 bytes",
}


@pytest.mark.parametrize("name", UNSAFE)
def test_names_that_are_refused(name: str) -> None:
    assert UNSAFE[name] in unsafe_name(name)


@pytest.mark.parametrize("name", ["yolov8n", "a.b-c_d", "Katze 2", "猫", "conv", "x.tflite"])
def test_names_that_are_not(name: str) -> None:
    assert unsafe_name(name) == ""


@pytest.mark.parametrize(
    "text, expected",
    [("my model", "my-model"), ("...", "model"), ("con", "model"), ("a" * 300, "a" * 80),
     ("../x", "x"), ("x.", "x")],
)  # fmt: skip
def test_the_nearest_name(text: str, expected: str) -> None:
    assert safe_name(text, "model") == expected
    assert not unsafe_name(safe_name(text, "model"))


SPEC = 'name = {name}\nsource = "m.onnx"\n[targets.onnx]\n{target}\n'


def quoted(text: str) -> str:
    return json.dumps(text)  # a TOML basic string has JSON's escapes


@pytest.mark.parametrize("name", [n for n in UNSAFE if n not in ("a\ud800",)])
def test_a_spec_names_no_other_place(name: str) -> None:
    targets = [f"[targets.{kind}]\nname = {quoted(name)}" for kind in Targets.model_fields]
    for text in (
        SPEC.format(name=quoted(name), target=""),
        *(SPEC.format(name='"m"', target=t).replace("[targets.onnx]\n", "", 1) for t in targets),
    ):
        with pytest.raises(SpecError) as caught:
            spec_from_text(text)
        assert "name" in str(caught.value)


@pytest.mark.parametrize(
    "labels, why",
    [
        ("/etc/hostname", "its name is absolute"),
        ("../../.ssh/id_rsa", "it is hidden"),
        ("~/names.txt", "it is hidden"),
        (".netrc", "it is hidden"),
        ("a\x1bb.txt", "holds U+001B"),
        ("/dev/zero", "its name is absolute"),
        ("n" * 2000, "longer than 1024 bytes"),
    ],
)
@pytest.mark.parametrize("key", ["labels", "head.anchors"])
def test_files_that_a_spec_reads_into_the_artifact(
    key: str, labels: str, why: str, tmp_path: Path
) -> None:
    text = f'source = "m.onnx"\n{key} = {quoted(labels)}\n'
    if key == "head.anchors":
        text += 'head.kind = "ssd"\ninput.size = [8, 8]\n'
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "s.toml")
    assert why in str(caught.value)


def test_labels_beside_several_specs(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "s.toml").write_text('source = "m.onnx"\nlabels = "../names.txt"\n')
    assert load_spec(tmp_path / "a" / "s.toml").labels == ("cat",)


# --- what is read back ----------------------------------------------------------------------------


def changed(folder: Path, change: Any) -> Path:
    file = write_bundle(folder).bundle / "bundle.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))
    return file.parent


@pytest.mark.parametrize("name", ["../x", "/etc/hostname", "a\0b", "..", "a/b"])
def test_a_bundles_files_lie_in_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for key in ("file", "name"):
        folder = tmp_path / key

        def change(told: dict[str, Any], key: str = key) -> None:
            (told["artifacts"][0] if key == "file" else told)[key] = name

        with pytest.raises(MobileCatError) as caught:
            open_bundle(changed(folder, change))
        assert key in str(caught.value) and "does not hold" in str(caught.value)


def test_a_link_out_of_a_bundle(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b").bundle
    file = folder / open_bundle(folder).artifacts[0].file
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MobileCatError, match="is a link out of the bundle"):
        open_bundle(folder)


def test_a_cascades_parts_lie_in_it() -> None:
    with pytest.raises(ValueError, match="detector"):
        Part.model_validate({"folder": "../detector", "sha256": ""})
    with pytest.raises(ValueError, match="holds '/'"):
        Pair(name="a+b", kind="onnx", precision="float32", detector="../a", landmarks="b")
    assert CascadeFile.model_fields["name"].metadata  # one rule, wherever a name is read


def test_a_lane_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(MobileCatError, match="There is no such lane"):
        result_path(tmp_path, "approved", "x/../../y")
    assert result_path(tmp_path, "approved", "onnx:a.onnx").name == "approved-onnx@a.onnx.json"
