import AVFoundation
import CoreAI
import CoreImage
import MobileCatKit
import UIKit
import Vision
import XCTest

@testable import CatCam

/// The whole app with drawn cats before its camera: the models themselves look, in Python, at what the
/// bridges hand to Vision, or draw for Core AI.
final class CatScreenTests: BridgeCase {
    private var phone: SimulatedPhone!
    private var scenes: [CatScene] = []

    override func setUpWithError() throws {
        try super.setUpWithError()
        phone = try SimulatedPhone()
        scenes = try XCTUnwrap(phone.ask(["do": "scenes"]).0.scenes).filter { !$0.cats.isEmpty }
        let phone = phone!
        Asked.answer = { try Self.vision(phone, $0) }
    }

    override func tearDown() {
        phone?.hangUp()
        Installed.remove()
        super.tearDown()
    }

    private static func facts(of buffer: CVPixelBuffer) -> ([String: Any], Data) {
        let bytes = buffer.planes.map { Data($0.bytes) }.reduce(Data(), +)
        return (
            [
                "format": buffer.isPlanar ? "420v" : "32BGRA",
                "size_wh": [buffer.width, buffer.height],
                "row_strides": buffer.planes.map(\.bytesPerRow),
            ], bytes
        )
    }

    private static func vision(_ phone: SimulatedPhone, _ asked: Asked) throws -> [VNObservation] {
        guard case .buffer(let buffer) = asked.picture else { return [] }
        let names: [UInt: String] = [0: "centerCrop", 1: "scaleFit", 2: "scaleFill"]
        let r = asked.region
        var (question, bytes) = facts(of: buffer)
        question.merge([
            "do": "vision", "file": asked.model.source.lastPathComponent,
            "orientation": Int(asked.orientation.rawValue),
            "region": [r.minX, r.minY, r.width, r.height].map { Double($0) },
            "crop_and_scale": names[asked.option.rawValue]!, "observations": "region",
        ]) { $1 }
        let (answer, _) = try phone.ask(question, bytes)
        if let tensors = answer.tensors {
            return tensors.map { name, value in
                let array = MLMultiArray(shape: value.shape, values: value.values)
                return VNCoreMLFeatureValueObservation(
                    featureName: name, featureValue: MLFeatureValue(array))
            }
        }
        return (answer.observations ?? []).map { seen in
            let b = seen.boxXywh
            return VNRecognizedObjectObservation(
                boundingBox: CGRect(x: b[0], y: b[1], width: b[2], height: b[3]),
                confidence: Float(seen.score),
                labels: [VNClassificationObservation(identifier: seen.label, confidence: 1)])
        }
    }

    /// Frames of a scene, as the connection turns and mirrors them.
    private func look(at scene: CatScene, held: DeviceOrientation) {
        Cameras.look(with: .iPhone, held: held)
        let phone = phone!
        Cameras.see = { device, applied, mirrored, asked in
            let state = ConnectionState(
                camera: device.position == .front ? .front : .back, appliedAngle: applied,
                mirrored: mirrored, uprightAngle: Int(device.levelAngle))
            let format: PixelFormat = asked == 0x3432_3076 ? .yuv420v : .bgra32
            guard let frame = try? phone.frame(of: scene, .camera(state), format) else {
                return nil
            }
            var at = 0
            let planes = frame.pixels.layout.planes.map { plane in
                let made = Plane(
                    width: plane.cols, height: plane.rows, bytesPerRow: plane.rowStride)
                let bytes = frame.pixels.data[at..<at + plane.fullBytes]
                _ = made.bytes.update(fromContentsOf: bytes)
                at += plane.fullBytes
                return made
            }
            return CVBuffer(
                format: format == .yuv420v ? 0x3432_3076 : 0x4247_5241,
                width: frame.pixels.layout.width, height: frame.pixels.layout.height, planes: planes
            )
        }
    }

    /// Where the preview shows a cat: aspect fill, worked out by hand.
    @MainActor private func shown(_ cat: CatScene.Cat, _ scene: CatScene, _ app: Running) throws
        -> CGRect
    {
        let layer = app.preview.previewLayer
        let connection = try XCTUnwrap(layer.connection)
        XCTAssertEqual(connection.videoRotationAngle, connection.device.levelAngle)
        let (at, size) = (app.preview.origin(in: app.window), app.preview.bounds.size)
        let (w, h, b) = (scene.sizeWh[0], scene.sizeWh[1], cat.boxXyxy)
        let s = max(Double(size.width) / w, Double(size.height) / h)
        let x = (Double(size.width) - s * w) / 2 + s * b[0]
        let left = connection.isVideoMirrored ? Double(size.width) - x - s * (b[2] - b[0]) : x
        return CGRect(
            x: Double(at.x) + left, y: Double(at.y) + (Double(size.height) - s * h) / 2 + s * b[1],
            width: s * (b[2] - b[0]), height: s * (b[3] - b[1]))
    }

    @MainActor private func assertOnCats(_ app: Running, _ scene: CatScene, _ what: String) throws {
        app.overlay(app.live).found = []
        app.push()
        wait("\(what): boxes, not: \(app.message(app.live))") {
            app.overlay(app.live).found.count == scene.cats.count
        }
        let boxes = app.boxes(app.live)
        for cat in scene.cats {
            let wanted = try shown(cat, scene, app)
            let best =
                boxes.map { box -> Double in
                    let both = box.intersection(wanted)
                    guard !both.isNull else { return 0 }
                    let shared = Double(both.width * both.height)
                    let all = Double(box.width * box.height + wanted.width * wanted.height)
                    return shared / (all - shared)
                }.max() ?? 0
            XCTAssertGreaterThan(best, 0.75, "\(what): \(boxes) for \(wanted)")
        }
        // Both eyes of every cat have their white.
        XCTAssertEqual(
            app.drawn(app.live).filter { $0.color == "white" }.count, 2 * scene.cats.count, what)
    }

    func testBoxesLieOnTheCats() throws {
        try onMain {
            try Installed.put()
            look(at: scenes[0], held: .portrait)
            let app = try Running()
            wait("the camera runs") { app.output?.connection != nil && app.source.isRunning }
            for (position, next) in [("back", true), ("front", false)] {
                for (i, held) in DeviceOrientation.allCases.enumerated() {
                    let scene = scenes[i % scenes.count]
                    look(at: scene, held: held)
                    let lies = held == .landscapeLeft || held == .landscapeRight
                    app.resize(CGSize(width: lies ? 844 : 390, height: lies ? 390 : 844))
                    try assertOnCats(app, scene, "\(position) \(held) \(scene.file)")
                }
                guard next else { break }
                let before = app.preview.previewLayer.connection
                try app.tap("arrow.triangle.2.circlepath.camera", on: app.live)
                wait("the other camera runs") {
                    app.preview.previewLayer.connection !== before && app.source.isRunning
                }
                settle()
            }
        }
    }

    /// The same models as `.aimodel`s: the app itself draws what they look at.
    func testBoxesLieOnTheCatsByCoreAI() throws {
        try onMain {
            CIContext.points = 2
            try Installed.put(
                ["cat_faces.aimodel"], landmarks: ["cat_landmarks.aimodel"])
            let phone = phone!
            AIModels.of = { url in
                let made = Installed.made(url)
                return made?.answering { inputs in
                    var (question, bytes) = Self.facts(of: inputs["image"]!)
                    question.merge(["do": "coreai", "file": url.lastPathComponent]) { $1 }
                    let tensors = try phone.ask(question, bytes).0.tensors ?? [:]
                    return tensors.mapValues {
                        NDArray(.float32, shape: $0.shape, $0.values.map(Float.init))
                    }
                }
            }
            look(at: scenes[0], held: .portrait)
            let app = try Running()
            wait("the camera runs") { app.output?.connection != nil && app.source.isRunning }
            for (scene, held) in zip(scenes, [DeviceOrientation.portrait, .landscapeRight]) {
                look(at: scene, held: held)
                let lies = held == .landscapeRight
                app.resize(CGSize(width: lies ? 844 : 390, height: lies ? 390 : 844))
                try assertOnCats(app, scene, "\(held) \(scene.file)")
            }
        }
    }
}
