package mobilecat.kit

/**
 * A coordinate frame on one picture: in which unit, and from which corner it is counted.
 *
 * @property picture what is measured: "buffer" (as stored), "image" (upright), "model", "view", …
 * @property size the whole picture, in pixels or points, even where coordinates are normalised
 */
data class Frame(
    val picture: String,
    val size: SizeWH,
    val unit: Unit = Unit.PIXELS,
    val origin: Origin = Origin.TOP_LEFT
) {
    enum class Unit(override val raw: String) : Named {
        PIXELS("pixels"), POINTS("points"), NORMALIZED("normalized");

        override val noun: String get() = "unit"
    }

    enum class Origin(override val raw: String) : Named {
        TOP_LEFT("top-left"), LOWER_LEFT("lower-left");

        override val noun: String get() = "origin"
    }

    /** The map from this frame to the same picture's pixels (or points) with top-left origin. */
    val topLeftFromHere: Affine
        get() {
            val sx = if (unit == Unit.NORMALIZED) size.w else 1.0
            val sy = if (unit == Unit.NORMALIZED) size.h else 1.0
            return if (origin == Origin.TOP_LEFT) Affine.scaleThenMove(sx, sy)
            else Affine.scaleThenMove(sx, -sy, 0.0, size.h)
        }

    /** The map from `source` to this frame. Throws if they are not of one picture. */
    fun fromFrame(source: Frame): Affine {
        if (picture != source.picture || size != source.size) {
            throw geometryError(
                "These two frames are not of one picture",
                "${source.picture} ${source.size.w} × ${source.size.h} and " +
                    "$picture ${size.w} × ${size.h}",
                "compose with the map between the two pictures"
            )
        }
        return topLeftFromHere.inverse() * source.topLeftFromHere
    }
}

/** What nobody has measured on a device yet: named and switchable, never a silent fact. */
data class Assumptions(
    /** Where Vision's scaleFit puts the picture in the model input. Apple documents the scale only. */
    val scaleFitPlacement: Placement = Placement.CENTER,
    /** Whether recognised-object boxes are in the region's unit square. */
    val observationsRelativeToRegion: Boolean = true,
    /** Whether CameraX's YUV_420_888 uses all of 0–255 for luma. */
    val androidFullRange: Boolean = true
) {
    enum class Placement(override val raw: String) : Named {
        CENTER("center"), TOP_LEFT("top-left");

        override val noun: String get() = "scale-fit placement"
    }
}
