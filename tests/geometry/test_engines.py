"""Orientation against Pillow, resizing against OpenCV, onnxruntime and LiteRT: pixel by pixel."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from mobilecat.geometry.affine import GeometryError
from mobilecat.geometry.orientation import (
    CAMERAS,
    DEVICES,
    Orientation,
    apply_orientation,
    orientation_for_buffer,
    orientation_for_reported,
    orientation_for_rotation,
    rotation_angle,
    upright_from_stored,
    upright_size,
    video_orientation,
)
from mobilecat.geometry.sampling import (
    ONNX_RESIZE,
    TFLITE_RESIZE_BILINEAR,
    resized_from_source,
    source_indices,
)


def _pillow(pixels: Any, o: int) -> Any:
    exif = Image.Exif()
    exif[0x0112] = o
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(stream)))


@pytest.mark.parametrize("o", list(Orientation))
def test_every_pixel_of_a_3x5_image_agrees_with_pillow(o: Orientation) -> None:
    stored = np.arange(45, dtype=np.uint8).reshape(5, 3, 3)  # 3 wide, 5 high, RGB
    upright = _pillow(stored, o)
    assert np.array_equal(apply_orientation(stored, o), upright)
    assert upright_size(o, (3, 5)).w == upright.shape[1]
    assert upright_size(o, (3, 5)).h == upright.shape[0]
    centres = upright_from_stored(o, (3, 5)).points(
        [[[x + 0.5, y + 0.5] for x in range(3)] for y in range(5)]
    )
    for y, x in itertools.product(range(5), range(3)):
        column, row = np.floor(centres[y, x]).astype(int)
        assert (upright[row, column] == stored[y, x]).all()


def test_angle_and_orientation_tables_tell_one_story() -> None:
    for device, camera in itertools.product(DEVICES, CAMERAS):
        by_angle = orientation_for_rotation(rotation_angle(device, camera))
        assert by_angle == orientation_for_buffer(device, camera)
    assert {video_orientation(video_orientation(d)) for d in DEVICES} == set(DEVICES)


def test_the_angle_that_the_system_reports_decides_and_the_table_agrees_where_it_is_true() -> None:
    for device, camera in itertools.product(DEVICES, CAMERAS):
        angle = rotation_angle(device, camera)
        for mirrored in (False, True) if camera == "front" else (False,):
            by_table = orientation_for_buffer(device, camera, mirrored)
            assert orientation_for_reported(angle, mirrored=mirrored) == by_table
        # A front camera of iPhone 17: a quarter turn less, whatever the table says.
        less = (angle - 90) % 360
        told = orientation_for_buffer(device, camera, upright_angle=less)
        assert told == orientation_for_rotation(less) != orientation_for_buffer(device, camera)


def test_what_the_connection_has_turned_is_not_turned_again() -> None:
    """Held to numpy's own turns of a picture, clockwise."""
    sensor = np.arange(15, dtype=np.uint8).reshape(5, 3)
    angles = (0, 90, 180, 270)
    for asked, applied, mirrored in itertools.product(angles, angles, (False, True)):
        buffer = np.rot90(sensor, -applied // 90)
        wanted = np.rot90(sensor, -asked // 90)[:, :: -1 if mirrored else 1]
        seen = apply_orientation(buffer, orientation_for_reported(asked, applied, mirrored))
        assert np.array_equal(seen, wanted)
    with pytest.raises(GeometryError, match="45"):
        orientation_for_reported(45)
    with pytest.raises(GeometryError, match="10"):
        orientation_for_reported(90, 10)


@pytest.mark.parametrize("device", DEVICES)
def test_the_mirrored_front_column_shows_the_scene_as_a_mirror_does(device: Any) -> None:
    sensor = np.arange(15, dtype=np.uint8).reshape(5, 3)
    seen = apply_orientation(sensor, orientation_for_buffer(device, "front"))
    mirror = apply_orientation(sensor, orientation_for_buffer(device, "front", True))
    assert np.array_equal(mirror, seen[:, ::-1])


def _interpolated(picture: Any, dst_wh: tuple[int, int], convention: Any) -> Any:
    """Return picture resized by plain linear interpolation at `source_indices`."""
    h, w = picture.shape
    ys = source_indices(h, dst_wh[1], convention)
    xs = source_indices(w, dst_wh[0], convention)
    rows = np.array([[np.interp(x, np.arange(w), row) for x in xs] for row in picture])
    return np.array([[np.interp(y, np.arange(h), col) for col in rows.T] for y in ys])


RESIZES = [((5, 7), (13, 11)), ((7, 5), (3, 4)), ((8, 6), (8, 13)), ((3, 5), (7, 2))]


def _picture(wh: tuple[int, int]) -> Any:
    return np.random.default_rng(4).random((wh[1], wh[0]), dtype=np.float32)


@pytest.mark.parametrize(("src", "dst"), RESIZES)
def test_half_pixel_is_opencv(src: tuple[int, int], dst: tuple[int, int]) -> None:
    import cv2

    theirs = cv2.resize(_picture(src), dst, interpolation=cv2.INTER_LINEAR)
    assert np.abs(_interpolated(_picture(src), dst, "half-pixel") - theirs).max() < 1e-5


@pytest.mark.parametrize("mode", sorted(ONNX_RESIZE))
@pytest.mark.parametrize(("src", "dst"), RESIZES)
def test_conventions_are_onnxruntimes(src: Any, dst: Any, mode: str) -> None:
    import onnxruntime as ort
    from onnx import TensorProto, helper

    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode="linear", coordinate_transformation_mode=mode
    )
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, src[1], src[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, dst[1], dst[0]])],
        [helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, dst[1], dst[0]])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"x": _picture(src)[None, None]})
    ours = _interpolated(_picture(src), dst, ONNX_RESIZE[mode])
    assert np.abs(ours - theirs[0, 0]).max() < 1e-5


def _litert_resize(picture: Any, dst_wh: tuple[int, int], align: bool, half: bool) -> Any:
    """Return what LiteRT's RESIZE_BILINEAR makes of it: a one-op flatbuffer, built here."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    h, w = picture.shape

    def tensor(name: str, shape: list[int], dtype: int, buffer: int) -> Any:
        t = schema.TensorT()
        t.name, t.shape, t.type, t.buffer = name, shape, dtype, buffer
        return t

    data = [schema.BufferT() for _ in range(2)]
    data[1].data = np.frombuffer(np.array([dst_wh[1], dst_wh[0]], "<i4").tobytes(), np.uint8)
    op = schema.OperatorT()
    op.inputs, op.outputs = [0, 1], [2]
    op.builtinOptionsType = schema.BuiltinOptions.ResizeBilinearOptions
    op.builtinOptions = schema.ResizeBilinearOptionsT()
    op.builtinOptions.alignCorners, op.builtinOptions.halfPixelCenters = align, half
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.RESIZE_BILINEAR
    code.deprecatedBuiltinCode, code.version = schema.BuiltinOperator.RESIZE_BILINEAR, 3
    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("x", [1, h, w, 1], schema.TensorType.FLOAT32, 0),
        tensor("size", [2], schema.TensorType.INT32, 1),
        tensor("y", [1, dst_wh[1], dst_wh[0], 1], schema.TensorType.FLOAT32, 0),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [op]
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], data
    model.operatorCodes = [code]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()))
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, picture[None, ..., None])
    interpreter.invoke()
    return interpreter.get_tensor(2)[0, ..., 0]


@pytest.mark.parametrize(("flags", "convention"), sorted(TFLITE_RESIZE_BILINEAR.items()))
@pytest.mark.parametrize(("src", "dst"), RESIZES)
def test_conventions_are_litert(src: Any, dst: Any, flags: Any, convention: Any) -> None:
    theirs = _litert_resize(_picture(src), dst, *flags)
    assert np.abs(_interpolated(_picture(src), dst, convention) - theirs).max() < 1e-5


@pytest.mark.parametrize("convention", ["half-pixel", "legacy", "align-corners"])
@pytest.mark.parametrize(("src", "dst"), RESIZES)
def test_the_coordinate_map_reads_where_the_resize_reads(
    src: Any, dst: Any, convention: Any
) -> None:
    back = resized_from_source(src, dst, convention).inverse()
    centres = back.points([[k + 0.5, k + 0.5] for k in range(max(dst))]) - 0.5
    xs = source_indices(src[0], dst[0], convention, clamp=False)
    ys = source_indices(src[1], dst[1], convention, clamp=False)
    assert np.allclose(centres[: dst[0], 0], xs, atol=1e-9)
    assert np.allclose(centres[: dst[1], 1], ys, atol=1e-9)
