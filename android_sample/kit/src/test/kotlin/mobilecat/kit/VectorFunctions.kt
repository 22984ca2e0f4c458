package mobilecat.kit

typealias VectorFunction = (Args) -> Any?

/** Every function name in golden/vectors as a call of the kit: args in, plain value out. */
val vectorFunctions: Map<String, VectorFunction> = listOf(
    geometryFunctions(), fittingFunctions(), orientationFunctions(), visionFunctions(),
    bufferFunctions(), outputFunctions()
).flatMap { it.entries }.groupBy({ it.key }, { it.value }).mapValues { (name, calls) ->
    calls.singleOrNull() ?: throw VectorError("$name is in two tables")
}

private fun geometryFunctions(): Map<String, VectorFunction> = mapOf(
    "affine_compose" to { a -> a.map("second") * a.map("first") },
    "affine_inverse" to { a -> a.map("map").inverse() },
    "affine_points" to { a -> a.points("points_xy").map(a.map("map")::point) },
    "affine_boxes" to { a -> a.boxesXYXY("boxes_xyxy").map(a.map("map")::box) },
    "convert_boxes" to { a ->
        val src = a.name<BoxFormat>("src")
        val dst = a.name<BoxFormat>("dst")
        a.rows("boxes").map { dst.row(src.box(it)) }
    },
    "norm_from_pixels" to { a ->
        val format = a.name<BoxFormat>("format")
        val wh = a.size("size_wh")
        a.rows("boxes").map { format.box(it).normalized(wh) }
    },
    "pixels_from_norm" to { a ->
        val format = a.name<BoxFormat>("format")
        val wh = a.size("size_wh")
        a.rows("boxes").map { format.box(it).pixels(wh) }
    },
    "clip_boxes" to { a ->
        val wh = a.size("size_wh")
        a.boxesXYXY("boxes_xyxy").map { it.clipped(wh) }
    },
    "frame_from_frame" to { a ->
        val (dst, src) = listOf("dst", "src").map { key ->
            val f = a.args(key)
            Frame(f.text("picture"), f.size("size_wh"), f.name("unit"), f.name("origin"))
        }
        a.points("points_xy").map(dst.fromFrame(src)::point)
    },
    "iou" to { a ->
        val others = a.boxesXYXY("b_xyxy")
        a.boxesXYXY("a_xyxy").map { box -> others.map { box.iou(it) } }
    },
    "boxes_around" to { a -> BoxXYXY.around(a.points("landmarks_xy")) },
    "image_from_box" to { a -> a.points("points_xy").map(a.xyxy("box_xyxy").imageFromBox::point) },
    "core_image_from_norm" to { a ->
        a.points("points_uv").map(Affine.coreImageFromNorm(a.xywh("extent"))::point)
    },
    "spritekit_from_norm" to { a ->
        val map = Affine.spriteKitFromNorm(a.size("node_wh"), a.point("anchor"))
        a.points("points_uv").map(map::point)
    },
    "metal_ndc_from_norm" to { a -> a.points("points_uv").map(Affine.ndcFromNorm::point) },
    "pixels_from_points" to { a ->
        a.points("points_xy").map(Affine.pixelsFromPoints(a.number("content_scale"))::point)
    },
    "core_graphics_from_uikit" to { a ->
        a.points("points_xy").map(Affine.coreGraphicsFromUIKit(a.number("height"))::point)
    },
    "norm_from_pixels_map" to { a ->
        a.points("points_xy").map(Affine.normFromPixels(a.size("size_wh"))::point)
    }
)

private fun cropRule(a: Args, rotation: CropRotation? = null, scale: Double = 1.0,
                     shift: PointXY = PointXY(0.0, 0.0)): CropRule {
    val rule = a.args("rule")
    return CropRule(
        rule.number("grow"), rule.name("grow_by"), rule.bool("square"), rule.name("rounding"),
        rule.name("edge"), scale, shift, rotation
    )
}

private fun fittingFunctions(): Map<String, VectorFunction> = mapOf(
    "plan_resize" to { a ->
        val plan = ResizePlan(
            a.size("src_wh"), a.size("dst_wh"), a.name("mode"),
            a.optional("rounding") { a.name<Rounding>(it) }
        )
        mapOf(
            "resized_wh" to plan.resizedWH, "left" to plan.left, "top" to plan.top,
            "right" to plan.right, "bottom" to plan.bottom,
            "model_from_image" to plan.modelFromImage
        )
    },
    "letterbox" to { a ->
        ResizePlan(a.size("src_wh"), a.size("dst_wh"), ResizeMode.LETTERBOX, a.name("rounding"))
            .modelFromImage
    },
    "source_indices" to { a ->
        a.name<ResizeSampling>("convention")
            .sourceIndices(a.int("n_in"), a.int("n_out"), a.bool("clamp"))
    },
    "mil_source_indices" to { a ->
        ResizeSampling.ofMil(a.text("sampling_mode")).sourceIndices(a.int("n_in"), a.int("n_out"))
    },
    "resized_from_source" to { a ->
        val map = a.name<ResizeSampling>("convention")
            .resizedFromSource(a.size("src_wh"), a.size("dst_wh"))
        a.points("points_xy").map(map::point)
    },
    "crop_rect" to { a -> cropRule(a).rect(a.xyxy("box_xyxy"), a.size("image_wh")) },
    "landmarks_from_crop" to { a ->
        CropPlan(
            a.xyxy("box_xyxy"), a.size("image_wh"), a.size("model_wh"), cropRule(a),
            a.name("mode"), a.optional("rounding") { a.name<Rounding>(it) }
        ).landmarks(a.tensor("landmarks_xy"))
    },
    "turned_crop" to { a ->
        val rule = a.args("rule")
        val rotation = rule.args("rotation").let {
            CropRotation(
                it.int("start"), it.int("end"), it.number("target_degrees"), it.name("about")
            )
        }
        val plan = CropPlan(
            a.xyxy("box_xyxy"), a.size("image_wh"), a.size("model_wh"),
            cropRule(a, rotation, rule.number("scale"), rule.point("shift")),
            points = a.points("points_xy")
        )
        mapOf(
            "angle" to plan.angle, "corners_xy" to plan.corners,
            "landmarks_xy" to a.points("landmarks_xy").map(plan.imageFromModel::point)
        )
    },
    "bilinear" to { a ->
        val rows = a.rows("pixels")
        val width = a.size("model_wh").wholePixels().w
        val sampled = Bilinear.sampled(
            bytes(rows.flatten()), SizeWH(rows[0].size, rows.size), 1, a.map("image_from_model"),
            a.size("model_wh"), a.int("pad")
        )
        sampled.map { it.toInt() and 0xff }.chunked(width)
    },
    "view_from_image" to { a ->
        val view = PictureView(a.size("view_wh"), a.name("mode"), a.bool("mirrored"), a.bool("rtl"))
        a.points("points_xy").map(view.viewFromImage(a.size("image_wh"))::point)
    }
)

private fun orientationFunctions(): Map<String, VectorFunction> = mapOf(
    "upright_from_stored" to { a ->
        val orientation = a.orientation()
        val wh = a.size("stored_wh")
        mapOf(
            "size_wh" to orientation.uprightSize(wh),
            "points_xy" to a.points("points_xy").map(orientation.uprightFromStored(wh)::point)
        )
    },
    "stored_from_upright" to { a ->
        a.points("points_xy").map(a.orientation().storedFromUpright(a.size("stored_wh"))::point)
    },
    "apply_orientation" to { a -> a.orientation().upright(a.rows("pixels")) },
    "inverse_orientation" to { a -> a.orientation().inverse },
    "compose_orientations" to { a -> a.orientation("second") * a.orientation("first") },
    "orientation_from_ui_image" to { a -> Orientation.ofUIImage(a.int("raw")) },
    "ui_image_from_orientation" to { a -> a.orientation().uiImageRawValue },
    "cg_name" to { a -> a.orientation().cgName },
    "orientation_for_buffer" to { a ->
        orientationForBuffer(
            a.name("camera"), a.name("device"), a.bool("mirrored"),
            a.optional("upright_angle") { a.int(it) }
        )
    },
    "orientation_for_reported" to { a ->
        orientationForReported(a.int("upright_angle"), a.int("applied_angle"), a.bool("mirrored"))
    },
    "rotation_angle" to { a -> rotationAngle(a.name("device"), a.name("camera")) },
    "video_orientation" to { a -> a.name<DeviceOrientation>("device").videoOrientation },
    "orientation_for_rotation" to { a -> Orientation.ofRotationDegrees(a.int("degrees")) }
)

private fun modelFromImage(a: Args): Affine = a.name<CropAndScale>("option").modelFromImage(
    a.size("image_wh"), a.size("model_wh"), a.region(),
    Assumptions(scaleFitPlacement = a.name("scale_fit_placement"))
)

private fun appFit(fit: Args) = FrameRequest.Fit.App(
    fit.name("mode"), fit.optional("rounding") { fit.name<Rounding>(it) }
)

private fun visionFunctions(): Map<String, VectorFunction> = mapOf(
    "model_from_image" to { a -> a.points("points_xy").map(modelFromImage(a)::point) },
    "image_from_model" to { a -> a.points("points_xy").map(modelFromImage(a).inverse()::point) },
    "crop_and_scale_raw" to { a -> a.name<CropAndScale>("option").vnRawValue },
    "flip_xywh_norm" to { a -> a.boxesXYWH("boxes").map { it.flippedNorm } },
    "image_from_vision" to { a ->
        a.points("points_xy").map(Affine.imageFromVision(a.size("image_wh"))::point)
    },
    "region_to_full" to { a ->
        val full = a.region().fullFromRegion
        a.boxesXYWH("boxes_xywh").map { BoxXYWH(full.box(it.xyxy)) }
    },
    "metadata_rects" to { a ->
        val orientation = a.orientation()
        a.boxesXYWH("boxes_xywh").map { it.metadataRect(orientation) }
    },
    "vn_image_point" to { a -> VN.imagePoint(a.point("point"), a.size("image_wh")) },
    "vn_normalized_point" to { a -> VN.normalizedPoint(a.point("point"), a.size("image_wh")) },
    "vn_image_rect" to { a -> VN.imageRect(a.xywh("rect"), a.size("image_wh")) },
    "image_rects_from_norm" to { a ->
        a.boxesXYWH("rects").map { VN.imageRect(it, a.size("image_wh"), a.name("origin")) }
    },
    "vn_normalized_rect" to { a -> VN.normalizedRect(a.xywh("rect"), a.size("image_wh")) },
    "vn_face_landmark_point" to { a ->
        VN.faceLandmarkPoint(a.point("landmark"), a.xywh("face"), a.size("image_wh"))
    },
    "drawing" to { a ->
        val drawing = FrameRequest(
            a.size("buffer_wh"), a.size("model_wh"), a.orientation(), appFit(a.args("fit"))
        ).drawing(114)
        mapOf(
            "model_points_ci" to
                a.points("frame_points_ci").map(drawing.coreImageFromFrame::point),
            "picture_xyxy" to drawing.pictureBox,
            "picture_ci_xywh" to drawing.coreImagePictureRect
        )
    },
    "simulated_request" to { a ->
        val fit = a.json("fit").text?.let { FrameRequest.Fit.Vision(named(it)) }
            ?: appFit(a.args("fit"))
        val view = a.args("view")
        val request = FrameRequest(
            a.size("buffer_wh"), a.size("model_wh"), a.orientation(), fit, a.region(),
            PictureView(
                view.size("size_wh"), view.name("mode"), view.bool("mirrored"), view.bool("rtl")
            ),
            Assumptions(observationsRelativeToRegion = a.bool("observations_relative_to_roi"))
        )
        val model = a.points("frame_points_xy").map(request.modelFromFrame::point)
        mapOf(
            "image_wh" to request.imageWH,
            "image_points_xy" to model.map(request.imageFromModel::point),
            "model_points_xy" to model,
            "vision_points_xy" to model.map(request.visionFromModel::point),
            "observed_points_xy" to model.map(request.observedFromModel::point),
            "view_points_xy" to model.map(request.viewFromModel::point)
        )
    }
)

private fun layout(a: Args): PixelLayout {
    val wh = a.longs("wh").map { Math.toIntExact(it) }
    return PixelLayout(
        a.name("format"), wh[0], wh[1], a.optional("row_strides") { a.longs(it) },
        a.optional("pixel_strides") { a.longs(it) }
    )
}

fun bytes(values: List<Double>) = ByteArray(values.size) { values[it].toInt().toByte() }

private fun bufferFunctions(): Map<String, VectorFunction> = mapOf(
    "plane_layouts" to { a -> layout(a).planes },
    "sample_address" to { a ->
        layout(a).planes[a.int("plane")].address(a.int("x"), a.int("y"))
    },
    "check_plane_bytes" to { a ->
        layout(a).check(a.longs("plane_bytes"))
        true
    },
    "aligned" to { a -> PixelLayout.aligned(a.long("row_bytes"), a.long("alignment")) },
    "rgb_from_ycbcr" to { a ->
        val matrix = a.name<YCbCrMatrix>("matrix")
        val full = a.bool("full_range")
        a.rows("ycbcr").map { c -> matrix.rgb(c[0].toInt(), c[1].toInt(), c[2].toInt(), full) }
    },
    "rgb_from_buffer" to { a ->
        PixelBuffer(layout(a), a.rows("planes").map { bytes(it) }, a.name("matrix")).rgbRows()
    },
    "element_offset" to { a -> Tensor.offset(a.longs("index"), a.longs("strides")) },
    "tensor_bytes" to { a -> a.name<ElementType>("dtype").tensorBytes(a.longs("shape")) }
)

private fun turned(a: Args, boxes: String, angles: String): List<TurnedBox> {
    val all = a.boxesXYXY(boxes)
    val turns = a.numbers(angles)
    if (all.size != turns.size) {
        throw geometryError(
            "There is not one angle a box", "${all.size} boxes, ${turns.size} angles"
        )
    }
    return all.zip(turns).map { (box, angle) -> TurnedBox(box, angle) }
}

private fun nms(a: Args) = NMS(
    a.number("score_threshold"), a.number("iou_threshold"), a.int("max_detections"),
    a.bool("per_class")
)

private fun boxesOf(t: Tensor): List<BoxXYXY> =
    t.values.toList().chunked(4).map { BoxXYXY(it[0], it[1], it[2], it[3]) }

private fun scoresOf(t: Tensor): List<List<Double>> =
    t.values.toList().chunked(maxOf(t.shape.lastOrNull() ?: 1, 1))

private fun outputFunctions(): Map<String, VectorFunction> = mapOf(
    "suppress_candidates" to { a ->
        nms(a).kept(boxesOf(a.tensor("boxes")), scoresOf(a.tensor("scores"))).map { it.row }
    },
    "select_candidates" to { a ->
        nms(a).copy(selection = a.name("selection"), overlap = a.name("overlap")).kept(
            boxesOf(a.tensor("boxes")), scoresOf(a.tensor("scores")),
            a.optional("angles") { a.numbers(it) }
        ).map { listOf(it.row, it.classId) }
    },
    "turned_corners" to { a -> turned(a, "boxes", "angles").map { it.corners } },
    "turned_in_frame" to { a ->
        turned(a, "boxes", "angles").map { it.mapped(a.map("map")) }
            .map { it.box.values + it.angle }
    },
    "turned_iou" to { a ->
        val others = turned(a, "b_boxes", "b_angles")
        turned(a, "a_boxes", "a_angles").map { one -> others.map { one.iou(it) } }
    },
    "probiou" to { a ->
        val others = turned(a, "b_boxes", "b_angles")
        turned(a, "a_boxes", "a_angles").map { one -> others.map { one.probIoU(it) } }
    },
    "masks_from_prototypes" to { a ->
        val grid = a.optional("mask_wh") { a.longs(it) }
        Mask.masks(
            a.tensor("coefficients"), a.tensor("prototypes"), a.boxesXYXY("boxes_xyxy"),
            a.size("model_wh"), grid?.let { PixelsWH(it[0].toInt(), it[1].toInt()) },
            Affine.identity
        ).map { mask -> mask.values.toList().chunked(mask.width) }
    },
    "mask_pixels" to { a ->
        val rows = a.rows("values")
        Mask(rows[0].size, rows.size, rows.flatten().toDoubleArray(), a.map("image_from_mask"))
            .flags(a.size("image_wh"))
    },
    "detections_from_candidates" to { a ->
        CandidateTensors(
            a.tensor("boxes"), a.tensor("scores"), a.optional("landmarks") { a.tensor(it) }
        ).detections(nms(a), a.map("image_from_model"))
    },
    "detections_from_tensors" to { a ->
        DetectionTensors(
            a.tensor("boxes"), a.tensor("scores"), a.tensor("class_ids"), a.tensor("count"),
            a.optional("landmarks") { a.tensor(it) }
        ).detections(a.map("image_from_model"), a.number("score_threshold"))
    },
    "detections_from_tflite" to { a ->
        DetectionTensors.fromTFLite(
            a.tensor("boxes"), a.tensor("classes"), a.tensor("scores"), a.tensor("count"),
            a.size("model_wh"), a.map("image_from_model"), a.number("score_threshold")
        )
    },
    "detections_from_coreml_nms" to { a ->
        DetectionTensors.fromCoreMLNMS(
            a.tensor("confidence"), a.tensor("coordinates"), a.size("model_wh"),
            a.map("image_from_model"), a.number("score_threshold")
        )
    }
)
