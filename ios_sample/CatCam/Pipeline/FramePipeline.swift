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
    /// What became of artifacts that did not load, for whoever wonders which engine runs.
    var notes: [String] = []
    /// Replaced only by the tests, to plant what an app gets wrong most often.
    var orientationOf: (FrameOrigin) throws -> Orientation = { try $0.orientation() }

    /// Errors: MobileCatError from the geometry or the outputs, and whatever the runner throws.
    func process(_ frame: CameraFrame<Pixels>, view: PictureView) throws -> FrameResult {
        let orientation = try orientationOf(frame.source)
        let look = try detector.look(
            at: frame, orientation: orientation, trial: trial, view: view, assumptions: assumptions)
        var crops: [Look] = []
        var found: [Found] = []
        // Best first, whatever order Vision had.
        let ranked = look.detections.sorted { $0.score > $1.score }
        for (index, detection) in ranked.enumerated() {
            var landmarks = detection.landmarks
            var names = detector.bundle.landmarkNames
            if let landmarker, index < landmarkLimit,
                let second = try landmarker.look(
                    at: frame, orientation: orientation, box: detection.box,
                    points: detection.landmarks, rule: cropRule, assumptions: assumptions)
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

    /// Every model's, each once.
    var warnings: [String] {
        ([look] + crops).flatMap(\.warnings).reduce(into: []) { all, one in
            if !all.contains(one) { all.append(one) }
        }
    }
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
