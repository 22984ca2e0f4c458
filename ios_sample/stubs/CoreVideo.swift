// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreGraphics

public final class CVBuffer {}  // corevideo/cvbuffer
public typealias CVPixelBuffer = CVBuffer  // corevideo/cvpixelbuffer
public typealias CVImageBuffer = CVBuffer  // corevideo/cvimagebuffer
public typealias CVReturn = Int32  // corevideo/cvreturn
public typealias OSType = UInt32  // kernel/ostype

public final class CVReadOnlyPixelBuffer: @unchecked Sendable {  // corevideo/cvreadonlypixelbuffer
    public init(unsafeBuffer: sending CVPixelBuffer) { fatalError() }  // corevideo/cvreadonlypixelbuffer/init(unsafebuffer:)
}

public final class CVPixelBufferPool {}  // corevideo/cvpixelbufferpool
public func CVPixelBufferPoolCreate(_ allocator: CFAllocator?, _ poolAttributes: CFDictionary?, _ pixelBufferAttributes: CFDictionary?, _ poolOut: UnsafeMutablePointer<CVPixelBufferPool?>) -> CVReturn { fatalError() }  // corevideo/cvpixelbufferpoolcreate(_:_:_:_:)
public func CVPixelBufferPoolCreatePixelBuffer(_ allocator: CFAllocator?, _ pixelBufferPool: CVPixelBufferPool, _ pixelBufferOut: UnsafeMutablePointer<CVPixelBuffer?>) -> CVReturn { fatalError() }  // corevideo/cvpixelbufferpoolcreatepixelbuffer(_:_:_:)

public struct CVPixelBufferLockFlags: OptionSet {  // corevideo/cvpixelbufferlockflags
    public let rawValue: UInt64  // corevideo/cvpixelbufferlockflags/rawvalue
    public init(rawValue: UInt64) { self.rawValue = rawValue }  // corevideo/cvpixelbufferlockflags/init(rawvalue:)
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)  // corevideo/cvpixelbufferlockflags/readonly
}

public struct CVAttachmentMode { public var rawValue: UInt32 }  // corevideo/cvattachmentmode

public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> UInt32 { fatalError() }  // corevideo/cvpixelbuffergetpixelformattype(_:)
@discardableResult
public func CVPixelBufferLockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags) -> CVReturn { fatalError() }  // corevideo/cvpixelbufferlockbaseaddress(_:_:)
@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags) -> CVReturn { fatalError() }  // corevideo/cvpixelbufferunlockbaseaddress(_:_:)
public func CVPixelBufferIsPlanar(_ pixelBuffer: CVPixelBuffer) -> Bool { fatalError() }  // corevideo/cvpixelbufferisplanar(_:)
public func CVPixelBufferGetPlaneCount(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }  // corevideo/cvpixelbuffergetplanecount(_:)
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }  // corevideo/cvpixelbuffergetwidth(_:)
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }  // corevideo/cvpixelbuffergetheight(_:)
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { fatalError() }  // corevideo/cvpixelbuffergetbytesperrow(_:)
public func CVPixelBufferGetBytesPerRowOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int { fatalError() }  // corevideo/cvpixelbuffergetbytesperrowofplane(_:_:)
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? { fatalError() }  // corevideo/cvpixelbuffergetbaseaddress(_:)
public func CVPixelBufferGetBaseAddressOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> UnsafeMutableRawPointer? { fatalError() }  // corevideo/cvpixelbuffergetbaseaddressofplane(_:_:)
public func CVBufferCopyAttachment(_ buffer: CVBuffer, _ key: CFString, _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?) -> CFTypeRef? { fatalError() }  // corevideo/cvbuffercopyattachment(_:_:_:)

public let kCVImageBufferYCbCrMatrixKey: CFString = ""  // corevideo/kcvimagebufferycbcrmatrixkey
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2: CFString = ""  // corevideo/kcvimagebufferycbcrmatrix_itu_r_709_2
public let kCVPixelBufferPixelFormatTypeKey: CFString = ""  // corevideo/kcvpixelbufferpixelformattypekey
public let kCVPixelBufferWidthKey: CFString = ""  // corevideo/kcvpixelbufferwidthkey
public let kCVPixelBufferHeightKey: CFString = ""  // corevideo/kcvpixelbufferheightkey
public let kCVPixelBufferIOSurfacePropertiesKey: CFString = ""  // corevideo/kcvpixelbufferiosurfacepropertieskey
public let kCVPixelFormatType_32BGRA: OSType = 0  // corevideo/kcvpixelformattype_32bgra
