package mobilecat.kit

import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.truncate

/**
 * How a detector's box becomes a crop: grow, square, scale, shift, turn, round, settle at the edges.
 *
 * @property grow added on each of the four sides, as a share of the box
 * @property square widen the shorter side to the longer, about the centre
 * @property scale what both sides are multiplied by after squaring, about the centre
 * @property shift what the centre moves by, as shares of the box's own width and height, along the
 *   crop's own axes: (0, −½) of a turned crop is half a box towards the crop's top
 * @property rotation the landmarks that turn the crop; null leaves it upright. A turned crop rounds
 *   nothing and keeps what lies outside: it has no sides along the image's.
 */
data class CropRule(
    val grow: Double = 0.0,
    val growBy: GrowBy = GrowBy.LONGER_SIDE,
    val square: Boolean = false,
    val rounding: CropRounding = CropRounding.NONE,
    val edge: Edge = Edge.CLIP,
    val scale: Double = 1.0,
    val shift: PointXY = PointXY(0.0, 0.0),
    val rotation: CropRotation? = null
) {
    enum class GrowBy(override val raw: String) : Named {
        /** The share is of the longer side, for all four sides. */
        LONGER_SIDE("longer-side"),
        /** The share is of each axis' own side. */
        OWN_SIDE("own-side");

        override val noun: String get() = "grow_by"
    }

    enum class CropRounding(override val raw: String) : Named {
        NONE("none"),
        /** As int() does: towards zero. */
        TRUNCATE("truncate"),
        /** So that nothing of the box is lost. */
        OUTWARD("outward");

        override val noun: String get() = "crop rounding"
    }

    enum class Edge(override val raw: String) : Named {
        CLIP("clip"),
        /** Keep what lies outside the image. */
        PAD("pad"),
        /** Move inside, then clip. */
        SHIFT("shift");

        override val noun: String get() = "crop edge"
    }

    /**
     * The crop in image pixels, for a rule without rotation.
     *
     * Throws where nothing is left: an inverted box, or one outside the image.
     */
    fun rect(box: BoxXYXY, imageWH: SizeWH): BoxXYXY {
        if (rotation != null) {
            throw geometryError(
                "A turned crop is a plan", "the rule has a rotation: a rectangle cannot say it",
                "CropPlan"
            )
        }
        return something(settled(rounded(placed(box, 0.0)), imageWH), box, imageWH)
    }

    /** The crop before it is turned by `angle` about its own centre. */
    internal fun placed(box: BoxXYXY, angle: Double): BoxXYXY {
        val w = box.x2 - box.x1
        val h = box.y2 - box.y1
        val longer = maxOf(w, h)
        var halfW = w / 2 + grow * (if (growBy == GrowBy.OWN_SIDE) w else longer)
        var halfH = h / 2 + grow * (if (growBy == GrowBy.OWN_SIDE) h else longer)
        if (square) {
            halfW = maxOf(halfW, halfH)
            halfH = halfW
        }
        halfW *= scale
        halfH *= scale
        val along = Affine.turn(angle).point(PointXY(w * shift.x, h * shift.y))
        val cx = (box.x1 + box.x2) / 2 + along.x
        val cy = (box.y1 + box.y2) / 2 + along.y
        return BoxXYXY(cx - halfW, cy - halfH, cx + halfW, cy + halfH)
    }

    internal fun something(rect: BoxXYXY, box: BoxXYXY, imageWH: SizeWH): BoxXYXY {
        // NaN is below nothing, and an inverted box gives an inverted crop or is told apart here.
        val there = box.x1 <= box.x2 && box.y1 <= box.y2 && rect.x1 < rect.x2 && rect.y1 < rect.y2
        if (!there) {
            throw geometryError(
                "Nothing is left of a crop", "box ${box.values} in ${imageWH.w} × ${imageWH.h}"
            )
        }
        return rect
    }

    private fun rounded(r: BoxXYXY): BoxXYXY = when (rounding) {
        CropRounding.NONE -> r
        CropRounding.TRUNCATE ->
            BoxXYXY(truncate(r.x1), truncate(r.y1), truncate(r.x2), truncate(r.y2))
        CropRounding.OUTWARD -> BoxXYXY(floor(r.x1), floor(r.y1), ceil(r.x2), ceil(r.y2))
    }

    private fun settled(r: BoxXYXY, wh: SizeWH): BoxXYXY {
        if (edge == Edge.PAD) return r
        var moved = r
        if (edge == Edge.SHIFT) {
            val dx = if (r.x1 < 0) -r.x1 else minOf(0.0, wh.w - r.x2)
            val dy = if (r.y1 < 0) -r.y1 else minOf(0.0, wh.h - r.y2)
            moved = BoxXYXY(r.x1 + dx, r.y1 + dy, r.x2 + dx, r.y2 + dy)
        }
        return BoxXYXY(
            maxOf(0.0, moved.x1), maxOf(0.0, moved.y1), minOf(wh.w, moved.x2), minOf(wh.h, moved.y2)
        )
    }

    /** Throws for what a turned crop cannot do: its sides do not lie along the image's. */
    internal fun requireTurnable(mode: ResizeMode) {
        val problems = mutableListOf<Problem>()
        if (rounding != CropRounding.NONE) {
            problems += Problem("rounding is ${rounding.raw}", fix = "none")
        }
        if (edge != Edge.PAD) problems += Problem("edge is ${edge.raw}", fix = "pad")
        if (mode != ResizeMode.STRETCH) problems += Problem("mode is ${mode.raw}", fix = "stretch")
        if (problems.isNotEmpty()) {
            throw MobileCatError(MobileCatError.Kind.GEOMETRY, "A crop cannot be turned", problems)
        }
    }
}

/**
 * A crop and the map into the second model.
 *
 * The crop's own frame counts from its top-left corner along its own sides, in image pixels.
 * `points` are the first model's landmarks in image pixels, where the rule turns by two.
 *
 * Throws as `CropRule.rect` and `CropRotation.angle` do, for a letterbox of a crop with fractional
 * sides, and for a turned crop that is anything but stretched.
 */
class CropPlan(
    box: BoxXYXY,
    imageWH: SizeWH,
    modelWH: SizeWH,
    rule: CropRule,
    mode: ResizeMode = ResizeMode.STRETCH,
    rounding: Rounding? = null,
    points: List<PointXY> = emptyList()
) {
    /** In image pixels, as it lies before it is turned; it may reach outside. */
    val rect: BoxXYXY
    /** What it is turned by about its own centre: radians, clockwise as seen. */
    val angle: Double
    /** Image pixels → the crop's own. */
    val cropFromImage: Affine
    /** Image pixels → second model's pixels. */
    val modelFromImage: Affine
    /** Second model's pixels → image pixels: where its landmarks belong. */
    val imageFromModel: Affine

    init {
        val rotation = rule.rotation
        if (rotation != null) {
            rule.requireTurnable(mode)
            angle = rotation.angle(points)
            val about = rotation.box(box, points)
            rect = rule.something(rule.placed(about, angle), about, imageWH)
        } else {
            angle = 0.0
            rect = rule.rect(box, imageWH)
        }
        val side = SizeWH(rect.x2 - rect.x1, rect.y2 - rect.y1)
        cropFromImage = if (angle == 0.0) {
            Affine.move(-rect.x1, -rect.y1)
        } else {
            val toCentre = Affine.move(-(rect.x1 + rect.x2) / 2, -(rect.y1 + rect.y2) / 2)
            Affine.move(side.w / 2, side.h / 2) * Affine.turn(-angle) * toCentre
        }
        val modelFromCrop =
            if (mode == ResizeMode.STRETCH) {
                Affine.scaleThenMove(modelWH.w / side.w, modelWH.h / side.h)
            } else {
                ResizePlan(side, modelWH, mode, rounding).modelFromImage
            }
        modelFromImage = modelFromCrop * cropFromImage
        imageFromModel = modelFromImage.inverse()
    }

    /** The crop's top left, top right, bottom right and bottom left in image pixels. */
    val corners: List<PointXY>
        get() {
            val w = rect.x2 - rect.x1
            val h = rect.y2 - rect.y1
            val imageFromCrop = cropFromImage.inverse()
            return listOf(PointXY(0.0, 0.0), PointXY(w, 0.0), PointXY(w, h), PointXY(0.0, h))
                .map(imageFromCrop::point)
        }

    /**
     * A landmark model's output for this crop, in image pixels.
     *
     * Shapes: [2·L] or [L, 2] behind any number of leading ones, x before y, in model-input pixels.
     * Throws for another shape.
     */
    fun landmarks(output: Tensor): List<PointXY> {
        val shape = output.shape.dropWhile { it == 1 }.ifEmpty { listOf(1) }
        val flat = shape.size == 1 && output.values.size % 2 == 0
        if (!flat && !(shape.size == 2 && shape[1] == 2)) {
            throw outputsError(
                "This output is not one set of landmarks", "its shape is ${output.shape}",
                "[1, L, 2] or [1, 2·L], x before y"
            )
        }
        return pointsOf(output.values, 0, output.values.size).map(imageFromModel::point)
    }
}
