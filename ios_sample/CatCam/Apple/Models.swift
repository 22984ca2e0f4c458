import CoreML
import CryptoKit
import Foundation
import MobileCatKit
import Vision

#if canImport(CoreAI)
import CoreAI
#endif

/// The app's models. To swap one, export over its folder; nothing here names a model.
///
/// The folders' `Bundle`s go into the app as they are, and Core ML and Core AI compile on the phone
/// what they hold, once: a new artifact needs no change of the project.
enum Models {
    /// The detector; with it, where it came as a cascade, the landmark model and the crop rule.
    ///
    /// file: a detector's artifact by name; nil takes the first that loads, Core AI's before Core
    /// ML's. Errors: MobileCatError, the engines' own.
    static func load(file: String? = nil) async throws -> FramePipeline<Picture> {
        let folder = Bundle.main.bundleURL.appendingPathComponent("Model/Bundle")
        let detector = try await model(
            in: folder, file: file, madeWith: ModelContract.bundleSHA256)
        // Without cascade.json, what lies in LandmarkModel is of another detector.
        guard exists(folder, "cascade.json") else {
            var pipeline = FramePipeline(detector: detector.loaded)
            pipeline.notes = detector.notes
            return pipeline
        }
        let cascade = try CascadeContract(
            json: Data(contentsOf: folder.appendingPathComponent("cascade.json")))
        let landmarker = try await model(
            in: Bundle.main.bundleURL.appendingPathComponent("LandmarkModel/Bundle"), file: nil,
            madeWith: cascade.landmarksSHA256)
        var pipeline = FramePipeline(
            cascade: cascade, detector: detector.loaded, landmarker: landmarker.loaded)
        pipeline.notes = detector.notes + landmarker.notes
        return pipeline
    }

    private static func model(
        in folder: URL, file: String?, madeWith sha256: String
    ) async throws -> (loaded: RunnableModel<Picture>, notes: [String]) {
        guard exists(folder, "bundle.json") else { throw missing("bundle.json") }
        let data = try Data(contentsOf: folder.appendingPathComponent("bundle.json"))
        let bundle = try ModelBundle(json: data)
        let wanted = try file.map { [try bundle.artifact($0)] } ?? bundle.artifacts(for: engines)
        let there = wanted.filter { exists(folder, $0.file) }
        guard !there.isEmpty else {
            throw missing(wanted.first?.file ?? "a Core ML or Core AI artifact")
        }
        let found = SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
        guard sha256 == found else { throw stale }
        return try await firstThatLoads(there) { artifact in
            try RunnableModel(
                bundle: bundle, file: artifact.file,
                runner: await runner(of: artifact, in: folder, bundle: bundle))
        }
    }

    /// What this device runs, the preferred one first.
    private static var engines: [Engine] {
        #if canImport(CoreAI)
        if #available(iOS 27.0, *) { return [.coreAI, .coreML] }
        #endif
        return [.coreML]
    }

    private static func runner(
        of artifact: ModelBundle.Artifact, in folder: URL, bundle: ModelBundle
    ) async throws -> any ModelRunner<Picture> {
        let file = folder.appendingPathComponent(artifact.file)
        guard artifact.engine == .coreAI else {
            return VisionRunner(
                model: try VNCoreMLModel(for: await CompiledModels.shared.model(at: file)))
        }
        #if canImport(CoreAI)
        if #available(iOS 27.0, *), let input = bundle.input {
            // Compiled ahead of time for this device, where somebody has done that: README.
            let compiled = file.deletingPathExtension()
                .appendingPathExtension("\(AIModel.deviceArchitectureName).aimodelc")
            let there = FileManager.default.fileExists(atPath: compiled.path)
            return try await CoreAIRunner(
                file: there ? compiled : file, artifact: artifact, inputWH: input.size)
        }
        #endif
        throw MobileCatError(
            .bundle, "This device has no Core AI",
            [Problem("\(artifact.file) needs iOS 27", fix: "take a Core ML artifact")])
    }

    private static func exists(_ folder: URL, _ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }

    private static func missing(_ what: String) -> MobileCatError {
        MobileCatError(
            .bundle, "There is no model in the app",
            [
                Problem(
                    "\(what) is not in the app's model folder",
                    fix: "make ios; for a model of your own, mobilecat export SPEC -o DIR "
                        + "--ios ios_sample/CatCam/Model")
            ])
    }

    private static var stale: MobileCatError {
        MobileCatError(
            .bundle, "The app's model folders are of two exports",
            [
                Problem(
                    "bundle.json is not the one ModelContract.swift or cascade.json was made with",
                    fix: "export again with --ios, and build")
            ])
    }
}
