/// An element type by the name that bundle.json uses.
public enum ElementType: String, Named {
    case float32, float16, int32, int64, uint8, int8
    public static let noun = "element type"
    public static var errorKind: MobileCatError.Kind { .buffer }

    public var bytes: Int {
        switch self {
        case .uint8, .int8: 1
        case .float16: 2
        case .float32, .int32: 4
        case .int64: 8
        }
    }

    /// A dense tensor's bytes: [1, 640, 640, 3] float32 is 4,915,200.
    ///
    /// Errors: `.buffer` for a side below zero, or a count that no memory holds.
    public func tensorBytes(shape: [Int]) throws -> Int {
        try elementCount(shape + [bytes])
    }
}

func elementCount(_ shape: [Int]) throws -> Int {
    var count = 1
    for side in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: side)
        guard side >= 0, !overflow else {
            throw MobileCatError(.buffer, "No such tensor", [Problem("shape \(shape)")])
        }
        count = product
    }
    return count
}

/// A model's output: numbers row-major, the last index fastest.
public struct Tensor: Hashable, Sendable {
    public let shape: [Int]
    public let values: [Double]

    /// Errors: `.buffer` where the shape needs another number of values.
    public init(shape: [Int], values: [Double]) throws {
        let needed = try elementCount(shape)
        guard values.count == needed else {
            throw MobileCatError(
                .buffer, "A tensor's shape and values differ",
                [Problem("\(values.count) values; shape \(shape) needs \(needed)")])
        }
        self.shape = shape
        self.values = values
    }

    /// From float32, as TFLite and onnxruntime give them.
    public init(shape: [Int], values: [Float]) throws {
        try self.init(shape: shape, values: values.map(Double.init))
    }

    /// From int32: class_ids, count.
    public init(shape: [Int], values: [Int32]) throws {
        try self.init(shape: shape, values: values.map(Double.init))
    }

    /// From storage whose rows may be padded: an MLMultiArray's dataPointer. Strides in elements.
    ///
    /// Errors: `.buffer` where an element would lie outside the storage.
    public init<Element: BinaryFloatingPoint>(
        shape: [Int], strides: [Int], storage: [Element]
    ) throws {
        let count = try elementCount(shape)
        if count > 0 {
            let last = try Self.offset(of: shape.map { $0 - 1 }, strides: strides)
            guard strides.allSatisfy({ $0 >= 0 }), last < storage.count else {
                throw MobileCatError(
                    .buffer, "A tensor's strides reach outside its storage",
                    [
                        Problem(
                            "shape \(shape) with strides \(strides) needs \(last + 1) elements, "
                                + "got \(storage.count)")
                    ])
            }
        }
        var offsets = count > 0 ? [0] : []
        for (side, stride) in zip(shape, strides) {
            offsets = offsets.flatMap { base in (0..<side).map { base + $0 * stride } }
        }
        try self.init(shape: shape, values: offsets.map { Double(storage[$0]) })
    }

    /// An MLMultiArray element's offset, in elements: Σ index·stride; rows can be padded.
    ///
    /// Errors: `.buffer` where the two differ in length.
    /// Source: developer.apple.com/documentation/coreml/mlmultiarray/strides.
    public static func offset(of index: [Int], strides: [Int]) throws -> Int {
        guard index.count == strides.count else {
            throw MobileCatError(
                .buffer, "Index and strides differ in length",
                [Problem("\(index.count) and \(strides.count)")])
        }
        var sum = 0
        for (i, stride) in zip(index, strides) {
            let (product, tooFar) = i.multipliedReportingOverflow(by: stride)
            let (next, tooMuch) = sum.addingReportingOverflow(product)
            guard !tooFar, !tooMuch else {
                throw MobileCatError(
                    .buffer, "No such element", [Problem("index \(index), strides \(strides)")])
            }
            sum = next
        }
        return sum
    }
}
