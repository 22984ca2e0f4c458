package mobilecat.kit

import java.io.File

/** What the vectors do not say: Android's buffers, crops, bundles, damaged input. By hand. */
fun ownTests(fixtures: File): Map<String, () -> Unit> = mapOf(
    "the comparison can fail" to ::comparisonCanFail,
    "RGBA_8888 with padded rows" to ::rgba,
    "strides and counts that cannot be" to ::badLayouts,
    "YUV_420_888's range is an assumption" to ::yuvRange,
    "a buffer is sampled through crop and rotation" to ::sampled,
    "a crop of the buffer moves the image" to ::cropRect,
    "each mode rounds in its own way" to ::roundings,
    "tensors" to ::tensors,
    "damaged numbers are refused" to ::damagedNumbers,
    "confidence: ties and NaN" to ::confidence,
    "landmark scores stay with their rows" to ::landmarkScores,
    "JSON" to ::json,
    "bundle.json" to { bundle(File(fixtures, "bundle.json").readText()) },
    "missing keys are named by their paths" to
        { brokenBundle(File(fixtures, "bundle.json").readText()) },
    "a bundle's outputs become detections" to {
        outputs(
            File(fixtures, "bundle.json").readText(), File(fixtures, "yunet_outputs.json").readText()
        )
    },
    "cascade.json" to ::cascade
)

private fun comparisonCanFail() {
    val unlike = listOf(
        Pair(listOf(1.0, 2.1), listOf(1, 2)), Pair(listOf(1), listOf(1, 2)),
        Pair(mapOf("a" to 1), mapOf("a" to 1, "b" to 2)), Pair("up", "down"), Pair(1, true),
        Pair(Double.NaN, 0), Pair(null, 0)
    )
    for ((got, expected) in unlike) {
        check(differences(jsonOf(got), jsonOf(expected), 0.01).isNotEmpty()) { "$got = $expected" }
    }
    same(differences(jsonOf(listOf(1.009)), jsonOf(listOf(1)), 0.01), emptyList<String>(), "near")
}

private fun counted(count: Int) = ByteArray(count) { it.toByte() }

private fun rgba() {
    val layout = PixelLayout(PixelFormat.RGBA_8888, 3, 2, listOf(16))
    // Row 1 begins at byte 16, pixel 2 at 16 + 8; the buffer may end with it, at 28.
    val buffer = PixelBuffer(layout, listOf(counted(28)))
    same(buffer.rgb(2, 1), RGB(24, 25, 26), "RGBA's pixel (2, 1)")
    same(PixelBuffer(layout, listOf(counted(32))).rgb(0, 1), RGB(16, 17, 18), "whole rows")
    same(PixelBuffer(layout, listOf(ByteArray(28) { -1 })).rgb(0, 0), RGB(255, 255, 255), "white")
    val kind = MobileCatError.Kind.BUFFER
    refused(kind, "27 bytes", "need 28 to 32") { PixelBuffer(layout, listOf(counted(27))) }
    refused(kind, "(3, 1)") { buffer.rgb(3, 1) }
    refused(kind, "(0, -1)") { buffer.rgb(0, -1) }
}

private fun badLayouts() {
    val kind = MobileCatError.Kind.BUFFER
    refused(kind, "row stride 7 is below a row's 28 bytes", "not pixels") {
        PixelLayout(PixelFormat.RGBA_8888, 7, 5, listOf(7))
    }
    refused(kind, "3 planes, got 1 row strides") {
        PixelLayout(PixelFormat.YUV_420_888, 7, 5, listOf(8))
    }
    refused(kind, "-5 × 3 is no size") { PixelLayout(PixelFormat.RGBA_8888, -5, 3) }
    // Must be refused, not overflow.
    for (stride in listOf(Long.MAX_VALUE, Long.MAX_VALUE / 2, Long.MIN_VALUE)) {
        refused(kind, "plane Y") {
            PixelLayout(PixelFormat.YUV_420_888, 7, 5, pixelStrides = listOf(stride, 1, 1))
        }
    }
    // 1536·719 + 1280; 1536·359 + 2·639 + 1
    val layout = PixelLayout(
        PixelFormat.YUV_420_888, 1280, 720, listOf(1536, 1536, 1536), listOf(1, 2, 2)
    )
    layout.check(listOf(1_105_664, 552_703, 552_703))
    refused(kind, "need 552703 to 552960") {
        layout.check(listOf(1_105_664, 552_702, 552_961))
    }
}

private fun yuvRange() {
    val layout = PixelLayout(PixelFormat.YUV_420_888, 1, 1)
    val planes = listOf(byteArrayOf(16), byteArrayOf(-128), byteArrayOf(-128))
    same(PixelBuffer(layout, planes).rgb(0, 0), RGB(16, 16, 16), "full range")
    val video = PixelBuffer(
        layout, planes, assumptions = Assumptions(androidFullRange = false)
    )
    same(video.rgb(0, 0), RGB(0, 0, 0), "video range")
}

private fun sampled() {
    // 4 × 3 RGBA, rows padded to 20 bytes; red is 10·x + y, the crop is columns 1 to 3, rows 0 to 2.
    val bytes = ByteArray(60)
    for (y in 0 until 3) for (x in 0 until 4) bytes[y * 20 + x * 4] = (10 * x + y).toByte()
    val buffer = PixelBuffer(PixelLayout(PixelFormat.RGBA_8888, 4, 3, listOf(20)), listOf(bytes))
    val crop = BoxXYXY(1.0, 0.0, 3.0, 2.0)
    val request = FrameRequest(
        SizeWH(4, 3), SizeWH(2, 2), Orientation.ofRotationDegrees(90), cropRect = crop
    )
    fun reds(got: ByteArray) = got.toList().chunked(3).map { it[0].toInt() and 0xff }
    // A quarter turn clockwise: the left column, read upwards, is the upper row.
    same(
        reds(buffer.sampled(request.frameFromModel, request.modelWH, 7, crop)),
        listOf(11, 10, 21, 20), "turned crop"
    )
    // Twice as large: between (1, 0) and (2, 0) a quarter and three quarters of the way; beyond the
    // crop's outermost centres its own edge, not the buffer's next pixel.
    val large = buffer.sampled(Affine.scaleThenMove(0.5, 0.5, 1.0, 0.0), SizeWH(4, 1), 7, crop)
    same(reds(large), listOf(10, 13, 18, 20), "interpolated inside of the crop")
    val moved = buffer.sampled(Affine.move(2.0, 0.0), SizeWH(2, 1), 7, crop)
    same(reds(moved), listOf(20, 7), "padding outside of the crop")
    refused(MobileCatError.Kind.GEOMETRY, "outside") {
        buffer.sampled(Affine.identity, SizeWH(1, 1), 0, BoxXYXY(0.0, 0.0, 5.0, 3.0))
    }
}

private fun cropRect() {
    // A 640 × 480 buffer, of which a ViewPort shows 480 × 480; the phone is upright.
    val view = PictureView(SizeWH(960, 960), ViewMode.FILL_CENTER, mirrored = true)
    val request = FrameRequest(
        SizeWH(640, 480), SizeWH(240, 240), Orientation.ofRotationDegrees(90),
        cropRect = BoxXYXY(80.0, 0.0, 560.0, 480.0), view = view
    )
    same(request.imageWH, SizeWH(480, 480), "upright crop")
    // Buffer (100, 30) is (20, 30) of the crop, turned (480 − 30, 20), halved (225, 10).
    same(request.modelFromFrame.point(PointXY(100.0, 30.0)), PointXY(225.0, 10.0), "model")
    // A mirrored view of twice the size: 960 − 2·450 = 60.
    same(request.viewFromModel.point(PointXY(225.0, 10.0)), PointXY(60.0, 40.0), "view")
    refused(MobileCatError.Kind.GEOMETRY, "outside of its buffer", "before rotationDegrees") {
        FrameRequest(
            SizeWH(640, 480), SizeWH(2, 2), cropRect = BoxXYXY(0.0, 0.0, 480.0, 640.0)
        )
    }
}

private fun roundings() {
    // Half as large: 360.5 and 361.5 rows.
    fun rows(height: Int, mode: ResizeMode, rounding: Rounding? = null) =
        ResizePlan(SizeWH(1280, height), SizeWH(640, 640), mode, rounding).resizedWH.h
    same(rows(721, ResizeMode.LETTERBOX), 360, "letterbox, half to even")
    same(rows(723, ResizeMode.LETTERBOX), 362, "letterbox, half to even")
    same(rows(721, ResizeMode.LETTERBOX, Rounding.HALF_AWAY), 361, "half away")
    same(rows(723, ResizeMode.FIT_PAD), 361, "fit-pad, truncated")
    same(rows(723, ResizeMode.LETTERBOX_TOP_LEFT), 361, "top left, truncated")
}

private fun tensors() {
    val kind = MobileCatError.Kind.BUFFER
    refused(kind, "5 values", "needs 6") { Tensor(listOf(2, 3), DoubleArray(5)) }
    refused(kind, "No such tensor") { Tensor(listOf(-1, -6), DoubleArray(0)) }
    refused(kind, "No such tensor") {
        ElementType.FLOAT32.tensorBytes(listOf(Long.MAX_VALUE, 2))
    }
    refused(kind, "2 and 1") { Tensor.offset(listOf(1, 2), listOf(1)) }
    refused(kind, "No such element") { Tensor.offset(listOf(Long.MAX_VALUE), listOf(2)) }
}

private fun damagedNumbers() {
    fun decode(count: Double, id: Double, score: Double = 0.5) = DetectionTensors(
        Tensor(listOf(1, 1, 4), doubleArrayOf(1.0, 2.0, 4.0, 7.0)),
        Tensor(listOf(1, 1), doubleArrayOf(score)), Tensor(listOf(1, 1), doubleArrayOf(id)),
        Tensor(listOf(1), doubleArrayOf(count))
    ).detections(Affine.identity)
    same(decode(1.0, 3.0), listOf(Detection(BoxXYXY(1.0, 2.0, 4.0, 7.0), 0.5, 3)), "one")
    same(decode(1.0, 3.0, Double.NaN), emptyList<Detection>(), "a NaN score")
    same(decode(0.0, Double.NaN), emptyList<Detection>(), "no row counts")
    val kind = MobileCatError.Kind.OUTPUTS
    refused(kind, "count is NaN") { decode(Double.NaN, 0.0) }
    refused(kind, "count is 1.0E300") { decode(1e300, 0.0) }
    refused(kind, "class_ids[0] is NaN") { decode(1.0, Double.NaN) }
    refused(kind, "boxes has shape [1, 2, 3]", "[1, K, 4]", "class_ids has shape", "count is missing") {
        DetectionTensors(
            Tensor(listOf(1, 2, 3), DoubleArray(6)), Tensor(listOf(1, 2), DoubleArray(2)),
            Tensor(listOf(2, 2), DoubleArray(4)), Tensor(listOf(0), DoubleArray(0))
        ).detections(Affine.identity)
    }
}

private fun confidence() {
    val nan = Double.NaN
    val found = DetectionTensors.fromCoreMLNMS(
        Tensor(listOf(1, 4, 2), doubleArrayOf(0.25, 0.25, 0.5, nan, nan, 0.5, 0.25, 0.75)),
        Tensor(
            listOf(1, 4, 4),
            doubleArrayOf(0.5, 0.5, 1.0, 1.0) + DoubleArray(8) + doubleArrayOf(0.5, 0.5, 0.2, 0.4)
        ),
        SizeWH(10, 20), Affine.identity
    )
    same(
        found,
        listOf(
            Detection(BoxXYXY(0.0, 0.0, 10.0, 20.0), 0.25, 0),
            Detection(BoxXYXY(4.0, 6.0, 6.0, 14.0), 0.75, 1)
        ),
        "ties go to the first class, rows with a NaN nowhere"
    )
}

private fun landmarkScores() {
    val nms = NMS(0.3, 0.45, 7, true)
    val kept = CandidateTensors(
        Tensor(listOf(1, 2, 4), doubleArrayOf(0.0, 0.0, 9.0, 9.0, 50.0, 50.0, 60.0, 60.0)),
        Tensor(listOf(1, 2, 1), doubleArrayOf(0.6, 0.8)),
        Tensor(listOf(1, 2, 2), doubleArrayOf(1.0, 2.0, 51.0, 52.0)),
        Tensor(listOf(1, 2, 1), doubleArrayOf(0.125, 0.5))
    ).detections(nms, Affine.scaleThenMove(2.0, 2.0))
    same(kept.map { it.landmarkScores }, listOf(listOf(0.5), listOf(0.125)), "scores")
    same(kept[0].landmarks, listOf(PointXY(102.0, 104.0)), "landmarks")
    refused(MobileCatError.Kind.OUTPUTS, "landmark_scores have shape [1, 3, 1]") {
        CandidateTensors(
            Tensor(listOf(1, 2, 4), DoubleArray(8)), Tensor(listOf(1, 2, 1), DoubleArray(2)),
            landmarkScores = Tensor(listOf(1, 3, 1), DoubleArray(3))
        ).detections(nms, Affine.identity)
    }
}

private fun json() {
    val read = Json.parse("{\"a\\u00e9\\n\": [1, -2.5e3, true, null, \"\\\"\"]}", "x.json")
    same(
        read,
        jsonOf(mapOf("aé\n" to listOf(1, -2500, true, null, "\""))),
        "a document"
    )
    val damaged = listOf(
        "", "{", "[1,]", "01", "{\"a\":1,}", "\"\\u12\"", "nul", "[1] 2", "\"a", "+1", "[1 2]",
        "[".repeat(100_000)
    )
    for (text in damaged) {
        refused(MobileCatError.Kind.BUNDLE, "x.json is damaged") { Json.parse(text, "x.json") }
    }
}

private fun bundle(text: String) {
    val bundle = ModelBundle.parse(text)
    same(bundle.name, "yunet", "name")
    same(bundle.headKind, "yunet", "head")
    same(
        bundle.input, ModelBundle.ImageInput(SizeWH(640, 384), ResizeMode.LETTERBOX, null, 114),
        "input"
    )
    same(bundle.nms, NMS(0.3, 0.45, 7, true), "nms")
    same(bundle.landmarkNames.take(2), listOf("right_eye", "left_eye"), "landmarks")
    same(bundle.outputs[3].shape, listOf(1, 7, 5, 2), "shape of the landmarks")
    same(bundle.artifact("yunet.onnx").contract, "tensor", "contract")
    same(listOf(bundle.label(0), bundle.label(1)), listOf("face", "1"), "labels")
    refused(MobileCatError.Kind.BUNDLE, "no \"cat.onnx\"", "it has yunet.mlmodel") {
        bundle.artifact("cat.onnx")
    }
    refused(MobileCatError.Kind.BUNDLE, "schema_version: is 2; this version reads 1") {
        ModelBundle.parse(text.replaceFirst("\"schema_version\": 1", "\"schema_version\": 2"))
    }
    refused(MobileCatError.Kind.BUNDLE, "bundle.json is damaged", "export the bundle again") {
        ModelBundle.parse(text.take(text.length / 2))
    }
    refused(MobileCatError.Kind.BUNDLE, "a list, not an object") { ModelBundle.parse("[1]") }
}

private fun brokenBundle(text: String) {
    val changes = listOf(
        "\"name\": \"yunet\"" to "\"nom\": \"yunet\"", "\"letterbox\"" to "\"squash\"",
        "\"face\"" to "3"
    )
    val broken = changes.fold(text) { now, (old, new) ->
        check(old in now) { "the fixture has no $old" }
        now.replace(old, new)
    }
    refused(
        MobileCatError.Kind.BUNDLE, "  name: is missing", "spec.input.resize: \"squash\" is not known",
        "one of stretch, letterbox", "spec.labels: is a list, not a list of texts"
    ) { ModelBundle.parse(broken) }
}

/** A bundle and one run of its ONNX artifact, as the exporter and onnxruntime left them. */
private fun outputs(text: String, ran: String) {
    val bundle = ModelBundle.parse(text)
    val document = Args(Json.parse(ran, "yunet_outputs.json"))
    val outputs = document.args("outputs").fields.mapValues { (_, json) ->
        val one = Args(json)
        Tensor(one.longs("shape").map { it.toInt() }, one.numbers("values").toDoubleArray())
    }
    val plan = bundle.resizePlan(document.size("image_wh"))
    same(listOf(plan.left, plan.top), listOf(91, 0), "place in the input")
    same(plan.resizedWH, PixelsWH(457, 384), "size in the input")
    val artifact = bundle.artifact("yunet.onnx")
    val found = bundle.detections(artifact, outputs, plan.imageFromModel)
    same(differences(jsonOf(found), document.json("expect"), 2e-6), emptyList<String>(), "a face")
    same(found[0].landmarks.size, bundle.landmarkNames.size, "landmarks")
    refused(
        MobileCatError.Kind.OUTPUTS, "yunet.onnx: no output \"scores\"", "no output \"class_ids\"",
        "no output \"landmarks\"", "got boxes, count"
    ) {
        bundle.detections(
            artifact, outputs.filterKeys { it == "boxes" || it == "count" }, Affine.identity
        )
    }
    // The same boxes, given as candidates: the bundle's own suppression follows.
    val app = artifact.copy(
        contract = "candidates",
        outputs = mapOf("candidate_boxes" to "boxes", "candidate_scores" to "s")
    )
    val boxes = Tensor(listOf(1, 2, 4), doubleArrayOf(0.0, 0.0, 9.0, 9.0, 0.0, 0.0, 9.0, 8.0))
    val scores = Tensor(listOf(1, 2, 1), doubleArrayOf(0.5, 0.75))
    same(
        bundle.detections(app, mapOf("boxes" to boxes, "s" to scores), Affine.identity),
        listOf(Detection(BoxXYXY(0.0, 0.0, 9.0, 8.0), 0.75, 0)), "candidates"
    )
}

private fun cascade() {
    val text = """{"name": "hand",
        "cascade": {"landmarks": {"folder": "landmarks", "sha256": "bb"}, "max_crops": 2},
        "crop": {"grow": 0, "grow_by": "longer-side", "square": true, "rounding": "none",
                 "edge": "pad", "scale": 2.6, "shift": [0, -0.5],
                 "rotation": {"start": 0, "end": 2, "target_degrees": 90, "about": "box"}}}"""
    val rule = CropRule(
        square = true, edge = CropRule.Edge.PAD, scale = 2.6, shift = PointXY(0.0, -0.5),
        rotation = CropRotation(0, 2)
    )
    same(CascadeContract.parse(text), CascadeContract("hand", rule, 2, "bb"), "cascade")
    val broken = text.replace("[0, -0.5]", "[0]").replace("\"end\": 2", "\"end\": 0")
        .replace("\"about\": \"box\"", "\"about\": \"palm\"").replace("\"square\": true,", "")
    refused(
        MobileCatError.Kind.BUNDLE, "crop.shift: is a list, not x and y", "from landmark 0 to 0",
        "\"palm\" is not known", "crop.square: is missing"
    ) { CascadeContract.parse(broken) }
}
