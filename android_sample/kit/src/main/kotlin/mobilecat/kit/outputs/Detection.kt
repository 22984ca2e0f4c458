package mobilecat.kit

/**
 * One object, in image pixels with top-left origin.
 *
 * @property classId index into the bundle's labels
 * @property landmarks in the bundle's order of landmark names; empty for a head without landmarks
 * @property landmarkScores how sure each landmark is seen, 0 to 1; empty for a head that does not say
 * @property angle how far `box` is turned about its centre, radians clockwise; null for an upright one
 */
data class Detection(
    val box: BoxXYXY,
    val score: Double,
    val classId: Int,
    val landmarks: List<PointXY> = emptyList(),
    val landmarkScores: List<Double> = emptyList(),
    val angle: Double? = null
) {
    /** The box with its angle, whose corners are what is drawn. */
    val turned: TurnedBox get() = TurnedBox(box, angle ?: 0.0)
}

/** Rows of the same length. */
internal class Rows(val count: Int, val width: Int, private val values: DoubleArray) {
    operator fun get(row: Int, column: Int): Double = values[row * width + column]

    fun row(row: Int): List<Double> = (0 until width).map { get(row, it) }

    fun box(row: Int) = BoxXYXY(get(row, 0), get(row, 1), get(row, 2), get(row, 3))

    fun points(row: Int): List<PointXY> = pointsOf(values, row * width, (row + 1) * width)

    companion object {
        private val none = DoubleArray(0)

        private fun unbatched(shape: List<Int>, rank: Int): List<Int> =
            if (shape.size == rank + 1 && shape[0] == 1) shape.drop(1) else shape

        /** (K, width) from [1, K, width] or [K, width]; what is wrong goes into `problems`. */
        fun wide(t: Tensor, width: Int, name: String, problems: MutableList<Problem>): Rows {
            val shape = unbatched(t.shape, 2)
            val fits = shape.size == 2 && shape[1] == width
            if (!fits && t.values.isNotEmpty()) {
                problems += Problem("$name has shape ${t.shape}", fix = "[1, K, $width]")
            }
            return if (fits) Rows(shape[0], width, t.values) else Rows(0, width, none)
        }

        /** (K, 1) from [1, K] or [K]. */
        fun single(t: Tensor, name: String, problems: MutableList<Problem>): Rows {
            val shape = unbatched(t.shape, 1)
            val fits = shape.size == 1
            if (!fits && t.values.isNotEmpty()) {
                problems += Problem("$name has shape ${t.shape}", fix = "[1, K]")
            }
            return if (fits) Rows(shape[0], 1, t.values) else Rows(0, 1, none)
        }

        /** (k, C) from [1, k, C] or [k, C], whatever C is. */
        fun scores(t: Tensor, k: Int, problems: MutableList<Problem>): Rows {
            val shape = unbatched(t.shape, 2)
            val fits = shape.size == 2 && shape[0] == k && shape[1] > 0
            if (!fits && !(k == 0 && t.values.isEmpty())) {
                problems += Problem(
                    "candidate_scores have shape ${t.shape}", fix = "[1, $k, classes]"
                )
            }
            return if (fits) Rows(k, shape[1], t.values) else Rows(0, 1, none)
        }

        /** (k, 2·L) from [1, k, 2·L], [1, k, L, 2], or either without the 1. */
        fun landmarks(t: Tensor?, k: Int, problems: MutableList<Problem>): Rows {
            if (t == null || k == 0) return Rows(k, 0, none)
            val shape = t.shape
            val batched = shape.size > 2 && shape[0] == 1 && shape[1] == k
            val tail = shape.drop(if (batched) 2 else 1)
            val perRow = tail.fold(1) { product, side -> product * side }
            val there = batched || (shape.isNotEmpty() && shape[0] == k)
            if (!there || tail.isEmpty() || perRow % 2 != 0) {
                problems += Problem("landmarks have shape $shape", fix = "[1, $k, 2·L], x before y")
                return Rows(k, 0, none)
            }
            return Rows(k, perRow, t.values)
        }

        /** (k, L) from [1, k, L] or [k, L], whatever L is; (k, 0) where there is no such output. */
        fun landmarkScores(t: Tensor?, k: Int, problems: MutableList<Problem>): Rows {
            if (t == null || k == 0) return Rows(k, 0, none)
            val shape = unbatched(t.shape, 2)
            if (shape.size != 2 || shape[0] != k) {
                problems += Problem("landmark_scores have shape ${t.shape}", fix = "[1, $k, L]")
                return Rows(k, 0, none)
            }
            return Rows(k, shape[1], t.values)
        }
    }
}

/** Points from x, y, x, y, … of values[from until to]. */
internal fun pointsOf(values: DoubleArray, from: Int, to: Int): List<PointXY> =
    (from until to - 1 step 2).map { PointXY(values[it], values[it + 1]) }

/** A number of an output as a whole one; what is none goes into `problems`, never into an index. */
internal fun wholeNumber(value: Double?, name: String, problems: MutableList<Problem>): Int {
    if (value == null || value.isNaN() || value >= 2147483648.0 || value <= -2147483649.0) {
        problems += Problem("$name is ${value ?: "missing"}")
        return 0
    }
    return value.toInt()
}
