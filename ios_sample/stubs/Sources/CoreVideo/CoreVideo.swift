// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreGraphics

public typealias CVPixelBuffer = CVBuffer  // corevideo/cvpixelbuffer
public typealias CVImageBuffer = CVBuffer  // corevideo/cvimagebuffer
public typealias CVReturn = Int32  // corevideo/cvreturn
public typealias OSType = UInt32  // kernel/ostype

/// Rows of one plane, each padded to its own number of bytes.
package final class Plane {
    package let width, height, bytesPerRow: Int
    package let base: UnsafeMutableRawPointer

    package init(width: Int, height: Int, bytesPerRow: Int) {
        (self.width, self.height, self.bytesPerRow) = (width, height, bytesPerRow)
        base = .allocate(byteCount: max(1, bytesPerRow * height), alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: max(1, bytesPerRow * height))
    }

    deinit { base.deallocate() }

    package var bytes: UnsafeMutableBufferPointer<UInt8> {
        UnsafeMutableRawBufferPointer(start: base, count: bytesPerRow * height)
            .assumingMemoryBound(to: UInt8.self)
    }
}

public final class CVBuffer: @unchecked Sendable {  // corevideo/cvbuffer
    package let format: OSType
    package let width, height: Int
    /// One, not planar, or more.
    package let planes: [Plane]
    package var attachments: [CFString: CFTypeRef] = [:]
    package var locks = 0
    /// A planar buffer's own base address holds a description of its planes, no pixels.
    private let description = Plane(width: 0, height: 1, bytesPerRow: 1 << 16)

    package init(format: OSType, width: Int, height: Int, planes: [Plane]) {
        (self.format, self.width, self.height, self.planes) = (format, width, height, planes)
    }

    package var isPlanar: Bool { planes.count > 1 }

    /// Memory may be looked at while it is locked.
    package func address(_ plane: Int?) -> UnsafeMutableRawPointer? {
        guard locks > 0 else {
            Misuse.note("a base address was asked of a buffer that is not locked")
            return nil
        }
        if let plane { return isPlanar ? planes[plane].base : nil }
        return isPlanar ? description.base : planes[0].base
    }
}

public final class CVReadOnlyPixelBuffer: @unchecked Sendable {  // corevideo/cvreadonlypixelbuffer
    package let buffer: CVPixelBuffer
    public init(unsafeBuffer: sending CVPixelBuffer) { buffer = unsafeBuffer }  // corevideo/cvreadonlypixelbuffer/init(unsafebuffer:)
}

public final class CVPixelBufferPool {  // corevideo/cvpixelbufferpool
    package let attributes: [String: Any]
    init(_ attributes: [String: Any]) { self.attributes = attributes }

    /// As if there were no memory.
    nonisolated(unsafe) package static var isEmpty = false
}

public func CVPixelBufferPoolCreate(  // corevideo/cvpixelbufferpoolcreate(_:_:_:_:)
    _ allocator: CFAllocator?, _ poolAttributes: CFDictionary?,
    _ pixelBufferAttributes: CFDictionary?,
    _ poolOut: UnsafeMutablePointer<CVPixelBufferPool?>
) -> CVReturn {
    var said: [String: Any] = [:]
    for (key, value) in pixelBufferAttributes ?? [:] { said["\(key)"] = value }
    if said[kCVPixelBufferIOSurfacePropertiesKey] == nil {
        Misuse.note("the pool's buffers are copied for the GPU and the Neural Engine")
    }
    poolOut.pointee = CVPixelBufferPool(said)
    return 0
}

public func CVPixelBufferPoolCreatePixelBuffer(  // corevideo/cvpixelbufferpoolcreatepixelbuffer(_:_:_:)
    _ allocator: CFAllocator?, _ pixelBufferPool: CVPixelBufferPool,
    _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>
) -> CVReturn {
    let said = pixelBufferPool.attributes
    func number(_ key: CFString) -> Int? { (said[key] as? NSNumber)?.intValue }
    guard !CVPixelBufferPool.isEmpty, let w = number(kCVPixelBufferWidthKey),
        let h = number(kCVPixelBufferHeightKey),
        number(kCVPixelBufferPixelFormatTypeKey) == Int(kCVPixelFormatType_32BGRA)
    else { return -6680 }  // kCVReturnInvalidPixelFormat
    let row = (w * 4 + 63) / 64 * 64
    pixelBufferOut.pointee = CVBuffer(
        format: kCVPixelFormatType_32BGRA, width: w, height: h,
        planes: [Plane(width: w, height: h, bytesPerRow: row)])
    return 0
}

public struct CVPixelBufferLockFlags: OptionSet {  // corevideo/cvpixelbufferlockflags
    public let rawValue: UInt64  // corevideo/cvpixelbufferlockflags/rawvalue
    public init(rawValue: UInt64) { self.rawValue = rawValue }  // corevideo/cvpixelbufferlockflags/init(rawvalue:)
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)  // corevideo/cvpixelbufferlockflags/readonly
}

public struct CVAttachmentMode { public var rawValue: UInt32 }  // corevideo/cvattachmentmode

public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> UInt32 { pixelBuffer.format }  // corevideo/cvpixelbuffergetpixelformattype(_:)
@discardableResult
public func CVPixelBufferLockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags) -> CVReturn {  // corevideo/cvpixelbufferlockbaseaddress(_:_:)
    if lockFlags != .readOnly { Misuse.note("a camera's buffer was locked for writing") }
    pixelBuffer.locks += 1
    return 0
}
@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags) -> CVReturn {  // corevideo/cvpixelbufferunlockbaseaddress(_:_:)
    if pixelBuffer.locks == 0 { Misuse.note("a buffer was unlocked that is not locked") }
    pixelBuffer.locks = max(0, pixelBuffer.locks - 1)
    return 0
}
public func CVPixelBufferIsPlanar(_ pixelBuffer: CVPixelBuffer) -> Bool { pixelBuffer.isPlanar }  // corevideo/cvpixelbufferisplanar(_:)
/// 0 for a buffer that is not planar.
public func CVPixelBufferGetPlaneCount(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.isPlanar ? pixelBuffer.planes.count : 0 }  // corevideo/cvpixelbuffergetplanecount(_:)
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.width }  // corevideo/cvpixelbuffergetwidth(_:)
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.height }  // corevideo/cvpixelbuffergetheight(_:)
/// Of a planar buffer: so many that, times the height, they cover all planes.
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int {  // corevideo/cvpixelbuffergetbytesperrow(_:)
    guard pixelBuffer.isPlanar else { return pixelBuffer.planes[0].bytesPerRow }
    let all = pixelBuffer.planes.reduce(0) { $0 + $1.bytesPerRow * $1.height }
    return (all + pixelBuffer.height - 1) / pixelBuffer.height
}
public func CVPixelBufferGetBytesPerRowOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int { pixelBuffer.isPlanar ? pixelBuffer.planes[planeIndex].bytesPerRow : 0 }  // corevideo/cvpixelbuffergetbytesperrowofplane(_:_:)
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? { pixelBuffer.address(nil) }  // corevideo/cvpixelbuffergetbaseaddress(_:)
public func CVPixelBufferGetBaseAddressOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> UnsafeMutableRawPointer? { pixelBuffer.address(planeIndex) }  // corevideo/cvpixelbuffergetbaseaddressofplane(_:_:)
public func CVBufferCopyAttachment(_ buffer: CVBuffer, _ key: CFString, _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?) -> CFTypeRef? { buffer.attachments[key] }  // corevideo/cvbuffercopyattachment(_:_:_:)

public let kCVImageBufferYCbCrMatrixKey: CFString = "CVImageBufferYCbCrMatrix"  // corevideo/kcvimagebufferycbcrmatrixkey
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2: CFString = "ITU_R_709_2"  // corevideo/kcvimagebufferycbcrmatrix_itu_r_709_2
public let kCVPixelBufferPixelFormatTypeKey: CFString = "PixelFormatType"  // corevideo/kcvpixelbufferpixelformattypekey
public let kCVPixelBufferWidthKey: CFString = "Width"  // corevideo/kcvpixelbufferwidthkey
public let kCVPixelBufferHeightKey: CFString = "Height"  // corevideo/kcvpixelbufferheightkey
public let kCVPixelBufferIOSurfacePropertiesKey: CFString = "IOSurfaceProperties"  // corevideo/kcvpixelbufferiosurfacepropertieskey
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241  // corevideo/kcvpixelformattype_32bgra
