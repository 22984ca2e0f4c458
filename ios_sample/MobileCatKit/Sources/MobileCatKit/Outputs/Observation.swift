/// A VNRecognizedObjectObservation as Vision gives it: box normalised with lower-left origin.
public struct Observation: Hashable, Sendable {
    public struct Label: Hashable, Sendable {
        public let identifier: String
        public let confidence: Double

        public init(_ identifier: String, _ confidence: Double) {
            self.identifier = identifier
            self.confidence = confidence
        }
    }

    public let box: BoxXYWH
    /// Best first, as Vision sorts them.
    public let labels: [Label]
    /// Of the observation; a label's own confidence multiplies it.
    public let confidence: Double

    public init(box: BoxXYWH, labels: [Label], confidence: Double) {
        self.box = box
        self.labels = labels
        self.confidence = confidence
    }
}

/// What a model gave: objects from a `vision` artifact, tensors from any other.
public enum ModelOutput: Hashable, Sendable {
    case observations([Observation])
    /// By the artifact's own names.
    case tensors([String: Tensor])
}

extension ModelBundle {
    /// What Vision found, in upright image pixels, whichever contract the artifact keeps.
    ///
    /// Errors: `.outputs` for a label that the bundle does not know, or as `detections(of:outputs:…)`.
    public func detections(
        of artifact: Artifact, output: ModelOutput, request: FrameRequest,
        scoreThreshold: Double = 0
    ) throws -> [Detection] {
        switch output {
        case .tensors(let tensors):
            return try detections(
                of: artifact, outputs: tensors, imageFromModel: request.imageFromModel,
                scoreThreshold: scoreThreshold)
        case .observations(let observations):
            return try observations.compactMap { seen in
                guard let best = seen.labels.first else { return nil }
                let score = seen.confidence * best.confidence
                guard score > scoreThreshold else { return nil }
                return Detection(
                    box: request.imageBox(observed: seen.box), score: score,
                    classID: try classID(best.identifier))
            }
        }
    }

    private func classID(_ label: String) throws -> Int {
        guard let found = labels.firstIndex(of: label) else {
            throw MobileCatError(
                .outputs, "The model's labels are not the bundle's",
                [
                    Problem(
                        "\"\(label)\" is none of \(labels.joined(separator: ", "))",
                        fix: "export the artifact and bundle.json together")
                ])
        }
        return found
    }
}
