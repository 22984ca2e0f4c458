/// How a detector's box becomes a crop: grow, square, scale, shift, turn, round, settle at the edges.
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
    /// What both sides are multiplied by after squaring, about the centre.
    public let scale: Double
    /// What the centre moves by, as shares of the box's own width and height, along the crop's own
    /// axes: (0, −½) of a turned crop is half a box towards the crop's top.
    public let shift: PointXY
    /// The landmarks that turn the crop; nil leaves it upright. A turned crop rounds nothing and
    /// keeps what lies outside: it has no sides along the image's.
    public let rotation: CropRotation?

    public init(
        grow: Double = 0, growBy: GrowBy = .longerSide, square: Bool = false,
        rounding: CropRounding = .none, edge: Edge = .clip, scale: Double = 1,
        shift: PointXY = PointXY(0, 0), rotation: CropRotation? = nil
    ) {
        self.grow = grow
        self.growBy = growBy
        self.square = square
        self.rounding = rounding
        self.edge = edge
        self.scale = scale
        self.shift = shift
        self.rotation = rotation
    }

    /// The crop in image pixels, for a rule without rotation.
    ///
    /// Errors: `.geometry` where nothing is left: an inverted box, or one outside the image.
    public func rect(of box: BoxXYXY, imageWH: SizeWH) throws -> BoxXYXY {
        guard rotation == nil else {
            throw MobileCatError(
                .geometry, "A turned crop is a plan",
                [Problem("the rule has a rotation: a rectangle cannot say it", fix: "CropPlan")])
        }
        return try something(
            settled(rounded(placed(box, angle: 0)), imageWH), of: box, imageWH: imageWH)
    }

    /// The crop before it is turned by `angle` about its own centre.
    func placed(_ box: BoxXYXY, angle: Double) -> BoxXYXY {
        let (w, h) = (box.x2 - box.x1, box.y2 - box.y1)
        let longer = max(w, h)
        var halfW = w / 2 + grow * (growBy == .ownSide ? w : longer)
        var halfH = h / 2 + grow * (growBy == .ownSide ? h : longer)
        if square { (halfW, halfH) = (max(halfW, halfH), max(halfW, halfH)) }
        (halfW, halfH) = (halfW * scale, halfH * scale)
        let along = Affine.turn(radians: angle).point(PointXY(w * shift.x, h * shift.y))
        let (cx, cy) = ((box.x1 + box.x2) / 2 + along.x, (box.y1 + box.y2) / 2 + along.y)
        return BoxXYXY(cx - halfW, cy - halfH, cx + halfW, cy + halfH)
    }

    func something(_ rect: BoxXYXY, of box: BoxXYXY, imageWH: SizeWH) throws -> BoxXYXY {
        // NaN is below nothing, and an inverted box gives an inverted crop or is told apart here.
        guard box.x1 <= box.x2, box.y1 <= box.y2, rect.x1 < rect.x2, rect.y1 < rect.y2 else {
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

/// A crop and the map into the second model.
///
/// The crop's own frame counts from its top-left corner along its own sides, in image pixels.
public struct CropPlan: Hashable, Sendable {
    /// In image pixels, as it lies before it is turned; it may reach outside.
    public let rect: BoxXYXY
    /// What it is turned by about its own centre: radians, clockwise as seen.
    public let angle: Double
    /// Image pixels → the crop's own.
    public let cropFromImage: Affine
    /// Image pixels → second model's pixels.
    public let modelFromImage: Affine
    /// Second model's pixels → image pixels: where its landmarks belong.
    public let imageFromModel: Affine

    /// - Parameter points: the first model's landmarks in image pixels, where the rule turns by two.
    ///
    /// Errors: `.geometry` as `CropRule.rect` and `CropRotation.angle`, for a letterbox of a crop with
    /// fractional sides, and for a turned crop that is anything but stretched.
    public init(
        box: BoxXYXY, imageWH: SizeWH, modelWH: SizeWH, rule: CropRule,
        mode: ResizeMode = .stretch, rounding: Rounding? = nil, points: [PointXY] = []
    ) throws {
        if let rotation = rule.rotation {
            try rule.requireTurnable(mode)
            angle = try rotation.angle(points)
            let about = try rotation.box(box, points)
            rect = try rule.something(
                rule.placed(about, angle: angle), of: about, imageWH: imageWH)
        } else {
            angle = 0
            rect = try rule.rect(of: box, imageWH: imageWH)
        }
        let side = try SizeWH(rect.x2 - rect.x1, rect.y2 - rect.y1)
        if angle == 0 {
            cropFromImage = .move(-rect.x1, -rect.y1)
        } else {
            let toCentre = Affine.move(-(rect.x1 + rect.x2) / 2, -(rect.y1 + rect.y2) / 2)
            cropFromImage = .move(side.w / 2, side.h / 2) * .turn(radians: -angle) * toCentre
        }
        let modelFromCrop: Affine =
            mode == .stretch
            ? .scaleThenMove(modelWH.w / side.w, modelWH.h / side.h)
            : try ResizePlan(src: side, dst: modelWH, mode: mode, rounding: rounding).modelFromImage
        modelFromImage = modelFromCrop * cropFromImage
        imageFromModel = try modelFromImage.inverse()
    }

    /// The crop's top left, top right, bottom right and bottom left in image pixels.
    public var corners: [PointXY] {
        get throws {
            let (w, h) = (rect.x2 - rect.x1, rect.y2 - rect.y1)
            let imageFromCrop = try cropFromImage.inverse()
            return [PointXY(0, 0), PointXY(w, 0), PointXY(w, h), PointXY(0, h)]
                .map(imageFromCrop.point)
        }
    }
}
