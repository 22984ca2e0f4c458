// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

open class CIImage {  // coreimage/ciimage
    public init(cvPixelBuffer pixelBuffer: CVPixelBuffer) { fatalError() }  // coreimage/ciimage/init(cvpixelbuffer:)
    public init(cgImage image: CGImage) { fatalError() }  // coreimage/ciimage/init(cgimage:)
    public init(color: CIColor) { fatalError() }  // coreimage/ciimage/init(color:)
    public func clampedToExtent() -> CIImage { fatalError() }  // coreimage/ciimage/clampedtoextent()
    public func transformed(by matrix: CGAffineTransform) -> CIImage { fatalError() }  // coreimage/ciimage/transformed(by:)
    public func cropped(to rect: CGRect) -> CIImage { fatalError() }  // coreimage/ciimage/cropped(to:)
    public func composited(over dest: CIImage) -> CIImage { fatalError() }  // coreimage/ciimage/composited(over:)
}

open class CIColor {  // coreimage/cicolor
    public init?(red r: CGFloat, green g: CGFloat, blue b: CGFloat, colorSpace: CGColorSpace) { fatalError() }  // coreimage/cicolor/init(red:green:blue:colorspace:)
}

open class CIContext {  // coreimage/cicontext
    public init(options: [CIContextOption: Any]? = nil) { fatalError() }  // coreimage/cicontext/init(options:)
    public func render(_ image: CIImage, to buffer: CVPixelBuffer, bounds: CGRect, colorSpace: CGColorSpace?) { fatalError() }  // coreimage/cicontext/render(_:to:bounds:colorspace:)
}

public struct CIContextOption: Hashable {  // coreimage/cicontextoption
    public static let workingColorSpace = CIContextOption()  // coreimage/cicontextoption/workingcolorspace
    public static let cacheIntermediates = CIContextOption()  // coreimage/cicontextoption/cacheintermediates
    public static let highQualityDownsample = CIContextOption()  // coreimage/cicontextoption/highqualitydownsample
}
