"""A bundle that is older than the spec beside it says so; a comment is no change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from tests.heads.networks import save_constant_network
from tests.judge.fake import SPEC, Workshop, targets_of, write_bundle

THEN = SPEC.format(more="", targets=targets_of(("onnx", "tflite")))


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return write_bundle(tmp_path)


def older(shop: Workshop, spec: str) -> str:
    (shop.root / "mobilecat.toml").write_text(spec)
    return mc.open(shop.bundle).older


def test_what_changes_nothing_is_not_said(shop: Workshop) -> None:
    assert mc.open(shop.bundle).older == ""  # no spec beside it
    assert older(shop, THEN) == ""
    assert older(shop, "# looked at\n" + THEN.replace("0.3", "0.30")) == ""
    assert older(shop, THEN.replace('resize = "letterbox"', 'resize = "letterbox"\nmean = 0')) == ""
    assert older(shop, THEN.replace('source = "fake-source', 'source = "../fake-source')) == ""
    labels = 'labels = ["cat", "dog"]\n'
    assert older(shop, THEN.replace(labels, "")) == ""  # the model's own, perhaps
    assert older(shop, THEN.replace('"fake"', '"another"')) == ""


def test_a_spec_that_cannot_be_read_has_changed_since(shop: Workshop) -> None:
    path = shop.root / "mobilecat.toml"
    said = older(shop, THEN.replace("[64, 48]", "[64]").replace("0.3", "3"))
    assert said == (
        f"note: {path} cannot be read (2 problems: mobilecat export {path} lists them); this "
        "bundle was exported from an older one"
    )
    assert "(1 problem: " in older(shop, "[input")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("score_threshold = 0.3", "score_threshold = 0.5", "[nms]"),
        ('resize = "letterbox"', 'resize = "letterbox"\nrange = [0, 1]', "[input]"),
        ('resize = "letterbox"\n', "", "[input]"),
        ('"cat", "dog"', '"dog", "cat"', "labels"),
        ("onnx = { }, ", "", "[targets]"),
    ],
)
def test_what_changes_something_is(shop: Workshop, old: str, new: str, key: str) -> None:
    assert old in THEN
    said = older(shop, THEN.replace(old, new))
    assert f"has changed since this bundle was exported ({key})" in said
    assert said.endswith(f"mobilecat export {shop.root / 'mobilecat.toml'}")


def test_it_is_held_to_the_spec_that_was_exported(tmp_path: Path) -> None:
    """Two specs in one folder may say the same name: another one is no change."""
    path = save_constant_network(tmp_path / "net.onnx", (8, 6), {"logits": np.log([[0.2, 0.8]])})
    mine, usual = tmp_path / "small.toml", tmp_path / "mobilecat.toml"
    said = (
        f'name = "net"\nsource = "{path.name}"\nlabels = ["cat", "dog"]\n[input]\nsize = [8, 6]\n'
        '[head]\nkind = "classify"\nactivation = "softmax"\n[targets.onnx]\n'
    )
    mine.write_text(said)
    usual.write_text(said.replace("[8, 6]", "[8, 6]\nrange = [0, 1]"))
    bundle = mc.export(mine, tmp_path / "small").folder
    assert mc.open(bundle).older == ""
    assert '"spec_file": "small.toml"' in (bundle / "bundle.json").read_text()
    mine.write_text(said.replace("[8, 6]", "[8, 6]\nrange = [0, 1]"))
    assert mc.open(bundle).older.startswith(f"note: {mine} has changed")
    assert mc.open(bundle).older.endswith(f"mobilecat export {mine}")
    bundle = mc.export(usual, tmp_path / "bundle").folder
    assert "spec_file" not in (bundle / "bundle.json").read_text()
