#if canImport(CoreAI)
import CoreAI

@available(iOS 27.0, macOS 27.0, tvOS 27.0, watchOS 27.0, visionOS 27.0, *)
extension Tensor {
    /// A function's output: row-major and contiguous, float32 or int32.
    ///
    /// Errors: `.outputs` for another element type, or rows that lie apart.
    public init(_ array: NDArray) throws {
        let values: [Double]?
        switch array.scalarType {
        case .float32: values = Self.elements(array, as: Float.self) { Double($0) }
        case .int32: values = Self.elements(array, as: Int32.self) { Double($0) }
        default:
            throw MobileCatError(
                .outputs, "An output's element type is not the contract's",
                [Problem("\(array.scalarType)", fix: "export it with precision float32")])
        }
        guard let values else {
            throw MobileCatError(
                .outputs, "An output's rows lie apart", [Problem("shape \(array.shape)")])
        }
        try self.init(shape: array.shape, values: values)
    }

    private static func elements<Element: BitwiseCopyable>(
        _ array: NDArray, as type: Element.Type, _ number: (Element) -> Double
    ) -> [Double]? {
        let view = array.view(as: type)
        guard let elements = view.contiguousElements else { return nil }
        return elements.indices.map { number(elements[$0]) }
    }
}
#endif
