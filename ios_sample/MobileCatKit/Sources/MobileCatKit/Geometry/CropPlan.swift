/// How a detector's box becomes a crop: grow, then square, then round, then settle at the edges.
public struct CropRule: Hashable, Sendable {
    public enum GrowBy: String, Named {
        /// The share is of the longer side, for all four sides.
        case longerSide = "longer-side"
        /// The share is of each axis' own side.
        case ownSide = "own-side"
        public static let noun = "grow_by"
    }

    public enum CropRounding: String, Named {
        case none
        /// As int() does: towards zero.
        case truncate
        /// So that nothing of the box is lost.
        case outward
        public static let noun = "crop rounding"
    }

    public enum Edge: String, Named {
        case clip
        /// Keep what lies outside the image.
        case pad
        /// Move inside, then clip.
        case shift
        public static let noun = "crop edge"
    }

    /// Added on each of the four sides, as a share of the box.
    public let grow: Double
    public let growBy: GrowBy
    /// Widen the shorter side to the longer, about the centre.
    public let square: Bool
    public let rounding: CropRounding
    public let edge: Edge

    public init(
        grow: Double = 0, growBy: GrowBy = .longerSide, square: Bool = false,
        rounding: CropRounding = .none, edge: Edge = .clip
    ) {
        self.grow = grow
        self.growBy = growBy
        self.square = square
        self.rounding = rounding
        self.edge = edge
    }

    /// The crop in image pixels.
    ///
    /// Errors: `.geometry` where nothing is left: an inverted box, or one outside the image.
    public func rect(of box: BoxXYXY, imageWH: SizeWH) throws -> BoxXYXY {
        let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
        let longer = max(w, h)
        var halfW = w / 2 + grow * (growBy == .ownSide ? w : longer)
        var halfH = h / 2 + grow * (growBy == .ownSide ? h : longer)
        if square { (halfW, halfH) = (max(halfW, halfH), max(halfW, halfH)) }
        let (cx, cy) = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
        let grown = BoxXYXY(cx - halfW, cy - halfH, cx + halfW, cy + halfH)
        let rect = settled(rounded(grown), imageWH)
        guard rect.x1 < rect.x2, rect.y1 < rect.y2 else {
            throw MobileCatError(
                .geometry, "Nothing is left of a crop",
                [Problem("box \(box.values) in \(imageWH.w) × \(imageWH.h)")])
        }
        return rect
    }

    private func rounded(_ r: BoxXYXY) -> BoxXYXY {
        switch rounding {
        case .none: r
        case .truncate:
            BoxXYXY(
                r.x1.rounded(.towardZero), r.y1.rounded(.towardZero),
                r.x2.rounded(.towardZero), r.y2.rounded(.towardZero))
        case .outward:
            BoxXYXY(
                r.x1.rounded(.down), r.y1.rounded(.down), r.x2.rounded(.up), r.y2.rounded(.up))
        }
    }

    private func settled(_ r: BoxXYXY, _ wh: SizeWH) -> BoxXYXY {
        if edge == .pad { return r }
        var moved = r
        if edge == .shift {
            let dx = r.x1 < 0 ? -r.x1 : min(0, wh.w - r.x2)
            let dy = r.y1 < 0 ? -r.y1 : min(0, wh.h - r.y2)
            moved = BoxXYXY(r.x1 + dx, r.y1 + dy, r.x2 + dx, r.y2 + dy)
        }
        return BoxXYXY(max(0, moved.x1), max(0, moved.y1), min(wh.w, moved.x2), min(wh.h, moved.y2))
    }
}

/// A crop and the map into the second model. `rect` is in image pixels and may reach outside.
public struct CropPlan: Hashable, Sendable {
    public let rect: BoxXYXY
    /// Image pixels → second model's pixels.
    public let modelFromImage: Affine
    /// Second model's pixels → image pixels: where its landmarks belong.
    public let imageFromModel: Affine

    /// Errors: `.geometry` as `CropRule.rect`, and for a letterbox of a crop with fractional sides.
    public init(
        box: BoxXYXY, imageWH: SizeWH, modelWH: SizeWH, rule: CropRule,
        mode: ResizeMode = .stretch, rounding: Rounding? = nil
    ) throws {
        rect = try rule.rect(of: box, imageWH: imageWH)
        let side = try SizeWH(rect.x2 - rect.x1, rect.y2 - rect.y1)
        let modelFromCrop: Affine =
            mode == .stretch
            ? .scaleThenMove(modelWH.w / side.w, modelWH.h / side.h)
            : try ResizePlan(src: side, dst: modelWH, mode: mode, rounding: rounding).modelFromImage
        modelFromImage = modelFromCrop * .move(-rect.x1, -rect.y1)
        imageFromModel = try modelFromImage.inverse()
    }
}
