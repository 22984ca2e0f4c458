package mobilecat.kit

import kotlin.math.floor
import kotlin.math.round

/** How a picture is fitted into a model's input, by mobilecat.toml's names. */
enum class ResizeMode(override val raw: String) : Named {
    /** Fills the input. */
    STRETCH("stretch"),
    /** Keeps the aspect, centred; rounds half to even (YOLO). */
    LETTERBOX("letterbox"),
    /** Keeps the aspect, top left; truncates (YOLOX). */
    LETTERBOX_TOP_LEFT("letterbox-topleft"),
    /** Keeps the aspect, centred; truncates (`int(side * r)`, `// 2`). */
    FIT_PAD("fit-pad");

    override val noun: String get() = "resize mode"

    val defaultRounding: Rounding
        get() = when (this) {
            STRETCH, LETTERBOX -> Rounding.HALF_EVEN
            LETTERBOX_TOP_LEFT, FIT_PAD -> Rounding.TRUNCATE
        }
}

/** How a fitted side becomes whole pixels: 1280×721 into 640 gives a height of 360, 361 and 360. */
enum class Rounding(override val raw: String) : Named {
    /** Python's round(), kotlin.math.round. */
    HALF_EVEN("half-even"),
    /** Swift's `.rounded()`, Kotlin's `.roundToInt()` of what is above zero. */
    HALF_AWAY("half-away"),
    /** int(). */
    TRUNCATE("truncate");

    override val noun: String get() = "rounding"

    /** The side in whole pixels, at least 1. */
    internal fun side(value: Double): Int {
        val rounded = when (this) {
            HALF_EVEN -> round(value)
            // floor(value + .5) is wrong for 0.49999999999999994.
            HALF_AWAY -> if (value - floor(value) >= 0.5) floor(value) + 1 else floor(value)
            TRUNCATE -> floor(value)
        }
        return maxOf(1, rounded.toInt())
    }
}

/**
 * What to render, and the map that is exact for it.
 *
 * The picture is resized to `resizedWH` and put at (left, top) of an input of `dstWH`. Rounding makes
 * the two axes' scales differ: the map uses resized/source for each, never one common ratio.
 *
 * Throws on a side that is a fraction; `rounding` null takes the mode's own.
 */
class ResizePlan(src: SizeWH, dst: SizeWH, val mode: ResizeMode, rounding: Rounding? = null) {
    val srcWH: PixelsWH = src.wholePixels()
    val dstWH: PixelsWH = dst.wholePixels()
    val resizedWH: PixelsWH
    /** Padding columns to the left of the picture. */
    val left: Int
    /** Padding rows above the picture. */
    val top: Int

    init {
        val rule = rounding ?: mode.defaultRounding
        // The products are taken in this order because rounding sees their last bit.
        val r = minOf(
            dstWH.w.toDouble() / srcWH.w.toDouble(), dstWH.h.toDouble() / srcWH.h.toDouble()
        )
        resizedWH = if (mode == ResizeMode.STRETCH) dstWH
        else PixelsWH(rule.side(srcWH.w * r), rule.side(srcWH.h * r))
        val centred = mode == ResizeMode.LETTERBOX || mode == ResizeMode.FIT_PAD
        left = if (centred) (dstWH.w - resizedWH.w) / 2 else 0
        top = if (centred) (dstWH.h - resizedWH.h) / 2 else 0
    }

    /** Padding columns to the right of the picture. */
    val right: Int get() = dstWH.w - left - resizedWH.w

    /** Padding rows below the picture. */
    val bottom: Int get() = dstWH.h - top - resizedWH.h

    /** Source pixels → model pixels, both pixel edges with top-left origin. */
    val modelFromImage: Affine
        get() = Affine.scaleThenMove(
            resizedWH.w.toDouble() / srcWH.w, resizedWH.h.toDouble() / srcWH.h,
            left.toDouble(), top.toDouble()
        )

    /** Model pixels → source pixels. */
    val imageFromModel: Affine
        get() {
            val sx = srcWH.w.toDouble() / resizedWH.w
            val sy = srcWH.h.toDouble() / resizedWH.h
            return Affine.scaleThenMove(sx, sy, -left * sx, -top * sy)
        }
}
