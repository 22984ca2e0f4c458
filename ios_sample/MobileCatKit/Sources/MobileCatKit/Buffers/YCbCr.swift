/// 8-bit RGB.
public struct RGB: Hashable, Sendable {
    public let r: UInt8
    public let g: UInt8
    public let b: UInt8

    public init(_ r: UInt8, _ g: UInt8, _ b: UInt8) {
        self.r = r
        self.g = g
        self.b = b
    }
}

/// A buffer's YCbCr matrix attachment. Source: ITU-R BT.601-7 §2.5, BT.709-6 §3.
public enum YCbCrMatrix: String, Named {
    case bt601 = "BT.601"
    case bt709 = "BT.709"
    public static let noun = "colour matrix"
    public static var errorKind: MobileCatError.Kind { .buffer }

    /// Every coefficient follows from these two.
    private var weights: (kr: Double, kb: Double) {
        switch self {
        case .bt601: (0.299, 0.114)
        case .bt709: (0.2126, 0.0722)
        }
    }

    /// RGB of 8-bit Y, Cb, Cr; halves are rounded up.
    ///
    /// fullRange: luma and chroma use 0–255; otherwise 16–235 and 16–240.
    public func rgb(y: UInt8, cb: UInt8, cr: UInt8, fullRange: Bool) -> RGB {
        let (kr, kb) = weights
        let kg = 1 - kr - kb
        let (offset, lumaSpan, chromaSpan) = fullRange ? (0.0, 255.0, 255.0) : (16.0, 219.0, 224.0)
        let luma = (Double(y) - offset) / lumaSpan
        let blue = (Double(cb) - 128) / chromaSpan
        let red = (Double(cr) - 128) / chromaSpan
        let r = luma + 2 * (1 - kr) * red
        let b = luma + 2 * (1 - kb) * blue
        let g = (luma - kr * r - kb * b) / kg
        return RGB(Self.byte(r * 255), Self.byte(g * 255), Self.byte(b * 255))
    }

    private static func byte(_ value: Double) -> UInt8 {
        UInt8((min(max(value, 0), 255) + 0.5).rounded(.down))
    }
}
