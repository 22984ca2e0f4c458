"""Grad-CAM from the source's own gradients, held to gradients worked out by hand.

The two-headed nets are two 1×1 convolutions, each with a ReLU, and two heads over them, so that
every value and slope is a line of numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.compile import export
from mobilecat.demo import FOLDER
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.gradients import channels_first, fits, is_same
from mobilecat.heads.reference import box_class
from mobilecat.saliency.slopes import slopes_of
from mobilecat.spec.heads import BoxClassHead
from tests.cat_faces import ONE, cat_faces_spec
from tests.formats.importing.tensorflow import needs_tensorflow
from tests.formats.importing.torch_files import needs_torch

SIDE, CHANNELS, CLASSES = 12, 16, 3
RNG = np.random.default_rng(45)  # of which no map is empty, and no softmax saturated
STEM = RNG.normal(0, 1, (3, CHANNELS))
DEEP = RNG.normal(0, 0.4, (CHANNELS, CHANNELS))
KIND = RNG.normal(0, 1, (CHANNELS, CLASSES))
BOX = RNG.normal(0, 30, (SIDE * SIDE * CHANNELS, 4))
PIXELS = np.random.default_rng(18).integers(0, 255, (SIDE, SIDE, 3), np.uint8)

SPEC = """
name = "two"
source = "{source}"
labels = ["cat", "dog", "owl"]
[input]
size = [12, 12]
range = [0, 1]
[head]
kind = "box+class"
format = "xyxy"
units = "pixels"
boxes = "{box}"
scores = "{kind}"
activation = "softmax"
[targets.onnx]
[targets.tflite]
"""


def by_hand(kind: int, deep: bool) -> np.ndarray:
    """Return Grad-CAM (H,W) of the first ReLU, or of the second (deep).

    A softmax's slope is p_k (1[k = c] − p_c), a mean's 1 / (H·W), a ReLU's 1 above 0.
    """
    first = np.maximum(PIXELS / 255 @ STEM, 0)
    second = np.maximum(first @ DEEP, 0)
    logits = second.mean((0, 1)) @ KIND
    p = np.exp(logits) / np.exp(logits).sum()
    of_logits = p[kind] * ((np.arange(CLASSES) == kind) - p)
    slopes = np.tile(KIND @ of_logits / SIDE**2, (SIDE, SIDE, 1))
    values = second
    if not deep:
        values, slopes = first, (slopes * (second > 0)) @ DEEP.T
    heat = np.maximum(values @ slopes.mean((0, 1)), 0)
    assert np.ptp(heat) > 0
    return (heat - heat.min()) / (heat.max() - heat.min())


def test_what_a_score_depends_on_is_found_by_halves() -> None:
    """Of 3 + 40 numbers a score of class 1 after a softmax depends on the three logits."""
    logits = np.array([[0.3, -1.2, 2.0]], np.float32)
    raw = {"box": np.arange(40, dtype=np.float32).reshape(1, 40), "kind": logits}
    head = BoxClassHead(
        kind="box+class", format="xyxy", units="pixels", boxes="box", scores="kind",
        activation="softmax",
    )  # fmt: skip
    seen = []

    def score(outputs: Any) -> float:
        seen.append(1)
        four = {"box": np.asarray(outputs["box"])[:, :4], "kind": outputs["kind"]}
        return float(box_class.decode(head, four, (12, 12)).scores[0, 0, 1])

    found = slopes_of(score, raw)
    p = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum()
    assert np.allclose(found["kind"], p[0, 1] * (np.array([[0, 1, 0]]) - p), atol=1e-9)
    assert not found["box"].any() and found["box"].shape == (1, 40) and len(seen) < 30
    assert raw["kind"] is logits and logits[0, 2] == 2.0


def test_a_layer_is_known_by_its_numbers() -> None:
    wanted = np.random.default_rng(0).normal(0, 1, (4, 5, 6))
    last = wanted.transpose(1, 2, 0)[None]
    assert is_same(wanted[None], wanted) and is_same(last + 1e-5, wanted)
    assert not is_same(last + 0.1, wanted) and not is_same(wanted, wanted)
    assert not is_same(np.zeros((1, 4, 5, 6)), np.zeros((4, 5, 6)))  # any dead layer would be it
    assert channels_first(last, (4, 5, 6)) is not None and channels_first(last, (9, 5, 6)) is None
    assert fits((None, 5, 6, 4), wanted) and fits((1, 4, 5, 6), wanted)
    assert not fits((2, 5, 6, 4), wanted) and not fits((5, 6, 4), wanted)


def keras_file(path: Path) -> Path:
    import keras

    x = keras.Input((SIDE, SIDE, 3), name="photo")
    y = keras.layers.Conv2D(CHANNELS, 1, use_bias=False, name="stem")(x)
    y = keras.layers.ReLU(name="act")(y)
    y = keras.layers.Conv2D(CHANNELS, 1, use_bias=False, name="deep")(y)
    y = keras.layers.ReLU(name="deep_act")(y)
    kind = keras.layers.Dense(CLASSES, use_bias=False, name="kind")(
        keras.layers.GlobalAveragePooling2D()(y)
    )
    box = keras.layers.Dense(4, use_bias=False, name="box")(keras.layers.Flatten()(y))
    model = keras.Model(x, [kind, box])
    for name, value in (
        ("stem", STEM[None, None]),
        ("deep", DEEP[None, None]),
        ("kind", KIND),
        ("box", BOX),
    ):
        model.get_layer(name).set_weights([value])
    model.save(path)
    return path


def torch_file(path: Path) -> Path:
    import torch

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.nn.Conv2d(3, CHANNELS, 1, bias=False)
            self.act = torch.nn.ReLU(inplace=True)  # writes over what the convolution gave
            self.deep = torch.nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
            self.deep_act = torch.nn.ReLU()
            self.kind = torch.nn.Linear(CHANNELS, CLASSES, bias=False)
            self.box = torch.nn.Linear(SIDE * SIDE * CHANNELS, 4, bias=False)

        def forward(self, photo: Any) -> Any:
            y = self.deep_act(self.deep(self.act(self.stem(photo))))
            return {"kind": self.kind(y.mean((2, 3))), "box": self.box(y.flatten(1))}

    made = Two().eval()
    with torch.no_grad():
        made.stem.weight.copy_(torch.tensor(STEM.T[..., None, None]))
        made.deep.weight.copy_(torch.tensor(DEEP.T[..., None, None]))
        made.kind.weight.copy_(torch.tensor(KIND.T))
        made.box.weight.copy_(torch.tensor(BOX.T))
    program = torch.export.export(made, (torch.rand(1, 3, SIDE, SIDE),))
    torch.export.save(program, path)
    return path


def exported(source: Path) -> Path:
    text = SPEC.format(source=source.name, box="box", kind="kind")
    (source.parent / "mobilecat.toml").write_text(text)
    out = source.parent / "bundle"
    mc.export(source.parent / "mobilecat.toml", out)
    return out


def held(bundle: Path, engine: str) -> None:
    """Hold source and artifacts to what was worked out by hand, of two classes."""
    picture = Image.fromarray(PIXELS)
    for kind, label in ((0, "cat"), (2, "owl")):
        found = mc.heat_maps(bundle, picture, class_=label)
        assert found.method == "grad-cam" and engine in found.why
        assert {m.lane.partition(":")[0] for m in found.maps} == {"source", "onnx", "tflite"}, found
        heat = by_hand(kind, "deep" in found.layer)
        for m in found.maps:
            assert np.abs(m.values - heat).max() < 1e-3, m.lane
        assert found.alike and found["source"].how == f"gradients of {engine}"
        i, j = divmod(int(heat.argmax()), SIDE)
        assert found["source"].peak == (j + 0.5, i + 0.5)


@needs_tensorflow
def test_grad_cam_of_a_two_headed_keras_net_is_the_one_by_hand(tmp_path: Path) -> None:
    held(exported(keras_file(tmp_path / "two.keras")), "TensorFlow")


@needs_torch
def test_grad_cam_of_a_two_headed_torch_net_is_the_one_by_hand(tmp_path: Path) -> None:
    held(exported(torch_file(tmp_path / "two.pt2")), "PyTorch")


def test_a_source_without_gradients_says_so(cats_onnx: Path) -> None:
    found = mc.heat_maps(cats_onnx, ONE, runner="onnx")
    assert found.method == "eigen-cam" and "gives no gradients" in found.why
    assert "made from" in repr(found) and found.why in repr(found)
    with pytest.raises(MobileCatError, match="There are no gradients"):
        mc.heat_maps(cats_onnx, ONE, method="grad-cam")


@pytest.fixture(scope="module")
def cats_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gradients") / "cats"
    export(cat_faces_spec("[targets.onnx]\n"), folder, spec_folder=FOLDER)
    return folder
