#if canImport(CoreVideo)
import CoreVideo

extension SizeWH {
    /// The buffer as stored, in pixels.
    public init(_ buffer: CVPixelBuffer) throws {
        try self.init(
            Double(CVPixelBufferGetWidth(buffer)), Double(CVPixelBufferGetHeight(buffer)))
    }
}

extension PixelBuffer {
    /// A copy of a camera's buffer, plane by plane with its own row stride.
    ///
    /// Errors: `.buffer` for a format that is not one of `PixelFormat`'s.
    public init(_ buffer: CVPixelBuffer) throws {
        let format = try PixelFormat(coreVideoType: CVPixelBufferGetPixelFormatType(buffer))
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        let planar = CVPixelBufferIsPlanar(buffer)
        let planes = 0..<(planar ? CVPixelBufferGetPlaneCount(buffer) : 1)
        // A planar buffer's whole-buffer bytesPerRow covers all planes: ask each plane.
        let strides = planes.map {
            planar
                ? CVPixelBufferGetBytesPerRowOfPlane(buffer, $0)
                : CVPixelBufferGetBytesPerRow(buffer)
        }
        let layout = try PixelLayout(
            format, width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer),
            rowStrides: strides)
        let bytes = zip(planes, layout.planes).map { i, plane in
            let base =
                planar
                ? CVPixelBufferGetBaseAddressOfPlane(buffer, i)
                : CVPixelBufferGetBaseAddress(buffer)
            return base.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: plane.fullBytes)) }
        }
        try self.init(layout, planes: bytes.map { $0 ?? [] }, matrix: Self.matrix(of: buffer))
    }

    /// BT.601 where nothing is attached.
    private static func matrix(of buffer: CVPixelBuffer) -> YCbCrMatrix {
        let attached = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil)
        let name = attached.flatMap { $0 as? String }
        return name == kCVImageBufferYCbCrMatrix_ITU_R_709_2 as String ? .bt709 : .bt601
    }
}
#endif
