package mobilecat.kit

// Boxes in the four formats, one type each, so that a format cannot be read as another.
// Conversions never sort corners: what is inverted stays inverted.

/** Four numbers that say where a box is; pixels, points or normalised, as the frame says. */
interface BoxCoordinates {
    val xyxy: BoxXYXY
    /** The four numbers in the format's order. */
    val values: List<Double>
    /** Every x (or width) times `sx`, every y (or height) times `sy`; same format. */
    fun scaled(sx: Double, sy: Double): BoxCoordinates
    /** Pixels divided by the picture's sides. */
    fun normalized(wh: SizeWH): BoxCoordinates = scaled(1 / wh.w, 1 / wh.h)
    /** Normalised coordinates multiplied by the picture's sides. */
    fun pixels(wh: SizeWH): BoxCoordinates = scaled(wh.w, wh.h)
}

/** Two corners. */
data class BoxXYXY(val x1: Double, val y1: Double, val x2: Double, val y2: Double) : BoxCoordinates {
    override val xyxy: BoxXYXY get() = this
    override val values: List<Double> get() = listOf(x1, y1, x2, y2)
    override fun scaled(sx: Double, sy: Double) = BoxXYXY(x1 * sx, y1 * sy, x2 * sx, y2 * sy)

    /** The box cut at the picture's edges [0, w] × [0, h]; one outside keeps no area. */
    fun clipped(wh: SizeWH) = BoxXYXY(
        minOf(maxOf(x1, 0.0), wh.w), minOf(maxOf(y1, 0.0), wh.h),
        minOf(maxOf(x2, 0.0), wh.w), minOf(maxOf(y2, 0.0), wh.h)
    )

    /** 0 where the corners are inverted. */
    val area: Double get() = maxOf(x2 - x1, 0.0) * maxOf(y2 - y1, 0.0)

    /** Intersection over union; 0 where both are empty. */
    fun iou(other: BoxXYXY): Double {
        val w = maxOf(minOf(x2, other.x2) - maxOf(x1, other.x1), 0.0)
        val h = maxOf(minOf(y2, other.y2) - maxOf(y1, other.y1), 0.0)
        val union = area + other.area - w * h
        return if (union > 0) w * h / union else 0.0
    }

    /** The map from the box's unit square (top-left) to the picture, for box-relative landmarks. */
    val imageFromBox: Affine get() = Affine.scaleThenMove(x2 - x1, y2 - y1, x1, y1)

    companion object {
        /** The extent of landmarks. Throws where there are none. */
        fun around(landmarks: List<PointXY>): BoxXYXY {
            if (landmarks.isEmpty()) {
                throw geometryError("No extent without a landmark", "the list is empty")
            }
            return mobilecat.kit.around(landmarks)
        }
    }
}

/** A corner and a size. The corner is the top left, in Vision's space the lower left. */
data class BoxXYWH(val x: Double, val y: Double, val w: Double, val h: Double) : BoxCoordinates {
    constructor(b: BoxXYXY) : this(b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1)

    override val xyxy: BoxXYXY get() = BoxXYXY(x, y, x + w, y + h)
    override val values: List<Double> get() = listOf(x, y, w, h)
    override fun scaled(sx: Double, sy: Double) = BoxXYWH(x * sx, y * sy, w * sx, h * sy)

    /** (x, 1−y−h, w, h): Vision ↔ normalised top-left; its own inverse. */
    val flippedNorm: BoxXYWH get() = BoxXYWH(x, 1 - y - h, w, h)

    /** The metadata rectangle of a box in Vision's space, seen with `orientation`. */
    fun metadataRect(orientation: Orientation) =
        BoxXYWH(Affine.metadataFromVision(orientation).box(xyxy))
}

/** A centre and a size: what YOLO and Core ML's NMS give. */
data class BoxCXCYWH(val cx: Double, val cy: Double, val w: Double, val h: Double) : BoxCoordinates {
    constructor(b: BoxXYXY) :
        this((b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.x2 - b.x1, b.y2 - b.y1)

    override val xyxy: BoxXYXY get() = BoxXYXY(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    override val values: List<Double> get() = listOf(cx, cy, w, h)
    override fun scaled(sx: Double, sy: Double) = BoxCXCYWH(cx * sx, cy * sy, w * sx, h * sy)
}

/** TensorFlow's [ymin, xmin, ymax, xmax]. */
data class BoxYXYX(val y1: Double, val x1: Double, val y2: Double, val x2: Double) : BoxCoordinates {
    constructor(b: BoxXYXY) : this(b.y1, b.x1, b.y2, b.x2)

    override val xyxy: BoxXYXY get() = BoxXYXY(x1, y1, x2, y2)
    override val values: List<Double> get() = listOf(y1, x1, y2, x2)
    override fun scaled(sx: Double, sy: Double) = BoxYXYX(y1 * sy, x1 * sx, y2 * sy, x2 * sx)
}

/** A box format by its name, for rows whose format is only known when the app runs. */
enum class BoxFormat(override val raw: String) : Named {
    XYXY("xyxy"), XYWH("xywh"), CXCYWH("cxcywh"), YXYX("yxyx");

    override val noun: String get() = "box format"

    /** The row as a box of this format. Throws unless there are four numbers. */
    fun box(row: List<Double>): BoxCoordinates {
        if (row.size != 4) {
            throw geometryError(
                "These are not boxes", "a row has ${row.size} numbers; a box has 4: $raw"
            )
        }
        return when (this) {
            XYXY -> BoxXYXY(row[0], row[1], row[2], row[3])
            XYWH -> BoxXYWH(row[0], row[1], row[2], row[3])
            CXCYWH -> BoxCXCYWH(row[0], row[1], row[2], row[3])
            YXYX -> BoxYXYX(row[0], row[1], row[2], row[3])
        }
    }

    /** The box's four numbers in this format. */
    fun row(box: BoxCoordinates): List<Double> = when (this) {
        XYXY -> box.xyxy.values
        XYWH -> BoxXYWH(box.xyxy).values
        CXCYWH -> BoxCXCYWH(box.xyxy).values
        YXYX -> BoxYXYX(box.xyxy).values
    }
}
