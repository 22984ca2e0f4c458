import Foundation

/// A box that is turned about its own centre.
///
/// angle: radians, clockwise as the picture is seen (y points down). Turned by π it is the same; so
/// it is turned by π/2 with its sides exchanged. Source: mobilecat/geometry/turned.py.
public struct TurnedBox: Hashable, Sendable {
    /// Before it is turned.
    public let box: BoxXYXY
    public let angle: Double

    public init(_ box: BoxXYXY, angle: Double) {
        self.box = box
        self.angle = angle
    }

    /// Top-left, top-right, bottom-right, bottom-left as they were before turning.
    public var corners: [PointXY] {
        let (cx, cy) = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
        let (w, h) = ((box.x2 - box.x1) / 2, (box.y2 - box.y1) / 2)
        let (c, s) = (cos(angle), sin(angle))
        return [(-w, -h), (w, -h), (w, h), (-w, h)].map { x, y in
            PointXY(cx + x * c - y * s, cy + x * s + y * c)
        }
    }

    /// The same in another frame: exact for quarter turns, mirroring and one scale. A quarter turn
    /// leaves the angle, since the box is turned with its sides; mirroring turns it round.
    public func mapped(by map: Affine) -> TurnedBox {
        let mirrored = map.a * map.d - map.b * map.c < 0
        return TurnedBox(map.box(box), angle: mirrored ? -angle : angle)
    }

    /// Intersection over union, exact, as polygons; 0 where both are empty.
    public func iou(_ other: TurnedBox) -> Double {
        let (p, q) = (corners, other.corners)
        let shared = area(clipped(p, to: q))
        let union = area(p) + area(q) - shared
        return union > 0 ? shared / union : 0
    }

    /// The probabilistic IoU of the two boxes' Gaussians, variances w²/12 and h²/12 along their
    /// axes; 0 where one has no area. Source: Llerena et al., arXiv 2106.06072.
    public func probIoU(_ other: TurnedBox) -> Double {
        let (p, q) = (Gaussian(self), Gaussian(other))
        let (dx, dy) = (p.x - q.x, p.y - q.y)
        let (xx, yy, xy) = (p.xx + q.xx, p.yy + q.yy, p.xy + q.xy)
        let (det, own) = (xx * yy - xy * xy, p.root * q.root)
        guard det > 0, own > 0 else { return 0 }
        let near = (yy * dx * dx + xx * dy * dy - 2 * xy * dx * dy) / (4 * det)
        let distance = max(near + 0.5 * log(det / (4 * own)), 0)
        return 1 - (-expm1(-distance)).squareRoot()
    }
}

private struct Gaussian {
    let (x, y): (Double, Double)
    let (xx, yy, xy): (Double, Double, Double)
    /// √ of the determinant.
    let root: Double

    init(_ turned: TurnedBox) {
        let box = turned.box
        (x, y) = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
        let (w, h) = (max(box.x2 - box.x1, 0), max(box.y2 - box.y1, 0))
        let (along, across) = (w * w / 12, h * h / 12)
        let (c, s) = (cos(turned.angle), sin(turned.angle))
        (xx, yy) = (along * c * c + across * s * s, along * s * s + across * c * c)
        (xy, root) = ((along - across) * c * s, w * h / 12)
    }
}

private func area(_ corners: [PointXY]) -> Double {
    guard corners.count > 2, let first = corners.first else { return 0 }
    // About a corner of its own: far from the origin the products would cancel.
    let at = corners.map { PointXY($0.x - first.x, $0.y - first.y) }
    return abs(zip(at, at.dropFirst()).reduce(0) { $0 + $1.0.x * $1.1.y - $1.1.x * $1.0.y }) / 2
}

/// Sutherland and Hodgman: the part of `subject` inside of `clip`, both convex.
private func clipped(_ subject: [PointXY], to clip: [PointXY]) -> [PointXY] {
    func side(_ a: PointXY, _ b: PointXY, _ p: PointXY) -> Double {
        (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
    }
    let sign: Double = side(clip[0], clip[1], clip[2]) < 0 ? -1 : 1
    var inside = subject
    for (a, b) in zip(clip, clip.dropFirst() + clip.prefix(1)) {
        let depths = inside.map { sign * side(a, b, $0) }
        var cut: [PointXY] = []
        for (k, p) in inside.enumerated() {
            let before = (k + inside.count - 1) % inside.count
            let (q, here, there) = (inside[before], depths[k], depths[before])
            if (here < 0) != (there < 0) {
                let t = there / (there - here)
                cut.append(PointXY(q.x + t * (p.x - q.x), q.y + t * (p.y - q.y)))
            }
            if here >= 0 { cut.append(p) }
        }
        inside = cut
        if inside.isEmpty { break }
    }
    return inside
}
