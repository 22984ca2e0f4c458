import CoreML
import CryptoKit
import Foundation
import MobileCatKit
import Vision

/// The app's models. To swap one, export over its folder; nothing here names a model.
///
/// The folders' `Bundle`s go into the app as they are, and Core ML compiles on the phone what they
/// hold: a new artifact needs no change of the project.
enum Models {
    /// The detector; with it, where it came as a cascade, the landmark model and the crop rule.
    ///
    /// file: an artifact's name; nil takes ModelContract's first. Errors: MobileCatError, Core ML's.
    static func load(file: String? = nil) async throws -> FramePipeline<Picture> {
        let folder = Bundle.main.bundleURL.appendingPathComponent("Model/Bundle")
        let detector = try await model(
            in: folder, file: file ?? ModelContract.artifacts.first?.file,
            madeWith: ModelContract.bundleSHA256)
        // Without cascade.json, what lies in LandmarkModel is of another detector.
        guard exists(folder, "cascade.json") else { return FramePipeline(detector: detector) }
        let cascade = try CascadeContract(
            json: Data(contentsOf: folder.appendingPathComponent("cascade.json")))
        let landmarker = try await model(
            in: Bundle.main.bundleURL.appendingPathComponent("LandmarkModel/Bundle"), file: nil,
            madeWith: cascade.landmarksSHA256)
        return FramePipeline(cascade: cascade, detector: detector, landmarker: landmarker)
    }

    private static func model(
        in folder: URL, file: String?, madeWith sha256: String
    ) async throws -> RunnableModel<Picture> {
        guard exists(folder, "bundle.json") else { throw missing("bundle.json") }
        let data = try Data(contentsOf: folder.appendingPathComponent("bundle.json"))
        let bundle = try ModelBundle(json: data)
        let name = file ?? bundle.artifacts.first { $0.kind == "coreml" }?.file
        guard let name, exists(folder, name) else { throw missing(name ?? "a Core ML artifact") }
        let found = SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
        guard sha256 == found else { throw stale }
        let compiled = try await MLModel.compileModel(at: folder.appendingPathComponent(name))
        let model = try VNCoreMLModel(for: MLModel(contentsOf: compiled))
        return try RunnableModel(bundle: bundle, file: name, runner: VisionRunner(model: model))
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
