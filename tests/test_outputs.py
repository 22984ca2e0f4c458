"""No output takes the place of what it was made from: of every verb, before the work starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from mobilecat.compile import require_replaceable
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import MobileCatError
from mobilecat.pictures.drawing import save_picture
from tests.command import mobilecat
from tests.judge.fake import Workshop, write_bundle
from tests.test_cli import refused, work  # noqa: F401 (a fixture)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path / "shop").approved()


def why(path: Path | str, **more: object) -> str:
    with pytest.raises(MobileCatError) as caught:
        require_outputs({"--json": path}, **more)  # type: ignore[arg-type]
    return str(caught.value)


def case(shop: Workshop) -> Path:
    return next((shop.golden).rglob("case.json")).parent


def test_a_goldens_files(shop: Workshop) -> None:
    folder = case(shop)
    for name in ("case.json", "approved.json", "new.json", next(folder.glob("*.png")).name):
        assert "golden case" in why(folder / name)
    stray = folder.parent / "report.json"
    assert "lies among the goldens" in why(stray, golden=shop.golden)
    require_outputs({"--json": shop.golden / "report.json"}, golden=shop.golden)


def test_a_bundles_files(shop: Workshop) -> None:
    for name in ("bundle.json", "BUNDLE.JSON", "labels.txt"):
        assert "is part of the bundle" in why(shop.bundle / name)
    files = [p for p in shop.bundle.iterdir() if p.name != "bundle.json"]
    assert files
    for file in files:
        assert "is part of the bundle" in why(file)
    (shop.bundle / "report.json").write_text("{}")  # written before, by the same command
    require_outputs({"--json": shop.bundle / "report.json"}, inputs=(shop.bundle,))
    (shop.bundle / "bundle.json").write_text("damaged")
    assert "is part of the bundle" in why(files[0])


def test_a_file_in_a_package(tmp_path: Path) -> None:
    inner = tmp_path / "b" / "m.mlpackage" / "Data"
    inner.mkdir(parents=True)
    (tmp_path / "b" / "bundle.json").write_text('{"artifacts": [{"file": "m.mlpackage"}]}')
    assert "is part of the bundle" in why(inner / "model.json")
    chain = '{"cascade": {"detector": {"folder": "detector"}, "landmarks": {"folder": "marks"}}}'
    (tmp_path / "b" / "bundle.json").write_text(chain)
    (tmp_path / "b" / "marks").mkdir()
    assert "is part of the bundle" in why(tmp_path / "b" / "marks" / "x.json")


def test_inputs_by_any_name(tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"x")
    (tmp_path / "soft.png").symlink_to(picture)
    os.link(picture, tmp_path / "hard.png")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    for name in ("photo.png", "soft.png", "hard.png", "folder/photo.png", "./photo.png"):
        assert "is read by this very command" in why(tmp_path / name, inputs=(picture,))
    assert "is read by this very command" in why(tmp_path / "PHOTO.PNG", inputs=(picture,))
    require_outputs({"--json": tmp_path / "other.json"}, inputs=(picture, None))


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    for other in ("a.json", "./a.json", "A.json"):
        with pytest.raises(MobileCatError, match="--json writes there too"):
            require_outputs({"--json": tmp_path / "a.json", "--html": tmp_path / other})
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    with pytest.raises(MobileCatError, match="--json writes there too"):
        require_outputs({"--json": tmp_path / "a.json", "--html": tmp_path / "link"})
    require_outputs({"--json": "-", "--html": tmp_path / "a.html", "--junit": None})


def test_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"x")
    labels = tmp_path / "labels.json"
    labels.write_text('{"images": [{"file": "a.png"}]}')
    assert "lies in" in why(tmp_path / "images" / "new.png", inputs=(tmp_path,))
    assert "is named in" in why(tmp_path / "images" / "a.png", inputs=(labels,))
    assert "is read by this very command" in why(labels, inputs=(labels,))
    require_outputs({"--plot": tmp_path / "curve.png"}, inputs=(labels,))


@pytest.mark.parametrize("name", ["mobilecat.toml", "m.onnx", "m.tflite", "w.npz"])
def test_specs_and_models_are_nobodys_report(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    assert "is there already" in why(tmp_path / name)


def test_saved_results(tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text("{}")
    assert "lies in the saved results" in why(tmp_path / "report.json")
    with pytest.raises(MobileCatError, match="golden"):
        (tmp_path / "g" / "b" / "case").mkdir(parents=True)
        (tmp_path / "g" / "b" / "case" / "case.json").write_text("{}")
        inner = tmp_path / "g" / "b" / "case" / "new"
        require_outputs({}, folders={"--save": inner})


def test_an_export_takes_nothing_with_it(tmp_path: Path) -> None:
    out = tmp_path / "b"
    out.mkdir()
    (out / "bundle.json").write_text("{}")
    require_replaceable(out, tmp_path / "spec.toml")
    (out / "spec.toml").write_text("")
    with pytest.raises(MobileCatError, match="would be lost"):
        require_replaceable(out, out / "spec.toml")
    (out / "golden" / "b" / "room").mkdir(parents=True)
    (out / "golden" / "b" / "room" / "case.json").write_text("{}")
    with pytest.raises(MobileCatError, match="room, which would be lost"):
        require_replaceable(out)


def test_a_drawing_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    save_picture(Image.new("RGB", (3, 2), (1, 2, 3)), target)
    with Image.open(target) as opened:
        assert (opened.format, opened.size, opened.getpixel((0, 0))) == ("PNG", (3, 2), (1, 2, 3))
    before = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_picture(Image.new("RGB", (5, 5)), target)
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]
    monkeypatch.undo()
    save_picture(Image.new("RGB", (3, 2)), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as opened:
        assert opened.format == "JPEG"


def test_verbs_refuse_before_they_start(work: Path) -> None:  # noqa: F811
    bundle, picture = work / "bundle", work / "picture.png"
    before = {p: p.read_bytes() for p in work.rglob("*") if p.is_file()}
    for words in (
        ("run", bundle, "--image", picture, "--draw", picture),
        ("validate", bundle, "--random", "1", "--json", bundle / "bundle.json"),
        ("validate", bundle, "--random", "1", "--html", work / "mobilecat.toml"),
        ("validate", bundle, "--random", "1", "--json", work / "x", "--junit", work / "x"),
        ("bisect", bundle, "--runner", "onnx", "--image", picture, "--plot", picture),
        ("diagnose", "--image", picture, "--bundle", bundle, "--draw", picture),
    ):
        refused(mobilecat(*words), "This cannot be written")
    refused(mobilecat("export", work / "mobilecat.toml", "-o", work), "in use")
    assert {p: p.read_bytes() for p in work.rglob("*") if p.is_file()} == before
