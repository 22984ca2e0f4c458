// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreGraphics

open class CALayer: NSObject {  // quartzcore/calayer
    public required override init() {}  // quartzcore/calayer/init()
}
public func CACurrentMediaTime() -> Double { 0 }  // quartzcore/cacurrentmediatime()
