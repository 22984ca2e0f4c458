"""What is said of a spec whose preprocessing is not what its head's family publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import mobilecat as mc
from mobilecat.spec import Spec, spec_from_text
from mobilecat.spec.published import differences
from tests.heads.networks import save_constant_network

ROOT = Path(__file__).resolve().parents[2]


def spec(kind: str, image: str, head: str = "") -> Spec:
    return spec_from_text(
        f'source = "n.onnx"\n[input]\nsize = [64, 64]\n{image}\n[head]\nkind = "{kind}"\n{head}\n'
        "[targets.onnx]\n"
    )


FIVE = 'units = "pixels"'
TOPLEFT = 'resize = "letterbox-topleft"\npad = 114\n'
BOXED = 'resize = "letterbox"\npad = 114\n'


@pytest.mark.parametrize(
    ("kind", "image", "head", "keys", "word"),
    [
        ("yolov5", f"{BOXED}range = [0, 255]", FIVE, ["range"], "write range = [0, 1], unless"),
        ("yolov5", f"{BOXED}range = [-1, 1]", FIVE, ["range"], "[input] has range = [-1, 1], but"),
        ("yolov5", f'{BOXED}range = [0, 1]\ncolor = "BGR"', FIVE, ["color"], 'color = "RGB"'),
        ("yolov5", "range = [0, 1]", FIVE, ["resize"], 'write resize = "letterbox", pad = 114'),
        ("yolov5", f"{BOXED}range = [0, 1]\nmean = 0.5", FIVE, ["range"], "take mean away"),
        ("yolov5", 'range = [0, 1]\nresize = "letterbox"', FIVE, ["pad"], "write pad = 114"),
        ("yolov5", f"{TOPLEFT}range = [0, 1]", FIVE, ["resize"], 'write resize = "letterbox"'),
        ("yolo5face", f"{TOPLEFT}range = [0, 1]", "", ["resize"], 'resize = "letterbox-topleft"'),
        ("yolox", f'{BOXED}color = "BGR"', "", ["resize"], 'write resize = "letterbox-topleft"'),
        ("yolov3", f"{BOXED}range = [0, 255]", "", ["range"], "YOLOv3 is published with range ="),
        ("yolox", f"{TOPLEFT}range = [0, 1]", "", ["color", "range"], 'write color = "BGR"'),
        ("yunet", 'range = [0, 1]\ncolor = "BGR"', "", ["range"], "write range = [0, 255]"),
        ("yunet", "", "", ["color"], 'write color = "BGR"'),
        ("ultraface", "", 'form = "raw"', ["range"], "write mean = 127, std = 128"),
        ("blazeface", 'resize = "letterbox"', "", ["range"], "write range = [-1, 1]"),
    ],
)
def test_what_a_family_publishes_otherwise(
    kind: str, image: str, head: str, keys: list[str], word: str
) -> None:
    found = differences(spec(kind, image, head))
    assert [d.key for d in found] == keys
    assert word in " ".join(d.said for d in found)


@pytest.mark.parametrize(
    ("kind", "image", "head"),
    [
        ("yolov5", f"{BOXED}range = [0, 1]", FIVE),
        # The same values by other keys: (0 − 0) / 255 is 0, (255 − 0) / 255 is 1.
        ("yolov5", f"{BOXED}std = 255", FIVE),
        ("yolox", f'{TOPLEFT}color = "BGR"', ""),
        ("scrfd", f"{TOPLEFT}mean = 127.5\nstd = 128", ""),
        # The same place, to a pixel.
        ("yolov5", 'range = [0, 1]\nresize = "fit-pad"\npad = 114', FIVE),
        # YOLOX's first release.
        ("yolox", f"{TOPLEFT}range = [0, 1]\nmean = [0.485, 0.456, 0.406]\n"
         "std = [0.229, 0.224, 0.225]", ""),
        ("blazeface", 'resize = "letterbox"\nrange = [0, 1]', ""),  # MediaPipe's palms
        ("ultraface", "mean = 127\nstd = 128", 'form = "raw"'),
        ("yunet", 'color = "BGR"', ""),  # whose fit nobody publishes
        ("yolov8", "", ""),  # anyone's own detector
    ],
)  # fmt: skip
def test_what_is_published_is_not_accused(kind: str, image: str, head: str) -> None:
    assert differences(spec(kind, image, head)) == ()


def test_a_head_that_anyone_may_use_is_of_its_family_where_the_file_says_a_task() -> None:
    assert [d.key for d in differences(spec("yolov8", BOXED), task=True)] == ["range"]


def test_examples_are_not_accused() -> None:
    found = {p.parent.name: mc.load_spec(p) for p in ROOT.glob("examples/*/mobilecat.toml")}
    assert len(found) >= 6
    assert {n: d for n, s in found.items() if (d := differences(s, task=True))} == {}


def exported(folder: Path, image: str, **metadata: str) -> tuple[str, ...]:
    """Export 189 candidates of 96 × 96 as YOLOv8's, and return what is said."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.uniform(5, 60, (1, 4, 189)), rng.uniform(0, 1, (1, 2, 189))], 1)
    path = save_constant_network(folder / "n.onnx", (96, 96), {"output0": rows})
    model = onnx.load(path)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    given = spec("yolov8", image).model_copy(update={"source": str(path)})
    given = given.model_copy(
        update={"input": given.input and given.input.model_copy(update={"size": (96, 96)})}
    )
    return mc.export(given, folder / "bundle").notes


def test_export_says_it_as_a_warning_and_of_the_padding_as_a_note(tmp_path: Path) -> None:
    said = exported(tmp_path, 'resize = "letterbox"', task="detect", names="{0: 'a', 1: 'b'}")
    (values,) = (n for n in said if "range" in n and "published" in n)
    assert values.startswith("warning: [input] has range = [0, 255], but ")
    assert values.endswith(
        "write range = [0, 1], unless your network was trained with what you have"
    )
    (pad,) = (n for n in said if "pad = 114" in n)
    assert pad.startswith("note: [input] has pad = 0, but ")


def test_export_says_nothing_where_no_file_says_a_family(tmp_path: Path) -> None:
    assert not [n for n in exported(tmp_path, "") if "published" in n]


def test_a_network_that_divides_by_255_itself_is_not_accused(
    shared_data: Path, tmp_path: Path
) -> None:
    """YOLOv5n behind a division by 255, which then takes 0 to 255."""
    import onnx.helper as h
    from onnx import numpy_helper

    model = onnx.load(shared_data / "models" / "yolov5n.onnx")
    name = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["scaled" if i == name else i for i in node.input]
    model.graph.initializer.append(numpy_helper.from_array(np.float32(255), "by"))
    model.graph.node.insert(0, h.make_node("Div", [name, "by"], ["scaled"]))
    path = tmp_path / "n.onnx"
    onnx.save(model, path)
    text = (
        'source = "n.onnx"\n[input]\nsize = [640, 640]\nresize = "letterbox"\npad = 114\n'
        '[head]\nkind = "yolov5"\nunits = "normalised"\n[targets.onnx]\n'
    )
    (tmp_path / "mobilecat.toml").write_text(text)
    kept: dict[str, Any] = {"cache": False}
    said = mc.export(tmp_path / "mobilecat.toml", tmp_path / "bundle", **kept).notes
    assert not [n for n in said if n.startswith("warning")]
