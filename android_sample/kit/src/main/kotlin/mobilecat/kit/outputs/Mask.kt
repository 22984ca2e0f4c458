package mobilecat.kit

import kotlin.math.exp

/**
 * How sure each pixel of a grid is of one object, and where the grid lies in the image.
 *
 * Frame: pixel (column i, row j) covers [i, i+1] × [j, j+1] of the grid, which covers the model's input;
 * `imageFromMask` leads from there through the letterbox to the image, on pixel edges.
 *
 * @property values row by row, 0 to 1; 0 outside of the object's box
 *
 * Throws where the sides need another number of values.
 */
class Mask(val width: Int, val height: Int, val values: DoubleArray, val imageFromMask: Affine) {
    init {
        if (width < 1 || height < 1 || values.size.toLong() != width.toLong() * height) {
            throw outputsError("This is no mask", "${values.size} values for $width × $height")
        }
    }

    /** Whether the image's pixel is the object's: by the cell its centre is in. */
    private fun holds(x: Int, y: Int, maskFromImage: Affine): Boolean {
        val at = maskFromImage.point(PointXY(x + 0.5, y + 0.5))
        val inside = at.x >= 0 && at.y >= 0 && at.x < width && at.y < height
        return inside && values[at.y.toInt() * width + at.x.toInt()] > SURE
    }

    /**
     * Which pixels of the image are the object's, row by row.
     *
     * Throws for sides that are no whole pixels, or a map that has no inverse.
     */
    fun flags(imageWH: SizeWH): List<BooleanArray> {
        val wh = imageWH.wholePixels()
        val maskFromImage = imageFromMask.inverse()
        return (0 until wh.h).map { y -> BooleanArray(wh.w) { x -> holds(x, y, maskFromImage) } }
    }

    companion object {
        /** A pixel that is surer than this is the object's. */
        const val SURE = 0.5

        /**
         * The masks of kept boxes: what `masks = "app"` leaves to the app.
         *
         * σ of the prototypes' sum by each object's coefficients, 0 where a pixel's centre is not
         * inside of its box. A larger grid is bilinear between pixel centres before σ.
         * Source: Bolya et al., YOLACT (ICCV 2019), §3.
         * Shapes: coefficients [K,P] or [1,K,P], prototypes [P,h,w] or [1,P,h,w]; rows beyond the boxes
         * are padding. Units: boxes in pixels of the model's input.
         * Throws for shapes that contradict each other, or a grid that is no whole multiple of the
         * prototypes'.
         */
        fun masks(
            coefficients: Tensor,
            prototypes: Tensor,
            boxes: List<BoxXYXY>,
            modelWH: SizeWH,
            gridWH: PixelsWH? = null,
            imageFromModel: Affine
        ): List<Mask> {
            val factors = coefficients.shape.takeLast(2)
            val maps = prototypes.shape.takeLast(3)
            val fits = factors.size == 2 && maps.size == 3 && factors[1] == maps[0] &&
                boxes.size <= factors[0] && maps.all { it > 0 } &&
                coefficients.values.size == factors[0] * factors[1] &&
                prototypes.values.size == maps[0] * maps[1] * maps[2]
            if (!fits) {
                throw outputsError(
                    "These outputs are not coefficients and prototypes",
                    "coefficients ${coefficients.shape}, prototypes ${prototypes.shape}, " +
                        "${boxes.size} boxes",
                    "[K, P] and [P, h, w], K boxes at most"
                )
            }
            val small = PixelsWH(maps[2], maps[1])
            val grid = gridWH ?: small
            if (grid.w < 1 || grid.h < 1 || grid.w % small.w != 0 || grid.h % small.h != 0) {
                throw outputsError(
                    "A mask's grid does not fit",
                    "${grid.w} × ${grid.h} is no whole multiple of ${small.w} × ${small.h}"
                )
            }
            val modelFromMask = Affine.scaleThenMove(modelWH.w / grid.w, modelWH.h / grid.h)
            return boxes.mapIndexed { row, box ->
                val sums = DoubleArray(small.w * small.h)
                for (p in 0 until maps[0]) {
                    val factor = coefficients.values[row * maps[0] + p]
                    for (k in sums.indices) {
                        sums[k] += factor * prototypes.values[p * sums.size + k]
                    }
                }
                val values = cropped(stretched(sums, small, grid), grid, modelFromMask, box)
                Mask(grid.w, grid.h, values, imageFromModel * modelFromMask)
            }
        }
    }
}

private fun cropped(sums: DoubleArray, grid: PixelsWH, modelFromMask: Affine, box: BoxXYXY) =
    DoubleArray(grid.w * grid.h) { k ->
        val at = modelFromMask.point(PointXY(k % grid.w + 0.5, k / grid.w + 0.5))
        val inside = box.x1 < at.x && at.x < box.x2 && box.y1 < at.y && at.y < box.y2
        if (inside) 1 / (1 + exp(-sums[k])) else 0.0
    }

/** Values of a larger grid, each between the pixel centres that it lies between. */
private fun stretched(values: DoubleArray, small: PixelsWH, grid: PixelsWH): DoubleArray {
    if (grid == small) return values
    val across = places(small.w, grid.w)
    val down = places(small.h, grid.h)
    return DoubleArray(grid.w * grid.h) { k ->
        val x = across[k % grid.w]
        val y = down[k / grid.w]
        val top = x.mixed(values[y.low * small.w + x.low], values[y.low * small.w + x.high])
        val end = x.mixed(values[y.high * small.w + x.low], values[y.high * small.w + x.high])
        y.mixed(top, end)
    }
}

private class Place(val low: Int, val high: Int, private val share: Double) {
    fun mixed(a: Double, b: Double): Double = a * (1 - share) + b * share
}

private fun places(size: Int, count: Int): List<Place> = (0 until count).map { k ->
    val at = (k + 0.5) * size / count - 0.5
    val clamped = minOf(maxOf(at, 0.0), (size - 1).toDouble())
    val low = clamped.toInt()
    Place(low, minOf(low + 1, size - 1), clamped - low)
}
