/// A pixel buffer as a camera hands it over, every stride honoured; checked at construction.
public struct PixelBuffer: Sendable {
    public let layout: PixelLayout
    /// One plane's bytes each, row padding included.
    public let planes: [[UInt8]]
    /// No meaning for BGRA and gray.
    public let matrix: YCbCrMatrix

    /// Errors: `.buffer` where a plane's byte count cannot be right, with the one expected.
    public init(_ layout: PixelLayout, planes: [[UInt8]], matrix: YCbCrMatrix = .bt601) throws {
        try layout.check(planeBytes: planes.map(\.count))
        self.layout = layout
        self.planes = planes
        self.matrix = matrix
    }

    /// Whether luma uses 0–255: always for 420f, never for 420v, assumed for Android.
    public func isFullRange(_ assumptions: Assumptions = .unmeasured) -> Bool {
        switch layout.format {
        case .yuv420v: false
        case .yuv420Android: assumptions.androidFullRange
        case .yuv420f, .bgra32, .oneComponent8: true
        }
    }

    /// The pixel as stored, not turned; chroma is that of its 2×2 block.
    ///
    /// Errors: `.buffer` outside the picture.
    public func rgb(x: Int, y: Int, assumptions: Assumptions = .unmeasured) throws -> RGB {
        guard 0..<layout.width ~= x, 0..<layout.height ~= y else {
            throw MobileCatError(
                .buffer, "No such pixel",
                [Problem("(\(x), \(y)) in \(layout.width) × \(layout.height)")])
        }
        return pixel(x: x, y: y, fullRange: isFullRange(assumptions))
    }

    /// All pixels as stored, row by row.
    public func rgbRows(_ assumptions: Assumptions = .unmeasured) -> [[RGB]] {
        let fullRange = isFullRange(assumptions)
        return (0..<layout.height).map { y in
            (0..<layout.width).map { x in pixel(x: x, y: y, fullRange: fullRange) }
        }
    }

    /// Where the sample that covers pixel (x, y) begins in a plane; chroma covers 2×2 pixels.
    private func at(_ plane: Int, _ x: Int, _ y: Int) -> Int {
        plane == 0
            ? layout.planes[0].address(x: x, y: y)
            : layout.planes[plane].address(x: x / 2, y: y / 2)
    }

    private func pixel(x: Int, y: Int, fullRange: Bool) -> RGB {
        let first = at(0, x, y)
        switch layout.format {
        case .bgra32:
            return RGB(planes[0][first + 2], planes[0][first + 1], planes[0][first])
        case .oneComponent8:
            return RGB(planes[0][first], planes[0][first], planes[0][first])
        case .yuv420v, .yuv420f:
            let chroma = at(1, x, y)
            return matrix.rgb(
                y: planes[0][first], cb: planes[1][chroma], cr: planes[1][chroma + 1],
                fullRange: fullRange)
        case .yuv420Android:
            return matrix.rgb(
                y: planes[0][first], cb: planes[1][at(1, x, y)], cr: planes[2][at(2, x, y)],
                fullRange: fullRange)
        }
    }
}
