extension BoxXYXY {
    /// The box cut at the picture's edges [0, w] × [0, h]; one outside keeps no area.
    public func clipped(to wh: SizeWH) -> BoxXYXY {
        BoxXYXY(
            min(max(x1, 0), wh.w), min(max(y1, 0), wh.h),
            min(max(x2, 0), wh.w), min(max(y2, 0), wh.h))
    }

    /// 0 where the corners are inverted.
    public var area: Double { max(x2 - x1, 0) * max(y2 - y1, 0) }

    /// Intersection over union; 0 where both are empty.
    public func iou(_ other: BoxXYXY) -> Double {
        let w = max(min(x2, other.x2) - max(x1, other.x1), 0)
        let h = max(min(y2, other.y2) - max(y1, other.y1), 0)
        let union = area + other.area - w * h
        return union > 0 ? w * h / union : 0
    }

    /// The extent of landmarks. Errors: `.geometry` where there are none.
    public init(around landmarks: [PointXY]) throws {
        guard let first = landmarks.first else {
            throw MobileCatError(
                .geometry, "No extent without a landmark", [Problem("the list is empty")])
        }
        self = landmarks.reduce(BoxXYXY(first.x, first.y, first.x, first.y)) { around, p in
            BoxXYXY(
                min(around.x1, p.x), min(around.y1, p.y), max(around.x2, p.x), max(around.y2, p.y))
        }
    }

    /// The map from the box's unit square (top-left) to the picture, for box-relative landmarks.
    public var imageFromBox: Affine { .scaleThenMove(x2 - x1, y2 - y1, x1, y1) }
}
