/// The tensor contract: what an artifact gives after its baked-in NMS, by the bundle's names.
///
/// Shapes: boxes [1,K,4] xyxy in model-input pixels, scores [1,K], classIDs [1,K], count [1],
/// landmarks [1,K,2·L] or [1,K,L,2], x before y, landmarkScores [1,K,L]; a leading 1 may be missing.
/// Rows ≥ count are padding.
public struct DetectionTensors: Hashable, Sendable {
    public let boxes: Tensor
    public let scores: Tensor
    public let classIDs: Tensor
    public let count: Tensor
    public let landmarks: Tensor?
    public let landmarkScores: Tensor?

    public init(
        boxes: Tensor, scores: Tensor, classIDs: Tensor, count: Tensor, landmarks: Tensor? = nil,
        landmarkScores: Tensor? = nil
    ) {
        self.landmarkScores = landmarkScores
        self.boxes = boxes
        self.scores = scores
        self.classIDs = classIDs
        self.count = count
        self.landmarks = landmarks
    }

    /// The first `count` rows in their order, as detections.
    ///
    /// Scores at or below `scoreThreshold` are dropped, as the artifact's own NMS does.
    /// Units: model-input pixels → image pixels.
    /// Errors: `.outputs` for shapes that contradict each other, or a count beyond the rows.
    public func detections(
        imageFromModel: Affine, scoreThreshold: Double = 0
    ) throws -> [Detection] {
        var problems: [Problem] = []
        let boxRows = Rows(boxes, width: 4, name: "boxes", problems: &problems)
        let scoreRows = Rows(scores, width: nil, name: "scores", problems: &problems)
        let idRows = Rows(classIDs, width: nil, name: "class_ids", problems: &problems)
        let marks = Rows(landmarks: landmarks, rows: boxRows.count, problems: &problems)
        let seen = Rows(landmarkScores: landmarkScores, rows: boxRows.count, problems: &problems)
        let n = wholeNumber(count.values.first, "count", &problems)
        if Set([boxRows.count, scoreRows.count, idRows.count]).count > 1 {
            problems.append(
                Problem(
                    "row counts differ: boxes \(boxRows.count), scores \(scoreRows.count), "
                        + "class_ids \(idRows.count)"))
        }
        if n < 0 || n > boxRows.count {
            problems.append(Problem("count is \(n), but there are \(boxRows.count) rows"))
        }
        let usable = problems.isEmpty ? n : 0
        let ids = (0..<usable).map { wholeNumber(idRows.values[$0], "class_ids[\($0)]", &problems) }
        guard problems.isEmpty else {
            throw MobileCatError(.outputs, "These outputs are not the tensor contract", problems)
        }
        return (0..<n).filter { scoreRows.values[$0] > scoreThreshold }.map { row in
            Detection(
                box: imageFromModel.box(boxRows.box(row)), score: scoreRows.values[row],
                classID: ids[row], landmarks: points(marks[row]).map(imageFromModel.point),
                landmarkScores: Array(seen[row]))
        }
    }
}

extension Detection {
    /// Decode TFLite_Detection_PostProcess: [ymin, xmin, ymax, xmax] normalised, classes as floats.
    ///
    /// Map the four outputs by name before calling: their order is no contract.
    /// Errors: `.outputs` as `DetectionTensors.detections`.
    public static func fromTFLite(
        boxes: Tensor, classes: Tensor, scores: Tensor, count: Tensor, modelWH: SizeWH,
        imageFromModel: Affine, scoreThreshold: Double = 0
    ) throws -> [Detection] {
        var problems: [Problem] = []
        let rows = Rows(boxes, width: 4, name: "boxes", problems: &problems)
        guard problems.isEmpty else {
            throw MobileCatError(
                .outputs, "These outputs are not TFLite_Detection_PostProcess'", problems)
        }
        let xyxy = (0..<rows.count).map { row -> BoxXYXY in
            let b = rows.box(row).values
            return BoxYXYX(b[0], b[1], b[2], b[3]).pixels(in: modelWH).xyxy
        }
        return try DetectionTensors(
            boxes: Tensor(shape: [xyxy.count, 4], values: xyxy.flatMap(\.values)),
            scores: scores, classIDs: classes, count: count
        ).detections(imageFromModel: imageFromModel, scoreThreshold: scoreThreshold)
    }

    /// Decode a Core ML pipeline's `confidence` [N, C] and `coordinates` [N, 4].
    ///
    /// Coordinates are centre x, y, w, h, normalised to the model's input, top-left origin. A row's
    /// class is its largest confidence, the first on ties; all-zero rows are padding.
    /// Errors: `.outputs` for shapes that contradict each other.
    public static func fromCoreMLNMS(
        confidence: Tensor, coordinates: Tensor, modelWH: SizeWH, imageFromModel: Affine,
        scoreThreshold: Double = 0
    ) throws -> [Detection] {
        var problems: [Problem] = []
        let rows = Rows(coordinates, width: 4, name: "coordinates", problems: &problems)
        if confidence.values.isEmpty, coordinates.values.isEmpty { return [] }
        var shape = confidence.shape
        if shape.count == 3, shape[0] == 1 { shape.removeFirst() }
        if shape.count != 2 || shape[0] != rows.count || shape[1] == 0 {
            problems.append(
                Problem(
                    "confidence has shape \(confidence.shape)", fix: "[\(rows.count), classes]"))
        }
        guard problems.isEmpty else {
            throw MobileCatError(
                .outputs, "These outputs are not confidence and coordinates", problems)
        }
        let threshold = max(0, scoreThreshold)
        return (0..<rows.count).compactMap { row in
            let perClass = confidence.values[row * shape[1]..<(row + 1) * shape[1]]
            // `max` keeps a later NaN out of sight: a row with one is no detection.
            guard let best = perClass.max(), best > threshold,
                !perClass.contains(where: \.isNaN),
                let at = perClass.firstIndex(of: best)
            else { return nil }
            let b = rows.box(row).values
            let xyxy = BoxCXCYWH(b[0], b[1], b[2], b[3]).pixels(in: modelWH).xyxy
            return Detection(
                box: imageFromModel.box(xyxy), score: best, classID: at - perClass.startIndex)
        }
    }
}

extension CropPlan {
    /// A landmark model's output for this crop, in image pixels.
    ///
    /// Shapes: [2·L] or [L, 2] behind any number of leading ones, x before y, in model-input pixels.
    /// Errors: `.outputs` for another shape.
    public func landmarks(_ output: Tensor) throws -> [PointXY] {
        var shape = output.shape[...]
        while shape.count > 1, shape.first == 1 { shape = shape.dropFirst() }
        let flat = shape.count == 1 && output.values.count % 2 == 0
        guard flat || (shape.count == 2 && shape.last == 2) else {
            throw MobileCatError(
                .outputs, "This output is not one set of landmarks",
                [Problem("its shape is \(output.shape)", fix: "[1, L, 2] or [1, 2·L], x before y")])
        }
        return points(output.values[...]).map(imageFromModel.point)
    }
}
