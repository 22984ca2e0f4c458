import Foundation

/// How two landmarks of the first model turn a crop, in MediaPipe's terms
/// (detections_to_rects_calculator, alignment_points_to_rects_calculator).
public struct CropRotation: Hashable, Sendable {
    /// What the crop is made of.
    public enum About: String, Named {
        /// The detected box.
        case box
        /// The square about the start whose half side is the distance to the end.
        case points
        public static let noun = "what a crop is about"
    }

    /// Indices of the landmarks; the line from start to end is what is turned.
    public let start: Int
    public let end: Int
    /// Where that line points in the crop, counted anticlockwise from its right: 90 is up.
    public let targetDegrees: Double
    public let about: About

    /// Errors: `.geometry` for one landmark twice, an index below zero, and an angle that is no number.
    public init(start: Int, end: Int, targetDegrees: Double = 90, about: About = .box) throws {
        guard start >= 0, end >= 0, start != end, targetDegrees.isFinite else {
            throw MobileCatError(
                .geometry, "A crop cannot be turned",
                [
                    Problem(
                        "from landmark \(start) to \(end), to \(targetDegrees)°",
                        fix: "two landmarks, counted from 0, and an angle")
                ])
        }
        self.init(unchecked: start, end, targetDegrees, about)
    }

    init(unchecked start: Int, _ end: Int, _ targetDegrees: Double, _ about: About) {
        self.start = start
        self.end = end
        self.targetDegrees = targetDegrees
        self.about = about
    }

    /// By how much the crop is turned: radians in [−π, π), clockwise as seen. Where the two landmarks
    /// coincide their line counts as pointing right, as atan2(0, 0) has it.
    ///
    /// Errors: `.geometry` where a landmark is not there, or no number.
    public func angle(_ points: [PointXY]) throws -> Double {
        let (a, b) = try ends(points)
        let up = atan2(-(b.y - a.y), b.x - a.x)  // y points down
        let angle = targetDegrees / 180 * .pi - up
        return angle - 2 * .pi * ((angle + .pi) / (2 * .pi)).rounded(.down)
    }

    /// The box that the crop is made of, before the rule grows it.
    func box(_ detected: BoxXYXY, _ points: [PointXY]) throws -> BoxXYXY {
        guard about == .points else { return detected }
        let (a, b) = try ends(points)
        let reach = hypot(b.x - a.x, b.y - a.y)
        return BoxXYXY(a.x - reach, a.y - reach, a.x + reach, a.y + reach)
    }

    private func ends(_ points: [PointXY]) throws -> (PointXY, PointXY) {
        guard points.indices.contains(start), points.indices.contains(end) else {
            throw MobileCatError(
                .geometry, "A crop cannot be turned",
                [Problem("it turns by landmark \(max(start, end)), and there are \(points.count)")])
        }
        let (a, b) = (points[start], points[end])
        guard a.x.isFinite, a.y.isFinite, b.x.isFinite, b.y.isFinite else {
            throw MobileCatError(
                .geometry, "A crop cannot be turned", [Problem("a landmark is no number")])
        }
        return (a, b)
    }
}

extension CropRule {
    /// Errors: `.geometry` for what a turned crop cannot do: its sides do not lie along the image's.
    func requireTurnable(_ mode: ResizeMode) throws {
        var problems: [Problem] = []
        if rounding != .none {
            problems.append(Problem("rounding is \(rounding.rawValue)", fix: "none"))
        }
        if edge != .pad { problems.append(Problem("edge is \(edge.rawValue)", fix: "pad")) }
        if mode != .stretch { problems.append(Problem("mode is \(mode.rawValue)", fix: "stretch")) }
        guard problems.isEmpty else {
            throw MobileCatError(.geometry, "A crop cannot be turned", problems)
        }
    }
}
