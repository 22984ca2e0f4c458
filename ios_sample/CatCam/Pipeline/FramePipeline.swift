import MobileCatKit

/// A frame's way to the screen: orientation → detector → crop → landmark model → view points.
///
/// Pure: the same frame and view give the same result. Every conversion is one call into
/// MobileCatKit; nothing here multiplies a coordinate.
struct FramePipeline<Pixels> {
    let detector: RunnableModel<Pixels>
    /// A second model that finds the landmarks in each box; nil where the detector has its own, or
    /// none are wanted.
    var landmarker: RunnableModel<Pixels>?
    /// How a box becomes the second model's region; a cascade brings its own.
    var cropRule = CropRule(grow: 0.15, square: true, edge: .clip)
    var assumptions = Assumptions.unmeasured
    /// At most so many boxes get landmarks, best first: each costs one more model run.
    var landmarkLimit = 3
    var trial = Trial.none
    /// Replaced only by the tests, to plant what an app gets wrong most often.
    var orientationOf: (FrameOrigin) throws -> Orientation = { try $0.orientation() }

    /// Errors: MobileCatError from the geometry or the outputs, and whatever the runner throws.
    func process(_ frame: CameraFrame<Pixels>, view: PictureView) throws -> FrameResult {
        let orientation = try orientationOf(frame.source)
        let look = try detector.look(
            at: frame, orientation: orientation, region: trial.region, fit: trial.fit, view: view,
            assumptions: trial.assumptions(assumptions))
        var crops: [Look] = []
        var found: [Found] = []
        // Best first, whatever order Vision had.
        let ranked = look.detections.sorted { $0.score > $1.score }
        for (index, detection) in ranked.enumerated() {
            var landmarks = detection.landmarks
            var names = detector.bundle.landmarkNames
            if let landmarker, index < landmarkLimit,
                let second = try crop(landmarker, to: detection, of: frame, first: look)
            {
                crops.append(second)
                landmarks = second.detections.first?.landmarks ?? []
                names = landmarker.bundle.landmarkNames
            }
            found.append(
                try Found(
                    detection: detection, label: detector.bundle.label(detection.classID),
                    landmarks: landmarks, names: names, request: look.request))
        }
        return FrameResult(look: look, crops: crops, found: found)
    }

    /// The second model's look at a box; nil where the box has nothing of the picture.
    private func crop(
        _ model: RunnableModel<Pixels>, to detection: Detection, of frame: CameraFrame<Pixels>,
        first: Look
    ) throws -> Look? {
        let imageWH = first.request.imageWH
        // Vision's region cannot reach outside. Where training padded what lies there, the crop is
        // cut at the picture's edge and Vision pads it instead: nothing is stretched.
        let padded = cropRule.edge == .pad
        let rule = CropRule(
            grow: cropRule.grow, growBy: cropRule.growBy, square: cropRule.square,
            rounding: cropRule.rounding, edge: padded ? .clip : cropRule.edge)
        guard let rect = try? rule.rect(of: detection.box, imageWH: imageWH) else { return nil }
        return try model.look(
            at: frame, orientation: first.sight.orientation,
            region: VisionRegion(imageBox: rect, imageWH: imageWH),
            fit: padded && model.cropAndScale == .scaleFill ? .scaleFit : nil, view: nil,
            assumptions: assumptions)
    }
}

extension FramePipeline {
    /// A cascade, with the crop rule that its landmark model was trained with.
    init(
        cascade: CascadeContract, detector: RunnableModel<Pixels>, landmarker: RunnableModel<Pixels>
    ) {
        self.init(detector: detector, landmarker: landmarker, cropRule: cascade.cropRule)
        landmarkLimit = min(cascade.maxCrops, landmarkLimit)
    }
}

/// What one frame gave.
struct FrameResult {
    let look: Look
    /// The landmark model's looks, in the order of the detections that it was asked about.
    let crops: [Look]
    let found: [Found]
}

/// One detection as it is drawn: view points, top-left.
struct Found: Hashable {
    /// In upright image pixels, its landmarks included, from whichever model they come.
    let detection: Detection
    let viewBox: BoxXYXY
    let label: String
    /// By name, in the order of the model.
    let landmarks: [NamedPoint]

    struct NamedPoint: Hashable {
        let name: String
        let view: PointXY
    }

    init(
        detection: Detection, label: String, landmarks: [PointXY], names: [String],
        request: FrameRequest
    ) throws {
        let viewFromImage = try request.viewFromImage
        self.detection = Detection(
            box: detection.box, score: detection.score, classID: detection.classID,
            landmarks: landmarks)
        viewBox = viewFromImage.box(detection.box)
        self.label = label
        self.landmarks = landmarks.enumerated().map { i, point in
            NamedPoint(
                name: names.indices.contains(i) ? names[i] : "\(i)",
                view: viewFromImage.point(point))
        }
    }

    var score: Double { detection.score }

    subscript(name: String) -> PointXY? { landmarks.first { $0.name == name }?.view }
}
