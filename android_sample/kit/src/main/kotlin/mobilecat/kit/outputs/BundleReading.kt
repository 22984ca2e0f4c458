package mobilecat.kit

internal fun bundleOf(json: Json): ModelBundle {
    val fields = json.fields ?: throw bundleError(
        "This is not a bundle.json", "it is ${json.noun}, not an object"
    )
    requireSchema(fields["schema_version"])
    val problems = mutableListOf<Problem>()
    val root = JsonFields("", fields, problems)
    val spec = root.fields("spec")
    val bundle = ModelBundle(
        name = root.string("name"),
        versions = root.texts("versions"),
        headKind = spec.fields("head").string("kind"),
        input = spec.optionalFields("input")?.let(::imageInput),
        nms = (root.optionalFields("nms") ?: spec.optionalFields("nms"))?.let(::nms),
        labels = spec.strings("labels"),
        landmarkNames = spec.strings("landmarks"),
        inputs = root.list("inputs", ::contract),
        outputs = root.list("outputs", ::contract),
        artifacts = root.list("artifacts", ::artifact)
    )
    if (problems.isNotEmpty()) {
        throw MobileCatError(
            MobileCatError.Kind.BUNDLE,
            "bundle.json does not hold what this version reads; export it again", problems
        )
    }
    return bundle
}

private fun requireSchema(found: Json?) {
    if (found?.whole == ModelBundle.SCHEMA_VERSION) return
    val what = if (found == null) "is missing" else "is ${found.whole ?: found.noun}"
    throw bundleError(
        "This bundle.json has another schema",
        "$what; this version reads ${ModelBundle.SCHEMA_VERSION}", "schema_version",
        "export with the mobilecat that belongs to this kit"
    )
}

private fun contract(f: JsonFields) = ModelBundle.TensorContract(
    f.string("name"), f.wholes("shape"), f.string("dtype"),
    f.optional("meaning", "text") { it.text } ?: ""
)

private fun imageInput(f: JsonFields): ModelBundle.ImageInput? {
    val sides = f.wholes("size")
    val resize = f.named("resize", ResizeMode.STRETCH)
    val rounding = f.optional("rounding", "a rounding") { json ->
        json.text?.let { namedOrNull<Rounding>(it) }
    }
    val pad = f.whole("pad")
    if (sides.size != 2 || sides.any { it < 1 }) {
        if (f.has("size")) f.note("size", "is $sides, not [width, height]")
        return null
    }
    return ModelBundle.ImageInput(SizeWH(sides[0], sides[1]), resize, rounding, pad)
}

private fun nms(f: JsonFields) = NMS(
    f.number("score_threshold"), f.number("iou_threshold"), f.whole("max_detections"),
    f.bool("per_class"),
    // Bundles of before there was a choice do not say.
    if (f.has("selection")) f.named("selection", NMS.Selection.NMS) else NMS.Selection.NMS,
    if (f.has("overlap")) f.named("overlap", NMS.Overlap.IOU) else NMS.Overlap.IOU
)

private fun artifact(f: JsonFields) = ModelBundle.Artifact(
    f.string("file"), f.string("kind"), f.string("format"), f.string("contract"),
    f.string("precision"), f.string("sha256"), f.optional("image", "text") { it.text },
    f.texts("inputs"), f.texts("outputs"),
    if (f.has("output_dtypes")) f.texts("output_dtypes") else emptyMap()
)

/**
 * A cascade's bundle.json, as far as an app needs it: how the detector's boxes become crops.
 *
 * @property maxCrops at most so many boxes, best first, get landmarks
 * @property landmarksSHA256 of the landmark model's own bundle.json, as hexadecimal digits
 */
data class CascadeContract(
    val name: String,
    val cropRule: CropRule,
    val maxCrops: Int,
    val landmarksSHA256: String
) {
    companion object {
        /** Throws with every missing key by its path. */
        fun parse(json: String): CascadeContract {
            val fields = Json.parse(json, "cascade.json").fields ?: throw bundleError(
                "This is no cascade's bundle.json", "it is not an object"
            )
            val problems = mutableListOf<Problem>()
            val root = JsonFields("", fields, problems)
            val chain = root.fields("cascade")
            val found = CascadeContract(
                root.string("name"), cropRule(root.fields("crop")), chain.whole("max_crops"),
                chain.fields("landmarks").string("sha256")
            )
            if (problems.isNotEmpty()) {
                throw MobileCatError(
                    MobileCatError.Kind.BUNDLE,
                    "cascade.json does not hold what this version reads; export it again", problems
                )
            }
            return found
        }
    }
}

private fun cropRule(f: JsonFields) = CropRule(
    grow = f.number("grow"),
    growBy = f.named("grow_by", CropRule.GrowBy.LONGER_SIDE),
    square = f.bool("square"),
    rounding = f.named("rounding", CropRule.CropRounding.NONE),
    edge = f.named("edge", CropRule.Edge.CLIP),
    scale = f.optional("scale", "a number") { it.number } ?: 1.0,
    shift = f.optional("shift", "x and y") { json ->
        json.itemsAs { it.number }?.let { if (it.size == 2) PointXY(it[0], it[1]) else null }
    } ?: PointXY(0.0, 0.0),
    rotation = f.optionalFields("rotation")?.let(::cropRotation)
)

private fun cropRotation(f: JsonFields): CropRotation? {
    val start = f.whole("start")
    val end = f.whole("end")
    val degrees = f.number("target_degrees")
    val about = f.named("about", CropRotation.About.BOX)
    if (start < 0 || end < 0 || start == end) {
        f.note("", "from landmark $start to $end", "two landmarks")
        return null
    }
    return CropRotation(start, end, degrees, about)
}
