package mobilecat.kit

/** Width and height, in that order: pixels or points. Throws unless both are finite and above zero. */
data class SizeWH(val w: Double, val h: Double) {
    init {
        if (!w.isFinite() || !h.isFinite() || w <= 0 || h <= 0) {
            throw geometryError(
                "A size cannot be used", "$w × $h is not a width and a height above zero"
            )
        }
    }

    constructor(w: Int, h: Int) : this(w.toDouble(), h.toDouble())

    /** Height × width: what a quarter turn makes of it. */
    val swapped: SizeWH get() = SizeWH(h, w)

    /** The sides as whole pixels. Throws where a side is a fraction, or beyond 2³¹ − 1. */
    fun wholePixels(): PixelsWH {
        val wide = w.toInt()
        val high = h.toInt()
        if (wide.toDouble() != w || high.toDouble() != h) {
            throw geometryError("A picture's size must be whole pixels", "$w × $h is not")
        }
        return PixelsWH(wide, high)
    }

    companion object {
        /** 1 × 1: the size of a normalised picture. */
        val unit = SizeWH(1.0, 1.0)
    }
}

/** Whole pixels, width before height. */
data class PixelsWH(val w: Int, val h: Int)

/** A point, x before y. */
data class PointXY(val x: Double, val y: Double)
