import CoreAI
import CoreML
import MobileCatKit
import Vision
import XCTest

@testable import CatCam

/// The app's model folders, where an app finds them, with files that hold no network: what the models
/// see is `PixelVision`'s.
enum Installed {
    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../CatCam").standardized
    static var app: URL { Bundle.main.bundleURL }

    /// files: of the detector, besides the landmark model's.
    static func put(
        _ files: [String] = ["cat_faces.mlmodel"],
        landmarks: [String] = ["cat_landmarks.mlpackage"], cascade: Bool = true
    ) throws {
        remove()
        for (part, files) in [("Model", files), ("LandmarkModel", landmarks)] {
            let folder = app.appendingPathComponent("\(part)/Bundle")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            // What is committed; models lie beside it where somebody ran `make ios`.
            for name in ["bundle.json", "cascade.json", "labels.txt"] {
                let source = sources.appendingPathComponent("\(part)/Bundle/\(name)")
                guard FileManager.default.fileExists(atPath: source.path) else { continue }
                try FileManager.default.copyItem(
                    at: source, to: folder.appendingPathComponent(name))
            }
            for file in files {
                try write("of the first export", to: folder.appendingPathComponent(file))
            }
        }
        if !cascade {
            try FileManager.default.removeItem(
                at: app.appendingPathComponent("Model/Bundle/cascade.json"))
        }
    }

    static func remove() {
        for part in ["Model", "LandmarkModel"] {
            try? FileManager.default.removeItem(at: app.appendingPathComponent(part))
        }
    }

    /// A file, or a package's one file inside.
    static func write(_ text: String, to url: URL) throws {
        let isFile = url.pathExtension == "mlmodel"
        let file = isFile ? url : url.appendingPathComponent("Data/model")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    /// The cats' contracts, answered by what the pixels show of the world's face.
    static func answer(_ asked: Asked) throws -> [VNObservation] {
        let isDetector = asked.model.source.lastPathComponent.hasPrefix("cat_faces")
        let side = isDetector ? 224 : 128
        let rows =
            switch asked.picture {
            case .buffer(let buffer): Buffers.rows(of: buffer)
            case .image(let image): image.colours
            }
        let r = asked.region
        let seen = PixelVision(modelW: side, modelH: side).look(
            at: rows, exif: Int(asked.orientation.rawValue),
            region: (Double(r.minX), Double(r.minY), Double(r.width), Double(r.height)),
            option: asked.option.rawValue)
        guard isDetector else {
            return landmarks(seen.left, seen.right).sorted { $0.key < $1.key }.map { name, value in
                let array = MLMultiArray(shape: value.shape, values: value.values)
                return VNCoreMLFeatureValueObservation(
                    featureName: name, featureValue: MLFeatureValue(array))
            }
        }
        guard let box = seen.observed else { return [] }
        return [
            VNRecognizedObjectObservation(
                boundingBox: CGRect(x: box.x, y: box.y, width: box.w, height: box.h),
                confidence: 0.875,
                labels: [VNClassificationObservation(identifier: "cat face", confidence: 1)])
        ]
    }

    /// The landmark model's tensors: its first two points are the eyes, the others nowhere.
    static func landmarks(
        _ left: PointXY?, _ right: PointXY?
    ) -> [String: (shape: [Int], values: [Double])] {
        let points: [Double] = [left, right].flatMap { [$0?.x ?? 0, $0?.y ?? 0] }
        return [
            "boxes": ([1, 1, 4], [0, 0, 128, 128]), "scores": ([1, 1], [1]),
            "class_ids": ([1, 1], [0]), "count": ([1], [1]),
            "landmarks": ([1, 1, 9, 2], points + [Double](repeating: 0, count: 14)),
        ]
    }

    /// The same as `.aimodel`s: candidates of the detector, tensors of the landmark model.
    static func made(_ url: URL) -> AIModels.Made? {
        let isDetector = url.lastPathComponent.hasPrefix("cat_faces")
        let side = isDetector ? 224 : 128
        let outputs =
            isDetector
            ? ["candidate_boxes", "candidate_scores"]
            : ["boxes", "scores", "class_ids", "landmarks", "count"]
        return AIModels.Made(input: "image", w: side, h: side, outputs: outputs) { inputs in
            guard let drawn = inputs["image"] else { throw CocoaError(.fileNoSuchFile) }
            let seen = PixelVision.found(in: Buffers.rows(of: drawn))
            guard isDetector else {
                return landmarks(seen.left, seen.right).mapValues { value in
                    NDArray(.float32, shape: value.shape, value.values.map(Float.init))
                }
            }
            var boxes = [Float](repeating: 0, count: 530 * 4)
            var scores = [Float](repeating: 0, count: 530)
            if let face = seen.face {
                boxes.replaceSubrange(0..<4, with: face.values.map(Float.init))
                scores[0] = 0.875
            }
            return [
                "candidate_boxes": NDArray(.float32, shape: [1, 530, 4], boxes),
                "candidate_scores": NDArray(.float32, shape: [1, 530, 1], scores),
            ]
        }
    }
}
