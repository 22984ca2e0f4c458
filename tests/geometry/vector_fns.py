"""Every function name in golden/vectors as a call of the library: args in, plain value out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mobilecat.camera import buffer, color, layout, request
from mobilecat.geometry import (
    bilinear,
    boxes,
    crops,
    detections,
    drawing,
    frames,
    orientation,
    resize,
    sampling,
    spaces,
    turned,
    views,
    vision,
)
from mobilecat.geometry.affine import Affine, Size
from mobilecat.geometry.assumptions import Assumptions
from mobilecat.heads import Candidates
from mobilecat.heads.reference.masks import assembled
from mobilecat.heads.reference.nms import suppress
from mobilecat.heads.reference.selection import select
from mobilecat.heads.reference.tensors import tensors_from_candidates
from mobilecat.pictures.masks import Masks
from mobilecat.spec import NmsSpec

Args = dict[str, Any]
FNS: dict[str, Callable[[Args], Any]] = {}


def fn(name: str) -> Callable[[Callable[[Args], Any]], Callable[[Args], Any]]:
    def register(call: Callable[[Args], Any]) -> Callable[[Args], Any]:
        assert name not in FNS, name
        FNS[name] = call
        return call

    return register


def six(m: Affine) -> list[float]:
    return [m.a, m.b, m.tx, m.c, m.d, m.ty]


def size(wh: list[float]) -> Size:
    return Size(wh[0], wh[1])


FNS.update(
    {
        "affine_compose": lambda a: six(Affine(*a["second"]) @ Affine(*a["first"])),
        "affine_inverse": lambda a: six(Affine(*a["map"]).inverse()),
        "affine_points": lambda a: Affine(*a["map"]).points(a["points_xy"]),
        "affine_boxes": lambda a: Affine(*a["map"]).boxes_xyxy(a["boxes_xyxy"]),
        "convert_boxes": lambda a: boxes.convert_boxes(a["boxes"], a["dst"], a["src"]),
        "norm_from_pixels": lambda a: boxes.norm_from_pixels(
            a["boxes"], a["format"], size(a["size_wh"])
        ),
        "pixels_from_norm": lambda a: boxes.pixels_from_norm(
            a["boxes"], a["format"], size(a["size_wh"])
        ),
        "clip_boxes": lambda a: boxes.clip_xyxy(a["boxes_xyxy"], size(a["size_wh"])),
        "iou": lambda a: boxes.iou(a["a_xyxy"], a["b_xyxy"]),
        "boxes_around": lambda a: boxes.boxes_around(a["landmarks_xy"]),
        "letterbox": lambda a: six(
            resize.letterbox(size(a["src_wh"]), size(a["dst_wh"]), a["rounding"])
        ),
        "stored_from_upright": lambda a: orientation.stored_from_upright(
            a["orientation"], size(a["stored_wh"])
        ).points(a["points_xy"]),
        "apply_orientation": lambda a: orientation.apply_orientation(
            np.array(a["pixels"]), a["orientation"]
        ),
        "inverse_orientation": lambda a: int(orientation.inverse_orientation(a["orientation"])),
        "compose_orientations": lambda a: int(
            orientation.compose_orientations(a["second"], a["first"])
        ),
        "orientation_from_ui_image": lambda a: int(orientation.orientation_from_ui_image(a["raw"])),
        "ui_image_from_orientation": lambda a: orientation.ui_image_from_orientation(
            a["orientation"]
        ),
        "cg_name": lambda a: orientation.orientation(a["orientation"]).cg_name,
        "orientation_for_buffer": lambda a: int(
            orientation.orientation_for_buffer(
                a["device"], a["camera"], a["mirrored"], upright_angle=a["upright_angle"]
            )
        ),
        "orientation_for_reported": lambda a: int(
            orientation.orientation_for_reported(
                a["upright_angle"], a["applied_angle"], a["mirrored"]
            )
        ),
        "rotation_angle": lambda a: orientation.rotation_angle(a["device"], a["camera"]),
        "video_orientation": lambda a: orientation.video_orientation(a["device"]),
        "orientation_for_rotation": lambda a: int(
            orientation.orientation_for_rotation(a["degrees"])
        ),
        "model_from_image": lambda a: _model_from_image(a).points(a["points_xy"]),
        "image_from_model": lambda a: _model_from_image(a).inverse().points(a["points_xy"]),
        "crop_and_scale_raw": lambda a: vision.crop_and_scale(a["option"]).raw,
        "flip_xywh_norm": lambda a: vision.flip_xywh_norm(a["boxes"]),
        "frame_from_frame": lambda a: frames.frame_from_frame(
            _frame(a["dst"]), _frame(a["src"])
        ).points(a["points_xy"]),
        "image_from_vision": lambda a: vision.image_from_vision(size(a["image_wh"])).points(
            a["points_xy"]
        ),
        "region_to_full": lambda a: boxes.xywh_from_xyxy(
            vision.Region(*a["region"]).full_from_region.boxes_xyxy(
                boxes.xyxy_from_xywh(a["boxes_xywh"])
            )
        ),
        "image_rects_from_norm": lambda a: vision.image_rects_from_norm(
            a["rects"], size(a["image_wh"]), a["origin"]
        ),
        "vn_image_point": lambda a: vision.vn_image_point_for_normalized_point(
            a["point"], size(a["image_wh"])
        ),
        "vn_normalized_point": lambda a: vision.vn_normalized_point_for_image_point(
            a["point"], size(a["image_wh"])
        ),
        "vn_image_rect": lambda a: vision.vn_image_rect_for_normalized_rect(
            a["rect"], size(a["image_wh"])
        ),
        "vn_normalized_rect": lambda a: vision.vn_normalized_rect_for_image_rect(
            a["rect"], size(a["image_wh"])
        ),
        "vn_face_landmark_point": lambda a: vision.vn_image_point_for_face_landmark_point(
            a["landmark"], a["face"], size(a["image_wh"])
        ),
        "view_from_image": lambda a: (
            views.View(size(a["view_wh"]), a["mode"], a["mirrored"], a["rtl"])
            .view_from_image(size(a["image_wh"]))
            .points(a["points_xy"])
        ),
        "metadata_rects": lambda a: views.metadata_rects_from_vision(
            a["boxes_xywh"], a["orientation"]
        ),
        "core_image_from_norm": lambda a: spaces.core_image_from_norm(
            spaces.Extent(*a["extent"])
        ).points(a["points_uv"]),
        "spritekit_from_norm": lambda a: spaces.spritekit_from_norm(
            size(a["node_wh"]), (a["anchor"][0], a["anchor"][1])
        ).points(a["points_uv"]),
        "metal_ndc_from_norm": lambda a: spaces.metal_ndc_from_norm().points(a["points_uv"]),
        "pixels_from_points": lambda a: spaces.pixels_from_points(a["content_scale"]).points(
            a["points_xy"]
        ),
        "core_graphics_from_uikit": lambda a: spaces.core_graphics_from_uikit(a["height"]).points(
            a["points_xy"]
        ),
        "norm_from_pixels_map": lambda a: spaces.norm_from_pixels_map(size(a["size_wh"])).points(
            a["points_xy"]
        ),
        "source_indices": lambda a: sampling.source_indices(
            a["n_in"], a["n_out"], a["convention"], a["clamp"]
        ),
        "mil_source_indices": lambda a: sampling.source_indices(
            a["n_in"], a["n_out"], sampling.MIL_RESIZE_BILINEAR[a["sampling_mode"]]
        ),
        "resized_from_source": lambda a: sampling.resized_from_source(
            size(a["src_wh"]), size(a["dst_wh"]), a["convention"]
        ).points(a["points_xy"]),
        "crop_rect": lambda a: crops.crop_rect(
            a["box_xyxy"], size(a["image_wh"]), crops.CropRule(**a["rule"])
        ),
        "landmarks_from_crop": lambda a: crops.plan_crop(
            a["box_xyxy"],
            size(a["image_wh"]),
            size(a["model_wh"]),
            crops.CropRule(**a["rule"]),
            a["mode"],
            a["rounding"],
        ).image_from_model.points(a["landmarks_xy"]),
        "bilinear": lambda a: bilinear.bilinear(
            np.array(a["pixels"], np.uint8)[..., None],
            Affine(*a["image_from_model"]),
            size(a["model_wh"]),
            a["pad"],
        )[..., 0],
        "image_from_box": lambda a: crops.image_from_box(a["box_xyxy"]).points(a["points_xy"]),
        "aligned": lambda a: layout.aligned(a["row_bytes"], a["alignment"]),
        "element_offset": lambda a: layout.element_offset(a["index"], a["strides"]),
        "tensor_bytes": lambda a: layout.tensor_bytes(a["shape"], a["dtype"]),
        "sample_address": lambda a: _layouts(a)[a["plane"]].address(a["x"], a["y"]),
        "rgb_from_ycbcr": lambda a: color.rgb_from_ycbcr(a["ycbcr"], a["matrix"], a["full_range"]),
    }
)


def _model_from_image(a: Args) -> Affine:
    return vision.model_from_image(
        vision.crop_and_scale(a["option"]),
        size(a["image_wh"]),
        size(a["model_wh"]),
        vision.Region(*a["region"]),
        Assumptions(scale_fit_placement=a["scale_fit_placement"]),
    )


def _frame(f: Args) -> frames.Frame:
    return frames.Frame(f["picture"], size(f["size_wh"]), f["unit"], f["origin"])


def _layouts(a: Args) -> tuple[layout.PlaneLayout, ...]:
    return layout.plane_layouts(
        a["format"], (a["wh"][0], a["wh"][1]), a["row_strides"], a["pixel_strides"]
    )


@fn("turned_crop")
def _turned_crop(a: Args) -> Any:
    rule = {**a["rule"], "shift": tuple(a["rule"]["shift"])}
    rule["rotation"] = crops.CropRotation(**rule["rotation"])
    plan = crops.plan_crop(
        a["box_xyxy"],
        size(a["image_wh"]),
        size(a["model_wh"]),
        crops.CropRule(**rule),
        points_xy=a["points_xy"],
    )
    return {
        "angle": plan.angle,
        "corners_xy": plan.corners_xy,
        "landmarks_xy": plan.image_from_model.points(a["landmarks_xy"]),
    }


@fn("plan_resize")
def _plan_resize(a: Args) -> Any:
    plan = resize.plan_resize(size(a["src_wh"]), size(a["dst_wh"]), a["mode"], a["rounding"])
    return {
        "resized_wh": plan.resized_wh,
        "left": plan.left,
        "top": plan.top,
        "right": plan.right,
        "bottom": plan.bottom,
        "model_from_image": six(plan.model_from_image),
    }


@fn("upright_from_stored")
def _upright_from_stored(a: Args) -> Any:
    turned = orientation.upright_from_stored(a["orientation"], size(a["stored_wh"]))
    return {
        "size_wh": [*orientation.upright_size(a["orientation"], size(a["stored_wh"]))],
        "points_xy": turned.points(a["points_xy"]),
    }


@fn("plane_layouts")
def _plane_layouts(a: Args) -> Any:
    names = ("name", "cols", "rows", "sample_bytes", "pixel_stride", "row_stride")
    return [{n: getattr(p, n) for n in (*names, "min_bytes", "full_bytes")} for p in _layouts(a)]


@fn("check_plane_bytes")
def _check_plane_bytes(a: Args) -> Any:
    layout.check_plane_bytes(a["format"], _layouts(a), a["plane_bytes"])
    return True


@fn("rgb_from_buffer")
def _rgb_from_buffer(a: Args) -> Any:
    planes = [bytes(p) for p in a["planes"]]
    wh = (a["wh"][0], a["wh"][1])
    return buffer.rgb_from_buffer(
        buffer.buffer_from_planes(
            a["format"], wh, planes, a["row_strides"], a["pixel_strides"], a["matrix"]
        )
    )


@fn("simulated_request")
def _simulated_request(a: Args) -> Any:
    fit = a["fit"]
    v = a["view"]
    r = request.SimulatedRequest(
        buffer_wh=size(a["buffer_wh"]),
        model_wh=size(a["model_wh"]),
        orientation=orientation.orientation(a["orientation"]),
        fit=request.AppResize(**fit) if isinstance(fit, dict) else vision.crop_and_scale(fit),
        region=vision.Region(*a["region"]),
        view=views.View(size(v["size_wh"]), v["mode"], v["mirrored"], v["rtl"]),
        assumptions=Assumptions(observations_relative_to_roi=a["observations_relative_to_roi"]),
    )
    model = r.model_from_frame.points(a["frame_points_xy"])
    return {
        "image_wh": [*r.image_wh],
        "image_points_xy": r.image_from_model.points(model),
        "model_points_xy": model,
        "vision_points_xy": r.vision_from_model.points(model),
        "observed_points_xy": r.observed_from_model.points(model),
        "view_points_xy": r.view_from_model.points(model),
    }


def _detections(found: tuple[detections.Detection, ...]) -> Any:
    return [
        {
            "box_xyxy": d.box_xyxy,
            "score": d.score,
            "class_id": d.class_id,
            "landmarks_xy": d.landmarks_xy,
        }
        for d in found
    ]


@fn("detections_from_tensors")
def _detections_from_tensors(a: Args) -> Any:
    return _detections(
        detections.detections_from_tensors(
            a["boxes"],
            a["scores"],
            a["class_ids"],
            a["count"],
            a["landmarks"],
            Affine(*a["image_from_model"]),
            a["score_threshold"],
        )
    )


def _with_nan(values: Any) -> Any:
    """Return an array of float32, as artifacts give them; null stands for NaN."""
    return np.array(values, dtype=np.float32)


def _nms(a: Args) -> NmsSpec:
    names = ("score_threshold", "iou_threshold", "max_detections", "per_class")
    return NmsSpec(**{n: a[n] for n in names})


@fn("suppress_candidates")
def _suppress_candidates(a: Args) -> Any:
    boxes_xyxy, scores = _with_nan(a["boxes"]), _with_nan(a["scores"])
    nms = _nms(a)
    return suppress(
        boxes_xyxy.reshape(-1, 4),
        scores if scores.size else scores.reshape(0, 1),
        nms.score_threshold,
        nms.iou_threshold,
        nms.max_detections,
        nms.per_class,
    )


@fn("detections_from_candidates")
def _detections_from_candidates(a: Args) -> Any:
    def batched(name: str, empty: tuple[int, ...]) -> Any:
        array = _with_nan(a[name])
        array = array.reshape(empty) if array.size == 0 else array
        return array[None] if array.ndim == 2 and np.ndim(a["boxes"]) == 2 else array

    marks = a["landmarks"]
    tensors = tensors_from_candidates(
        Candidates(
            batched("boxes", (1, 0, 4)),
            batched("scores", (1, 0, 1)),
            {} if marks is None else {"landmarks": batched("landmarks", (1, 0, 0))},
        ),
        _nms(a),
    )
    return _detections(
        detections.detections_from_tensors(
            *(tensors[n] for n in ("boxes", "scores", "class_ids", "count")),
            tensors.get("landmarks"),
            Affine(*a["image_from_model"]),
        )
    )


@fn("masks_from_prototypes")
def _masks_from_prototypes(a: Args) -> Any:
    factors, maps = np.array(a["coefficients"], float), np.array(a["prototypes"], float)
    boxes_xyxy = np.array(a["boxes_xyxy"], float).reshape(-1, 4)
    wh = (maps.shape[2], maps.shape[1])
    mask_wh = tuple(a["mask_wh"]) if a["mask_wh"] else None
    return assembled(factors, maps, boxes_xyxy, tuple(a["model_wh"]), mask_wh or wh)


@fn("mask_pixels")
def _mask_pixels(a: Args) -> Any:
    made = Masks(np.array([a["values"]], np.float32), Affine(*a["image_from_mask"]))
    return made.on_picture(0, tuple(a["image_wh"]))


@fn("drawing")
def _drawing(a: Args) -> Any:
    made = request.SimulatedRequest(
        size(a["buffer_wh"]),
        size(a["model_wh"]),
        orientation.orientation(a["orientation"]),
        request.AppResize(**a["fit"]),
    )
    drawn = drawing.Drawing(made.buffer_wh, made.model_wh, made.model_from_frame)
    return {
        "model_points_ci": drawn.core_image_from_frame.points(a["frame_points_ci"]),
        "picture_xyxy": drawn.picture_xyxy,
        "picture_ci_xywh": drawn.core_image_picture_xywh,
    }


@fn("detections_from_tflite")
def _detections_from_tflite(a: Args) -> Any:
    return _detections(
        detections.detections_from_tflite(
            a["boxes"],
            a["classes"],
            a["scores"],
            a["count"],
            size(a["model_wh"]),
            Affine(*a["image_from_model"]),
            a["score_threshold"],
        )
    )


@fn("detections_from_coreml_nms")
def _detections_from_coreml_nms(a: Args) -> Any:
    return _detections(
        detections.detections_from_coreml_nms(
            a["confidence"],
            a["coordinates"],
            size(a["model_wh"]),
            Affine(*a["image_from_model"]),
            a["score_threshold"],
        )
    )


@fn("turned_corners")
def _turned_corners(a: Args) -> Any:
    return turned.turned_corners(a["boxes"], a["angles"]).tolist()


@fn("turned_in_frame")
def _turned_in_frame(a: Args) -> Any:
    found, angles = turned.turned_in_frame(Affine(*a["map"]), a["boxes"], a["angles"])
    return np.concatenate([found, angles[:, None]], axis=1).tolist()


@fn("turned_iou")
def _turned_iou(a: Args) -> Any:
    ends = (turned.turned_corners(a[f"{k}_boxes"], a[f"{k}_angles"]) for k in "ab")
    return turned.turned_iou(*ends).tolist()


@fn("probiou")
def _probiou(a: Args) -> Any:
    return turned.probiou(a["a_boxes"], a["a_angles"], a["b_boxes"], a["b_angles"]).tolist()


@fn("select_candidates")
def _select_candidates(a: Args) -> Any:
    names = ("score_threshold", "iou_threshold", "max_detections", "per_class")
    nms = NmsSpec(**{n: a[n] for n in (*names, "selection", "overlap")})
    angles = None if a["angles"] is None else np.array(a["angles"])
    kept = select(_with_nan(a["boxes"]), _with_nan(a["scores"]), nms, angles)
    return [[int(r), int(c)] for r, c in zip(kept.rows, kept.classes, strict=True)]
