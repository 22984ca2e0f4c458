/// One object, in image pixels with top-left origin.
public struct Detection: Hashable, Sendable {
    public let box: BoxXYXY
    public let score: Double
    /// Index into the bundle's labels.
    public let classID: Int
    /// In the bundle's order of landmark names; empty for a head without landmarks.
    public let landmarks: [PointXY]
    /// How sure each landmark is seen, 0 to 1; empty for a head that does not say.
    public let landmarkScores: [Double]
    /// How far `box` is turned about its centre, radians clockwise; nil for an upright one.
    public let angle: Double?

    /// The box with its angle, whose corners are what is drawn.
    public var turned: TurnedBox { TurnedBox(box, angle: angle ?? 0) }

    public init(
        box: BoxXYXY, score: Double, classID: Int, landmarks: [PointXY] = [],
        landmarkScores: [Double] = [], angle: Double? = nil
    ) {
        self.angle = angle
        self.landmarkScores = landmarkScores
        self.box = box
        self.score = score
        self.classID = classID
        self.landmarks = landmarks
    }
}

/// Rows of the same length, with what is wrong about a shape noted instead of thrown.
struct Rows {
    let count: Int
    let width: Int
    let values: [Double]

    /// (K, width) from [1, K, width] or [K, width]; (K, 1) from [1, K] or [K] where `width` is nil.
    init(_ tensor: Tensor, width: Int?, name: String, problems: inout [Problem]) {
        let rank = width == nil ? 1 : 2
        var shape = tensor.shape
        if shape.count == rank + 1, shape[0] == 1 { shape.removeFirst() }
        let fits = shape.count == rank && (width == nil || shape[rank - 1] == width)
        if !fits && !tensor.values.isEmpty {
            let wanted = width.map { "[1, K, \($0)]" } ?? "[1, K]"
            problems.append(Problem("\(name) has shape \(tensor.shape)", fix: wanted))
        }
        count = fits ? shape[0] : 0
        self.width = width ?? 1
        values = fits ? tensor.values : []
    }

    /// (k, C) from [1, k, C] or [k, C], whatever C is.
    init(scores tensor: Tensor, rows k: Int, problems: inout [Problem]) {
        var shape = tensor.shape
        if shape.count == 3, shape[0] == 1 { shape.removeFirst() }
        let fits = shape.count == 2 && shape[0] == k && shape[1] > 0
        if !fits && !(k == 0 && tensor.values.isEmpty) {
            problems.append(
                Problem(
                    "candidate_scores have shape \(tensor.shape)", fix: "[1, \(k), classes]"))
        }
        (count, width, values) = fits ? (k, shape[1], tensor.values) : (0, 1, [])
    }

    /// (k, 2·L) from [1, k, 2·L], [1, k, L, 2], or either without the 1.
    init(landmarks tensor: Tensor?, rows k: Int, problems: inout [Problem]) {
        guard let tensor, k > 0 else {
            (count, width, values) = (k, 0, [])
            return
        }
        let shape = tensor.shape
        let batched = shape.count > 2 && shape[0] == 1 && shape[1] == k
        let tail = batched ? shape.dropFirst(2) : shape.dropFirst(1)
        let perRow = tail.reduce(1, *)
        guard batched || shape.first == k, !tail.isEmpty, perRow % 2 == 0 else {
            problems.append(
                Problem("landmarks have shape \(shape)", fix: "[1, \(k), 2·L], x before y"))
            (count, width, values) = (k, 0, [])
            return
        }
        (count, width, values) = (k, perRow, tensor.values)
    }

    /// (k, L) from [1, k, L] or [k, L], whatever L is; (k, 0) where there is no such output.
    init(landmarkScores tensor: Tensor?, rows k: Int, problems: inout [Problem]) {
        guard let tensor, k > 0 else {
            (count, width, values) = (k, 0, [])
            return
        }
        var shape = tensor.shape
        if shape.count == 3, shape[0] == 1 { shape.removeFirst() }
        guard shape.count == 2, shape[0] == k else {
            problems.append(
                Problem("landmark_scores have shape \(tensor.shape)", fix: "[1, \(k), L]"))
            (count, width, values) = (k, 0, [])
            return
        }
        (count, width, values) = (k, shape[1], tensor.values)
    }

    subscript(row: Int) -> ArraySlice<Double> { values[row * width..<(row + 1) * width] }

    func box(_ row: Int) -> BoxXYXY {
        let at = row * width
        return BoxXYXY(values[at], values[at + 1], values[at + 2], values[at + 3])
    }
}

/// Points from x, y, x, y, …
func points(_ xy: ArraySlice<Double>) -> [PointXY] {
    stride(from: xy.startIndex, to: xy.endIndex - 1, by: 2).map { PointXY(xy[$0], xy[$0 + 1]) }
}

func wholeNumber(_ value: Double?, _ name: String, _ problems: inout [Problem]) -> Int {
    // Int(_: Double) would trap on NaN and beyond 2⁶³; a damaged output must not end the app.
    guard let value, let whole = Int(exactly: value.rounded(.towardZero)) else {
        problems.append(Problem("\(name) is \(value.map { "\($0)" } ?? "missing")"))
        return 0
    }
    return whole
}
