package mobilecat.kit

import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.sin

/**
 * x' = a·x + b·y + tx, y' = c·x + d·y + ty, on pixel-edge coordinates.
 *
 * Maps are named destination first, so that a wrong chain looks wrong:
 * `viewFromModel = viewFromImage * imageFromModel`.
 */
data class Affine(
    val a: Double,
    val b: Double,
    val tx: Double,
    val c: Double,
    val d: Double,
    val ty: Double
) {
    /** Signed area scale: negative where the map mirrors. */
    val determinant: Double get() = a * d - b * c

    /** The map that applies `first`, then this one: `cFromA = cFromB * bFromA`. */
    operator fun times(first: Affine) = Affine(
        a * first.a + b * first.c,
        a * first.b + b * first.d,
        a * first.tx + b * first.ty + tx,
        c * first.a + d * first.c,
        c * first.b + d * first.d,
        c * first.tx + d * first.ty + ty
    )

    /** The map back. Throws where a side was scaled to nothing. */
    fun inverse(): Affine {
        val det = determinant
        if (det == 0.0 || !det.isFinite()) {
            throw geometryError("A map has no inverse", "$this collapses the plane")
        }
        val ia = d / det
        val ib = -b / det
        val ic = -c / det
        val id = a / det
        return Affine(ia, ib, -(ia * tx + ib * ty), ic, id, -(ic * tx + id * ty))
    }

    fun point(p: PointXY) = PointXY(a * p.x + b * p.y + tx, c * p.x + d * p.y + ty)

    /** The upright box around the four mapped corners: x1 ≤ x2 and y1 ≤ y2 always. */
    fun box(box: BoxXYXY) = around(
        listOf(
            point(PointXY(box.x1, box.y1)), point(PointXY(box.x2, box.y1)),
            point(PointXY(box.x2, box.y2)), point(PointXY(box.x1, box.y2))
        )
    )

    /** Whether all six coefficients differ by at most `tolerance`. */
    fun isCloseTo(other: Affine, tolerance: Double = 1e-9): Boolean =
        values.zip(other.values).all { (one, two) -> abs(one - two) <= tolerance }

    /** a, b, tx, c, d, ty. */
    val values: List<Double> get() = listOf(a, b, tx, c, d, ty)

    companion object {
        /** The map that leaves every point where it is. */
        val identity = Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

        /** x' = sx·x + tx, y' = sy·y + ty. */
        fun scaleThenMove(sx: Double, sy: Double, tx: Double = 0.0, ty: Double = 0.0) =
            Affine(sx, 0.0, tx, 0.0, sy, ty)

        /** x' = x + tx, y' = y + ty. */
        fun move(tx: Double, ty: Double) = Affine(1.0, 0.0, tx, 0.0, 1.0, ty)

        /** The turn about the origin; positive is clockwise as seen, as y points down. */
        fun turn(radians: Double) =
            Affine(cos(radians), -sin(radians), 0.0, sin(radians), cos(radians), 0.0)

        /** (u, v) = (x/W, y/H). */
        fun normFromPixels(wh: SizeWH) = scaleThenMove(1 / wh.w, 1 / wh.h)

        /** px = dp · density; on iOS, px = pt · contentScaleFactor. */
        fun pixelsFromPoints(contentScale: Double) = scaleThenMove(contentScale, contentScale)

        /** Core Graphics counts y from the lower edge of a context of this height. */
        fun coreGraphicsFromUIKit(height: Double) = scaleThenMove(1.0, -1.0, 0.0, height)

        /** CIImage: (E.minX + u·E.w, E.minY + (1−v)·E.h); lower-left origin. */
        fun coreImageFromNorm(extent: BoxXYWH): Affine {
            val wh = SizeWH(extent.w, extent.h)
            return scaleThenMove(wh.w, -wh.h, extent.x, extent.y + wh.h)
        }

        /** SpriteKit: (w·(u−ax), h·((1−v)−ay)). */
        fun spriteKitFromNorm(node: SizeWH, anchor: PointXY = PointXY(0.0, 0.0)) =
            scaleThenMove(node.w, -node.h, -node.w * anchor.x, node.h * (1 - anchor.y))

        /** Metal's and OpenGL's normalised device coordinates: (2u−1, 1−2v). */
        val ndcFromNorm = scaleThenMove(2.0, -2.0, -1.0, 1.0)

        /** Vision's space (0–1, lower-left) → upright pixels (top-left). */
        fun imageFromVision(imageWH: SizeWH) =
            scaleThenMove(imageWH.w, -imageWH.h, 0.0, imageWH.h)

        /** Upright pixels (top-left) → Vision's space (0–1, lower-left). */
        fun visionFromImage(imageWH: SizeWH) =
            scaleThenMove(1 / imageWH.w, -1 / imageWH.h, 0.0, 1.0)

        /**
         * Vision's space → AVFoundation's metadata space: normalised, top-left, *unrotated* picture.
         * `orientation` is what was handed to Vision.
         */
        fun metadataFromVision(orientation: Orientation) =
            orientation.storedFromUpright(SizeWH.unit) * imageFromVision(SizeWH.unit)
    }
}

/** The extent of points, of which there is one at least. */
internal fun around(points: List<PointXY>): BoxXYXY {
    val first = points[0]
    return points.fold(BoxXYXY(first.x, first.y, first.x, first.y)) { found, p ->
        BoxXYXY(
            minOf(found.x1, p.x), minOf(found.y1, p.y), maxOf(found.x2, p.x), maxOf(found.y2, p.y)
        )
    }
}
