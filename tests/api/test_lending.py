"""Engines that a bundle which is open lends from verb to verb, as long as no file has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.api import lending
from mobilecat.api.lending import Lent
from mobilecat.bundle import open_bundle
from mobilecat.foreign import engines_of
from mobilecat.lanes import lanes_of
from tests.tiny import save_yunet_like, yunet_like_spec


@pytest.fixture
def made(tmp_path: Path) -> Path:
    save_yunet_like(tmp_path / "tiny.onnx")
    text = yunet_like_spec(Path("tiny.onnx"), "[targets.onnx]\n[targets.tflite]\n")
    (tmp_path / "mobilecat.toml").write_text(text.replace("threshold = 0.5", "threshold = 0.2"))
    mc.export(tmp_path / "mobilecat.toml", tmp_path / "bundle")
    pixels = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    (tmp_path / "data").mkdir()
    Image.fromarray(pixels).save(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "data" / "classes.txt").write_text("face\n")
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lanes that were opened, by name, in their order."""
    names: list[str] = []
    real = lending.open_lane

    def counted(folder: Path, bundle: object, lane: object, source: Path | None) -> object:
        names.append(lane.name)
        return real(folder, bundle, lane, source)

    monkeypatch.setattr(lending, "open_lane", counted)
    return names


def test_verbs_share_their_engines(made: Path, opened: list[str]) -> None:
    pytest.importorskip("pycocotools", reason="NOT_RUN: no pycocotools")
    bundle, cache = mc.open(made / "bundle"), made / "cache"
    first = bundle.evaluate(made / "data", cache=cache)
    lanes = sorted(opened)
    assert lanes == ["onnx:tiny.onnx", "source", "tflite:tiny.tflite"]
    again = bundle.evaluate(made / "data", cache=cache, fresh=True)
    assert sorted(opened) == lanes
    assert [x.scores for x in again.lanes] == [x.scores for x in first.lanes]
    done = bundle.validate(random=1)
    assert done.held and len(opened) <= len(lanes) + 3  # at most once more, for other threads
    count = len(opened)
    assert bundle.validate(random=1).held and len(opened) == count


def test_a_file_that_changed_is_opened_again(made: Path, opened: list[str]) -> None:
    folder = made / "bundle"
    contract = open_bundle(folder)
    lane = next(x for x in lanes_of(contract) if x.runner == "onnx")
    lent = Lent()
    one = lent(folder, contract, lane, None)
    assert lent(folder, contract, lane, None) is one
    picture = {"image": np.full((64, 96, 3), 99, np.uint8)}
    before = one.infer(picture)
    times = (folder / "tiny.onnx").stat()
    save_yunet_like(made / "other.onnx", seed=8)
    text = (made / "mobilecat.toml").read_text().replace("tiny.onnx", "other.onnx")
    (made / "other.toml").write_text(text)
    mc.export(made / "other.toml", made / "other")
    shutil.copyfile(made / "other" / "tiny.onnx", folder / "tiny.onnx")
    os.utime(folder / "tiny.onnx", ns=(times.st_atime_ns, times.st_mtime_ns))
    two = lent(folder, contract, lane, None)
    assert two is not one and opened.count(lane.name) == 2
    assert not np.array_equal(two.infer(picture)["scores"], before["scores"])


def test_threads_and_contract_have_engines_of_their_own(made: Path) -> None:
    folder = made / "bundle"
    contract = open_bundle(folder)
    lane, lent = lanes_of(contract, "onnx")[0], Lent()
    one = lent(folder, contract, lane, None)
    with engines_of(1):
        assert lent(folder, contract, lane, None) is not one
    other = contract.model_copy(
        update={"spec": contract.spec.model_copy(update={"labels": ("x",)})}
    )
    two = lent(folder, contract, lane, None)
    assert lent(folder, other, lane, None) is not two


def test_one_verb_at_a_time_is_lent_to(made: Path) -> None:
    lent = Lent()
    with lent.lending() as mine, lent.lending() as other:
        assert mine is lent and other is not lent
    with lent.lending() as again:
        assert again is lent
