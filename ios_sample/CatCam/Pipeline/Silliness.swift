import Foundation
import MobileCatKit

/// Something silly to draw: cat ears above the eyes, and a googly eye on each.
///
/// Drawing, in view points. Only where the eyes and the nose are counts, so a mirrored preview keeps
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
        // Of the line's two sides, up is the one where the nose (or the box's middle) is not.
        let box = found.viewBox
        let below = found["nose"] ?? PointXY((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
        let side = (below.y - a.y) * along.x - (below.x - a.x) * along.y
        let up = side > 0 ? PointXY(along.y, -along.x) : PointXY(-along.y, along.x)
        func at(_ p: PointXY, _ outward: Double, _ high: Double) -> PointXY {
            PointXY(
                p.x + apart * (outward * along.x + high * up.x),
                p.y + apart * (outward * along.y + high * up.y))
        }
        ears = [
            [at(a, -0.55, 0.75), at(a, -0.35, 1.75), at(a, 0.3, 1)],
            [at(b, 0.55, 0.75), at(b, 0.35, 1.75), at(b, -0.3, 1)],
        ]
        let radius = apart * 0.28
        eyes = [a, b].map { eye in
            let look = PointXY(eye.x + cos(spin) * radius / 2, eye.y + sin(spin) * radius / 2)
            return Eye(
                white: Disc(center: eye, radius: radius),
                pupil: Disc(center: look, radius: radius * 0.45))
        }
    }
}
