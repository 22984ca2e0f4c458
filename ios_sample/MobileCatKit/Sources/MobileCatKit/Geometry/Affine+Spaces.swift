// Other systems' spaces, each as a map from normalised top-left (u, v).

extension Affine {
    /// (u, v) = (x/W, y/H).
    public static func normFromPixels(_ wh: SizeWH) -> Affine {
        scaleThenMove(1 / wh.w, 1 / wh.h)
    }

    /// UIKit: px = pt · contentScaleFactor.
    public static func pixelsFromPoints(contentScale: Double) -> Affine {
        scaleThenMove(contentScale, contentScale)
    }

    /// Core Graphics counts y from the lower edge of a context of this height; its own inverse.
    public static func coreGraphicsFromUIKit(height: Double) -> Affine {
        scaleThenMove(1, -1, 0, height)
    }

    /// CIImage: (E.minX + u·E.w, E.minY + (1−v)·E.h); lower-left origin.
    ///
    /// The extent's origin is non-zero after a crop, and may be negative.
    public static func coreImageFromNorm(extent: BoxXYWH) throws -> Affine {
        let wh = try SizeWH(extent.w, extent.h)
        return scaleThenMove(wh.w, -wh.h, extent.x, extent.y + wh.h)
    }

    /// SpriteKit: (w·(u−ax), h·((1−v)−ay)); anchor (0, 0) for a scene, (.5, .5) for a sprite.
    public static func spriteKitFromNorm(node: SizeWH, anchor: PointXY = PointXY(0, 0)) -> Affine {
        scaleThenMove(node.w, -node.h, -node.w * anchor.x, node.h * (1 - anchor.y))
    }

    /// Metal's normalised device coordinates: (2u−1, 1−2v).
    public static let metalNDCFromNorm = scaleThenMove(2, -2, -1, 1)
}
