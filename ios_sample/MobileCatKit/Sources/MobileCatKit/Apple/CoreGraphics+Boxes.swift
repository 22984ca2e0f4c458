// Foundation has CGRect, CGPoint and CGSize on Linux too, where this is tested.
#if canImport(CoreGraphics)
import CoreGraphics
#else
import Foundation
#endif

extension SizeWH {
    /// Errors: `.geometry` for a view before its first layout, or an empty rectangle.
    public init(_ size: CGSize) throws {
        try self.init(Double(size.width), Double(size.height))
    }
}

extension PointXY {
    public init(_ point: CGPoint) { self.init(Double(point.x), Double(point.y)) }
    public var cgPoint: CGPoint { CGPoint(x: x, y: y) }
}

extension BoxXYWH {
    /// The rectangle's own frame is kept: VNDetectedObjectObservation.boundingBox has a lower-left
    /// origin, CALayer.frame a top-left one.
    public init(_ rect: CGRect) {
        self.init(
            Double(rect.origin.x), Double(rect.origin.y),
            Double(rect.size.width), Double(rect.size.height))
    }
}

extension BoxCoordinates {
    /// The same box in the same frame.
    public var cgRect: CGRect {
        let b = BoxXYWH(xyxy)
        return CGRect(x: b.x, y: b.y, width: b.w, height: b.h)
    }
}

extension VisionRegion {
    /// For `VNImageBasedRequest.regionOfInterest`: normalised, lower-left.
    public var cgRect: CGRect { CGRect(x: x, y: y, width: w, height: h) }
}

#if canImport(CoreGraphics)
extension Affine {
    /// For CALayer and CGContext: x' = a·x + c·y + tx, y' = b·x + d·y + ty in its own letters.
    public var cgAffineTransform: CGAffineTransform {
        CGAffineTransform(a: a, b: c, c: b, d: d, tx: tx, ty: ty)
    }
}
#endif
