/// Width and height, in that order: pixels or points, both finite and above zero.
public struct SizeWH: Hashable, Sendable {
    public let w: Double
    public let h: Double

    /// Errors: `.geometry` unless both sides are finite and above zero.
    public init(_ w: Double, _ h: Double) throws {
        guard w.isFinite, h.isFinite, w > 0, h > 0 else {
            throw MobileCatError(
                .geometry, "A size cannot be used",
                [Problem("\(w) × \(h) is not a width and a height above zero")])
        }
        self.init(unchecked: w, h)
    }

    /// For sides that follow from sides already checked.
    init(unchecked w: Double, _ h: Double) {
        self.w = w
        self.h = h
    }

    /// 1 × 1: the size of a normalised picture.
    public static let unit = SizeWH(unchecked: 1, 1)

    /// Height × width: what a quarter turn makes of it.
    public var swapped: SizeWH { SizeWH(unchecked: h, w) }

    /// The sides as whole pixels. Errors: `.geometry` where a side is a fraction, or beyond 2³¹ − 1.
    public func wholePixels() throws -> (w: Int, h: Int) {
        guard let wide = Int32(exactly: w), let high = Int32(exactly: h) else {
            throw MobileCatError(
                .geometry, "A picture's size must be whole pixels", [Problem("\(w) × \(h) is not")])
        }
        return (Int(wide), Int(high))
    }
}

/// A point, x before y.
public struct PointXY: Hashable, Sendable {
    public let x: Double
    public let y: Double

    public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}
