@testable import MobileCatKit

typealias VectorFunction = (Args) throws -> any JSONResult

/// Every function name in golden/vectors as a call of the library: args in, plain value out.
let vectorFunctions: [String: VectorFunction] = [
    geometryFunctions, fittingFunctions, orientationFunctions, visionFunctions, bufferFunctions,
    outputFunctions,
].reduce(into: [:]) { all, table in
    all.merge(table) { _, _ in preconditionFailure("a function is in two tables") }
}

private let geometryFunctions: [String: VectorFunction] = [
    "affine_compose": { try $0.map("second") * $0.map("first") },
    "affine_inverse": { try $0.map("map").inverse() },
    "affine_points": { try $0.points("points_xy").map($0.map("map").point) },
    "affine_boxes": { try $0.boxesXYXY("boxes_xyxy").map($0.map("map").box) },
    "convert_boxes": { a in
        let (src, dst): (BoxFormat, BoxFormat) = try (a.named("src"), a.named("dst"))
        return try a.rows("boxes").map { try dst.row(src.box($0)) }
    },
    "norm_from_pixels": { a in
        let (format, wh): (BoxFormat, SizeWH) = try (a.named("format"), a.size("size_wh"))
        return try a.rows("boxes").map { try format.box($0).normalized(by: wh).values }
    },
    "pixels_from_norm": { a in
        let (format, wh): (BoxFormat, SizeWH) = try (a.named("format"), a.size("size_wh"))
        return try a.rows("boxes").map { try format.box($0).pixels(in: wh).values }
    },
    "clip_boxes": { a in
        let wh = try a.size("size_wh")
        return try a.boxesXYXY("boxes_xyxy").map { $0.clipped(to: wh) }
    },
    "frame_from_frame": { a in
        let frames = try ["dst", "src"].map { key in
            let frame = try a.args(key)
            return try Frame(
                frame.string("picture"), frame.size("size_wh"), unit: frame.named("unit"),
                origin: frame.named("origin"))
        }
        return try a.points("points_xy").map(frames[0].fromFrame(frames[1]).point)
    },
    "iou": { a in
        let others = try a.boxesXYXY("b_xyxy")
        return try a.boxesXYXY("a_xyxy").map { box in others.map(box.iou) }
    },
    "boxes_around": { try BoxXYXY(around: $0.points("landmarks_xy")) },
    "image_from_box": { try $0.points("points_xy").map($0.xyxy("box_xyxy").imageFromBox.point) },
    "core_image_from_norm": {
        try $0.points("points_uv").map(Affine.coreImageFromNorm(extent: $0.xywh("extent")).point)
    },
    "spritekit_from_norm": {
        try $0.points("points_uv").map(
            Affine.spriteKitFromNorm(node: $0.size("node_wh"), anchor: $0.point("anchor")).point)
    },
    "metal_ndc_from_norm": { try $0.points("points_uv").map(Affine.metalNDCFromNorm.point) },
    "pixels_from_points": {
        try $0.points("points_xy").map(
            Affine.pixelsFromPoints(contentScale: $0.number("content_scale")).point)
    },
    "core_graphics_from_uikit": {
        try $0.points("points_xy").map(
            Affine.coreGraphicsFromUIKit(height: $0.number("height")).point)
    },
    "norm_from_pixels_map": {
        try $0.points("points_xy").map(Affine.normFromPixels($0.size("size_wh")).point)
    },
]

private let fittingFunctions: [String: VectorFunction] = [
    "plan_resize": { a in
        let plan = try ResizePlan(
            src: a.size("src_wh"), dst: a.size("dst_wh"), mode: a.named("mode"),
            rounding: a.optional("rounding", a.named))
        return JSONValue.object([
            "resized_wh": plan.resizedWH.json, "left": plan.left.json, "top": plan.top.json,
            "right": plan.right.json, "bottom": plan.bottom.json,
            "model_from_image": plan.modelFromImage.json,
        ])
    },
    "letterbox": {
        try ResizePlan(
            src: $0.size("src_wh"), dst: $0.size("dst_wh"), mode: .letterbox,
            rounding: $0.named("rounding")
        ).modelFromImage
    },
    "source_indices": {
        let sampling: ResizeSampling = try $0.named("convention")
        return try sampling.sourceIndices(
            from: $0.whole("n_in"), to: $0.whole("n_out"), clamp: $0.bool("clamp"))
    },
    "mil_source_indices": {
        try ResizeSampling(milSamplingMode: $0.string("sampling_mode"))
            .sourceIndices(from: $0.whole("n_in"), to: $0.whole("n_out"))
    },
    "resized_from_source": {
        let sampling: ResizeSampling = try $0.named("convention")
        return try $0.points("points_xy").map(
            sampling.resizedFromSource(src: $0.size("src_wh"), dst: $0.size("dst_wh")).point)
    },
    "crop_rect": { try cropRule($0).rect(of: $0.xyxy("box_xyxy"), imageWH: $0.size("image_wh")) },
    "landmarks_from_crop": { a in
        let plan = try CropPlan(
            box: a.xyxy("box_xyxy"), imageWH: a.size("image_wh"), modelWH: a.size("model_wh"),
            rule: cropRule(a), mode: a.named("mode"), rounding: a.optional("rounding", a.named))
        return try plan.landmarks(a.tensor("landmarks_xy"))
    },
    "turned_crop": { a in
        let (rule, rotation) = try (a.args("rule"), a.args("rule").args("rotation"))
        let plan = try CropPlan(
            box: a.xyxy("box_xyxy"), imageWH: a.size("image_wh"), modelWH: a.size("model_wh"),
            rule: CropRule(
                grow: rule.number("grow"), growBy: rule.named("grow_by"),
                square: rule.bool("square"), rounding: rule.named("rounding"),
                edge: rule.named("edge"), scale: rule.number("scale"), shift: rule.point("shift"),
                rotation: CropRotation(
                    start: rotation.whole("start"), end: rotation.whole("end"),
                    targetDegrees: rotation.number("target_degrees"),
                    about: rotation.named("about"))),
            points: a.points("points_xy"))
        return JSONValue.object([
            "angle": plan.angle.json, "corners_xy": try plan.corners.json,
            "landmarks_xy": try a.points("landmarks_xy").map(plan.imageFromModel.point).json,
        ])
    },
    "bilinear": { a in
        let rows = try a.rows("pixels")
        let width = Int(try a.size("model_wh").w)
        let sampled = try Bilinear.sampled(
            rows.flatMap { $0.map { UInt8($0) } },
            imageWH: SizeWH(Double(rows[0].count), Double(rows.count)), channels: 1,
            imageFromModel: a.map("image_from_model"), modelWH: a.size("model_wh"),
            pad: a.whole("pad"))
        return stride(from: 0, to: sampled.count, by: width).map { start in
            sampled[start..<start + width].map { Int($0) }
        }
    },
    "view_from_image": { a in
        let view = try PictureView(
            size: a.size("view_wh"), mode: a.named("mode"), mirrored: a.bool("mirrored"),
            rightToLeft: a.bool("rtl"))
        return try a.points("points_xy").map(
            view.viewFromImage(imageWH: a.size("image_wh")).point)
    },
]

private func cropRule(_ a: Args) throws -> CropRule {
    let rule = try a.args("rule")
    return try CropRule(
        grow: rule.number("grow"), growBy: rule.named("grow_by"), square: rule.bool("square"),
        rounding: rule.named("rounding"), edge: rule.named("edge"))
}

private let orientationFunctions: [String: VectorFunction] = [
    "upright_from_stored": { a in
        let (orientation, wh) = try (a.orientation(), a.size("stored_wh"))
        return JSONValue.object([
            "size_wh": orientation.uprightSize(storedWH: wh).json,
            "points_xy": try a.points("points_xy").map(
                orientation.uprightFromStored(storedWH: wh).point
            ).json,
        ])
    },
    "stored_from_upright": {
        try $0.points("points_xy").map(
            $0.orientation().storedFromUpright(storedWH: $0.size("stored_wh")).point)
    },
    "apply_orientation": { try $0.orientation().upright(rows: $0.rows("pixels")) },
    "inverse_orientation": { try $0.orientation().inverse },
    "compose_orientations": { try $0.orientation("second") * $0.orientation("first") },
    "orientation_from_ui_image": { try Orientation(uiImageRawValue: $0.whole("raw")) },
    "ui_image_from_orientation": { try $0.orientation().uiImageRawValue },
    "cg_name": { try $0.orientation().cgName },
    "orientation_for_buffer": {
        try Orientation(
            forBufferOf: $0.named("camera"), device: $0.named("device"),
            mirrored: $0.bool("mirrored"), uprightAngle: $0.optional("upright_angle", $0.whole))
    },
    "orientation_for_reported": {
        try Orientation(
            uprightAngle: $0.whole("upright_angle"), appliedAngle: $0.whole("applied_angle"),
            mirrorImage: $0.bool("mirrored"))
    },
    "rotation_angle": {
        try Orientation.rotationAngle(device: $0.named("device"), camera: $0.named("camera"))
    },
    "video_orientation": {
        let device: DeviceOrientation = try $0.named("device")
        return device.videoOrientation.rawValue
    },
    "orientation_for_rotation": { try Orientation(clockwiseDegrees: $0.whole("degrees")) },
]

private let visionFunctions: [String: VectorFunction] = [
    "model_from_image": { try $0.points("points_xy").map(modelFromImage($0).point) },
    "image_from_model": { try $0.points("points_xy").map(modelFromImage($0).inverse().point) },
    "crop_and_scale_raw": {
        let option: CropAndScale = try $0.named("option")
        return option.vnRawValue
    },
    "flip_xywh_norm": { try $0.boxesXYWH("boxes").map(\.flippedNorm) },
    "image_from_vision": {
        try $0.points("points_xy").map(Affine.imageFromVision($0.size("image_wh")).point)
    },
    "region_to_full": { a in
        let full = try a.region().fullFromRegion
        return try a.boxesXYWH("boxes_xywh").map { BoxXYWH(full.box($0.xyxy)) }
    },
    "metadata_rects": { a in
        let orientation = try a.orientation()
        return try a.boxesXYWH("boxes_xywh").map { $0.metadataRect(orientation) }
    },
    "vn_image_point": {
        try VN.imagePoint(normalized: $0.point("point"), imageWH: $0.size("image_wh"))
    },
    "vn_normalized_point": {
        try VN.normalizedPoint(image: $0.point("point"), imageWH: $0.size("image_wh"))
    },
    "vn_image_rect": {
        try VN.imageRect(normalized: $0.xywh("rect"), imageWH: $0.size("image_wh"))
    },
    "image_rects_from_norm": { a in
        try a.boxesXYWH("rects").map {
            try VN.imageRect(
                normalized: $0, imageWH: a.size("image_wh"), origin: a.named("origin"))
        }
    },
    "vn_normalized_rect": {
        try VN.normalizedRect(image: $0.xywh("rect"), imageWH: $0.size("image_wh"))
    },
    "vn_face_landmark_point": {
        try VN.imagePoint(
            faceLandmark: $0.point("landmark"), face: $0.xywh("face"), imageWH: $0.size("image_wh"))
    },
    "drawing": { a in
        let fit = try a.args("fit")
        let request = try FrameRequest(
            bufferWH: a.size("buffer_wh"), modelWH: a.size("model_wh"),
            orientation: a.orientation(),
            fit: .app(fit.named("mode"), fit.optional("rounding", fit.named)))
        let drawing = request.drawing(pad: 114)
        return try JSONValue.object([
            "model_points_ci": a.points("frame_points_ci").map(drawing.coreImageFromFrame.point)
                .json,
            "picture_xyxy": drawing.pictureBox.json,
            "picture_ci_xywh": drawing.coreImagePictureRect.json,
        ])
    },
    "simulated_request": { a in
        let request = try frameRequest(a)
        let model = try a.points("frame_points_xy").map(request.modelFromFrame.point)
        return try JSONValue.object([
            "image_wh": request.imageWH.json,
            "image_points_xy": model.map(request.imageFromModel.point).json,
            "model_points_xy": model.json,
            "vision_points_xy": model.map(request.visionFromModel.point).json,
            "observed_points_xy": model.map(request.observedFromModel.point).json,
            "view_points_xy": model.map(request.viewFromModel.point).json,
        ])
    },
]

private func modelFromImage(_ a: Args) throws -> Affine {
    let option: CropAndScale = try a.named("option")
    return try option.modelFromImage(
        imageWH: a.size("image_wh"), modelWH: a.size("model_wh"), region: a.region(),
        assumptions: Assumptions(scaleFitPlacement: a.named("scale_fit_placement")))
}

private func frameRequest(_ a: Args) throws -> FrameRequest {
    let fit: FrameRequest.Fit
    if let name = try a.json("fit").string {
        fit = .vision(try CropAndScale(named: name))
    } else {
        let app = try a.args("fit")
        fit = try .app(app.named("mode"), app.optional("rounding", app.named))
    }
    let view = try a.args("view")
    return try FrameRequest(
        bufferWH: a.size("buffer_wh"), modelWH: a.size("model_wh"), orientation: a.orientation(),
        fit: fit, region: a.region(),
        view: PictureView(
            size: view.size("size_wh"), mode: view.named("mode"), mirrored: view.bool("mirrored"),
            rightToLeft: view.bool("rtl")),
        assumptions: Assumptions(
            observationsRelativeToRegion: a.bool("observations_relative_to_roi")))
}

private let bufferFunctions: [String: VectorFunction] = [
    "plane_layouts": { try layout($0).planes },
    "sample_address": {
        try layout($0).planes[$0.whole("plane")].address(x: $0.whole("x"), y: $0.whole("y"))
    },
    "check_plane_bytes": {
        try layout($0).check(planeBytes: $0.wholes("plane_bytes"))
        return true
    },
    "aligned": { try PixelLayout.aligned($0.whole("row_bytes"), to: $0.whole("alignment")) },
    "rgb_from_ycbcr": { a in
        let (matrix, full): (YCbCrMatrix, Bool) = try (a.named("matrix"), a.bool("full_range"))
        return try a.rows("ycbcr").map { c in
            matrix.rgb(y: UInt8(c[0]), cb: UInt8(c[1]), cr: UInt8(c[2]), fullRange: full)
        }
    },
    "rgb_from_buffer": { a in
        let planes = try a.rows("planes").map { $0.map { UInt8($0) } }
        return try PixelBuffer(layout(a), planes: planes, matrix: a.named("matrix")).rgbRows()
    },
    "element_offset": { try Tensor.offset(of: $0.wholes("index"), strides: $0.wholes("strides")) },
    "tensor_bytes": {
        let type: ElementType = try $0.named("dtype")
        return try type.tensorBytes(shape: $0.wholes("shape"))
    },
]

private func layout(_ a: Args) throws -> PixelLayout {
    let wh = try a.wholes("wh")
    return try PixelLayout(
        a.named("format"), width: wh[0], height: wh[1],
        rowStrides: a.optional("row_strides", a.wholes),
        pixelStrides: a.optional("pixel_strides", a.wholes))
}

private func turned(_ a: Args, _ boxes: String, _ angles: String) throws -> [TurnedBox] {
    let (all, turns) = try (a.boxesXYXY(boxes), a.numbers(angles))
    guard all.count == turns.count else {
        throw MobileCatError(
            .geometry, "There is not one angle a box",
            [Problem("\(all.count) boxes, \(turns.count) angles")])
    }
    return zip(all, turns).map { TurnedBox($0, angle: $1) }
}

private func nms(_ a: Args) throws -> ModelBundle.NMS {
    ModelBundle.NMS(
        scoreThreshold: try a.number("score_threshold"),
        iouThreshold: try a.number("iou_threshold"),
        maxDetections: try a.whole("max_detections"), perClass: try a.bool("per_class"))
}

extension Tensor {
    fileprivate func rows(of width: Int) -> [[Double]] {
        stride(from: 0, to: values.count, by: max(width, 1)).map {
            Array(values[$0..<min($0 + width, values.count)])
        }
    }
}

private let outputFunctions: [String: VectorFunction] = [
    "suppress_candidates": { a in
        let boxes = try a.tensor("boxes").rows(of: 4).map { BoxXYXY($0[0], $0[1], $0[2], $0[3]) }
        let scores = try a.tensor("scores")
        return try nms(a).kept(
            boxes: boxes, scores: scores.rows(of: scores.shape.last ?? 1).map { $0[...] }
        ).map(\.row)
    },
    "select_candidates": { a in
        let boxes = try a.tensor("boxes").rows(of: 4).map { BoxXYXY($0[0], $0[1], $0[2], $0[3]) }
        let scores = try a.tensor("scores")
        let plain = try nms(a)
        let chosen = try ModelBundle.NMS(
            scoreThreshold: plain.scoreThreshold, iouThreshold: plain.iouThreshold,
            maxDetections: plain.maxDetections, perClass: plain.perClass,
            selection: a.named("selection"), overlap: a.named("overlap"))
        return try chosen.kept(
            boxes: boxes, scores: scores.rows(of: scores.shape.last ?? 1).map { $0[...] },
            angles: a.optional("angles", a.numbers)
        ).map { [$0.row, $0.classID] }
    },
    "turned_corners": { a in
        try turned(a, "boxes", "angles").map { $0.corners.map { [$0.x, $0.y] } }
    },
    "turned_in_frame": { a in
        let (map, all) = try (a.map("map"), turned(a, "boxes", "angles"))
        return all.map { $0.mapped(by: map) }.map {
            [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2, $0.angle]
        }
    },
    "turned_iou": { a in
        let others = try turned(a, "b_boxes", "b_angles")
        return try turned(a, "a_boxes", "a_angles").map { one in others.map(one.iou) }
    },
    "probiou": { a in
        let others = try turned(a, "b_boxes", "b_angles")
        return try turned(a, "a_boxes", "a_angles").map { one in others.map(one.probIoU) }
    },
    "masks_from_prototypes": { a in
        let grid: [Int]? = try a.optional("mask_wh", a.wholes)
        return try Mask.masks(
            coefficients: a.tensor("coefficients"), prototypes: a.tensor("prototypes"),
            boxes: a.boxesXYXY("boxes_xyxy"), modelWH: a.size("model_wh"),
            gridWH: grid.map { ($0[0], $0[1]) }, imageFromModel: .identity
        ).map { mask in
            (0..<mask.height).map { Array(mask.values[$0 * mask.width..<($0 + 1) * mask.width]) }
        }
    },
    "mask_pixels": { a in
        let rows = try a.rows("values")
        return try Mask(
            width: rows[0].count, height: rows.count, values: rows.flatMap { $0 },
            imageFromMask: a.map("image_from_mask")
        ).flags(imageWH: a.size("image_wh"))
    },
    "detections_from_candidates": { a in
        try CandidateTensors(
            boxes: a.tensor("boxes"), scores: a.tensor("scores"),
            landmarks: a.optional("landmarks", a.tensor)
        ).detections(nms: nms(a), imageFromModel: a.map("image_from_model"))
    },
    "detections_from_tensors": { a in
        try DetectionTensors(
            boxes: a.tensor("boxes"), scores: a.tensor("scores"), classIDs: a.tensor("class_ids"),
            count: a.tensor("count"), landmarks: a.optional("landmarks", a.tensor)
        ).detections(
            imageFromModel: a.map("image_from_model"), scoreThreshold: a.number("score_threshold"))
    },
    "detections_from_tflite": {
        try Detection.fromTFLite(
            boxes: $0.tensor("boxes"), classes: $0.tensor("classes"), scores: $0.tensor("scores"),
            count: $0.tensor("count"), modelWH: $0.size("model_wh"),
            imageFromModel: $0.map("image_from_model"), scoreThreshold: $0.number("score_threshold")
        )
    },
    "detections_from_coreml_nms": {
        try Detection.fromCoreMLNMS(
            confidence: $0.tensor("confidence"), coordinates: $0.tensor("coordinates"),
            modelWH: $0.size("model_wh"), imageFromModel: $0.map("image_from_model"),
            scoreThreshold: $0.number("score_threshold"))
    },
]
