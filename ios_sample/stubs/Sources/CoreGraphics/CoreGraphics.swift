// Addresses are relative to https://developer.apple.com/documentation/
// On Linux, Foundation has CGFloat, CGPoint, CGSize and CGRect.
@_exported import Foundation

public typealias CFString = String  // corefoundation/cfstring
public typealias CFDictionary = NSDictionary  // corefoundation/cfdictionary
public typealias CFAllocator = AnyObject  // corefoundation/cfallocator
public typealias CFTypeRef = AnyObject  // corefoundation/cftyperef

public struct CGAffineTransform {  // corefoundation/cgaffinetransform
    package let a, b, c, d, tx, ty: Double

    public init(a: Double, b: Double, c: Double, d: Double, tx: Double, ty: Double) {  // corefoundation/cgaffinetransform/init(a:b:c:d:tx:ty:)-9f7dq
        (self.a, self.b, self.c, self.d, self.tx, self.ty) = (a, b, c, d, tx, ty)
    }
}

public final class CGImage: @unchecked Sendable {  // coregraphics/cgimage
    /// Red, green, blue: rows from the top, as stored.
    package let rows: [[[UInt8]]]

    package init(rows: [[[UInt8]]]) { self.rows = rows }

    public var width: Int { rows.first?.count ?? 0 }  // coregraphics/cgimage/width
    public var height: Int { rows.count }  // coregraphics/cgimage/height
}

public final class CGColorSpace {  // coregraphics/cgcolorspace
    package let name: CFString

    public init?(name: CFString) {  // coregraphics/cgcolorspace/init(name:)
        guard name == Self.sRGB else { return nil }
        self.name = name
    }
    public static let sRGB: CFString = "kCGColorSpaceSRGB"  // coregraphics/cgcolorspace/srgb
}

/// What breaks a documented rule, where the real framework would raise an exception, block or do
/// nothing. Tests hold it to be empty.
package enum Misuse {
    private static let lock = NSLock()
    nonisolated(unsafe) private static var found: [String] = []

    package static func note(_ what: String) {
        lock.lock()
        defer { lock.unlock() }
        found.append(what)
    }

    /// What was noted since the last time.
    package static func taken() -> [String] {
        lock.lock()
        defer { lock.unlock() }
        defer { found = [] }
        return found
    }
}
