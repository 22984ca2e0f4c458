import Foundation
import MobileCatKit

/// Something silly to draw: a googly eye on each eye, and cat ears; on a cat's own ears, longer ones
/// with a pompom at the tip.
///
/// Drawing, in view points. Only where eyes, nose and ears are counts, so a mirrored preview keeps
/// its ears on top.
struct Silliness: Hashable {
    struct Disc: Hashable {
        let center: PointXY
        let radius: Double
    }

    struct Eye: Hashable {
        let white: Disc
        let pupil: Disc
    }

    /// Corners of triangles.
    let ears: [[PointXY]]
    /// On the tips of ears that are really there.
    let pompoms: [Disc]
    let eyes: [Eye]

    /// nil where the model has no eyes by these names, or they lie on one another.
    ///
    /// spin: radians; where the pupils look.
    init?(_ found: Found, spin: Double) {
        guard let a = found["left_eye"], let b = found["right_eye"] else { return nil }
        let (dx, dy) = (b.x - a.x, b.y - a.y)
        let apart = (dx * dx + dy * dy).squareRoot()
        guard apart > 1 else { return nil }
        let along = PointXY(dx / apart, dy / apart)
        // Of the line's two sides, up is the one where nose or mouth (or the box's middle) is not.
        let box = found.viewBox
        let below =
            found["nose"] ?? found["mouth"] ?? PointXY((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
        let side = (below.y - a.y) * along.x - (below.x - a.x) * along.y
        let up = side > 0 ? PointXY(along.y, -along.x) : PointXY(-along.y, along.x)
        func at(_ p: PointXY, _ outward: Double, _ high: Double) -> PointXY {
            PointXY(
                p.x + apart * (outward * along.x + high * up.x),
                p.y + apart * (outward * along.y + high * up.y))
        }
        let real = ["left_ear", "right_ear"].compactMap { Self.longer(found, $0) }
        ears =
            real.isEmpty
            ? [
                [at(a, -0.55, 0.75), at(a, -0.35, 1.75), at(a, 0.3, 1)],
                [at(b, 0.55, 0.75), at(b, 0.35, 1.75), at(b, -0.3, 1)],
            ] : real
        let radius = apart * 0.28
        pompoms = real.map { Disc(center: $0[1], radius: radius) }
        eyes = [a, b].map { eye in
            let look = PointXY(eye.x + cos(spin) * radius / 2, eye.y + sin(spin) * radius / 2)
            return Eye(
                white: Disc(center: eye, radius: radius),
                pupil: Disc(center: look, radius: radius * 0.45))
        }
    }

    /// An ear's corner, tip and other corner, `left_ear_1` to `left_ear_3`, its tip half as far again.
    private static func longer(_ found: Found, _ ear: String) -> [PointXY]? {
        guard let a = found["\(ear)_1"], let tip = found["\(ear)_2"], let b = found["\(ear)_3"]
        else { return nil }
        let base = PointXY((a.x + b.x) / 2, (a.y + b.y) / 2)
        return [
            a, PointXY(base.x + 1.5 * (tip.x - base.x), base.y + 1.5 * (tip.y - base.y)), b,
        ]
    }
}
