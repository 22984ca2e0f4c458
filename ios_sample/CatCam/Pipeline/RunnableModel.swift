import MobileCatKit

/// What Vision is told besides the pixels.
struct Sight: Hashable, Sendable {
    let orientation: Orientation
    let region: VisionRegion
    let cropAndScale: CropAndScale
}

/// Runs one model on a frame: Vision on a phone, a stand-in in the simulated session.
protocol ModelRunner<Pixels> {
    associatedtype Pixels
    func run(_ pixels: Pixels, as sight: Sight) throws -> ModelOutput
}

/// A model with the contract that it came with.
struct RunnableModel<Pixels> {
    let bundle: ModelBundle
    let artifact: ModelBundle.Artifact
    let inputWH: SizeWH
    /// How Vision fits a picture as the model's training did.
    let cropAndScale: CropAndScale
    let runner: any ModelRunner<Pixels>

    /// Errors: MobileCatError for a model without picture input, or a resize that Vision has not.
    init(bundle: ModelBundle, file: String, runner: any ModelRunner<Pixels>) throws {
        guard let input = bundle.input else {
            throw MobileCatError(
                .bundle, "This model takes no picture",
                [Problem("\(bundle.name) has no input", fix: "give the spec an [input] section")])
        }
        self.bundle = bundle
        artifact = try bundle.artifact(file)
        inputWH = input.size
        cropAndScale = try CropAndScale(for: input.resize)
        self.runner = runner
    }

    /// Look at a region of a frame. The detections are in pixels of the whole upright image.
    ///
    /// fit: how the region goes into the input; nil takes the training's.
    func look(
        at frame: CameraFrame<Pixels>, orientation: Orientation, region: VisionRegion,
        fit: CropAndScale? = nil, view: PictureView?, assumptions: Assumptions
    ) throws -> Look {
        let fit = fit ?? cropAndScale
        let request = try FrameRequest(
            bufferWH: frame.bufferWH, modelWH: inputWH, orientation: orientation,
            fit: .vision(fit), region: region, view: view, assumptions: assumptions)
        let sight = Sight(orientation: orientation, region: region, cropAndScale: fit)
        let output = try runner.run(frame.pixels, as: sight)
        let found = try bundle.detections(of: artifact, output: output, request: request)
        return Look(
            file: artifact.file, sight: sight, request: request, output: output, detections: found)
    }
}

/// One model's look at a frame, with all that is needed to explain it.
struct Look {
    /// The model's file.
    let file: String
    let sight: Sight
    let request: FrameRequest
    let output: ModelOutput
    let detections: [Detection]
}
