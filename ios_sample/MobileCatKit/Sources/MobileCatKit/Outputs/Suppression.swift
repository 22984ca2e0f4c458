extension ModelBundle.NMS {
    /// What is left of candidates: their rows in the tensors, best first.
    ///
    /// The suppression that other contracts have baked in, with the same meaning: a box's class is
    /// its argmax class (the first on ties), its score that maximum, kept where it is above
    /// `scoreThreshold`; greedy by falling score, ties by rising row; suppressed where the IoU with a
    /// kept box (perClass: of its own class) is above `iouThreshold`. With `selection` best or pairs
    /// nothing is suppressed, and a row competes once, or with each class. A row with a NaN score is no
    /// detection, and a box with a NaN overlaps nothing.
    ///
    /// boxes: xyxy in any one unit, x1 ≤ x2 and y1 ≤ y2. scores: one slice a box, one value a class.
    /// Source: mobilecat/bake/nms.py. In Float: artifacts compare float32, and 0.3 is not Float(0.3).
    /// angles: one a box, where boxes are turned (`overlap` says how they are then measured).
    public func kept(
        boxes: [BoxXYXY], scores: [ArraySlice<Double>], angles: [Double]? = nil
    ) -> [Suppressed] {
        let ranked = competing(scores)
        guard selection == .nms else { return Array(ranked.prefix(maxDetections)) }
        let overlaps = overlapping(boxes, angles)
        var kept: [Suppressed] = []
        for one in ranked {
            if kept.count >= maxDetections { break }
            let hidden = kept.contains { other in
                (!perClass || other.classID == one.classID) && overlaps(one.row, other.row)
            }
            if !hidden { kept.append(one) }
        }
        return kept
    }

    /// Rows with their best class, or with each of their classes, best first.
    private func competing(_ scores: [ArraySlice<Double>]) -> [Suppressed] {
        let least = Float(scoreThreshold)
        let every = scores.indices.flatMap { row -> [Suppressed] in
            if selection == .pairs {
                return scores[row].enumerated().map {
                    Suppressed(row: row, classID: $0.offset, score: Float($0.element))
                }
            }
            return Self.best(scores[row]).map {
                [Suppressed(row: row, classID: $0.classID, score: $0.score)]
            } ?? []
        }
        return every.filter { $0.score > least }.sorted {
            if $0.score != $1.score { return $0.score > $1.score }
            return ($0.row, $0.classID) < ($1.row, $1.classID)
        }
    }

    /// Whether two boxes overlap by more than the threshold: upright ones in Float, as artifacts
    /// compare, turned ones in Double.
    private func overlapping(_ boxes: [BoxXYXY], _ angles: [Double]?) -> (Int, Int) -> Bool {
        guard let angles, overlap != .iou else {
            let corners = boxes.map(Corners.init)
            return { corners[$0].iou(corners[$1]) > Float(iouThreshold) }
        }
        let turned = zip(boxes, angles).map { TurnedBox($0, angle: $1) }
        return { a, b in
            let measured =
                overlap == .probIoU ? turned[a].probIoU(turned[b]) : turned[a].iou(turned[b])
            return measured > iouThreshold
        }
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
