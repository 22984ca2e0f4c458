/// One camera frame's way through a phone, from the buffer to a dot on the screen.
///
///     buffer ─orientation→ image ─region, crop and scale→ model ─undo→ Vision ─view→ view
///
/// Each arrow is an `Affine` named destination first. Mirrors Python's `SimulatedRequest`, and is
/// what an app uses on a device: one value a frame, every conversion one call.
public struct FrameRequest: Hashable, Sendable {
    /// Who fits the picture into the model's input.
    public enum Fit: Hashable, Sendable {
        /// Vision, by its request's imageCropAndScaleOption.
        case vision(CropAndScale)
        /// The app; `rounding` nil takes the mode's own.
        case app(ResizeMode, Rounding?)
        /// The app, of a part of the upright image: a second model's crop, which may reach outside.
        case crop(CropPlan)

        /// As a capture names it: `crop_and_scale`.
        public var name: String {
            switch self {
            case .vision(let option): option.rawValue
            case .app(let mode, _): mode.rawValue
            case .crop: "crop"
            }
        }
    }

    /// The frame as stored, before it is turned, in pixels.
    public let bufferWH: SizeWH
    /// The upright image's size in pixels.
    public let imageWH: SizeWH
    public let modelWH: SizeWH
    public let region: VisionRegion
    /// Where the result is drawn; nil where it is not.
    public let view: PictureView?
    public let assumptions: Assumptions

    /// Buffer pixels → upright image pixels.
    public let imageFromFrame: Affine
    /// Upright image pixels → model input pixels.
    public let modelFromImage: Affine
    /// Model input pixels → upright image pixels.
    public let imageFromModel: Affine

    /// - Parameters:
    ///   - bufferWH: the frame as stored, before it is turned, in pixels.
    ///   - modelWH: the model's input, in pixels.
    ///   - orientation: what the app tells Vision (or how it turns the pixels itself).
    ///   - region: Vision's region of interest, on the upright image.
    ///
    /// Errors: `.geometry` for fractional pixels, and a region where the app fits the picture itself.
    public init(
        bufferWH: SizeWH, modelWH: SizeWH, orientation: Orientation = .up,
        fit: Fit = .vision(.scaleFill), region: VisionRegion = .full, view: PictureView? = nil,
        assumptions: Assumptions = .unmeasured
    ) throws {
        _ = try (bufferWH.wholePixels(), modelWH.wholePixels())
        imageWH = orientation.uprightSize(storedWH: bufferWH)
        imageFromFrame = orientation.uprightFromStored(storedWH: bufferWH)
        switch fit {
        case .vision(let option):
            modelFromImage = option.modelFromImage(
                imageWH: imageWH, modelWH: modelWH, region: region, assumptions: assumptions)
        case .app(let mode, let rounding):
            try Self.requireWhole(region)
            modelFromImage = try ResizePlan(
                src: imageWH, dst: modelWH, mode: mode, rounding: rounding
            ).modelFromImage
        case .crop(let plan):
            try Self.requireWhole(region)
            modelFromImage = plan.modelFromImage
        }
        imageFromModel = try modelFromImage.inverse()
        self.bufferWH = bufferWH
        self.modelWH = modelWH
        self.region = region
        self.view = view
        self.assumptions = assumptions
    }

    private static func requireWhole(_ region: VisionRegion) throws {
        guard region == .full else {
            throw MobileCatError(
                .geometry, "A region of interest belongs to Vision",
                [
                    Problem(
                        "fit is the app's own resize", fix: "crop the frame before the request")
                ])
        }
    }

    /// Buffer pixels → model input pixels.
    public var modelFromFrame: Affine { modelFromImage * imageFromFrame }

    /// Model input pixels → Vision's space over the whole upright image (0–1, lower-left).
    public var visionFromModel: Affine { .visionFromImage(imageWH) * imageFromModel }

    /// Vision's space over the whole image → the space that observations are given in.
    public var observedFromVision: Affine {
        assumptions.observationsRelativeToRegion ? region.regionFromFull : .identity
    }

    /// An observation's space → Vision's space over the whole image.
    public var visionFromObserved: Affine {
        assumptions.observationsRelativeToRegion ? region.fullFromRegion : .identity
    }

    /// Model input pixels → observations as Vision gives them.
    public var observedFromModel: Affine { observedFromVision * visionFromModel }

    /// Upright image pixels → view points. Errors: `.geometry` without a view.
    public var viewFromImage: Affine {
        get throws {
            guard let view else {
                throw MobileCatError(
                    .geometry, "This request draws nowhere",
                    [Problem("view is nil", fix: "give it a PictureView")])
            }
            return view.viewFromImage(imageWH: imageWH)
        }
    }

    /// Vision's space over the whole image → view points. Errors: `.geometry` without a view.
    public var viewFromVision: Affine {
        get throws { try viewFromImage * .imageFromVision(imageWH) }
    }

    /// Model input pixels → view points. Errors: `.geometry` without a view.
    public var viewFromModel: Affine {
        get throws { try viewFromImage * imageFromModel }
    }

    /// What Vision reports for a box in model pixels: a VNRecognizedObjectObservation's boundingBox.
    public func observedBox(modelBox: BoxXYXY) -> BoxXYWH {
        BoxXYWH(observedFromModel.box(modelBox))
    }

    /// The observation's box in upright image pixels, top-left.
    public func imageBox(observed: BoxXYWH) -> BoxXYXY {
        (.imageFromVision(imageWH) * visionFromObserved).box(observed.xyxy)
    }

    /// Where to draw the observation's box, in view points. Errors: `.geometry` without a view.
    public func viewBox(observed: BoxXYWH) throws -> BoxXYXY {
        try (viewFromVision * visionFromObserved).box(observed.xyxy)
    }
}
