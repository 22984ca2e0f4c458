/// A coordinate frame on one picture: in which unit, and from which corner it is counted.
public struct Frame: Hashable, Sendable {
    public enum Unit: String, Named {
        case pixels, points, normalized
        public static let noun = "unit"
    }

    public enum Origin: String, Named {
        case topLeft = "top-left"
        case lowerLeft = "lower-left"
        public static let noun = "origin"
    }

    /// What is measured: "buffer" (as stored), "image" (upright), "model", "view", …
    public let picture: String
    /// The whole picture, in pixels or points, even where coordinates are normalised.
    public let size: SizeWH
    public let unit: Unit
    public let origin: Origin

    public init(
        _ picture: String, _ size: SizeWH, unit: Unit = .pixels, origin: Origin = .topLeft
    ) {
        self.picture = picture
        self.size = size
        self.unit = unit
        self.origin = origin
    }

    /// Vision's frame on an upright image: normalised, origin lower-left.
    public static func vision(_ imageWH: SizeWH, picture: String = "image") -> Frame {
        Frame(picture, imageWH, unit: .normalized, origin: .lowerLeft)
    }

    /// The map from this frame to the same picture's pixels (or points) with top-left origin.
    public var topLeftFromHere: Affine {
        let (sx, sy) = unit == .normalized ? (size.w, size.h) : (1, 1)
        return origin == .topLeft
            ? .scaleThenMove(sx, sy) : .scaleThenMove(sx, -sy, 0, size.h)
    }

    /// The map from `source` to this frame. Errors: `.geometry` if they are not of one picture.
    public func fromFrame(_ source: Frame) throws -> Affine {
        guard picture == source.picture, size == source.size else {
            throw MobileCatError(
                .geometry, "These two frames are not of one picture",
                [
                    Problem(
                        "\(source.picture) \(source.size.w) × \(source.size.h) and "
                            + "\(picture) \(size.w) × \(size.h)",
                        fix: "compose with the map between the two pictures")
                ])
        }
        return try topLeftFromHere.inverse() * source.topLeftFromHere
    }
}
