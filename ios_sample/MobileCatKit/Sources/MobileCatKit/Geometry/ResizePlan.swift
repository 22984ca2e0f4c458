/// How a picture is fitted into a model's input, by mobilecat.toml's names.
public enum ResizeMode: String, Named, Codable {
    /// Fills the input.
    case stretch
    /// Keeps the aspect, centred; rounds half to even (YOLO).
    case letterbox
    /// Keeps the aspect, top left; truncates (YOLOX).
    case letterboxTopLeft = "letterbox-topleft"
    /// Keeps the aspect, centred; truncates (`int(side * r)`, `// 2`).
    case fitPad = "fit-pad"
    public static let noun = "resize mode"

    public var defaultRounding: Rounding {
        switch self {
        case .stretch, .letterbox: .halfEven
        case .letterboxTopLeft, .fitPad: .truncate
        }
    }
}

/// How a fitted side becomes whole pixels: 1280×721 into 640 gives a height of 360, 361 and 360.
public enum Rounding: String, Named, Codable {
    /// Python's round().
    case halfEven = "half-even"
    /// Swift's `.rounded()`.
    case halfAway = "half-away"
    /// int().
    case truncate
    public static let noun = "rounding"

    /// The side in whole pixels, at least 1.
    func side(_ value: Double) -> Int {
        let rounded: Double
        switch self {
        case .halfEven: rounded = value.rounded(.toNearestOrEven)
        case .halfAway: rounded = value.rounded(.toNearestOrAwayFromZero)
        case .truncate: rounded = value.rounded(.down)
        }
        return max(1, Int(rounded))
    }
}

/// What to render, and the map that is exact for it.
///
/// The picture is resized to `resizedWH` and put at (left, top) of an input of `dstWH`. Rounding
/// makes the two axes' scales differ: the map uses resized/source for each, never one common ratio.
public struct ResizePlan: Hashable, Sendable {
    public struct Pixels: Hashable, Sendable {
        public let w: Int
        public let h: Int
    }

    public let srcWH: Pixels
    public let dstWH: Pixels
    public let resizedWH: Pixels
    /// Padding columns to the left of the picture.
    public let left: Int
    /// Padding rows above the picture.
    public let top: Int

    /// How a picture of `src` goes into a model input of `dst`; `rounding` nil takes the mode's own.
    ///
    /// Errors: `.geometry` on a side that is a fraction.
    public init(
        src: SizeWH, dst: SizeWH, mode: ResizeMode, rounding: Rounding? = nil
    ) throws {
        let from = try src.wholePixels()
        let to = try dst.wholePixels()
        let rule = rounding ?? mode.defaultRounding
        // The products are taken in this order because rounding sees their last bit.
        let r = min(Double(to.w) / Double(from.w), Double(to.h) / Double(from.h))
        let keepsAspect = mode != .stretch
        let w = keepsAspect ? rule.side(Double(from.w) * r) : to.w
        let h = keepsAspect ? rule.side(Double(from.h) * r) : to.h
        let centred = mode == .letterbox || mode == .fitPad
        srcWH = Pixels(w: from.w, h: from.h)
        dstWH = Pixels(w: to.w, h: to.h)
        resizedWH = Pixels(w: w, h: h)
        // YOLO's left = round(d/2 − .1) is floor division for every whole remainder.
        left = centred ? (to.w - w) / 2 : 0
        top = centred ? (to.h - h) / 2 : 0
    }

    /// Padding columns to the right of the picture.
    public var right: Int { dstWH.w - left - resizedWH.w }

    /// Padding rows below the picture.
    public var bottom: Int { dstWH.h - top - resizedWH.h }

    /// Source pixels → model pixels, both pixel edges with top-left origin.
    public var modelFromImage: Affine {
        .scaleThenMove(
            Double(resizedWH.w) / Double(srcWH.w), Double(resizedWH.h) / Double(srcWH.h),
            Double(left), Double(top))
    }

    /// Model pixels → source pixels.
    public var imageFromModel: Affine {
        let sx = Double(srcWH.w) / Double(resizedWH.w)
        let sy = Double(srcWH.h) / Double(resizedWH.h)
        return .scaleThenMove(sx, sy, -Double(left) * sx, -Double(top) * sy)
    }
}
