"""A head that fits by its shape only is not believed: metadata, labels, values on a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mobilecat.compile import export
from mobilecat.errors import ModelError
from mobilecat.formats.importing import import_model
from mobilecat.graph.declared import Declared, declared
from mobilecat.spec import Spec, spec_from_text
from tests.heads.networks import save_constant_network

N, SIDE = 189, 96  # strides 8, 16, 32


def network(
    path: Path, columns: int, *, opset: int = 17, reach: tuple[float, float] = (0, 0.9), **said: str
) -> Path:
    """Save a network [1,columns,N]: boxes in pixels, then columns within `reach`."""
    rng = np.random.default_rng(0)
    rows = np.concatenate(
        [rng.uniform(5, 60, (1, 4, N)), rng.uniform(*reach, (1, columns - 4, N))], axis=1
    )
    save_constant_network(path, (SIDE, SIDE), {"output0": rows})
    model = onnx.load(path)
    for key, value in said.items():
        model.metadata_props.add(key=key, value=value)
    model.opset_import[0].version = opset
    onnx.save(model, path)
    return path


def spec(path: Path, head: str = 'kind = "yolov8"', top: str = "", size: int = SIDE) -> Spec:
    return spec_from_text(
        f'name = "n"\nsource = "{path}"\n{top}\n[input]\nsize = [{size}, {size}]\n'
        f"[head]\n{head}\n[targets.onnx]\n"
    )


def notes(given: Spec, folder: Path) -> list[str]:
    said = export(given, folder / "bundle").notes
    return [n for n in said if not n.startswith(("assumed preprocessing", "yolov", "nms"))]


CONTRADICTIONS: dict[str, tuple[int, dict[str, str], str]] = {
    "a pose network": (
        4 + 1 + 51,
        {"task": "pose", "names": "{0: 'person'}", "kpt_shape": "[17, 3]"},
        "the file's metadata says task 'pose', and head 'yolov8' reads 'detect'",
    ),
    "a rotated one": (
        4 + 15 + 1,
        {"task": "obb", "names": str({i: f"c{i}" for i in range(15)})},
        "the file's metadata says task 'obb'",
    ),
    "a mask network": (
        4 + 80 + 32,
        {"task": "segment", "names": str({i: f"c{i}" for i in range(80)})},
        "the file's metadata says task 'segment'",
    ),
    "names alone, fewer than the columns": (
        4 + 80 + 32,
        {"names": str([f"c{i}" for i in range(80)])},
        "the file's metadata names 80 classes (c0, c1, c2, …), but head 'yolov8' reads 112",
    ),
}


@pytest.mark.parametrize("opset", [17, 18])
@pytest.mark.parametrize(
    ("columns", "said", "what"), CONTRADICTIONS.values(), ids=list(CONTRADICTIONS)
)
def test_what_the_file_says_of_itself_must_agree(
    columns: int, said: dict[str, str], what: str, opset: int, tmp_path: Path
) -> None:
    path = network(tmp_path / "n.onnx", columns, opset=opset, **said)
    with pytest.raises(ModelError, match="by its shapes only") as caught:
        export(spec(path), tmp_path / "bundle")
    (problem,) = caught.value.problems
    assert problem.what.startswith(what)
    assert problem.where == "head.kind" and problem.fix
    assert not (tmp_path / "bundle").exists()


def test_the_same_file_as_raw_tensors(tmp_path: Path) -> None:
    """Its tensors can always be had."""
    path = network(tmp_path / "n.onnx", 56, task="pose", kpt_shape="[17, 3]")
    assert export(spec(path, 'kind = "raw"'), tmp_path / "b").bundle.outputs[0].name == "output0"


def test_a_pose_network_as_what_it_is(tmp_path: Path) -> None:
    said = {"task": "pose", "names": "{0: 'person'}", "kpt_shape": "[17, 3]"}
    path = network(tmp_path / "n.onnx", 56, **said)
    made = export(spec(path, 'kind = "pose"'), tmp_path / "bundle")
    assert made.bundle.spec.labels == ("person",)
    path = network(tmp_path / "n.onnx", 57, **{**said, "names": "['cat', 'dog']"})
    with pytest.raises(ModelError) as caught:
        export(spec(path, 'kind = "pose"\nvisibility = "none"'), tmp_path / "bundle")
    assert [p.fix for p in caught.value.problems] == ["set head.classes = 2"]


def test_rows_that_count_the_files_names(tmp_path: Path) -> None:
    """An end-to-end network's shape does not tell its classes; its file does."""
    rows = np.random.default_rng(0).uniform(0, 0.9, (1, 300, 6))
    rows[..., 5] = 1
    path = save_constant_network(tmp_path / "n.onnx", (SIDE, SIDE), {"output0": rows})
    model = onnx.load(path)
    model.metadata_props.add(key="names", value="['cat', 'dog', 'ox']")
    onnx.save(model, path)
    made = export(spec(path, 'kind = "end2end"'), tmp_path / "bundle")
    assert made.bundle.spec.labels == ("cat", "dog", "ox")


def test_points_that_the_file_counts_otherwise(tmp_path: Path) -> None:
    rows = np.zeros((1, 9, 5 + 10 + 1))
    path = save_constant_network(tmp_path / "n.onnx", (SIDE, SIDE), {"out": rows})
    model = onnx.load(path)
    model.metadata_props.add(key="kpt_shape", value="[4, 2]")
    onnx.save(model, path)
    head = 'kind = "yolo5face"\nunits = "pixels"'
    with pytest.raises(ModelError) as caught:
        export(spec(path, head), tmp_path / "bundle")
    assert "says 4 points (kpt_shape), but head 'yolo5face' reads 5" in str(caught.value)


def test_labels_come_from_the_file_where_the_spec_has_none(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 7, task="detect", names="{0: 'cat', 1: 'dog', 2: 'ox'}")
    made = export(spec(path), tmp_path / "bundle")
    assert made.bundle.spec.labels == ("cat", "dog", "ox")
    assert (tmp_path / "bundle" / "labels.txt").read_text("utf-8") == "cat\ndog\nox\n"
    assert "3 labels from the file's metadata: cat, dog, ox" in made.notes


def test_labels_of_the_spec_are_kept(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 7, names="['cat', 'dog', 'ox']")
    same = spec(path, top='labels = ["Cat", "Dog", "Ox"]')
    made = export(same, tmp_path / "bundle")
    assert made.bundle.spec.labels == ("Cat", "Dog", "Ox")
    assert notes(same, tmp_path) == []
    other = spec(path, top='labels = ["chat", "dog", "ox"]')
    assert notes(other, tmp_path) == [
        "the spec's labels are taken; class 0 is 'chat' in the spec and 'cat' in the file's "
        "metadata"
    ]
    swapped = spec(path, top='labels = ["dog", "cat", "ox"]')
    assert notes(swapped, tmp_path) == [
        "warning: the labels are the file's in another order: class 0 is 'dog' in the spec and "
        "'cat' in the file's metadata"
    ]


def test_labels_of_the_spec_are_believed_before_the_files_names(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 6, names="['background', 'cat', 'dog']")
    given = spec(path, top='labels = ["cat", "dog"]')
    assert notes(given, tmp_path) == [
        "warning: the file's metadata names 3 classes, the spec's labels 2: the labels are taken"
    ]


def test_labels_that_do_not_match_the_count(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="80 labels, but the head has 112 classes"):
        labels = [f"c{i}" for i in range(80)]
        path = network(tmp_path / "n.onnx", 4 + 80 + 32)
        export(spec(path, top=f"labels = {labels}"), tmp_path / "bundle")


def test_without_any_of_them_the_note_says_what_is_assumed(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 135)
    assert notes(spec(path), tmp_path) == [
        "assumed: 131 classes, since 'output0' [1, 135, 189] has as many columns left; neither the "
        "spec's labels nor the file name them",
        'no labels: the 131 classes will be called by number (class 0). Write labels = ["name of '
        'class 0", "name of class 1", …], in the network\'s order, at the top of the spec, and '
        "export again",
    ]


def test_prototypes_of_masks_are_seen(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform(0, 0.9, (1, 4 + 80 + 32, N))
    rows[:, :4] *= 60
    outputs = {"output0": rows, "output1": np.zeros((1, 32, 16, 16))}
    path = save_constant_network(tmp_path / "n.onnx", (SIDE, SIDE), outputs)
    (assumed, unread, _) = notes(spec(path), tmp_path)
    assert assumed.startswith("assumed: 112 classes")
    assert unread == (
        "warning: not read: 'output1' [1, 32, 16, 16]. Prototypes of masks, whose coefficients "
        "are not classes?"
    )


def test_values_that_are_no_scores(tmp_path: Path) -> None:
    """A pose network whose file says nothing: its points reach across the picture."""
    path = network(tmp_path / "n.onnx", 56, reach=(-3, 64))
    (*_, odd) = notes(spec(path), tmp_path)
    assert odd.startswith(
        "warning: 52 of the 52 classes that head 'yolov8' reads (number 0, 1, 2, 3, …) have "
        "values from -2"
    )
    assert "Are these points, mask coefficients or an angle" in odd


def test_units(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 6)
    top = 'labels = ["a", "b"]'
    (odd,) = notes(spec(path, 'kind = "yolov8"\nunits = "normalised"', top), tmp_path)
    assert odd.startswith("warning: most boxes lie far outside of a made picture: boxes look like ")
    assert odd.endswith('write units = "pixels" in [head]')
    rows = np.full((1, 6, N), 0.4)
    save_constant_network(path, (SIDE, SIDE), {"output0": rows})
    (odd,) = notes(spec(path, top=top), tmp_path)
    assert odd == (
        "warning: no box reaches beyond 0.6 pixels on a made picture: boxes look normalised (0 to "
        '1), and the spec says pixels: write units = "normalised" in [head]'
    )


def test_another_size_than_the_file_was_exported_for(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 6, imgsz="[640, 480]", names="['a', 'b']")
    assert notes(spec(path), tmp_path) == [
        "warning: the file was exported for 480×640 pictures (imgsz), input.size is 96×96",
        "2 labels from the file's metadata: a, b",
    ]


def test_metadata_goes_with_an_old_opset(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 6, opset=11, names="['a', 'b']")
    assert import_model(path, {}).metadata_props["names"] == "['a', 'b']"


SAID: dict[str, tuple[dict[str, str], Declared]] = {
    "nothing": ({}, Declared()),
    "ultralytics": (
        {"task": "pose", "names": "{0: 'a', 1: 'b'}", "kpt_shape": "[17, 3]", "imgsz": "[32, 64]"},
        Declared("pose", ("a", "b"), 17, (64, 32)),
    ),
    "a hole in the names": ({"names": "{0: 'a', 2: 'b'}"}, Declared()),
    "names that are no words": ({"names": "{0: 'a', 1: 2}"}, Declared()),
    "code": ({"names": "__import__('os').system('x')", "task": "a b; c"}, Declared()),
    "too deep": ({"names": "(" * 5000, "kpt_shape": "[" * 90000}, Declared()),
    "too long": ({"names": str(["a" * 300_000])}, Declared()),
    "negative": ({"kpt_shape": "[-17, 3]", "imgsz": "[0, 64]"}, Declared()),
    "true is no number": ({"kpt_shape": "[True, 3]", "imgsz": "640"}, Declared()),
}


@pytest.mark.parametrize(("metadata", "expected"), SAID.values(), ids=SAID)
def test_what_metadata_says(metadata: dict[str, str], expected: Any) -> None:
    assert declared(metadata) == expected


def test_names_that_are_no_labels_are_not_taken(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx", 6, names=str(["a", "b\x00\n"]))
    assert export(spec(path), tmp_path / "bundle").bundle.spec.labels == ()
