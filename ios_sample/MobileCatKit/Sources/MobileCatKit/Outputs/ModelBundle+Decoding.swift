extension ModelBundle {
    /// What an artifact found, whichever contract it keeps.
    ///
    /// `outputs` has the artifact's own names. A Vision pipeline's are needed only where it is run
    /// without Vision: from VNRecognizedObjectObservations use `FrameRequest`.
    /// Units: image pixels, top-left.
    /// Errors: `.outputs` naming every output that is not there, or what contradicts the contract;
    /// `.bundle` where it does not say what the contract needs.
    public func detections(
        of artifact: Artifact, outputs: [String: Tensor], imageFromModel: Affine,
        scoreThreshold: Double = 0
    ) throws -> [Detection] {
        switch artifact.contract {
        case "vision":
            try visionDetections(artifact, outputs, imageFromModel, scoreThreshold)
        case "candidates":
            try candidates(of: artifact, outputs: outputs)
                .detections(nms: suppression(of: artifact), imageFromModel: imageFromModel)
                .filter { $0.score > scoreThreshold }
        default:
            try tensors(of: artifact, outputs: outputs)
                .detections(imageFromModel: imageFromModel, scoreThreshold: scoreThreshold)
        }
    }

    private func visionDetections(
        _ artifact: Artifact, _ outputs: [String: Tensor], _ imageFromModel: Affine,
        _ scoreThreshold: Double
    ) throws -> [Detection] {
        guard let input else {
            throw MobileCatError(
                .bundle, "This model takes no picture",
                [Problem("\(name) has no input", at: "spec.input")])
        }
        var found = NamedOutputs(artifact, outputs)
        let (confidence, coordinates) = (found["confidence"], found["coordinates"])
        guard let confidence, let coordinates else { throw found.refusal }
        return try Detection.fromCoreMLNMS(
            confidence: confidence, coordinates: coordinates, modelWH: input.size,
            imageFromModel: imageFromModel, scoreThreshold: scoreThreshold)
    }

    /// The candidates contract's outputs, found in `outputs` as the bundle maps the artifact's names.
    ///
    /// Errors: `.outputs` naming every output that is not there.
    public func candidates(
        of artifact: Artifact, outputs: [String: Tensor]
    ) throws -> CandidateTensors {
        var found = NamedOutputs(artifact, outputs)
        let (boxes, scores) = (found["candidate_boxes"], found["candidate_scores"])
        let name = "candidate_landmarks"
        let landmarks = artifact.outputs[name] == nil ? nil : found[name]
        let sure = "candidate_landmark_scores"
        let landmarkScores = artifact.outputs[sure] == nil ? nil : found[sure]
        let turns = "candidate_angles"
        let angles = artifact.outputs[turns] == nil ? nil : found[turns]
        guard let boxes, let scores, found.problems.isEmpty else { throw found.refusal }
        return CandidateTensors(
            boxes: boxes, scores: scores, landmarks: landmarks, landmarkScores: landmarkScores,
            angles: angles)
    }

    private func suppression(of artifact: Artifact) throws -> NMS {
        guard let nms else {
            throw MobileCatError(
                .bundle, "Nothing says how to suppress this model's candidates",
                [
                    Problem(
                        "contract \"candidates\", and no nms", at: artifact.file,
                        fix: "export the bundle again")
                ])
        }
        return nms
    }

    /// The tensor contract's outputs, found in `outputs` as the bundle maps the artifact's names.
    ///
    /// Errors: `.outputs` naming every output that is not there.
    public func tensors(
        of artifact: Artifact, outputs: [String: Tensor]
    ) throws -> DetectionTensors {
        var found = NamedOutputs(artifact, outputs)
        let (boxes, scores) = (found["boxes"], found["scores"])
        let (classIDs, count) = (found["class_ids"], found["count"])
        let landmarks = artifact.outputs["landmarks"] == nil ? nil : found["landmarks"]
        let seen = artifact.outputs["landmark_scores"] == nil ? nil : found["landmark_scores"]
        guard let boxes, let scores, let classIDs, let count, found.problems.isEmpty else {
            throw found.refusal
        }
        return DetectionTensors(
            boxes: boxes, scores: scores, classIDs: classIDs, count: count, landmarks: landmarks,
            landmarkScores: seen)
    }
}

/// An artifact's outputs by the bundle's names; what is not there is noted.
private struct NamedOutputs {
    private let artifact: ModelBundle.Artifact
    private let outputs: [String: Tensor]
    private(set) var problems: [Problem] = []

    init(_ artifact: ModelBundle.Artifact, _ outputs: [String: Tensor]) {
        self.artifact = artifact
        self.outputs = outputs
    }

    subscript(name: String) -> Tensor? {
        mutating get {
            let theirs = artifact.outputs[name] ?? name
            if let tensor = outputs[theirs] { return tensor }
            let have = outputs.keys.sorted().joined(separator: ", ")
            problems.append(
                Problem("no output \"\(theirs)\" (\(name))", at: artifact.file, fix: "got \(have)"))
            return nil
        }
    }

    var refusal: MobileCatError {
        MobileCatError(.outputs, "The model's outputs are not the bundle's", problems)
    }
}
