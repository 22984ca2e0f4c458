"""The picture on its way in: rows read as columns, and how pictures are fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from mobilecat.bake import bake
from mobilecat.bake.preprocessing import Form
from mobilecat.compile import export
from mobilecat.errors import ModelError
from mobilecat.formats.onnx.read import import_onnx
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.pictures.reading import fit_picture
from mobilecat.spec import ImageSpec, spec_from_text
from tests.heads.networks import run_graph


def save_identity(path: Path, shape: tuple[object, ...]) -> Path:
    """Write a network that gives what it takes, plus one (so that it is not folded away)."""
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(shape)) for n in ("x", "y")]
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    add = helper.make_node("Add", ["x", "one"], ["y"], "add")
    graph = helper.make_graph([add], "identity", info[:1], info[1:], [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


W, H = 5, 3
RGB = np.arange(H * W * 3, dtype=np.uint8).reshape(H, W, 3)
LAYOUTS = {
    # network's shape, transposed, what it must see of RGB
    "planar": ((1, 3, H, W), False, RGB.transpose(2, 0, 1)),
    "interleaved": ((1, H, W, 3), False, RGB),
    "planar, rows are columns": ((1, 3, W, H), True, RGB.transpose(2, 1, 0)),
    "interleaved, rows are columns": ((1, W, H, 3), True, RGB.transpose(1, 0, 2)),
}


@pytest.mark.parametrize(("shape", "transposed", "seen"), LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("form", ["uint8", "float32", "planar"])
def test_the_network_sees_the_picture(
    shape: tuple[int, ...], transposed: bool, seen: np.ndarray, form: Form, tmp_path: Path
) -> None:
    path = save_identity(tmp_path / "net.onnx", shape)
    text = f'source = "{path}"\n[input]\nsize = [{W}, {H}]\ntransposed = {str(transposed).lower()}'
    baked = bake(import_onnx(path), spec_from_text(text), form)
    image = RGB[None] if form != "planar" else RGB.transpose(2, 0, 1)[None]
    got = run_graph(baked.model, {"image": image if form == "uint8" else image.astype("f4")}, ())
    np.testing.assert_array_equal(got["y"][0], seen.astype(np.float32) + 1)


def test_transposed_must_fit_too(tmp_path: Path) -> None:
    path = save_identity(tmp_path / "net.onnx", (1, 3, H, W))
    text = f'source = "{path}"\n[input]\nsize = [{W}, {H}]\ntransposed = true'
    with pytest.raises(ModelError, match="Which input takes the picture"):
        bake(import_onnx(path), spec_from_text(text), "uint8")


PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (721, 1280, 3), dtype=np.uint8))
FITS = {
    # size of the picture inside, left, top: 1280×721 into 640×480 has a factor of ½, 360.5 rows
    "letterbox": ({"resize": "letterbox"}, (640, 360), (0, 60)),
    "letterbox, Swift's rounding": (
        {"resize": "letterbox", "rounding": "half-away"},
        (640, 361),
        (0, 59),
    ),
    "top left": ({"resize": "letterbox-topleft"}, (640, 360), (0, 0)),
    "top left, rounded away": (
        {"resize": "letterbox-topleft", "rounding": "half-away"},
        (640, 361),
        (0, 0),
    ),
    "fit-pad": ({"resize": "fit-pad"}, (640, 360), (0, 60)),
}


@pytest.mark.parametrize(("keys", "resized", "place"), FITS.values(), ids=FITS)
def test_pictures_are_fitted_to_the_pixel(
    keys: dict[str, str], resized: tuple[int, int], place: tuple[int, int]
) -> None:
    spec = ImageSpec.model_validate({"size": (640, 480), "pad": 7, **keys})
    pixels, plan = fit_picture(PICTURE, spec)
    assert plan.resized_wh == resized
    assert (plan.left, plan.top) == place
    left, top = place
    inside = pixels[top : top + resized[1], left : left + resized[0]]
    want = np.asarray(PICTURE.resize(resized, Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(inside, want)
    assert (pixels[:top] == 7).all() and (pixels[top + resized[1] :] == 7).all()


@pytest.mark.parametrize("resample", ["bilinear", "lanczos", "nearest"])
def test_resampling_is_pillows(resample: str) -> None:
    spec = ImageSpec.model_validate({"size": (224, 160), "resample": resample})
    pixels, _ = fit_picture(PICTURE, spec)
    filters = {
        "bilinear": Image.Resampling.BILINEAR,
        "lanczos": Image.Resampling.LANCZOS,
        "nearest": Image.Resampling.NEAREST,
    }
    found = {
        k: (np.asarray(PICTURE.resize((224, 160), f)) == pixels).all() for k, f in filters.items()
    }
    assert [k for k, same in found.items() if same] == [resample]


@pytest.mark.parametrize("shape", [("N", 3, W, H), ("N", W, H, 3), ("N", 3, "w", "h")])
def test_rows_read_as_columns_by_every_lane(shape: tuple[object, ...], tmp_path: Path) -> None:
    """A dynamic network is fixed to rows and columns exchanged; the source sees the same."""
    path = save_identity(tmp_path / "net.onnx", shape)
    spec = spec_from_text(
        f'source = "{path}"\n[input]\nsize = [{W}, {H}]\ntransposed = true\n'
        '[targets.onnx]\n[targets.tflite]\n[targets.coreml]\nprecision = "float32"\n'
    )
    bundle = export(spec, tmp_path / "bundle").bundle
    axes = (2, 1, 0) if shape[1] == 3 else (1, 0, 2)
    seen = []
    for lane in lanes_of(bundle):
        try:
            got = open_lane(tmp_path / "bundle", bundle, lane).infer({"image": RGB})
        except NotRun:
            continue
        np.testing.assert_allclose(got["y"][0], RGB.transpose(axes) + 1.0, err_msg=lane.name)
        seen.append(lane.runner)
    assert {"source", "onnx", "tflite", "coreml"} <= set(seen)
