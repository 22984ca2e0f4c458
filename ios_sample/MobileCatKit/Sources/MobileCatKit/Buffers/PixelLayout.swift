// Pixel buffer layouts: planes, strides, byte counts, addresses. Arithmetic only, no pixels.
// Source: Apple's CVPixelBuffer (kCVPixelFormatType_…), Android's ImageFormat.YUV_420_888.

/// A pixel format by the name that captures and Python use.
public enum PixelFormat: String, Named {
    case bgra32 = "32BGRA"
    case oneComponent8 = "OneComponent8"
    /// NV12, video range.
    case yuv420v = "420v"
    /// NV12, full range.
    case yuv420f = "420f"
    /// Android's three planes, each with its own pixel stride.
    case yuv420Android = "YUV_420_888"
    public static let noun = "pixel format"
    public static var errorKind: MobileCatError.Kind { .buffer }

    /// The CVPixelFormatType code; nil for Android's.
    public var coreVideoType: UInt32? {
        switch self {
        case .bgra32: 0x4247_5241  // 'BGRA'
        case .oneComponent8: 0x4C30_3038  // 'L008'
        case .yuv420v: 0x3432_3076  // '420v'
        case .yuv420f: 0x3432_3066  // '420f'
        case .yuv420Android: nil
        }
    }

    /// Errors: `.buffer` for a CVPixelFormatType that is none of these.
    public init(coreVideoType code: UInt32) throws {
        guard let found = Self.allCases.first(where: { $0.coreVideoType == code }) else {
            let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> $0) }
            let name = bytes.map { String(Unicode.Scalar($0)) }.joined()
            throw MobileCatError(
                .buffer, "Unknown pixel format",
                [
                    Problem(
                        "CVPixelFormatType '\(name)'",
                        fix: "ask the camera for 32BGRA, 420v or 420f in videoSettings")
                ])
        }
        self = found
    }

    struct Plane {
        let name: String
        let isChroma: Bool
        let sampleBytes: Int
    }

    var planes: [Plane] {
        switch self {
        case .bgra32: [Plane(name: "BGRA", isChroma: false, sampleBytes: 4)]
        case .oneComponent8: [Plane(name: "gray", isChroma: false, sampleBytes: 1)]
        case .yuv420v, .yuv420f:
            [
                Plane(name: "Y", isChroma: false, sampleBytes: 1),
                Plane(name: "CbCr", isChroma: true, sampleBytes: 2),
            ]
        case .yuv420Android:
            [
                Plane(name: "Y", isChroma: false, sampleBytes: 1),
                Plane(name: "U", isChroma: true, sampleBytes: 1),
                Plane(name: "V", isChroma: true, sampleBytes: 1),
            ]
        }
    }
}

/// One plane: `cols` × `rows` samples of `sampleBytes`, placed by two strides, in bytes.
public struct PlaneLayout: Hashable, Sendable {
    public let name: String
    public let cols: Int
    public let rows: Int
    public let sampleBytes: Int
    public let pixelStride: Int
    public let rowStride: Int

    /// The byte offset of sample (x, y): y·rowStride + x·pixelStride.
    public func address(x: Int, y: Int) -> Int { y * rowStride + x * pixelStride }

    /// The bytes of a row that hold samples.
    public var rowBytes: Int { pixelStride * (cols - 1) + sampleBytes }

    /// The bytes up to the end of the last sample: what Android is sure to map.
    public var minBytes: Int { rowStride * (rows - 1) + rowBytes }

    /// The bytes of all rows with their padding: what Apple allocates.
    public var fullBytes: Int { rowStride * rows }

    /// Why these strides cannot be right; nil where they can.
    var problem: Problem? {
        let place = "plane \(name)"
        // Beyond this, byte counts would overflow; no buffer has such a stride.
        guard max(pixelStride, rowStride) <= Int(Int32.max) else {
            return Problem("strides \(pixelStride) and \(rowStride) are beyond 2³¹", at: place)
        }
        if pixelStride < sampleBytes {
            return Problem(
                "pixel stride \(pixelStride) is below a sample's \(sampleBytes)", at: place)
        }
        if rowStride < rowBytes {
            return Problem(
                "row stride \(rowStride) is below a row's \(rowBytes) bytes", at: place,
                fix: "bytesPerRow and rowStride count bytes, not pixels; ask for them per plane")
        }
        return nil
    }
}

/// A buffer's planes, checked.
public struct PixelLayout: Hashable, Sendable {
    public let format: PixelFormat
    /// In pixels.
    public let width: Int
    public let height: Int
    public let planes: [PlaneLayout]

    /// The planes of a buffer; strides (in bytes, one a plane) that are left out are packed tight.
    ///
    /// Chroma planes have ⌈w/2⌉ × ⌈h/2⌉ samples.
    /// Errors: `.buffer` listing every stride that cannot be right.
    public init(
        _ format: PixelFormat, width: Int, height: Int, rowStrides: [Int]? = nil,
        pixelStrides: [Int]? = nil
    ) throws {
        let specs = format.planes
        var problems: [Problem] = []
        if min(width, height) < 1 || max(width, height) > 1 << 24 {
            problems.append(Problem("\(width) × \(height) is no size of a picture"))
        }
        for (name, strides) in [("row", rowStrides), ("pixel", pixelStrides)] {
            if let strides, strides.count != specs.count {
                problems.append(
                    Problem(
                        "\(format.rawValue) has \(specs.count) planes, "
                            + "got \(strides.count) \(name) strides"))
            }
        }
        guard problems.isEmpty else { throw Self.refusal(problems) }
        let layouts = specs.enumerated().map { i, spec in
            let cols = spec.isChroma ? (width + 1) / 2 : width
            let step = pixelStrides?[i] ?? spec.sampleBytes
            return PlaneLayout(
                name: spec.name, cols: cols, rows: spec.isChroma ? (height + 1) / 2 : height,
                sampleBytes: spec.sampleBytes, pixelStride: step,
                rowStride: rowStrides?[i] ?? step &* (cols - 1) &+ spec.sampleBytes)
        }
        problems = layouts.compactMap(\.problem)
        guard problems.isEmpty else { throw Self.refusal(problems) }
        self.format = format
        self.width = width
        self.height = height
        planes = layouts
    }

    private static func refusal(_ problems: [Problem]) -> MobileCatError {
        MobileCatError(.buffer, "This pixel buffer cannot be", problems)
    }

    /// Refuse byte counts (one a plane) that cannot be right, each with the expected one.
    ///
    /// Apple's planes hold rowStride · rows; Android's may end with the last row's last sample.
    public func check(planeBytes counts: [Int]) throws {
        var problems: [Problem] = []
        if counts.count != planes.count {
            problems.append(
                Problem("\(format.rawValue) has \(planes.count) planes, got \(counts.count)"))
        }
        for (plane, count) in zip(planes, counts) {
            let least = format == .yuv420Android ? plane.minBytes : plane.fullBytes
            let most = plane.fullBytes
            if !(least...most).contains(count) {
                let expected = least < most ? "\(least) to \(most)" : "\(most)"
                problems.append(
                    Problem(
                        "\(count) bytes; \(plane.cols) × \(plane.rows) samples in rows of "
                            + "\(plane.rowStride) need \(expected)",
                        at: "plane \(plane.name)",
                        fix: "check width, height and row stride: one of the three is another "
                            + "plane's"))
            }
        }
        guard problems.isEmpty else {
            throw MobileCatError(
                .buffer, "This cannot be a \(format.rawValue) buffer", problems)
        }
    }

    /// `rowBytes` rounded up to a multiple of `alignment` (≥ 1): 1440 to 64 gives 1472.
    public static func aligned(_ rowBytes: Int, to alignment: Int) -> Int {
        (rowBytes + alignment - 1) / alignment * alignment
    }
}
