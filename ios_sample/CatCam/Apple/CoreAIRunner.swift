#if canImport(CoreAI)  // absent before Xcode 27, and from the Simulator's SDK
import CoreAI
import CoreVideo
import Foundation
import MobileCatKit

/// An `.aimodel` by Core AI. Turning, fitting and colour are the app's: no Vision request takes one.
@available(iOS 27.0, *)
struct CoreAIRunner: ModelRunner {
    private let function: InferenceFunction
    private let canvas: Canvas
    private let input: String
    private let outputs: [String]

    /// Specialises the model for this device the first time; that may take seconds.
    ///
    /// file: an `.aimodel`, or an `.aimodelc` compiled from it for this architecture.
    /// Errors: Core AI's; MobileCatError where the model is not what its bundle says.
    init(file: URL, artifact: ModelBundle.Artifact, inputWH: SizeWH) async throws {
        let model = try await AIModel(contentsOf: file)
        guard let function = try model.loadFunction(named: "main") else {
            throw Self.unlike(artifact, "there is no function \"main\" in it")
        }
        let (w, h) = try inputWH.wholePixels()
        let input = artifact.inputs["image"] ?? "image"
        guard case .image(let takes)? = function.descriptor.inputDescriptor(of: input),
            takes.pixelFormatType == kCVPixelFormatType_32BGRA, takes.width == w, takes.height == h
        else {
            throw Self.unlike(artifact, "\"\(input)\" is no 32BGRA image of \(w) × \(h)")
        }
        let missing = Set(artifact.outputs.values).subtracting(function.descriptor.outputNames)
        guard missing.isEmpty else {
            throw Self.unlike(artifact, "it lacks \(missing.sorted().joined(separator: ", "))")
        }
        self.function = function
        self.input = input
        outputs = artifact.outputs.values.sorted()
        canvas = try Canvas(modelWH: inputWH)
    }

    func run(_ pixels: Picture, as sight: Sight) throws -> ModelOutput {
        guard let drawing = sight.drawing else {
            throw MobileCatError(
                .geometry, "Core AI fits no pictures",
                [Problem("this look is Vision's", fix: "RunnableModel draws for engine coreai")])
        }
        let drawn = CVReadOnlyPixelBuffer(unsafeBuffer: try canvas.draw(pixels, as: drawing))
        // The frames' queue waits here, as it does in Vision's perform: what the camera has
        // meanwhile is dropped as late. It is a Dispatch queue, none of Swift's own threads.
        return .tensors(try Waiting.for { try await tensors(of: drawn) })
    }

    private func tensors(of picture: CVReadOnlyPixelBuffer) async throws -> [String: Tensor] {
        var inputs = InferenceFunction.Inputs()
        inputs.insert(picture, for: input)
        var found = try await function.run(inputs: inputs)
        var tensors: [String: Tensor] = [:]
        for name in outputs {
            // remove() and .ndArray consume: each once.
            guard let value = found.remove(name), let array = value.ndArray else {
                throw MobileCatError(
                    .outputs, "The model's outputs are not the bundle's",
                    [Problem("no tensor \"\(name)\"", fix: "export the bundle again")])
            }
            tensors[name] = try Tensor(array)
        }
        return tensors
    }

    private static func unlike(
        _ artifact: ModelBundle.Artifact, _ what: String
    ) -> MobileCatError {
        MobileCatError(
            .bundle, "\(artifact.file) is not the model that bundle.json describes",
            [Problem(what, at: artifact.file, fix: "export it again, and build")])
    }
}

/// An asynchronous call from a queue that has nothing else to do.
private enum Waiting {
    private final class Answer<T>: @unchecked Sendable { var result: Result<T, any Error>? }

    static func `for`<T: Sendable>(_ call: @escaping @Sendable () async throws -> T) throws -> T {
        let (done, answer) = (DispatchSemaphore(value: 0), Answer<T>())
        Task.detached(priority: .userInitiated) {
            do { answer.result = .success(try await call()) } catch {
                answer.result = .failure(error)
            }
            done.signal()
        }
        done.wait()
        return try answer.result!.get()
    }
}
#endif
