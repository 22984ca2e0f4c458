package mobilecat.kit

/**
 * EXIF orientation, whose values are CGImagePropertyOrientation's raw values as well.
 *
 * A stored picture w×h becomes upright by: transpose, then flip x, then flip y.
 * Source: EXIF 2.32 §4.6.4 A; androidx.exifinterface's ORIENTATION_… constants are the same numbers.
 */
enum class Orientation(
    val exif: Int,
    private val transpose: Boolean,
    private val flipX: Boolean,
    private val flipY: Boolean
) {
    UP(1, false, false, false),
    UP_MIRRORED(2, false, true, false),
    DOWN(3, false, true, true),
    DOWN_MIRRORED(4, false, false, true),
    LEFT_MIRRORED(5, true, false, false),
    RIGHT(6, true, true, false),
    RIGHT_MIRRORED(7, true, true, true),
    LEFT(8, true, false, true);

    /** CGImagePropertyOrientation's case name: `right` for 6. */
    val cgName: String
        get() = when (this) {
            UP -> "up"
            UP_MIRRORED -> "upMirrored"
            DOWN -> "down"
            DOWN_MIRRORED -> "downMirrored"
            LEFT_MIRRORED -> "leftMirrored"
            RIGHT -> "right"
            RIGHT_MIRRORED -> "rightMirrored"
            LEFT -> "left"
        }

    /** The upright picture's size: h×w for orientations 5 to 8. */
    fun uprightSize(storedWH: SizeWH): SizeWH = if (transpose) storedWH.swapped else storedWH

    /** The map from a stored picture to the upright one, both top-left pixel edges. */
    fun uprightFromStored(storedWH: SizeWH): Affine {
        val wh = uprightSize(storedWH)
        val turned = if (transpose) Affine(0.0, 1.0, 0.0, 1.0, 0.0, 0.0) else Affine.identity
        val flipped = Affine.scaleThenMove(
            if (flipX) -1.0 else 1.0, if (flipY) -1.0 else 1.0,
            if (flipX) wh.w else 0.0, if (flipY) wh.h else 0.0
        )
        return flipped * turned
    }

    /** The map back, from the upright picture to the stored one. */
    fun storedFromUpright(storedWH: SizeWH): Affine =
        inverse.uprightFromStored(uprightSize(storedWH))

    /** What undoes it: 6 and 8 swap, the others undo themselves. */
    val inverse: Orientation
        // A transpose on the left of flips swaps them.
        get() = if (transpose) of(true, flipY, flipX) else this

    /** The one orientation equal to applying `first`, then this one. */
    operator fun times(first: Orientation): Orientation = of(
        transpose != first.transpose,
        flipX != (if (transpose) first.flipY else first.flipX),
        flipY != (if (transpose) first.flipX else first.flipY)
    )

    /** The upright rows of a stored picture's rows, all of one length. */
    fun <Pixel> upright(rows: List<List<Pixel>>): List<List<Pixel>> {
        var turned = rows
        if (transpose) {
            val columns = if (rows.isEmpty()) 0 else rows[0].size
            turned = (0 until columns).map { x -> rows.map { it[x] } }
        }
        if (flipX) turned = turned.map { it.reversed() }
        return if (flipY) turned.reversed() else turned
    }

    /** UIImage.Orientation's raw value. */
    val uiImageRawValue: Int get() = uiImage.indexOf(this)

    companion object {
        private val uiImage = listOf(
            UP, DOWN, LEFT, RIGHT, UP_MIRRORED, DOWN_MIRRORED, LEFT_MIRRORED, RIGHT_MIRRORED
        )

        private fun of(transpose: Boolean, flipX: Boolean, flipY: Boolean): Orientation =
            values().first {
                it.transpose == transpose && it.flipX == flipX && it.flipY == flipY
            }

        /** Throws for anything but 1–8. */
        fun ofExif(value: Int): Orientation = values().firstOrNull { it.exif == value }
            ?: throw geometryError(
                "No such orientation", "$value is not 1 to 8",
                "ExifInterface's ORIENTATION_UNDEFINED is 0: take UP for it"
            )

        /**
         * The orientation equal to a clockwise turn: ImageInfo.getRotationDegrees(), or an angle.
         *
         * Throws for anything but 0, 90, 180 and 270.
         * Source: developer.android.com/reference/androidx/camera/core/ImageInfo#getRotationDegrees().
         */
        fun ofRotationDegrees(degrees: Int): Orientation = when (degrees) {
            0 -> UP
            90 -> RIGHT
            180 -> DOWN
            270 -> LEFT
            else -> throw geometryError("No such rotation", "$degrees is not 0, 90, 180 or 270")
        }

        /** The EXIF orientation of a UIImage.Orientation raw value. Throws outside 0–7. */
        fun ofUIImage(raw: Int): Orientation = uiImage.getOrNull(raw)
            ?: throw geometryError("No such UIImage.Orientation", "$raw is not 0 to 7")
    }
}
