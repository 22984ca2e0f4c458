"""From a model file to a spec: what is recognised, what is asked, and that nothing is guessed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.formats.tensorflow.worker import missing_extra
from mobilecat.proposal.text import toml_value
from mobilecat.proposal.trial import Sample
from mobilecat.proposal.whole import propose
from mobilecat.spec.published import differences
from tests.command import mobilecat
from tests.heads.cases import SINGLE, SUPPRESSED
from tests.heads.networks import save_constant_network, save_network
from tests.heads.rows import Case
from tests.proposal.families import PUBLISHED
from tests.test_cli import refused

ROOT = Path(__file__).resolve().parents[2]
EMPTY = Sample("empty", Image.new("RGB", (64, 64)))
COCO = ROOT / "examples" / "coco80.txt"

# A real file, its example's spec, and what is asked besides.
REAL = {
    "face_detection_yunet_2023mar": ("yunet", []),
    "yolox_nano": ("yolox_nano", []),
    "yolov5n": ("yolov5n", []),
    "yolov3_tiny": ("yolov3_tiny", ["head.anchors"]),
    "ultraface_version-slim-320_without_postprocessing": ("ultraface", []),
    "mtcnn_onet": ("mtcnn_onet", ["input.transposed"]),
}


@pytest.mark.parametrize("file", REAL)
def test_real_files_get_their_examples_spec(file: str, shared_data: Path, tmp_path: Path) -> None:
    example, asked = REAL[file]
    found = propose(shared_data / "models" / f"{file}.onnx", tmp_path / "m.toml")
    wanted = mc.load_spec(ROOT / "examples" / example / "mobilecat.toml")
    assert [a.key for a in found.asks] == asked
    assert found.spec.input == wanted.input
    assert found.spec.labels == wanted.labels
    assert [d for d in differences(wanted) if d.key != "pad"] == []
    assert differences(found.spec, task=True) == ()
    assert len(found.spec.landmarks) == len(wanted.landmarks)
    said = {k: v for k, v in found.spec.head if k not in ("output", "score")}
    assert said == {k: v for k, v in wanted.head if k not in ("output", "score")}


@pytest.mark.parametrize(
    ("file", "head"),
    [
        ("face_detection_yunet_2022mar", {"kind": "yunet"}),
        ("yunet_n_320_320", {"kind": "yunet"}),
        ("ultraface_version-slim-320", {"kind": "ultraface", "form": "decoded"}),
    ],
)
def test_other_real_files(file: str, head: dict[str, Any], shared_data: Path) -> None:
    found = propose(shared_data / "models" / f"{file}.onnx", Path("m.toml"))
    assert {k: v for k, v in found.spec.head if k in head} == head
    assert found.asks == ()


@pytest.mark.parametrize(
    ("file", "kind", "asked"),
    [
        ("blazeface_short_range.tflite", "blazeface", []),
        ("coco_ssd_mobilenet_v1_quant.tflite", "ssd", ["nms.score_threshold"]),
        (
            "ssd_mobilenetv2_oidv4_fp16.tflite",
            "ssd",
            ["head.order", "head.activation", "input.color", "input.range", "input.resize"],
        ),
        ("ssdlite_mobilenet_v2_person_frozen_inference_graph.pb", "ssd", []),
        ("keras_fer_mini_xception.hdf5", "classify", ["input.mean"]),
    ],
)
def test_real_files_of_other_formats(
    file: str, kind: str, asked: list[str], shared_data: Path
) -> None:
    """The list of docs/init.md."""
    if not file.endswith(".tflite") and (why := missing_extra()):
        pytest.skip(f"NOT_RUN: {why} is not installed")
    found = propose(shared_data / "models" / file, Path("m.toml"))
    assert found.spec.head.kind == kind and [a.key for a in found.asks] == asked
    assert differences(found.spec, task=True) == ()


@pytest.mark.parametrize("case", (*SUPPRESSED, *SINGLE), ids=lambda c: c.name)
def test_no_network_is_taken_for_another_in_silence(case: Case, tmp_path: Path) -> None:
    wanted = tomllib.loads(case.head)["kind"]
    found = propose(save_network(tmp_path / "n.onnx", case.size_wh, case.outputs), tmp_path / "m")
    asked = {option for ask in found.asks if ask.key == "head.kind" for option in ask.options}
    assert found.spec.head.kind in (wanted, "raw") or wanted in asked, found.because


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_families(name: str, tmp_path: Path) -> None:
    """Head and input without a question, but for what no file of the family tells."""
    known = PUBLISHED[name]
    path = save_network(tmp_path / "net.onnx", known.size, known.outputs)
    model = onnx.load(path)
    for key, value in known.metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    found = propose(path, tmp_path / "m.toml")
    assert tuple(a.key for a in found.asks) == known.asked, found.because
    assert found.spec.input is not None and found.spec.input.size == known.size
    assert differences(found.spec, task="task" in known.metadata) == ()
    head = found.spec.head
    options = {o for a in found.asks if a.key == "head.kind" for o in a.options}
    assert head.kind == known.head["kind"] or known.head["kind"] in options
    if head.kind == known.head["kind"]:
        assert {k: getattr(head, k) for k in known.head} == dict(known.head)


def test_most_published_families_need_no_question() -> None:
    assert len(PUBLISHED) >= 25
    assert sum(not p.asked and p.head["kind"] != "raw" for p in PUBLISHED.values()) >= 20


def saved(folder: Path, rows: Any, **metadata: str) -> Path:
    """Save a network that gives `rows` of 84 cells (64 × 64) or 126 (96 × 64), with metadata."""
    size = (64, 64) if 84 in rows.shape[2:] else (96, 64)
    path = save_constant_network(folder / "net.onnx", size, {"output0": rows})
    model = onnx.load(path)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    return path


def eights(classes: int, cells: int = 84) -> Any:
    """Return [1,4+C,cells]: boxes in pixels, scores in 0..1."""
    rng = np.random.default_rng(classes)
    box, scores = rng.uniform(5, 60, (1, 4, cells)), rng.uniform(0, 1, (1, classes, cells))
    return np.concatenate([box, scores], axis=1)


def test_labels_come_from_the_metadata(tmp_path: Path) -> None:
    path = saved(tmp_path, eights(2), names="{0: 'cat', 1: 'a \"dog\"'}", task="detect")
    found = propose(path, tmp_path / "m.toml")
    assert found.spec.labels == ("cat", 'a "dog"')
    assert found.spec.head.kind == "yolov8"
    assert "2 labels, from the file's metadata" in found.assumed


@pytest.mark.parametrize(
    "names",
    ["{0: 'cat'}", "__import__('os')", "{0: 'cat', 1: 'd\\x1b[31m'}", "[" * 5000, "{0: 1, 1: 2}"],
)
def test_metadata_that_does_not_fit_is_left(names: str, tmp_path: Path) -> None:
    assert propose(saved(tmp_path, eights(2), names=names), tmp_path / "m").spec.labels == ()


@pytest.mark.parametrize("task", ["pose", "obb", "segment"])
def test_a_task_that_is_no_detection_is_not_taken_for_one(task: str, tmp_path: Path) -> None:
    found = propose(saved(tmp_path, eights(5), task=task), tmp_path / "m.toml")
    assert found.spec.head.kind != "yolov8"


def test_coco_s_labels_are_said_to_be_assumed(tmp_path: Path) -> None:
    found = propose(saved(tmp_path, eights(80, 126)), tmp_path / "m.toml")
    assert list(found.spec.labels) == COCO.read_text("utf-8").split("\n")[:80]
    assert any("COCO" in said for said in found.assumed)


def test_units_by_the_values_of_one_picture(tmp_path: Path) -> None:
    rows = eights(3)
    assert propose(saved(tmp_path, rows), tmp_path / "m").spec.head.units == "pixels"
    rows[:, :4] /= 64
    assert propose(saved(tmp_path, rows), tmp_path / "m").spec.head.units == "normalised"


def test_an_answer_takes_the_place_of_a_guess(tmp_path: Path) -> None:
    path = saved(tmp_path, eights(3))
    answers = {"head.units": "normalised", "input.color": "BGR"}
    found = propose(path, tmp_path / "m.toml", answers=answers)
    assert (found.spec.head.units, found.spec.input.color) == ("normalised", "BGR")


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"head.kind": "yolov9"}, "did you mean yolov8"),
        ({"head.unit": "pixels"}, "one of head.kind, head.output, head.units"),
        ({"head.units": "feet"}, "pixels, normalised"),
        ({"input.pad": 400}, "pad = 400, but it takes a whole number from 0 to 255"),
    ],
)
def test_answers_that_do_not_fit(answers: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=word):
        propose(saved(tmp_path, eights(3)), tmp_path / "m.toml", answers=answers)


def test_a_first_layer_that_wants_other_values_is_asked_about(tmp_path: Path) -> None:
    """A network that divides by 255 itself is not divided for again."""
    path = saved(tmp_path, eights(3))
    model = onnx.load(path)
    weights = [
        onnx.numpy_helper.from_array(np.float32(255), "by"),
        onnx.numpy_helper.from_array(np.full((2, 3, 1, 1), 0.5, np.float32), "kernel"),
        onnx.numpy_helper.from_array(np.float32([0.1, -0.1]), "bias"),
    ]
    model.graph.initializer.extend(weights)
    nodes = [
        onnx.helper.make_node("Div", ["input", "by"], ["shares"]),
        onnx.helper.make_node("Conv", ["shares", "kernel", "bias"], ["first"]),
    ]
    model.graph.node[0].input[0] = "first"
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.save(model, path)
    found = propose(path, tmp_path / "m.toml")
    (ask,) = (a for a in found.asks if a.key == "input.range")
    assert ask.options == ([0, 255], [0, 1])
    assert found.spec.input.range == (0, 255)


def test_the_file_says_what_every_key_means_and_is_read(tmp_path: Path) -> None:
    path, spec = saved(tmp_path, eights(3)), tmp_path / "m.toml"
    found = mc.init(path, spec)
    text = spec.read_text("utf-8")
    assert text == found.text and mc.load_spec(spec) == found.spec
    assert "# Pillow's filters" in text and '# resample = "bilinear"' in text
    assert 'source = "net.onnx"' in text
    for key in ("size", "range", "resize", "pad", "score_threshold"):
        before = text.split(f"\n{key} = ")[0].rsplit("\n", 1)[-1]
        assert before.startswith("# "), key
    assert mc.export(spec, tmp_path / "bundle").bundle.outputs[0].shape == (1, 100, 4)


def test_it_is_tried_on_a_picture(tmp_path: Path) -> None:
    picture = FOLDER / "pictures" / "two_on_a_sofa.png"
    found = mc.init(FOLDER / "cat_faces.onnx", tmp_path / "m.toml", image=picture)
    assert found.found is not None and len(found.found) == 2
    assert found.drawn is not None and found.drawn.size == Image.open(picture).size


def test_classes_without_names_are_said_to_have_none(tmp_path: Path) -> None:
    found = propose(saved(tmp_path, eights(5)), tmp_path / "m.toml", samples=[EMPTY])
    assert found.unnamed == 5 and "no labels: it has 5 classes" in str(found)
    assert '# labels = ["name of class 0", "name of class 1", "name of class 2", …]' in found.text
    assert re.search(r"^  class \d 0\.\d", str(found), re.MULTILINE)


def test_set_says_which_keys_it_takes(tmp_path: Path) -> None:
    wrong = ("--set", "targets.tflite.precision=int8")
    told = mobilecat("init", saved(tmp_path, eights(3)), "-o", tmp_path / "m.toml", *wrong)
    refused(told, "it takes keys of [head], [input] and [nms]", "are written into the spec")


@pytest.mark.parametrize(("own", "written"), [(1e-8, 0.3), (0.049, 0.3), (0.05, 0.05), (0.6, 0.6)])
def test_a_threshold_that_lets_everything_through_is_not_taken_over_in_silence(
    own: float, written: float, tmp_path: Path
) -> None:
    told = {"mobilecat.told": json.dumps({"nms": {"score_threshold": own}})}
    path = saved(tmp_path, eights(3), **told)
    found = propose(path, tmp_path / "m.toml")
    assert found.spec.nms is not None and found.spec.nms.score_threshold == written
    asked = [a for a in found.asks if a.key == "nms.score_threshold"]
    assert len(asked) == (own != written)
    if asked:
        assert f"# CHECK: the file's own is {own:g}, which lets nearly every" in found.text
        assert f"the file's own is {own:g}" in str(found)
    as_said = propose(path, tmp_path / "m.toml", answers={"nms.score_threshold": own})
    assert as_said.asks == () and as_said.spec.nms.score_threshold == own


def test_a_spec_that_is_there_is_kept(tmp_path: Path) -> None:
    path, spec = saved(tmp_path, eights(3)), tmp_path / "m.toml"
    spec.write_text("mine")
    with pytest.raises(MobileCatError, match="there is a spec already"):
        mc.init(path, spec)
    assert spec.read_text() == "mine"
    mc.init(path, spec, replace=True)
    assert mc.load_spec(spec).head.kind == "yolov8"


@pytest.mark.parametrize(
    "value",
    [
        True,
        3,
        0.5,
        "a",
        'q"u\\o\nte\x7f',
        [1, 2],
        [[1.5, 2], [3, 4]],
        ["x" * 50] * 5,
        [[9] * 40] * 3,
    ],
)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"v = {toml_value(value)}")["v"] == value


def test_a_file_that_is_no_model_says_what_is_taken(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("person\nbicycle\ncar\nmotorcycle\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "cat.png")
    (tmp_path / "notes.txt").write_text("hello there\n")
    (tmp_path / "größe.txt").write_text("größer, " * 20, "utf-8")
    for name, what in (
        ("labels.txt", "a text file"),
        ("notes.txt", "a text file"),
        ("größe.txt", "a text file"),
        ("cat.png", "a picture"),
    ):
        with pytest.raises(
            MobileCatError, match=r"\.onnx or \.tflite file, Keras's \.keras"
        ) as refusal:
            propose(tmp_path / name, tmp_path / "m.toml")
        assert what in str(refusal.value)


def test_bytes_that_are_no_text_are_none(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    with pytest.raises(MobileCatError, match="not an ONNX file, or cut short"):
        propose(tmp_path / "m.onnx", tmp_path / "m.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    saved(tmp_path, eights(3))
    there = next(tmp_path.glob("*.onnx"))
    for name, said in (
        (f"{there.stem}s.onnx", f"did you mean {there}?"),
        ("nosuch-at-all", "name a model file that is there"),
    ):
        with pytest.raises(MobileCatError, match="not found") as refusal:
            propose(tmp_path / name, tmp_path / "m.toml")
        assert said in str(refusal.value) and "--source" not in str(refusal.value)


def test_a_file_that_mobilecat_made_is_not_taken_for_a_source(tmp_path: Path) -> None:
    shapes = {"boxes": (1, 5, 4), "scores": (1, 5), "class_ids": (1, 5), "count": (1,)}
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    path = save_constant_network(tmp_path / "made.onnx", (64, 64), zeros)
    with pytest.raises(MobileCatError, match="mobilecat made this file") as refusal:
        propose(path, tmp_path / "m.toml")
    assert "use its source model" in str(refusal.value)


def test_the_command(tmp_path: Path) -> None:
    path, spec = saved(tmp_path, eights(3)), tmp_path / "m.toml"
    told = mobilecat("init", path, "-o", spec, "--set", "input.color=BGR")
    assert told.returncode == 0, told.stderr
    assert "YOLOv8: 84 columns of 4 + 3" in told.stdout
    assert f"next: mobilecat export {spec}" in told.stdout
    assert f"mobilecat run {tmp_path / 'bundle'} photo.jpg" in told.stdout
    beside = f"--golden {tmp_path / 'golden'}"
    assert f"golden record {tmp_path / 'bundle'} photos/ {beside}\n" in told.stdout
    assert "--at-once" not in told.stdout  # which approves what nobody has looked at
    looking = f"golden review {tmp_path / 'bundle'} {beside} --html review.html"
    approving = f"golden approve {tmp_path / 'bundle'} {beside} --all"
    assert told.stdout.index(looking) < told.stdout.index(approving)
    assert f"mobilecat validate {tmp_path / 'bundle'} {beside}" in told.stdout
    assert mc.load_spec(spec).input.color == "BGR"
    refused(mobilecat("init", path, "-o", spec), "there is a spec already")
    refused(mobilecat("init", spec, "-o", tmp_path / "n.toml"), "This is a spec, not a model")
    refused(mobilecat("init", path, "-o", tmp_path / "n.txt"), "a spec is a .toml file")
    wrong = mobilecat("init", path, "-o", tmp_path / "n.toml", "--set", "units", "--size", "big")
    refused(wrong, "'units' is not head.KEY=VALUE", "'big' is no size")
    report = json.loads(mobilecat("init", path, "-o", spec, "--replace", "--json").stdout)
    assert report["head"] == "yolov8" and report["check"] == []


def poses(points: int, seen: tuple[float, float] = (0, 1), each: int = 3) -> Any:
    """Return [1,5+each·K,84]: boxes and points in pixels, a score in 0..1."""
    rng = np.random.default_rng(points)
    rows = rng.uniform(5, 60, (84, 5 + each * points))
    rows[:, 4] = rng.uniform(0, 1, 84)
    if each == 3:
        rows[:, 7::3] = rng.uniform(*seen, (84, points))
    return rows.T[None]


@pytest.mark.parametrize(("turn", "angle"), [(2.3, "radians"), (90.0, "degrees")])
def test_turned_boxes(turn: float, angle: str, tmp_path: Path) -> None:
    """Only the metadata tells: without it an angle is one more score, if it is small."""
    rows = eights(4)
    rows[:, -1] *= turn
    found = propose(saved(tmp_path, rows, task="obb", names="{0: 'a', 1: 'b', 2: 'c'}"), tmp_path)
    assert found.spec.head.kind == "obb" and found.asks == ()
    assert found.spec.head.angle == angle and found.spec.labels == ("a", "b", "c")


@pytest.mark.parametrize(
    ("rows", "metadata", "head"),
    [
        (poses(17), {}, {"classes": 1, "visibility": "probability", "units": "pixels"}),
        (poses(4, (-3, 3)), {}, {"visibility": "logit"}),
        (poses(5), {"task": "pose", "kpt_shape": "[5, 3]"}, {"visibility": "probability"}),
        (poses(6, each=2), {"task": "pose", "kpt_shape": "[6, 2]"}, {"visibility": "none"}),
    ],
)
def test_poses(rows: Any, metadata: dict[str, str], head: dict[str, Any], tmp_path: Path) -> None:
    found = propose(saved(tmp_path, rows, **metadata), tmp_path / "m.toml")
    assert found.spec.head.kind == "pose" and found.asks == ()
    assert {k: v for k, v in found.spec.head if k in head} == head
