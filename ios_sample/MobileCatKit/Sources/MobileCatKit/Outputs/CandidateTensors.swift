/// The candidates contract: a head's decoded boxes, before a suppression that is the app's.
///
/// Shapes: boxes [1,N,4] xyxy in model-input pixels, scores [1,N,C] without background, landmarks
/// [1,N,2·L] or [1,N,L,2], x before y, landmarkScores [1,N,L], angles [1,N,1] of turned boxes; a
/// leading 1 may be missing.
public struct CandidateTensors: Hashable, Sendable {
    public let boxes: Tensor
    public let scores: Tensor
    public let landmarks: Tensor?
    public let landmarkScores: Tensor?
    public let angles: Tensor?

    public init(
        boxes: Tensor, scores: Tensor, landmarks: Tensor? = nil, landmarkScores: Tensor? = nil,
        angles: Tensor? = nil
    ) {
        self.landmarkScores = landmarkScores
        self.angles = angles
        self.boxes = boxes
        self.scores = scores
        self.landmarks = landmarks
    }

    /// What the suppression leaves, best first. Units: model-input pixels → image pixels.
    ///
    /// Errors: `.outputs` for shapes that contradict each other.
    public func detections(nms: ModelBundle.NMS, imageFromModel: Affine) throws -> [Detection] {
        var problems: [Problem] = []
        let boxRows = Rows(boxes, width: 4, name: "candidate_boxes", problems: &problems)
        let scoreRows = Rows(scores: scores, rows: boxRows.count, problems: &problems)
        let marks = Rows(landmarks: landmarks, rows: boxRows.count, problems: &problems)
        let seen = Rows(landmarkScores: landmarkScores, rows: boxRows.count, problems: &problems)
        let turns = angles.map { Rows($0, width: 1, name: "candidate_angles", problems: &problems) }
        if let turns, turns.count != boxRows.count, problems.isEmpty {
            problems.append(Problem("\(turns.count) candidate_angles for \(boxRows.count) boxes"))
        }
        guard problems.isEmpty else {
            throw MobileCatError(
                .outputs, "These outputs are not the candidates contract", problems)
        }
        let rows = 0..<boxRows.count
        let kept = nms.kept(
            boxes: rows.map(boxRows.box), scores: rows.map { scoreRows[$0] }, angles: turns?.values)
        return kept.map { one in
            let angle = turns?.values[one.row] ?? 0
            let there = TurnedBox(boxRows.box(one.row), angle: angle).mapped(by: imageFromModel)
            return Detection(
                box: there.box, score: Double(one.score), classID: one.classID,
                landmarks: points(marks[one.row]).map(imageFromModel.point),
                landmarkScores: Array(seen[one.row]),
                angle: turns == nil ? nil : there.angle)
        }
    }
}
