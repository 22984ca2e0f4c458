/// The candidates contract: a head's decoded boxes, before a suppression that is the app's.
///
/// Shapes: boxes [1,N,4] xyxy in model-input pixels, scores [1,N,C] without background, landmarks
/// [1,N,2·L] or [1,N,L,2], x before y; a leading 1 may be missing.
public struct CandidateTensors: Hashable, Sendable {
    public let boxes: Tensor
    public let scores: Tensor
    public let landmarks: Tensor?

    public init(boxes: Tensor, scores: Tensor, landmarks: Tensor? = nil) {
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
        guard problems.isEmpty else {
            throw MobileCatError(
                .outputs, "These outputs are not the candidates contract", problems)
        }
        let rows = 0..<boxRows.count
        let kept = nms.kept(boxes: rows.map(boxRows.box), scores: rows.map { scoreRows[$0] })
        return kept.map { one in
            Detection(
                box: imageFromModel.box(boxRows.box(one.row)), score: Double(one.score),
                classID: one.classID, landmarks: points(marks[one.row]).map(imageFromModel.point))
        }
    }
}
