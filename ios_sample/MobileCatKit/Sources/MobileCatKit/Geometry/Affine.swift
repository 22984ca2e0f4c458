import Foundation

/// x' = a·x + b·y + tx, y' = c·x + d·y + ty, on pixel-edge coordinates.
///
/// Maps are named destination first, so that a wrong chain looks wrong:
/// `viewFromModel = viewFromImage * imageFromModel`.
public struct Affine: Hashable, Sendable {
    public let a: Double
    public let b: Double
    public let tx: Double
    public let c: Double
    public let d: Double
    public let ty: Double

    public init(
        _ a: Double, _ b: Double, _ tx: Double, _ c: Double, _ d: Double, _ ty: Double
    ) {
        self.a = a
        self.b = b
        self.tx = tx
        self.c = c
        self.d = d
        self.ty = ty
    }

    /// The map that leaves every point where it is.
    public static let identity = Affine(1, 0, 0, 0, 1, 0)

    /// x' = sx·x + tx, y' = sy·y + ty.
    public static func scaleThenMove(
        _ sx: Double, _ sy: Double, _ tx: Double = 0, _ ty: Double = 0
    ) -> Affine {
        Affine(sx, 0, tx, 0, sy, ty)
    }

    /// x' = x + tx, y' = y + ty.
    public static func move(_ tx: Double, _ ty: Double) -> Affine {
        Affine(1, 0, tx, 0, 1, ty)
    }

    /// The turn about the origin; a positive angle is clockwise as seen, as y points down.
    public static func turn(radians: Double) -> Affine {
        let (c, s) = (cos(radians), sin(radians))
        return Affine(c, -s, 0, s, c, 0)
    }

    /// Signed area scale: negative where the map mirrors.
    public var determinant: Double { a * d - b * c }

    /// The map that applies `first`, then `second`: `cFromA = cFromB * bFromA`.
    public static func * (second: Affine, first: Affine) -> Affine {
        Affine(
            second.a * first.a + second.b * first.c,
            second.a * first.b + second.b * first.d,
            second.a * first.tx + second.b * first.ty + second.tx,
            second.c * first.a + second.d * first.c,
            second.c * first.b + second.d * first.d,
            second.c * first.tx + second.d * first.ty + second.ty)
    }

    /// The map back. Errors: `.geometry` where a side was scaled to nothing.
    public func inverse() throws -> Affine {
        let det = determinant
        guard det != 0, det.isFinite else {
            throw MobileCatError(
                .geometry, "A map has no inverse", [Problem("\(self) collapses the plane")])
        }
        let (ia, ib, ic, id) = (d / det, -b / det, -c / det, a / det)
        return Affine(ia, ib, -(ia * tx + ib * ty), ic, id, -(ic * tx + id * ty))
    }

    public func point(_ p: PointXY) -> PointXY {
        PointXY(a * p.x + b * p.y + tx, c * p.x + d * p.y + ty)
    }

    /// The upright box around the four mapped corners: x1 ≤ x2 and y1 ≤ y2 always.
    public func box(_ box: BoxXYXY) -> BoxXYXY {
        let first = point(PointXY(box.x1, box.y1))
        let others = [(box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)]
        return others.reduce(BoxXYXY(first.x, first.y, first.x, first.y)) { around, corner in
            let p = point(PointXY(corner.0, corner.1))
            return BoxXYXY(
                min(around.x1, p.x), min(around.y1, p.y), max(around.x2, p.x), max(around.y2, p.y))
        }
    }

    /// Whether all six coefficients differ by at most `tolerance`.
    public func isClose(to other: Affine, tolerance: Double = 1e-9) -> Bool {
        let pairs = [
            (a, other.a), (b, other.b), (tx, other.tx), (c, other.c), (d, other.d), (ty, other.ty),
        ]
        return pairs.allSatisfy { abs($0 - $1) <= tolerance }
    }
}
