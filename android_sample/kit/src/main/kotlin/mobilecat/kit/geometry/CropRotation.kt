package mobilecat.kit

import kotlin.math.atan2
import kotlin.math.floor
import kotlin.math.hypot

/**
 * How two landmarks of the first model turn a crop, in MediaPipe's terms
 * (detections_to_rects_calculator, alignment_points_to_rects_calculator).
 *
 * @property start index of the landmark where the line begins that is turned
 * @property end index of the landmark where it ends
 * @property targetDegrees where that line points in the crop, anticlockwise from its right: 90 is up
 *
 * Throws for one landmark twice, an index below zero, and an angle that is no number.
 */
data class CropRotation(
    val start: Int,
    val end: Int,
    val targetDegrees: Double = 90.0,
    val about: About = About.BOX
) {
    /** What the crop is made of. */
    enum class About(override val raw: String) : Named {
        /** The detected box. */
        BOX("box"),
        /** The square about the start whose half side is the distance to the end. */
        POINTS("points");

        override val noun: String get() = "what a crop is about"
    }

    init {
        if (start < 0 || end < 0 || start == end || !targetDegrees.isFinite()) {
            throw geometryError(
                "A crop cannot be turned", "from landmark $start to $end, to $targetDegrees°",
                "two landmarks, counted from 0, and an angle"
            )
        }
    }

    /**
     * By how much the crop is turned: radians in [−π, π), clockwise as seen. Where the two landmarks
     * coincide their line counts as pointing right, as atan2(0, 0) has it.
     *
     * Throws where a landmark is not there, or no number.
     */
    fun angle(points: List<PointXY>): Double {
        val (a, b) = ends(points)
        val up = atan2(-(b.y - a.y), b.x - a.x) // y points down
        val angle = targetDegrees / 180 * Math.PI - up
        return angle - 2 * Math.PI * floor((angle + Math.PI) / (2 * Math.PI))
    }

    /** The box that the crop is made of, before the rule grows it. */
    internal fun box(detected: BoxXYXY, points: List<PointXY>): BoxXYXY {
        if (about != About.POINTS) return detected
        val (a, b) = ends(points)
        val reach = hypot(b.x - a.x, b.y - a.y)
        return BoxXYXY(a.x - reach, a.y - reach, a.x + reach, a.y + reach)
    }

    private fun ends(points: List<PointXY>): Pair<PointXY, PointXY> {
        val a = points.getOrNull(start)
        val b = points.getOrNull(end)
        if (a == null || b == null) {
            throw geometryError(
                "A crop cannot be turned",
                "it turns by landmark ${maxOf(start, end)}, and there are ${points.size}"
            )
        }
        if (!listOf(a.x, a.y, b.x, b.y).all { it.isFinite() }) {
            throw geometryError("A crop cannot be turned", "a landmark is no number")
        }
        return Pair(a, b)
    }
}
