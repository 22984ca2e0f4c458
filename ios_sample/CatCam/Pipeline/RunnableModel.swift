import MobileCatKit

/// What an engine is told besides the pixels.
struct Sight: Hashable, Sendable {
    let orientation: Orientation
    /// Vision's region of interest; the whole picture where the app draws.
    let region: VisionRegion
    /// Who fits the picture into the model's input, and how.
    let fit: FrameRequest.Fit
    /// What the app is to draw into the input itself; nil where Vision turns and fits.
    let drawing: Drawing?

    /// Vision's option; nil where the app draws.
    var cropAndScale: CropAndScale? {
        if case .vision(let option) = fit { option } else { nil }
    }
}

/// Runs one model on a frame: Vision or Core AI on a phone, a stand-in in the simulated session.
protocol ModelRunner<Pixels> {
    associatedtype Pixels
    func run(_ pixels: Pixels, as sight: Sight) throws -> ModelOutput
}

/// A model with the contract that it came with.
struct RunnableModel<Pixels> {
    let bundle: ModelBundle
    let artifact: ModelBundle.Artifact
    let engine: Engine
    let input: ModelBundle.ImageInput
    /// How a whole picture goes into the input as the model's training did.
    let fit: FrameRequest.Fit
    let runner: any ModelRunner<Pixels>

    /// Errors: MobileCatError for a model without picture input, an artifact that is not Apple's, or
    /// a resize that Vision has not.
    init(bundle: ModelBundle, file: String, runner: any ModelRunner<Pixels>) throws {
        guard let input = bundle.input else {
            throw MobileCatError(
                .bundle, "This model takes no picture",
                [Problem("\(bundle.name) has no input", fix: "give the spec an [input] section")])
        }
        self.bundle = bundle
        self.input = input
        artifact = try bundle.artifact(file)
        engine = try Engine(named: artifact.kind)
        switch engine {
        case .coreML: fit = .vision(try CropAndScale(for: input.resize))
        case .coreAI: fit = .app(input.resize, input.rounding)
        }
        self.runner = runner
    }

    /// Look at the whole of a frame, or what the trial says. The detections are in pixels of the
    /// upright image.
    func look(
        at frame: CameraFrame<Pixels>, orientation: Orientation, trial: Trial = .none,
        view: PictureView?, assumptions: Assumptions
    ) throws -> Look {
        // Regions and options are Vision's.
        let trial = trial.concerns(engine) ? trial : .none
        return try look(
            at: frame, orientation: orientation, region: trial.region,
            fit: trial.fit.map { .vision($0) } ?? fit, view: view,
            assumptions: trial.assumptions(assumptions))
    }

    /// Look at a box of the frame's upright image, grown by the rule; nil where nothing of the
    /// picture is left of it. The detections are in pixels of the whole upright image.
    ///
    /// - Parameter points: the detection's landmarks in the same pixels, for a rule that turns by them.
    ///
    /// Errors: MobileCatError where the rule turns and Vision would have to make the crop.
    func look(
        at frame: CameraFrame<Pixels>, orientation: Orientation, box: BoxXYXY, points: [PointXY],
        rule: CropRule, assumptions: Assumptions
    ) throws -> Look? {
        let imageWH = orientation.uprightSize(storedWH: frame.bufferWH)
        guard engine == .coreML else {
            let upright = rule.rotation == nil
            if upright, (try? rule.rect(of: box, imageWH: imageWH)) == nil { return nil }
            let plan = try CropPlan(
                box: box, imageWH: imageWH, modelWH: input.size, rule: rule, mode: input.resize,
                rounding: input.rounding, points: points)
            return try look(
                at: frame, orientation: orientation, region: .full, fit: .crop(plan), view: nil,
                assumptions: assumptions)
        }
        guard rule.rotation == nil else {
            throw MobileCatError(
                .geometry, "Vision's region cannot turn",
                [
                    Problem(
                        "the cascade turns its crop by two landmarks",
                        fix: "export the landmark model to [targets.coreai], or draw its input")
                ])
        }
        // Vision's region cannot reach outside. Where training padded what lies there, the crop is
        // cut at the picture's edge and Vision pads it instead: nothing is stretched.
        let padded = rule.edge == .pad
        let cut = CropRule(
            grow: rule.grow, growBy: rule.growBy, square: rule.square, rounding: rule.rounding,
            edge: padded ? .clip : rule.edge)
        guard let rect = try? cut.rect(of: box, imageWH: imageWH) else { return nil }
        return try look(
            at: frame, orientation: orientation,
            region: VisionRegion(imageBox: rect, imageWH: imageWH),
            fit: padded && fit == .vision(.scaleFill) ? .vision(.scaleFit) : fit, view: nil,
            assumptions: assumptions)
    }

    private func look(
        at frame: CameraFrame<Pixels>, orientation: Orientation, region: VisionRegion,
        fit: FrameRequest.Fit, view: PictureView?, assumptions: Assumptions
    ) throws -> Look {
        let request = try FrameRequest(
            bufferWH: frame.bufferWH, modelWH: input.size, orientation: orientation, fit: fit,
            region: region, view: view, assumptions: assumptions)
        let sight = Sight(
            orientation: orientation, region: region, fit: fit,
            drawing: engine == .coreAI ? request.drawing(pad: input.pad) : nil)
        let output = try runner.run(frame.pixels, as: sight)
        let found = try bundle.detections(of: artifact, output: output, request: request)
        return Look(
            artifact: artifact, engine: engine, sight: sight, request: request, output: output,
            detections: found, warnings: bundle.warnings(of: artifact, output: output))
    }
}

/// One model's look at a frame, with all that is needed to explain it.
struct Look {
    let artifact: ModelBundle.Artifact
    let engine: Engine
    let sight: Sight
    let request: FrameRequest
    let output: ModelOutput
    let detections: [Detection]
    /// What the user should know of an output that is used all the same.
    let warnings: [String]
}
