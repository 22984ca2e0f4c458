"""What a user says of classes and targets: `--labels`, `--targets`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.errors import MobileCatError, SpecError
from mobilecat.formats.table import FORMATS
from mobilecat.proposal.whole import propose
from tests.heads.networks import save_constant_network

LOGITS = np.log([[0.2, 0.1, 0.7]]).astype(np.float32)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return save_constant_network(tmp_path / "net.onnx", (8, 6), {"logits": LOGITS})


def test_labels_are_written_as_they_were_said_or_as_a_file_has_them(net: Path) -> None:
    said = mc.init(net, labels=["cat", "a dog", "fox"])
    assert said.spec.labels == ("cat", "a dog", "fox") and said.unnamed == 0
    listed = net.parent / "names.txt"
    listed.write_text("cat\na dog\n\nfox\n")
    assert mc.init(net, labels=listed).spec.labels == said.spec.labels


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["cat", "dog"], "2 labels, and the network has 3 classes"),
        (["cat"], "1 label, and the network has 3 classes"),
        ("nowhere.txt", r"nowhere\.txt: not found"),
    ],
)
def test_labels_that_do_not_fit_are_refused(net: Path, labels: list[str], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        mc.init(net, net.parent / "mobilecat.toml", labels=labels)
    assert not (net.parent / "mobilecat.toml").exists()


def test_a_head_without_classes_takes_no_labels(net: Path) -> None:
    with pytest.raises(SpecError, match="head raw, which this is taken for, has no classes"):
        mc.init(net, labels=["cat"], answers={"head.kind": "raw"})


def test_targets_that_were_named_are_the_specs_and_the_bundles(net: Path) -> None:
    spec = net.parent / "mobilecat.toml"
    made = mc.init(net, spec, targets=["onnx", "tflite"])
    assert [t.kind for t in made.spec.targets.all] == ["tflite", "onnx"]
    bundle = mc.export(spec, net.parent / "bundle", targets=["onnx"])
    assert [a.format for a in bundle.bundle.artifacts] == ["onnx"]
    assert mc.open(bundle).older == ""  # the other was left out on purpose
    whole = mc.export(spec, net.parent / "bundle")
    assert [a.format for a in whole.bundle.artifacts] == ["tflite", "onnx"]
    assert '"asked"' not in (net.parent / "bundle" / "bundle.json").read_text()
    bare = mc.export(net, net.parent / "bare", targets=["tflite"])
    assert [a.format for a in bare.bundle.artifacts] == ["tflite"]


def test_a_target_that_there_is_not_is_refused(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = net.parent / "mobilecat.toml"
    mc.init(net, spec, targets=["onnx"])
    with pytest.raises(SpecError, match=r"no \[targets\.tflite\]\n.*it has onnx"):
        mc.export(spec, net.parent / "bundle", targets=["tflite"])
    with pytest.raises(SpecError, match="did you mean tflite"):
        mc.init(net, targets=["tfilte"])
    with pytest.raises(SpecError, match="none is named"):
        mc.init(net, targets=[])
    absent = replace(FORMATS["onnx"], missing=lambda: "needs what is not here")
    monkeypatch.setitem(FORMATS, "onnx", absent)
    with pytest.raises(MobileCatError, match="onnx: needs what is not here"):
        mc.init(net, targets=["onnx"])


def test_maps_at_a_stride_of_8_may_be_a_detectors_grid(tmp_path: Path) -> None:
    def asked(stride: int) -> tuple[object, ...]:
        grid = np.random.default_rng(0).normal(size=(1, 21, 64 // stride, 64 // stride))
        path = tmp_path / f"grid_{stride}.onnx"
        save_constant_network(path, (64, 64), {"maps": grid.astype(np.float32)})
        return next(a.options for a in mc.init(path).asks if a.key == "head.kind")

    assert asked(16) == ("segments", "heatmap", "raw")
    assert "raw" not in asked(4)


@pytest.mark.parametrize(
    ("answers", "headline"),
    [
        ({"head.units": "pixels"},
         'head.units = "pixels" as you set it (the file\'s own values say "normalised")'),
        ({"input.range": [0, 255]}, "input.range = [0, 255] as you set it (YOLOv5 has [0, 1])"),
        ({"input.range": [0, 1]}, "YOLOv5: "),
        ({"input.size": [64, 64]}, "YOLOv5: "),
    ],
)  # fmt: skip
def test_the_headline_tells_what_was_set_and_what_speaks_against_it(
    answers: dict[str, Any], headline: str, tmp_path: Path
) -> None:
    """252 rows: three for each of 64 + 16 + 4 cells of a 64 × 64 input."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.uniform(0.1, 0.9, (1, 252, 4)), rng.uniform(0, 1, (1, 252, 4))], 2)
    path = save_constant_network(tmp_path / "n.onnx", (64, 64), {"output0": rows})
    found = propose(path, tmp_path / "m.toml", answers=answers)
    first = str(next(iter(found.words())))
    assert headline in first and first.startswith("YOLOv5")
    assert headline in " ".join(found.text.replace("#", "").split())
