// Addresses are relative to https://developer.apple.com/documentation/
// On Linux, Foundation has CGFloat, CGPoint, CGSize and CGRect.
@_exported import Foundation

public typealias CFString = String  // corefoundation/cfstring
public typealias CFDictionary = NSDictionary  // corefoundation/cfdictionary
public typealias CFAllocator = AnyObject  // corefoundation/cfallocator
public typealias CFTypeRef = AnyObject  // corefoundation/cftyperef

public struct CGAffineTransform {  // corefoundation/cgaffinetransform
    public init(a: Double, b: Double, c: Double, d: Double, tx: Double, ty: Double) { fatalError() }  // corefoundation/cgaffinetransform/init(a:b:c:d:tx:ty:)-9f7dq
}

public final class CGImage {  // coregraphics/cgimage
    public var width: Int { fatalError() }  // coregraphics/cgimage/width
    public var height: Int { fatalError() }  // coregraphics/cgimage/height
}

public final class CGColorSpace {  // coregraphics/cgcolorspace
    public init?(name: CFString) { fatalError() }  // coregraphics/cgcolorspace/init(name:)
    public static let sRGB: CFString = ""  // coregraphics/cgcolorspace/srgb
}
