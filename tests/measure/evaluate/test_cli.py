"""`mobilecat evaluate` as users meet it: exit codes, messages, files, no traceback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.compile import export
from mobilecat.lanes import Lane, detect, open_lane
from mobilecat.pictures.reading import read_picture
from mobilecat.spec import spec_from_text
from tests.judge.fake import edit_bundle
from tests.measure.evaluate import labels as given
from tests.tiny import save_yunet_like, yunet_like_spec


@dataclass(frozen=True)
class Done:
    code: object
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def mobilecat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line, in this process."""
    from mobilecat.cli import main

    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["mobilecat", *map(str, args)])
        with pytest.raises(SystemExit) as e:
            main()
        return Done(e.value.code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, its bundle, and pictures labelled with what the source finds in them, and more."""
    folder = tmp_path_factory.mktemp("work")
    save_yunet_like(folder / "tiny.onnx")
    spec = spec_from_text(yunet_like_spec(Path("tiny.onnx")))
    made = export(spec, folder / "bundle", spec_folder=folder)
    source = open_lane(made.folder, made.bundle, Lane("source"))
    images, rows = [], []
    for k in range(3):
        noise = np.random.default_rng(k).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        path = folder / "data" / f"{k}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noise).resize((120, 90)).save(path)
        images.append({"id": k, "file_name": path.name, "width": 120, "height": 90})
        found = detect(source, made.bundle, read_picture(path))
        for x1, y1, x2, y2 in found.boxes_xyxy.tolist():
            bbox = [x1, y1, x2 - x1, y2 - y1]
            rows.append({"image_id": k, "category_id": 1, "bbox": bbox})
    assert len(rows) > 3
    rows.append({"image_id": 0, "category_id": 2, "bbox": [1, 1, 5, 3]})
    categories = [{"id": 1, "name": "face"}, {"id": 2, "name": "hat"}]
    value = {"images": images, "categories": categories, "annotations": rows}
    given.write_json(folder / "data" / "labels.json", value)
    return folder


def on(work: Path) -> tuple[object, ...]:
    return "evaluate", work / "bundle", "--data", work / "data", "--cache", work / "cache"


def test_prints_a_table_and_writes_json_and_plot(
    mobilecat: Cli, work: Path, tmp_path: Path
) -> None:
    done = mobilecat(*on(work), "--json", tmp_path / "r.json", "--plot", tmp_path / "pr.svg")
    assert done.code == 0, done.err
    for words in (
        "tiny on",
        "(COCO JSON): 3 pictures",
        "onnx:tiny.onnx",
        "loss",
        "1 classes that the model does not know, 1 objects, are left out: hat 1",
        "score_threshold 0.5 is baked in",
        f"wrote {tmp_path / 'pr.svg'}",
    ):
        assert words in done.out, done.out
    rows = {r["lane"]: r for r in json.loads((tmp_path / "r.json").read_text())["lanes"]}
    # The labels are the source's own boxes, exactly: nothing but 1 is right.
    assert rows["source"]["map"] == pytest.approx(1)
    assert rows["onnx:tiny.onnx"]["map"] == pytest.approx(1)
    assert (tmp_path / "pr.svg").read_text().count("<polyline") == len(rows)


def test_json_on_stdout_is_nothing_but_json(mobilecat: Cli, work: Path) -> None:
    done = mobilecat(*on(work), "--json", "-", "--max-drop", "0.2")
    assert done.code == 0, done.err
    assert json.loads(done.out)["max_drop_points"] == 0.2


def test_held_and_short(mobilecat: Cli, work: Path, tmp_path: Path) -> None:
    done = mobilecat(*on(work), "--max-drop", "0")
    assert done.code == 0, done.out
    assert "HELD  no artifact loses more than 0 points of mAP" in done.out
    short = mobilecat(*on(work), "--max-drop", "0", "--fresh", "--source", tmp_path / "gone.onnx")
    assert short.code == 1
    assert "FELL SHORT  the source did not run, so no loss is known" in short.out


def test_refusals(mobilecat: Cli, work: Path, tmp_path: Path) -> None:
    def refused(*more: object) -> str:
        done = mobilecat("evaluate", *more)
        assert done.code == 2
        return done.err

    given.yolo(tmp_path)
    line = given.write(tmp_path / "labels" / "val" / "two.txt", "7 .1 .1 .1 .1\nx")
    bundle, data = work / "bundle", work / "data"
    unusable = refused(bundle, "--data", tmp_path)
    assert "2 problems" in unusable and f"{line}:1" in unusable and f"{line}:2" in unusable
    for args, words in (
        ((bundle, "--data", work / "no"), "not found"),
        ((data, "--data", data), "This is not a bundle"),
        ((bundle, "--data", data, "--runner", "fast"), "No such runner"),
        ((bundle, "--data", data, "--class-map", "hat"), "write DATA=MODEL"),
        ((bundle, "--data", data, "--class-map", "cap=face"), "they have face, hat"),
    ):
        assert words in refused(*args)


def test_without_the_library_the_command_to_install_it(work: Path) -> None:
    code = (
        "import sys; sys.modules['pycocotools'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n.startswith('pycocotools') else find(n, *a)\n"
        f"sys.argv = ['mobilecat', 'evaluate', {str(work / 'bundle')!r}, '--data', '.']\n"
        "from mobilecat.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "extra `evaluate`" in done.stderr
    assert 'pip install "pycocotools>=2.0.10"' in done.stderr


def test_writes_a_page_of_its_own_without_goldens(
    mobilecat: Cli, work: Path, tmp_path: Path
) -> None:
    page = tmp_path / "accuracy.html"
    told = mobilecat(*on(work), "--max-drop", 1, "--html", page)
    assert told.code in (0, 1) and f"wrote {page}" in told.out
    text = page.read_text("utf-8")
    assert '<p class="over">mobilecat evaluate</p>' in text
    assert ("✓ Held" if told.code == 0 else "✗ Fell short") in text
    charts = [
        c.split('"')[0] for c in text.split('class="chart')[1:] for c in c.split('alt="')[1:2]
    ]
    assert [c.partition(": ")[2].split(",")[0] for c in charts][-2:] == [
        "precision over recall at IoU 0.5",
        "what was taken for what",
    ]
    # In a column of its own of the table of costs, what the terminal says.
    size = next(r for r in told.out.splitlines() if "tiny.onnx" in r and " kB" in r).split(" kB")[0]
    assert f"{size.split()[-1]} kB" in text
    assert "map_loss" not in text
    over = mobilecat(*on(work), "--html", work / "data" / "0.png")
    assert over.code == 2 and "--html" in over.err


def test_the_page_names_what_the_spec_lets_a_file_lose(
    mobilecat: Cli, work: Path, tmp_path: Path
) -> None:
    page = tmp_path / "accuracy.html"
    mobilecat(*on(work), "--html", page)
    assert "No limit was asked for: <code>--max-drop" in page.read_text("utf-8")
    shutil.copytree(work / "bundle", tmp_path / "b")
    limits = {"tiny.onnx": {"map_loss": 2}}
    edit_bundle(tmp_path / "b", lambda told: told["spec"].update(tolerances=limits))
    told = mobilecat("evaluate", tmp_path / "b", "--data", work / "data", "--source",
                     work / "tiny.onnx", "--html", page)  # fmt: skip
    assert told.code == 0, told.err
    said = "map_loss (tiny.onnx: 2), is held by <code>mobilecat validate --data</code>"
    text = page.read_text("utf-8")
    assert said in text and "No limit was asked for" not in text
