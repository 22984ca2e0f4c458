#if canImport(CoreML)
import CoreML

extension Tensor {
    /// A model's output, whatever its element type and row padding.
    ///
    /// Element by element through MLMultiArray's own subscript: for outputs after NMS (a few
    /// thousand numbers), not for feature maps.
    public init(_ array: MLMultiArray) throws {
        let shape = array.shape.map(\.intValue)
        var indices: [[Int]] = [[]]
        for side in shape { indices = indices.flatMap { head in (0..<side).map { head + [$0] } } }
        try self.init(
            shape: shape,
            values: indices.map { array[$0.map { NSNumber(value: $0) }].doubleValue })
    }
}
#endif
