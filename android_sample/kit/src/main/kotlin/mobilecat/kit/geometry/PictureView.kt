package mobilecat.kit

/**
 * Android's PreviewView.ScaleType and ImageView-like modes of iOS, by their names there.
 *
 * Source: developer.android.com/reference/androidx/camera/view/PreviewView.ScaleType.
 */
enum class ViewMode(override val raw: String) : Named {
    FIT_START("FIT_START"), FIT_CENTER("FIT_CENTER"), FIT_END("FIT_END"),
    FILL_START("FILL_START"), FILL_CENTER("FILL_CENTER"), FILL_END("FILL_END"),
    RESIZE("resize"), RESIZE_ASPECT("resizeAspect"), RESIZE_ASPECT_FILL("resizeAspectFill"),
    SCALE_TO_FILL("scaleToFill"), SCALE_ASPECT_FIT("scaleAspectFit"),
    SCALE_ASPECT_FILL("scaleAspectFill");

    override val noun: String get() = "view mode"

    internal val stretches: Boolean get() = this == RESIZE || this == SCALE_TO_FILL

    /** The whole view is covered, and what does not fit of the picture is cut off. */
    internal val fills: Boolean
        get() = when (this) {
            FILL_START, FILL_CENTER, FILL_END, RESIZE_ASPECT_FILL, SCALE_ASPECT_FILL -> true
            else -> false
        }

    /** The share of the spare space that lies before the picture. */
    internal val leadingShare: Double
        get() = when (this) {
            FIT_START, FILL_START -> 0.0
            FIT_END, FILL_END -> 1.0
            else -> 0.5
        }
}

/**
 * A view that shows the upright picture.
 *
 * @property size in pixels of the view
 * @property mirrored the picture is shown left-right swapped, as PreviewView shows front cameras
 * @property rightToLeft the layout runs right to left: START and END swap sides, not top and bottom
 */
data class PictureView(
    val size: SizeWH,
    val mode: ViewMode,
    val mirrored: Boolean = false,
    val rightToLeft: Boolean = false
) {
    /** Upright pixels → the view, both top-left. */
    fun viewFromImage(imageWH: SizeWH): Affine {
        var sx = size.w / imageWH.w
        var sy = size.h / imageWH.h
        if (!mode.stretches) {
            val both = if (mode.fills) maxOf(sx, sy) else minOf(sx, sy)
            sx = both
            sy = both
        }
        val shareY = mode.leadingShare
        val shareX = if (rightToLeft) 1 - shareY else shareY
        val placed = Affine.scaleThenMove(
            sx, sy, (size.w - sx * imageWH.w) * shareX, (size.h - sy * imageWH.h) * shareY
        )
        return if (mirrored) placed * Affine.scaleThenMove(-1.0, 1.0, imageWH.w, 0.0) else placed
    }
}
