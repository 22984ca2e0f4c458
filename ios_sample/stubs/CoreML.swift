// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

open class MLModel {  // coreml/mlmodel
    public class func compileModel(at modelURL: URL) async throws -> URL { fatalError() }  // coreml/mlmodel/compilemodel(at:)-6442s
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws { fatalError() }  // coreml/mlmodel/init(contentsof:configuration:)
    public init(contentsOf url: URL) throws { fatalError() }  // coreml/mlmodel/init(contentsof:)
}

open class MLFeatureValue {  // coreml/mlfeaturevalue
    public var multiArrayValue: MLMultiArray? { fatalError() }  // coreml/mlfeaturevalue/multiarrayvalue
}

open class MLMultiArray {  // coreml/mlmultiarray
    public var shape: [NSNumber] { fatalError() }  // coreml/mlmultiarray/shape
    public subscript(key: [NSNumber]) -> NSNumber { fatalError() }  // coreml/mlmultiarray/subscript(_:)-5wdk8
}

open class MLModelConfiguration {  // coreml/mlmodelconfiguration
    public init() { fatalError() }  // coreml/mlmodelconfiguration
    public var computeUnits: MLComputeUnits { get { fatalError() } set { fatalError() } }  // coreml/mlmodelconfiguration/computeunits
}

public enum MLComputeUnits: Int {  // coreml/mlcomputeunits
    case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}
