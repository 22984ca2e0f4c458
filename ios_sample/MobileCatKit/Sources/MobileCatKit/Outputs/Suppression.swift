extension ModelBundle.NMS {
    /// What is left of candidates: their rows in the tensors, best first.
    ///
    /// The suppression that other contracts have baked in, with the same meaning: a box's class is
    /// its argmax class (the first on ties), its score that maximum, kept where it is above
    /// `scoreThreshold`; greedy by falling score, ties by rising row; suppressed where the IoU with a
    /// kept box (perClass: of its own class) is above `iouThreshold`. A row with a NaN score is no
    /// detection, and a box with a NaN overlaps nothing.
    ///
    /// boxes: xyxy in any one unit, x1 ≤ x2 and y1 ≤ y2. scores: one slice a box, one value a class.
    /// Source: mobilecat/bake/nms.py. In Float: artifacts compare float32, and 0.3 is not Float(0.3).
    public func kept(boxes: [BoxXYXY], scores: [ArraySlice<Double>]) -> [Suppressed] {
        let least = Float(scoreThreshold)
        let ranked = scores.indices.compactMap { row -> Suppressed? in
            guard let best = Self.best(scores[row]), best.score > least else { return nil }
            return Suppressed(row: row, classID: best.classID, score: best.score)
        }.sorted { $0.score == $1.score ? $0.row < $1.row : $0.score > $1.score }
        var kept: [(one: Suppressed, corners: Corners)] = []
        for one in ranked {
            if kept.count >= maxDetections { break }
            let corners = Corners(boxes[one.row])
            let hidden = kept.contains { other in
                (!perClass || other.one.classID == one.classID)
                    && corners.iou(other.corners) > Float(iouThreshold)
            }
            if !hidden { kept.append((one, corners)) }
        }
        return kept.map(\.one)
    }

    /// A candidate that was kept.
    public struct Suppressed: Hashable, Sendable {
        public let row: Int
        public let classID: Int
        public let score: Float
    }

    private static func best(_ scores: ArraySlice<Double>) -> (classID: Int, score: Float)? {
        guard let first = scores.first else { return nil }
        var best = (classID: 0, score: Float(first))
        for (classID, score) in scores.enumerated() {
            if score.isNaN { return nil }
            if Float(score) > best.score { best = (classID, Float(score)) }
        }
        return best
    }
}

/// A box as artifacts have it.
private struct Corners {
    let (x1, y1, x2, y2): (Float, Float, Float, Float)
    let area: Float

    init(_ box: BoxXYXY) {
        (x1, y1) = (Float(box.x1), Float(box.y1))
        (x2, y2) = (Float(box.x2), Float(box.y2))
        area = (x2 - x1) * (y2 - y1)
    }

    /// 0 where the union is empty or not a number.
    func iou(_ other: Corners) -> Float {
        let w = max(min(x2, other.x2) - max(x1, other.x1), 0)
        let h = max(min(y2, other.y2) - max(y1, other.y1), 0)
        let shared = w * h
        let union = area + other.area - shared
        return union > 0 ? shared / union : 0
    }
}
