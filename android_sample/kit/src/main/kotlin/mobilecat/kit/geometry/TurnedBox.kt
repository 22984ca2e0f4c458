package mobilecat.kit

import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.expm1
import kotlin.math.ln
import kotlin.math.sin
import kotlin.math.sqrt

/**
 * A box that is turned about its own centre.
 *
 * angle: radians, clockwise as the picture is seen (y points down). Turned by π it is the same; so it
 * is turned by π/2 with its sides exchanged. Source: mobilecat/geometry/turned.py.
 */
data class TurnedBox(val box: BoxXYXY, val angle: Double) {
    /** Top-left, top-right, bottom-right, bottom-left as they were before turning. */
    val corners: List<PointXY>
        get() {
            val cx = (box.x1 + box.x2) / 2
            val cy = (box.y1 + box.y2) / 2
            val w = (box.x2 - box.x1) / 2
            val h = (box.y2 - box.y1) / 2
            val c = cos(angle)
            val s = sin(angle)
            return listOf(Pair(-w, -h), Pair(w, -h), Pair(w, h), Pair(-w, h)).map { (x, y) ->
                PointXY(cx + x * c - y * s, cy + x * s + y * c)
            }
        }

    /**
     * The same in another frame: exact for quarter turns, mirroring and one scale. A quarter turn
     * leaves the angle, since the box is turned with its sides; mirroring turns it round.
     */
    fun mapped(map: Affine) = TurnedBox(map.box(box), if (map.determinant < 0) -angle else angle)

    /** Intersection over union, exact, as polygons; 0 where both are empty. */
    fun iou(other: TurnedBox): Double {
        val p = corners
        val q = other.corners
        val shared = area(clipped(p, q))
        val union = area(p) + area(q) - shared
        return if (union > 0) shared / union else 0.0
    }

    /**
     * The probabilistic IoU of the two boxes' Gaussians, variances w²/12 and h²/12 along their axes;
     * 0 where one has no area. Source: Llerena et al., arXiv 2106.06072.
     */
    fun probIoU(other: TurnedBox): Double {
        val p = Gaussian(this)
        val q = Gaussian(other)
        val dx = p.x - q.x
        val dy = p.y - q.y
        val xx = p.xx + q.xx
        val yy = p.yy + q.yy
        val xy = p.xy + q.xy
        val det = xx * yy - xy * xy
        val own = p.root * q.root
        if (!(det > 0 && own > 0)) return 0.0
        val near = (yy * dx * dx + xx * dy * dy - 2 * xy * dx * dy) / (4 * det)
        val distance = maxOf(near + 0.5 * ln(det / (4 * own)), 0.0)
        return 1 - sqrt(-expm1(-distance))
    }
}

private class Gaussian(turned: TurnedBox) {
    val x = (turned.box.x1 + turned.box.x2) / 2
    val y = (turned.box.y1 + turned.box.y2) / 2
    val xx: Double
    val yy: Double
    val xy: Double
    /** √ of the determinant. */
    val root: Double

    init {
        val w = maxOf(turned.box.x2 - turned.box.x1, 0.0)
        val h = maxOf(turned.box.y2 - turned.box.y1, 0.0)
        val along = w * w / 12
        val across = h * h / 12
        val c = cos(turned.angle)
        val s = sin(turned.angle)
        xx = along * c * c + across * s * s
        yy = along * s * s + across * c * c
        xy = (along - across) * c * s
        root = w * h / 12
    }
}

private fun area(corners: List<PointXY>): Double {
    if (corners.size < 3) return 0.0
    // About a corner of its own: far from the origin the products would cancel.
    val at = corners.map { PointXY(it.x - corners[0].x, it.y - corners[0].y) }
    return abs(at.zip(at.drop(1)).fold(0.0) { sum, (p, q) -> sum + p.x * q.y - q.x * p.y }) / 2
}

/** Sutherland and Hodgman: the part of `subject` inside of `clip`, both convex. */
private fun clipped(subject: List<PointXY>, clip: List<PointXY>): List<PointXY> {
    fun side(a: PointXY, b: PointXY, p: PointXY) =
        (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)

    val sign = if (side(clip[0], clip[1], clip[2]) < 0) -1.0 else 1.0
    var inside = subject
    for ((a, b) in clip.zip(clip.drop(1) + clip.take(1))) {
        val depths = inside.map { sign * side(a, b, it) }
        val cut = mutableListOf<PointXY>()
        for ((k, p) in inside.withIndex()) {
            val before = (k + inside.size - 1) % inside.size
            val q = inside[before]
            val here = depths[k]
            val there = depths[before]
            if ((here < 0) != (there < 0)) {
                val t = there / (there - here)
                cut += PointXY(q.x + t * (p.x - q.x), q.y + t * (p.y - q.y))
            }
            if (here >= 0) cut += p
        }
        inside = cut
        if (inside.isEmpty()) break
    }
    return inside
}
