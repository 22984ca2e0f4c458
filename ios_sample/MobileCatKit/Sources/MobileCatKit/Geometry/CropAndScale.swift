/// VNImageCropAndScaleOption by its case name.
///
/// Defaults differ: VNCoreMLRequest takes centerCrop, iOS 18's CoreMLRequest scaleToFill.
/// Source: developer.apple.com/documentation/vision/vnimagecropandscaleoption.
public enum CropAndScale: String, Named {
    case centerCrop, scaleFit, scaleFill
    case scaleFitRotate90CCW, scaleFillRotate90CCW
    public static let noun = "crop-and-scale option"

    /// VNImageCropAndScaleOption's raw value.
    public var vnRawValue: UInt {
        switch self {
        case .centerCrop: 0
        case .scaleFit: 1
        case .scaleFill: 2
        case .scaleFitRotate90CCW: 0x101
        case .scaleFillRotate90CCW: 0x102
        }
    }

    /// Errors: `.geometry` for a raw value that is none of the five.
    public init(vnRawValue raw: UInt) throws {
        guard let found = Self.allCases.first(where: { $0.vnRawValue == raw }) else {
            throw MobileCatError(
                .geometry, "Unknown crop-and-scale option", [Problem("raw value \(raw)")])
        }
        self = found
    }

    /// The option that fits a picture as the model's training did, up to the padding's colour.
    ///
    /// Errors: `.geometry` where Vision has none: it centres, so top left needs the app's own resize.
    public init(for mode: ResizeMode) throws {
        switch mode {
        case .stretch: self = .scaleFill
        case .letterbox, .fitPad: self = .scaleFit
        case .letterboxTopLeft:
            throw MobileCatError(
                .geometry, "Vision cannot fit pictures as this model expects",
                [
                    Problem(
                        "resize is \"\(mode.rawValue)\"; Vision's scaleFit centres",
                        fix: "draw the picture into the input with ResizePlan, and skip Vision")
                ])
        }
    }

    /// Whether the picture is turned a quarter counter-clockwise before scaling.
    public var turns: Bool { vnRawValue >= 0x100 }

    /// An upright picture (or region) of `cropWH` → the model's input pixels.
    public func modelFromCrop(
        cropWH: SizeWH, modelWH: SizeWH, assumptions: Assumptions = .unmeasured
    ) -> Affine {
        // (x, y) → (y, W − x)
        let turn: Affine = turns ? Affine(0, 1, 0, -1, 0, cropWH.w) : .identity
        let size = turns ? cropWH.swapped : cropWH
        let (gx, gy) = (modelWH.w / size.w, modelWH.h / size.h)
        let g: Double
        let share: Double
        switch self {
        case .scaleFill, .scaleFillRotate90CCW:
            return .scaleThenMove(gx, gy) * turn
        case .centerCrop:
            (g, share) = (max(gx, gy), 0.5)
        case .scaleFit, .scaleFitRotate90CCW:
            (g, share) = (min(gx, gy), assumptions.scaleFitPlacement == .center ? 0.5 : 0)
        }
        let left = (modelWH.w - g * size.w) * share
        let top = (modelWH.h - g * size.h) * share
        return .scaleThenMove(g, g, left, top) * turn
    }

    /// The upright image → the model's input: region, then crop and scale.
    ///
    /// Units: upright pixels → model pixels, both top-left pixel edges.
    public func modelFromImage(
        imageWH: SizeWH, modelWH: SizeWH, region: VisionRegion = .full,
        assumptions: Assumptions = .unmeasured
    ) -> Affine {
        let crop = region.crop(imageWH: imageWH)
        let modelFromRegion = modelFromCrop(
            cropWH: SizeWH(unchecked: crop.w, crop.h), modelWH: modelWH, assumptions: assumptions)
        return modelFromRegion * .move(-crop.x, -crop.y)
    }
}
