"""What changed between two releases: each kind told rightly in the first line; limits held."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.changes.behaviour import LaneChange
from mobilecat.changes.facts import _size
from mobilecat.changes.pictures import (
    PictureChange,
    change_of,
    class_numbers,
    point_numbers,
    renumbered,
)
from mobilecat.changes.sides import Side, paired
from mobilecat.changes.whole import Difference, Limits
from mobilecat.changes.words import MOST, far_of, said
from mobilecat.errors import MobileCatError
from mobilecat.pictures.detections import Detections
from mobilecat.shown import Line, Table
from tests.command import mobilecat
from tests.heads.networks import save_network
from tests.test_cli import refused
from tests.tiny import save_yunet_like, yunet_like_spec

CORE_ML = '[[targets.coreml]]\nformat = "mlpackage"\nprecision = "{}"\n[targets.onnx]\n'
ANCHORS = "[[[12, 9], [20, 31]], [[40, 28], [33, 60]]]"
COARSE = {"coarse": ((1, 16, 4, 6), -2.0, 2.0), "fine": ((1, 16, 8, 12), -2.0, 2.0)}
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Export a tiny detector: make(name, seed=…, change=(old text, new text)) → its bundle."""
    folder = tmp_path_factory.mktemp("releases")

    def made(
        name: str, seed: int = 7, change: tuple[str, str] = ("", ""), targets: str = ""
    ) -> Path:
        home = folder / name
        if not home.exists():
            home.mkdir()
            save_yunet_like(home / "tiny.onnx", seed=seed)
            said = yunet_like_spec(Path("tiny.onnx"), targets or CORE_ML.format("float16"))
            assert change[0] in said
            (home / "mobilecat.toml").write_text(said.replace(*change) if change[0] else said)
            mc.export(home / "mobilecat.toml", home / "tiny")
        return home / "tiny"

    return made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in (1, 2):
        noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((120, 90)).save(folder / f"noise_{seed}.png")
    return folder


def compared(old: Path, new: Path, pictures: Path, **options: object) -> Difference:
    return mc.diff(old, new, [pictures], runner="onnx", cache=pictures / "cache", **options)  # type: ignore[arg-type]


def test_nothing(make: Make, pictures: Path, tmp_path: Path) -> None:
    found = compared(make("old"), make("old"), pictures)
    assert found.headline.startswith("Nothing changed. On 2 pictures, ")
    assert found.headline.endswith("all as before, exactly.")
    assert found.lanes[0].found[0] > 2, "something must be there to be compared"
    copy = shutil.copytree(make("old"), tmp_path / "copy")
    assert mc.diff(make("old"), copy).headline == "Nothing changed."


def test_another_threshold(make: Make, pictures: Path) -> None:
    old, new = make("old"), make("strict", change=("= 0.5", "= 0.55"))
    found = compared(old, new, pictures)
    before, after = (
        [np.asarray(mc.run(b, p, runner="onnx").detections.scores) for p in _files(pictures)]
        for b in (old, new)
    )
    # At another threshold of the score, the best are as they were: what is lost is the rest.
    gone = sum(int((s <= 0.55).sum()) for s in before)
    assert gone == found.lanes[0].lost == sum(map(len, before)) - sum(map(len, after)) > 0
    assert found.headline.startswith("Another threshold: nms.score_threshold 0.5 → 0.55.")
    assert f"{gone} lost, 0 gained" in found.headline and "did not move" in found.headline
    other = compared(new, old, pictures)
    assert (other.lanes[0].lost, other.lanes[0].gained) == (0, gone)


def test_another_anchor(tmp_path: Path, pictures: Path) -> None:
    bundles = []
    for name, anchors in (("old", ANCHORS), ("new", ANCHORS.replace("40, 28", "44, 28"))):
        home = tmp_path / name
        home.mkdir()
        save_network(home / "net.onnx", (96, 64), COARSE)
        (home / "spec.toml").write_text(
            'source = "net.onnx"\nname = "net"\nlabels = ["a", "b", "c"]\n'
            "[input]\nsize = [96, 64]\n"
            f'[head]\nkind = "yolov3"\nanchors = {anchors}\n[nms]\nscore_threshold = 0.3\n'
            "[targets.onnx]\n"
        )
        bundles.append(mc.export(home / "spec.toml", home / "net"))
    found = compared(*map(Path, bundles), pictures)
    assert found.headline.startswith("Another anchor: head.anchors[1][0] [40, 28] → [44, 28].")
    assert found.lanes[0].weight > (0, 0.0, 0.0)


def test_float16_against_float32(make: Make, pictures: Path) -> None:
    new = make("whole", targets=CORE_ML.format("float32"))
    found = compared(make("old"), new, pictures)
    assert found.headline.startswith("Another precision: float16 → float32 (tiny.mlpackage).")
    size = next(c for c in found.facts if c.kind == "size")
    assert size.what == "tiny.mlpackage" and "%" in size.new
    file = mc.diff(make("old") / "tiny.mlpackage", new / "tiny.mlpackage", [pictures])
    assert file.headline.startswith("Another precision: float16 → float32 (tiny.mlpackage).")
    assert [r.name for r in file.lanes] == ["coreml:tiny.mlpackage"]


def test_int8_against_float32(make: Make, pictures: Path) -> None:
    """The precision is said first, not the calibration that it brings; that alone is said, too."""
    whole = make("tflite", targets="[targets.tflite]\n")
    int8 = '[targets.tflite]\nprecision = "int8"\n[quantize]\ncalibration = "{}"\nnumber = 1\n'
    new = make("int8", targets=int8.format(f"../../{pictures.name}"))
    said = mc.diff(whole, new)
    assert said.headline == "Another precision: float32 → int8 (tiny.tflite)."
    assert "quantize.number none → 1" in map(str, said.facts)
    others = pictures.parent / "others"
    others.mkdir(exist_ok=True)
    noise = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).save(others / "a.png")
    other = make("recalibrated", targets=int8.format("../../others"))
    facts = [str(c) for c in mc.diff(new, other).facts if c.kind == "calibration"]
    assert "calibrated on: 1 of them are others" in facts
    assert mc.diff(new, other).headline.startswith("Another calibration: quantize.calibration ")


def test_a_retrained_detector(make: Make, pictures: Path) -> None:
    found = compared(make("old"), make("retrained", seed=8), pictures)
    # Weights of save_yunet_like by hand: 3 strides × (1 + 1 + 4 + 10) rows × 3 channels; and the
    # shapes of its 12 reshapes, 3 numbers each. Ops: a pool a stride, and of each of its 4 heads
    # Conv, Transpose and Reshape, of two also Sigmoid.
    assert found.headline.startswith("Retrained: 45 ops and 180 weights as before, ")
    alone = mc.diff(make("old").parent / "tiny.onnx", make("retrained").parent / "tiny.onnx")
    assert alone.headline.startswith("Retrained: 45 ops and 180 weights as before, ")


def test_a_copied_bundle_finds_its_model_file_or_says_that_it_is_lost(
    make: Make, tmp_path: Path
) -> None:
    old, new = make("old"), make("retrained", seed=8)
    copy = shutil.copytree(new, tmp_path / "v2")
    lost = mc.diff(old, copy)
    # The baked graph has preprocessing, decode and suppression, and more ops than the 45 of the
    # network alone; what it has is counted here from the file.
    ops = len(onnx.load(copy / "tiny.onnx").graph.node)
    assert lost.headline.startswith(f"Retrained: {ops} ops and ") and " of tiny.onnx as before" in (
        lost.headline
    )
    text = "\n".join(str(w) for w in lost.words())
    assert f"new: its model file is not at {copy / '../tiny.onnx'}" in text
    assert "old: its model file" not in text
    shutil.copy(new.parent / "tiny.onnx", tmp_path)
    found = mc.diff(old, copy)
    assert found.headline.startswith("Retrained: 45 ops and 180 weights as before, ")
    assert "its model file" not in "\n".join(str(w) for w in found.words())
    # Another file of that name is none of it.
    shutil.copy(old.parent / "tiny.onnx", tmp_path)
    assert mc.diff(old, copy).headline == lost.headline


def test_another_network_and_other_labels(make: Make, tmp_path: Path) -> None:
    home = tmp_path / "wide"
    home.mkdir()
    save_yunet_like(home / "tiny.onnx", (128, 64))
    said = yunet_like_spec(Path("tiny.onnx"), "[targets.onnx]\n[targets.tflite]\n")
    said = said.replace("[96, 64]", "[128, 64]").replace('["face"]', '["cat"]')
    (home / "spec.toml").write_text(said.replace("max_detections = 12", "max_detections = 9"))
    new = mc.export(home / "spec.toml", home / "tiny")
    found = mc.diff(make("old"), new)
    said = "\n".join(map(str, found.facts))
    assert "input.size [96, 64] → [128, 64]" in said
    assert "labels: cat added; face gone" in said
    assert "output boxes 1×12×4 float32 → 1×9×4 float32" in said
    assert "tiny.mlpackage: gone, " in said and "tiny.tflite: added, " in said
    strict = mc.diff(make("old"), new, same_contract=True)
    assert strict.exit_code == 1 and "labels: cat added; face gone" in "\n".join(strict.shortfalls)


def test_limits(make: Make, pictures: Path) -> None:
    strict = make("strict", change=("= 0.5", "= 0.55"))
    lost = compared(make("old"), strict, pictures).lanes[0].lost
    for limit, code in ((lost, 0), (lost - 1, 1)):
        assert compared(make("old"), strict, pictures, max_lost=limit).exit_code == code
    assert compared(strict, make("old"), pictures, max_gained=lost - 1).exit_code == 1
    near = change_of(Path("x.png"), (400, 300), boxes((0, 0, 9, 9)), boxes((3, 4, 12, 13)))
    for limit, count in ((5.0, 0), (4.99, 1)):
        found = _with(near, Limits(moved=limit))
        assert len(found.shortfalls) == count, found.shortfalls
    for options in ({"max_lost": 0}, {"max_drop": 1.0}):
        with pytest.raises(MobileCatError, match="nothing to hold to the limits"):
            mc.diff(make("old"), strict, **options)  # type: ignore[arg-type]


def _with(change: PictureChange | None, limits: Limits) -> Difference:
    side = Side(Path("a"), Path("a"), None)
    lane = LaneChange("x", "x", not_run="new: no such engine")
    if change is not None:
        lane = LaneChange("x", "x", (change,))
    return Difference(side, side, (), None, (lane,), limits)


def test_a_lane_that_did_not_run_holds_no_limit() -> None:
    found = _with(None, Limits(lost=3))
    assert found.shortfalls == ("x did not run: new: no such engine",)


def test_accuracy_on_labelled_pictures(make: Make, tmp_path: Path) -> None:
    """Labels are what the old model finds: it has all of them, the stricter one only the best."""
    pytest.importorskip("pycocotools", reason="NOT_RUN: no pycocotools")
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((120, 90)).save(tmp_path / "a.png")
    old, new = make("old"), make("strict", change=("= 0.5", "= 0.55"))
    found = mc.run(old, tmp_path / "a.png", runner="onnx").detections
    inside = [b for b in found.boxes_xyxy.tolist() if max(b[0] - 119, b[1] - 89, -min(b[2:])) < 0]
    boxes = [
        {"id": i, "image_id": 1, "category_id": 1, "area": 1, "iscrowd": 0}
        | {"bbox": [x, y, x2 - x, y2 - y]}
        for i, (x, y, x2, y2) in enumerate(inside, 1)
    ]
    told = {"images": [{"id": 1, "file_name": "a.png", "width": 120, "height": 90}],
            "categories": [{"id": 1, "name": "face"}], "annotations": boxes}  # fmt: skip
    (tmp_path / "labels.json").write_text(json.dumps(told))
    report = mc.diff(old, new, data=tmp_path / "labels.json", runner="onnx", max_drop=1)
    (lane,) = report.lanes
    assert lane.map_change is not None and lane.map_change < -1
    assert report.exit_code == 1 and "points of mAP" in report.shortfalls[0]
    assert f"mAP {lane.map_change:+.2f} points" in report.headline


def test_command_line(make: Make, pictures: Path, tmp_path: Path) -> None:
    strict = make("strict", change=("= 0.5", "= 0.55"))
    page, notes, told = (tmp_path / n for n in ("changes.html", "notes.md", "changes.json"))
    words = ["diff", make("old"), strict, pictures, "--runner", "onnx", "--max-lost", "0"]
    done = mobilecat(*words, "--html", page, "--markdown", notes, "--json", told)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("Another threshold: nms.score_threshold 0.5 → 0.55.")
    assert "FELL_SHORT" in done.stdout
    assert notes.read_text().startswith("**Another threshold: nms.score\\_threshold 0.5 → 0.55.")
    assert "| suppression | nms.score\\_threshold | 0.5 | 0.55 |" in notes.read_text()
    data = json.loads(told.read_text())
    assert data["exit_code"] == 1 and data["facts"][0]["new"] == "0.55"
    text = page.read_text()
    assert "Beyond a limit" in text and text.count("<svg") == 2 * text.count('class="both"') > 0
    refused(mobilecat("diff", make("old"), pictures / "noise_1.png"), "Not a kind of file")
    refused(mobilecat("diff", make("old"), strict / "tiny.onnx"), "cannot be compared")
    refused(
        mobilecat("diff", make("old"), strict, pictures, "--golden", pictures), "Which pictures?"
    )
    refused(mobilecat("diff", make("old"), strict, "--max-lost", "1"), "needs pictures")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def boxes(*rows: tuple[float, float, float, float], ids: tuple[int, ...] = ()) -> Detections:
    n = len(rows)
    return Detections(
        np.array(rows, np.float64).reshape(n, 4),
        np.linspace(0.9, 0.5, n) if n else np.zeros(0),
        np.array(ids or (0,) * n, np.int64),
    )


def test_a_picture_by_hand() -> None:
    old = boxes((0, 0, 10, 10), (50, 50, 70, 80))
    new = boxes((3, 4, 13, 14), (200, 200, 210, 210), ids=(0, 0))
    found = change_of(Path("x.png"), (400, 300), old, new)
    assert found.pairs == ((0, 0),) and found.moved == (5.0,)
    assert found.lost == (1,) and found.gained == (1,)
    assert found.weight == (2, 5.0 / 400, 0.0)
    bad = Detections(np.full((1, 4), np.nan), np.ones(1), np.zeros(1, np.int64))
    assert change_of(Path("x.png"), (9, 9), bad, bad).weight == (0, 0.0, 0.0)


def test_a_picture_is_shown_with_the_first_artifact_on_which_it_changed_so_much() -> None:
    """Of artifacts that differ in the last digits alone, the first; of others, the one most off."""

    def lane(name: str, x: float) -> LaneChange:
        old, new = boxes((0, 0, 90, 90)), boxes((x, 0, x + 90, 90))
        return LaneChange(name, name, (change_of(Path("x.png"), (400, 300), old, new),))

    side = Side(Path("a"), Path("a"), None)
    for third, named in ((5.0, "a"), (9.0, "c")):
        lanes = (lane("a", 5.0), lane("b", 5.00001), lane("c", third))
        ((found, _),) = Difference(side, side, (), None, lanes, Limits()).most_changed()
        assert found.name == named


def test_pictures_are_sorted_by_the_share_that_is_printed() -> None:
    """4 px of 200 are 2 %, more than 8 px of 800, which are 1 %; a lost object is more still."""

    def change(name: str, x: float, wide: int, *lost: tuple[int, int, int, int]) -> PictureChange:
        old, new = boxes((0, 0, 90, 90), *lost), boxes((x, 0, x + 90, 90))
        return change_of(Path(name), (wide, 100), old, new)

    one = change("lost.png", 0.0, 800, (500, 10, 590, 90))
    lane = LaneChange("a", "a", (change("large.png", 8.0, 800), change("small.png", 4.0, 200), one))
    side = Side(Path("a"), Path("a"), None)
    d = Difference(side, side, (), None, (lane,), Limits())
    assert [p.path.name for _, p in d.most_changed()] == ["lost.png", "small.png", "large.png"]
    assert [far_of(p) for _, p in d.most_changed()] == [
        "moved 0.00 px", "moved 4.00 px, 2.00%", "moved 8.00 px, 1.00%"
    ]  # fmt: skip
    assert f"Changed most, by {MOST}:" in [x.text for x in said(d) if isinstance(x, Line)]


def test_a_few_bytes_more_are_no_other_size() -> None:
    (few,), (some,) = (list(_size("a.onnx", 8_600_000, n)) for n in (8_600_012, 8_700_000))
    assert str(few) == "a.onnx: other bytes, 8.6 MB as before, but for +12 bytes"
    assert str(some) == "a.onnx 8.6 MB → 8.7 MB (+1.2%)"


def test_classes_are_compared_by_name() -> None:
    numbers = class_numbers(["cat", "dog"], ["dog", "cat", "owl"])
    assert numbers == {0: 1, 1: 0, 2: 4}
    assert class_numbers([], ["a"]) == {}
    turned = renumbered(boxes((0, 0, 9, 9), (20, 0, 29, 9), ids=(0, 2)), numbers, None)
    assert turned.class_ids.tolist() == [1, 4]
    assert point_numbers(["eye", "nose"], ["nose", "eye"]) == [1, 0]
    assert point_numbers(["eye"], ["eye"]) is point_numbers(["eye"], ["ear"]) is None


def test_artifacts_are_paired_by_name_then_by_kind(make: Make) -> None:
    a = mc.open(make("old")).artifacts
    renamed = tuple(r.model_copy(update={"file": f"v2_{r.file}"}) for r in a)
    assert [(p.file, q.file) for p, q in paired(a, renamed) if p and q] == [
        (r.file, f"v2_{r.file}") for r in a
    ]
    assert paired(a, a[:1]) == [(a[0], a[0]), (a[1], None)]


def test_markdown_shows_a_strangers_names_as_they_are() -> None:
    line = Line("a_b <script> | [x](y)", "bold")
    assert line.markdown() == r"**a\_b &lt;script> \| \[x\](y)**"
    table = Table((), ()).markdown()
    assert table.splitlines()[0] == "|  |"
