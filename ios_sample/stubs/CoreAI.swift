// Addresses are relative to https://developer.apple.com/documentation/
// Shapes of ownership are those of the macOS 27.0 SDK's interface (CoreAIRuntime, 3600.79.1).
@_exported import CoreVideo

@available(iOS 27.0, *)
public struct AIModel: Sendable {  // coreai/aimodel
    public init(contentsOf url: URL, options: SpecializationOptions = .default) async throws { fatalError() }  // coreai/aimodel/init(contentsof:options:)
    public func loadFunction(named name: String) throws -> InferenceFunction? { fatalError() }  // coreai/aimodel/loadfunction(named:)
    public static var deviceArchitectureName: String { fatalError() }  // coreai/aimodel/devicearchitecturename
}

@available(iOS 27.0, *)
public struct SpecializationOptions: Sendable {  // coreai/specializationoptions
    public static var `default`: SpecializationOptions { fatalError() }  // coreai/specializationoptions/default
    public static var cpuOnly: SpecializationOptions { fatalError() }  // coreai/specializationoptions/cpuonly
}

@available(iOS 27.0, *)
public struct InferenceFunction: Sendable {  // coreai/inferencefunction
    public let descriptor: InferenceFunctionDescriptor  // coreai/inferencefunction/descriptor
    public func run(inputs: borrowing Inputs) async throws -> Outputs { fatalError() }  // coreai/inferencefunction/run(inputs:states:outputviews:)

    public struct Inputs: ~Escapable {  // coreai/inferencefunction/inputs
        @_lifetime(immortal)
        public init() { fatalError() }  // coreai/inferencefunction/inputs/init()
        @_lifetime(self: borrow value)
        public mutating func insert(_ value: borrowing some InferenceValue.ViewRepresentable & ~Copyable, for inputName: String) { fatalError() }  // coreai/inferencefunction/inputs/insert(_:for:)
    }

    public struct Outputs: ~Copyable {  // coreai/inferencefunction/outputs
        public mutating func remove(_ outputName: String) -> InferenceValue? { fatalError() }  // coreai/inferencefunction/outputs/remove(_:)
    }
}

@available(iOS 27.0, *)
public struct InferenceFunctionDescriptor: Sendable {  // coreai/inferencefunctiondescriptor
    public var outputNames: [String] { fatalError() }  // coreai/inferencefunctiondescriptor/outputnames
    public func inputDescriptor(of inputName: String) -> InferenceValue.Descriptor? { fatalError() }  // coreai/inferencefunctiondescriptor/inputdescriptor(of:)
}

@available(iOS 27.0, *)
public struct InferenceValue: ~Copyable {  // coreai/inferencevalue
    public var ndArray: NDArray? { consuming get { fatalError() } }  // coreai/inferencevalue/ndarray

    public enum Descriptor: Sendable {  // coreai/inferencevalue/descriptor
        case ndArray(NDArrayDescriptor)
        case image(ImageDescriptor)
    }

    public protocol ViewRepresentable: ~Copyable {}  // coreai/inferencevalue/viewrepresentable
}

@available(iOS 27.0, *)
extension CVReadOnlyPixelBuffer: InferenceValue.ViewRepresentable {}

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
    public var scalarType: ScalarType { fatalError() }  // coreai/ndarray/scalartype-swift.property
    public var shape: [Int] { fatalError() }  // coreai/ndarray/shape
    @_lifetime(borrow self)
    public func view<T: BitwiseCopyable>(as type: T.Type = T.self) -> View<T> { fatalError() }  // coreai/ndarray/view(as:)

    public enum ScalarType: Hashable, Sendable {  // coreai/ndarray/scalartype-swift.enum
        case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64
        case float16, float32, float64, bfloat16
    }

    public struct View<Element: BitwiseCopyable>: ~Escapable {  // coreai/ndarray/view
        @_lifetime(immortal)
        init() {}
        public var contiguousElements: Span<Element>? {  // coreai/ndarray/view/contiguouselements
            @_lifetime(copy self)
            borrowing get { fatalError() }
        }
    }
}
