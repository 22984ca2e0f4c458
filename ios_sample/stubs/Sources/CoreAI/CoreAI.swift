// Addresses are relative to https://developer.apple.com/documentation/
// Shapes of ownership are those of the macOS 27.0 SDK's interface (CoreAIRuntime, 3600.79.1).
@_exported import CoreVideo

@available(iOS 27.0, *)
public struct AIModel: Sendable {  // coreai/aimodel
    private let made: AIModels.Made

    public init(contentsOf url: URL, options: SpecializationOptions = .default) async throws {  // coreai/aimodel/init(contentsof:options:)
        made = try AIModels.load(url)
    }
    public func loadFunction(named name: String) throws -> InferenceFunction? {  // coreai/aimodel/loadfunction(named:)
        name == "main" ? InferenceFunction(descriptor: made.descriptor, run: made.run) : nil
    }
    public static var deviceArchitectureName: String { "h17p" }  // coreai/aimodel/devicearchitecturename
}

@available(iOS 27.0, *)
public struct SpecializationOptions: Sendable {  // coreai/specializationoptions
    public static var `default`: SpecializationOptions { .init() }  // coreai/specializationoptions/default
    public static var cpuOnly: SpecializationOptions { .init() }  // coreai/specializationoptions/cpuonly
}

@available(iOS 27.0, *)
public struct InferenceFunction: Sendable {  // coreai/inferencefunction
    public let descriptor: InferenceFunctionDescriptor  // coreai/inferencefunction/descriptor
    let run: @Sendable ([String: CVPixelBuffer]) throws -> [String: NDArray]

    public func run(inputs: borrowing Inputs) async throws -> Outputs {  // coreai/inferencefunction/run(inputs:states:outputviews:)
        Outputs(values: try run(inputs.values))
    }

    public struct Inputs: ~Escapable {  // coreai/inferencefunction/inputs
        var values: [String: CVPixelBuffer] = [:]
        @_lifetime(immortal)
        public init() {}  // coreai/inferencefunction/inputs/init()
        @_lifetime(self: borrow value)
        public mutating func insert(_ value: borrowing some InferenceValue.ViewRepresentable & ~Copyable, for inputName: String) {  // coreai/inferencefunction/inputs/insert(_:for:)
            values[inputName] = value.lent
        }
    }

    public struct Outputs: ~Copyable {  // coreai/inferencefunction/outputs
        var values: [String: NDArray]
        public mutating func remove(_ outputName: String) -> InferenceValue? {  // coreai/inferencefunction/outputs/remove(_:)
            guard let found = values.removeValue(forKey: outputName) else { return nil }
            return InferenceValue(array: found)
        }
    }
}

@available(iOS 27.0, *)
public struct InferenceFunctionDescriptor: Sendable {  // coreai/inferencefunctiondescriptor
    let inputs: [String: InferenceValue.Descriptor]
    public let outputNames: [String]  // coreai/inferencefunctiondescriptor/outputnames
    public func inputDescriptor(of inputName: String) -> InferenceValue.Descriptor? { inputs[inputName] }  // coreai/inferencefunctiondescriptor/inputdescriptor(of:)
}

@available(iOS 27.0, *)
public struct InferenceValue: ~Copyable {  // coreai/inferencevalue
    let array: NDArray?
    public var ndArray: NDArray? { consuming get { array } }  // coreai/inferencevalue/ndarray

    public enum Descriptor: Sendable {  // coreai/inferencevalue/descriptor
        case ndArray(NDArrayDescriptor)
        case image(ImageDescriptor)
    }

    public protocol ViewRepresentable: ~Copyable {  // coreai/inferencevalue/viewrepresentable
        /// What lies behind it.
        var lent: CVPixelBuffer { get }
    }
}

@available(iOS 27.0, *)
extension CVReadOnlyPixelBuffer: InferenceValue.ViewRepresentable {
    /// What lies behind it.
    public var lent: CVPixelBuffer { buffer }  // corevideo/cvreadonlypixelbuffer
}

@available(iOS 27.0, *)
public struct ImageDescriptor: Sendable, Equatable {  // coreai/imagedescriptor
    public let height: Int  // coreai/imagedescriptor/height
    public let width: Int  // coreai/imagedescriptor/width
    public let pixelFormatType: OSType  // coreai/imagedescriptor/pixelformattype
}

@available(iOS 27.0, *)
public struct NDArrayDescriptor: Sendable, Equatable {}  // coreai/ndarraydescriptor

@available(iOS 27.0, *)
public struct NDArray: @unchecked Sendable {  // coreai/ndarray
    public let scalarType: ScalarType  // coreai/ndarray/scalartype-swift.property
    public let shape: [Int]  // coreai/ndarray/shape
    private let memory: Memory
    private let contiguous: Bool

    private final class Memory {
        let base: UnsafeMutableRawPointer
        let count: Int
        init(_ bytes: [UInt8]) {
            base = .allocate(byteCount: max(1, bytes.count), alignment: 16)
            base.copyMemory(from: bytes, byteCount: bytes.count)
            count = bytes.count
        }
        deinit { base.deallocate() }
    }

    package init<T: BitwiseCopyable>(
        _ type: ScalarType, shape: [Int], _ values: [T], contiguous: Bool = true
    ) {
        (scalarType, self.shape, self.contiguous) = (type, shape, contiguous)
        memory = Memory(values.withUnsafeBytes { Array($0) })
    }

    @_lifetime(borrow self)
    public func view<T: BitwiseCopyable>(as type: T.Type = T.self) -> View<T> {  // coreai/ndarray/view(as:)
        View(memory.base, memory.count / MemoryLayout<T>.stride, contiguous)
    }

    public enum ScalarType: Hashable, Sendable {  // coreai/ndarray/scalartype-swift.enum
        case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64
        case float16, float32, float64, bfloat16
    }

    public struct View<Element: BitwiseCopyable>: ~Escapable {  // coreai/ndarray/view
        private let elements: UnsafeBufferPointer<Element>
        private let contiguous: Bool
        @_lifetime(immortal)
        init(_ base: UnsafeMutableRawPointer, _ count: Int, _ contiguous: Bool) {
            let start = base.assumingMemoryBound(to: Element.self)
            elements = UnsafeBufferPointer(start: start, count: count)
            self.contiguous = contiguous
        }
        public var contiguousElements: Span<Element>? {  // coreai/ndarray/view/contiguouselements
            @_lifetime(copy self)
            borrowing get {
                guard contiguous else { return nil }
                let span = unsafe Span(_unsafeElements: elements)
                return unsafe _overrideLifetime(span, copying: self)
            }
        }
    }
}

/// What `.aimodel`s there are.
@available(iOS 27.0, *)
package enum AIModels {
    package struct Made: Sendable {
        let descriptor: InferenceFunctionDescriptor
        var run: @Sendable ([String: CVPixelBuffer]) throws -> [String: NDArray]

        /// The same model, with another network in it.
        package func answering(
            _ run: @escaping @Sendable ([String: CVPixelBuffer]) throws -> [String: NDArray]
        ) -> Made {
            var made = self
            made.run = run
            return made
        }

        /// A model of one 32BGRA image.
        package init(
            input: String, w: Int, h: Int, format: OSType = kCVPixelFormatType_32BGRA,
            outputs: [String], run: @escaping @Sendable ([String: CVPixelBuffer]) throws -> [String: NDArray]
        ) {
            let image = ImageDescriptor(height: h, width: w, pixelFormatType: format)
            descriptor = InferenceFunctionDescriptor(
                inputs: [input: .image(image)], outputNames: outputs)
            self.run = run
        }
    }

    struct Refused: Error, CustomStringConvertible { let description: String }

    nonisolated(unsafe) package static var of: (URL) -> Made? = { _ in nil }
    nonisolated(unsafe) package static var loaded: [URL] = []

    static func load(_ url: URL) throws -> Made {
        loaded.append(url)
        guard let made = of(url) else {
            throw Refused(description: "\(url.lastPathComponent) is no model for this device")
        }
        return made
    }
}
