// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreVideo

open class MLModel {  // coreml/mlmodel
    /// Where it was loaded from, and the file that was compiled into that.
    package let url, source: URL

    public class func compileModel(at modelURL: URL) async throws -> URL {  // coreml/mlmodel/compilemodel(at:)-6442s
        try Compiler.compile(modelURL)
    }
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {  // coreml/mlmodel/init(contentsof:configuration:)
        (self.url, source) = (url, try Compiler.source(of: url))
    }
    public init(contentsOf url: URL) throws {  // coreml/mlmodel/init(contentsof:)
        (self.url, source) = (url, try Compiler.source(of: url))
    }
}

/// Compiles by writing the source's path into a temporary `.mlmodelc`, which a system may empty.
package enum Compiler {
    struct Refused: Error, CustomStringConvertible { let description: String }

    private static let lock = NSLock()
    nonisolated(unsafe) private static var done: [URL] = []
    /// Sources that do not compile.
    nonisolated(unsafe) package static var refuses: (URL) -> Bool = { _ in false }

    /// What was compiled since the last time.
    package static func taken() -> [URL] {
        lock.lock()
        defer { lock.unlock() }
        defer { done = [] }
        return done
    }

    static func compile(_ source: URL) throws -> URL {
        lock.lock()
        done.append(source)
        lock.unlock()
        guard !refuses(source) else {
            throw Refused(description: "\(source.lastPathComponent) does not compile")
        }
        let name = source.deletingPathExtension().lastPathComponent
        let made = FileManager.default.temporaryDirectory
            .appendingPathComponent("compiler-\(UUID().uuidString)")
            .appendingPathComponent("\(name).mlmodelc")
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        try Data(source.path.utf8).write(to: made.appendingPathComponent("coremldata.bin"))
        return made
    }

    static func source(of compiled: URL) throws -> URL {
        guard compiled.pathExtension == "mlmodelc" else {
            throw Refused(description: "\(compiled.lastPathComponent) is not compiled")
        }
        let data = try Data(contentsOf: compiled.appendingPathComponent("coremldata.bin"))
        guard let path = String(data: data, encoding: .utf8), path.hasPrefix("/") else {
            throw Refused(description: "\(compiled.path) is of another system")
        }
        return URL(fileURLWithPath: path)
    }
}

open class MLFeatureValue {  // coreml/mlfeaturevalue
    package init(_ array: MLMultiArray?) { multiArrayValue = array }
    public let multiArrayValue: MLMultiArray?  // coreml/mlfeaturevalue/multiarrayvalue
}

open class MLMultiArray {  // coreml/mlmultiarray
    private let values: [Double]

    /// values: row-major.
    package init(shape: [Int], values: [Double]) {
        self.shape = shape.map { NSNumber(value: $0) }
        self.values = values
    }

    public let shape: [NSNumber]  // coreml/mlmultiarray/shape
    public subscript(key: [NSNumber]) -> NSNumber {  // coreml/mlmultiarray/subscript(_:)-5wdk8
        let at = zip(key, shape).reduce(0) { $0 * $1.1.intValue + $1.0.intValue }
        return NSNumber(value: values[at])
    }
}

open class MLModelConfiguration {  // coreml/mlmodelconfiguration
    public init() {}  // coreml/mlmodelconfiguration
    public var computeUnits = MLComputeUnits.all  // coreml/mlmodelconfiguration/computeunits
}

public enum MLComputeUnits: Int {  // coreml/mlcomputeunits
    case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine
}
