// Vision: its normalised lower-left space, region of interest and VN… utilities.
// Source: developer.apple.com/documentation/vision (regionOfInterest, VNImagePointForNormalizedPoint…).

extension Affine {
    /// Vision's space (0–1, lower-left) → upright pixels (top-left).
    public static func imageFromVision(_ imageWH: SizeWH) -> Affine {
        scaleThenMove(imageWH.w, -imageWH.h, 0, imageWH.h)
    }

    /// Upright pixels (top-left) → Vision's space (0–1, lower-left).
    public static func visionFromImage(_ imageWH: SizeWH) -> Affine {
        scaleThenMove(1 / imageWH.w, -1 / imageWH.h, 0, 1)
    }

    /// Vision's space → AVFoundation's metadata space: normalised, top-left, *unrotated* picture.
    ///
    /// `orientation` is what was handed to Vision. Neither depends on the picture's size.
    public static func metadataFromVision(_ orientation: Orientation) -> Affine {
        orientation.storedFromUpright(storedWH: .unit) * imageFromVision(.unit)
    }
}

extension BoxXYWH {
    /// (x, 1−y−h, w, h): Vision ↔ normalised top-left; its own inverse.
    public var flippedNorm: BoxXYWH { BoxXYWH(x, 1 - y - h, w, h) }

    /// The metadata rectangle of a box in Vision's space, seen with `orientation`.
    public func metadataRect(_ orientation: Orientation) -> BoxXYWH {
        BoxXYWH(Affine.metadataFromVision(orientation).box(xyxy))
    }
}

/// A region of interest in Vision's space: x, y (its lower edge), w, h; all within 0–1.
public struct VisionRegion: Hashable, Sendable {
    public let x: Double
    public let y: Double
    public let w: Double
    public let h: Double

    public static let full = VisionRegion(unchecked: 0, 0, 1, 1)

    /// Errors: `.geometry` where Vision's request would fail: outside (0, 0, 1, 1), or no area.
    public init(_ x: Double, _ y: Double, _ w: Double, _ h: Double) throws {
        // 1e-9: 0.7 + 0.3 must not be refused for its last bit.
        let inside =
            [x, y, w, h].allSatisfy(\.isFinite)
            && min(x, y) >= 0 && min(w, h) > 0 && max(x + w, y + h) <= 1 + 1e-9
        guard inside else {
            throw MobileCatError(
                .geometry, "Vision refuses this region of interest",
                [
                    Problem(
                        "(\(x), \(y), \(w), \(h)) is not inside (0, 0, 1, 1)",
                        fix: "divide by the image's size")
                ])
        }
        self.init(unchecked: x, y, w, h)
    }

    /// The region of a rectangle in upright pixels, top-left; what lies outside the image is cut off.
    ///
    /// Errors: `.geometry` where nothing is left.
    public init(imageBox: BoxXYXY, imageWH: SizeWH) throws {
        let flat = Affine.visionFromImage(imageWH).box(imageBox.clipped(to: imageWH))
        let (x, y) = (min(max(flat.x1, 0), 1), min(max(flat.y1, 0), 1))
        // x + (1 − x) is exactly 1 in doubles; x2 − x1 + x1 need not be.
        try self.init(x, y, min(flat.x2 - x, 1 - x), min(flat.y2 - y, 1 - y))
    }

    private init(unchecked x: Double, _ y: Double, _ w: Double, _ h: Double) {
        (self.x, self.y, self.w, self.h) = (x, y, w, h)
    }

    /// The region's unit square → the whole image's; both lower-left.
    public var fullFromRegion: Affine { .scaleThenMove(w, h, x, y) }

    /// The whole image's unit square → the region's; both lower-left.
    public var regionFromFull: Affine { .scaleThenMove(1 / w, 1 / h, -x / w, -y / h) }

    /// The region in upright pixels, top-left; fractions kept.
    public func crop(imageWH: SizeWH) -> BoxXYWH {
        BoxXYWH(x * imageWH.w, (1 - y - h) * imageWH.h, w * imageWH.w, h * imageWH.h)
    }
}

/// Vision's own utilities, for code that calls them: none flips y unless it says so.
public enum VN {
    /// VNImagePointForNormalizedPoint: (x·W, y·H).
    public static func imagePoint(normalized p: PointXY, imageWH: SizeWH) -> PointXY {
        PointXY(p.x * imageWH.w, p.y * imageWH.h)
    }

    /// VNNormalizedPointForImagePoint: (x/W, y/H).
    public static func normalizedPoint(image p: PointXY, imageWH: SizeWH) -> PointXY {
        PointXY(p.x / imageWH.w, p.y / imageWH.h)
    }

    /// VNImageRectForNormalizedRect: (x·W, y·H, w·W, h·H).
    ///
    /// `origin` is that of iOS 18's NormalizedRect.toImageCoordinates(_:origin:), default included:
    /// it flips y only if asked for the top left.
    public static func imageRect(
        normalized r: BoxXYWH, imageWH: SizeWH, origin: Frame.Origin = .lowerLeft
    ) -> BoxXYWH {
        (origin == .topLeft ? r.flippedNorm : r).pixels(in: imageWH)
    }

    /// VNNormalizedRectForImageRect: the inverse.
    public static func normalizedRect(image r: BoxXYWH, imageWH: SizeWH) -> BoxXYWH {
        r.normalized(by: imageWH)
    }

    /// VNImagePointForFaceLandmarkPoint: the landmark is relative to the face box (normalised).
    ///
    /// Units: pixels with lower-left origin.
    public static func imagePoint(
        faceLandmark l: PointXY, face: BoxXYWH, imageWH: SizeWH
    ) -> PointXY {
        imagePoint(
            normalized: PointXY(face.x + face.w * l.x, face.y + face.h * l.y), imageWH: imageWH)
    }
}
