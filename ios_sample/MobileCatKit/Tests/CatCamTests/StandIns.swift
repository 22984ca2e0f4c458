import Foundation
import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// Vision with a detector that looks at pixels, behind the pipeline's own protocol.
struct PixelRunner: ModelRunner {
    enum Gives { case tensors, observations }

    let eye: PixelVision
    let gives: Gives

    func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
        let r = sight.region
        let seen = eye.look(
            at: pixels.rgbRows(), exif: sight.orientation.rawValue, region: (r.x, r.y, r.w, r.h),
            option: sight.cropAndScale == .scaleFit ? 1 : sight.cropAndScale == .centerCrop ? 0 : 2)
        guard gives == .observations else {
            return .tensors(try Self.tensors(seen.face, seen.left, seen.right))
        }
        return .observations(
            seen.observed.map {
                [Observation(box: $0, labels: [.init("face", 1)], confidence: 0.9)]
            } ?? [])
    }

    static func tensors(
        _ face: BoxXYXY?, _ left: PointXY?, _ right: PointXY?
    ) throws -> [String: Tensor] {
        let here = face != nil && left != nil && right != nil
        let none = PointXY(0, 0)
        let padding = [0.0, 0, 0, 0]
        let marks: [Double] = [left ?? none, right ?? none].flatMap { [$0.x, $0.y] }
        return [
            "boxes": try Tensor(
                shape: [1, 2, 4], values: (face?.values ?? padding) + padding),
            "scores": try Tensor(shape: [1, 2], values: [here ? 0.9 : 0, 0]),
            "class_ids": try Tensor(shape: [1, 2], values: [0.0, 0]),
            "landmarks": try Tensor(shape: [1, 2, 2, 2], values: marks + padding),
            "count": try Tensor(shape: [1], values: [here ? 1.0 : 0]),
        ]
    }
}

/// A bundle as the exporter writes it, for a detector of the world's face.
///
/// edit: changes its first artifact.
func bundle(
    contract: String, w: Int, h: Int, resize: String = "letterbox",
    edit: (inout [String: Any]) -> Void = { _ in }
) throws -> ModelBundle {
    let fixture = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/bundle.json")
    guard
        var root = try JSONSerialization.jsonObject(with: Data(contentsOf: fixture))
            as? [String: Any],
        var spec = root["spec"] as? [String: Any], var input = spec["input"] as? [String: Any],
        var artifacts = root["artifacts"] as? [[String: Any]]
    else { throw MobileCatError(.bundle, "the fixture is no bundle", []) }
    input["size"] = [w, h]
    input["resize"] = resize
    spec["input"] = input
    spec["landmarks"] = contract == "vision" ? [] : World.eyeNames
    artifacts[0]["contract"] = contract
    if contract == "vision" {
        artifacts[0]["outputs"] = ["confidence": "confidence", "coordinates": "coordinates"]
    }
    edit(&artifacts[0])
    root["spec"] = spec
    root["artifacts"] = artifacts
    return try ModelBundle(json: JSONSerialization.data(withJSONObject: root))
}

func model(
    _ gives: PixelRunner.Gives, w: Int, h: Int, resize: String = "letterbox"
) throws -> RunnableModel<PixelBuffer> {
    let contract = gives == .tensors ? "tensor" : "vision"
    return try RunnableModel(
        bundle: bundle(contract: contract, w: w, h: h, resize: resize),
        file: "yunet.mlmodel", runner: PixelRunner(eye: PixelVision(modelW: w, modelH: h), gives: gives))
}

/// Frames that a test pushes.
final class PushedFrames: FrameSource {
    private var deliver: (@Sendable (CameraFrame<PixelBuffer>) -> Void)?
    func start(_ deliver: @escaping @Sendable (CameraFrame<PixelBuffer>) -> Void) {
        self.deliver = deliver
    }
    func stop() { deliver = nil }
    func push(_ frame: CameraFrame<PixelBuffer>) { deliver?(frame) }
}

final class SetClock: FrameClock {
    var time = 0.0
    func now() -> Double { time }
}

extension XCTestCase {
    /// Boxes within 1.5 pixels of the world, landmarks within 1.5: a pixel of the model input each.
    func assertOnFace(
        _ result: FrameResult, _ view: (w: Double, h: Double), mirrored: Bool, _ what: String
    ) throws {
        let within = 1.5 * World.viewScale(view.w, view.h)
        XCTAssertEqual(result.found.map(\.label), ["face"], what)
        let found = try XCTUnwrap(result.found.first, what)
        let face = World.inView(World.face, view.w, view.h, mirrored: mirrored)
        for (got, wanted) in zip(found.viewBox.values, face.values) {
            XCTAssertEqual(got, wanted, accuracy: within, what)
        }
        guard !found.landmarks.isEmpty else { return }
        for (name, eye) in zip(World.eyeNames, [World.leftEye, World.rightEye]) {
            let wanted = World.inView(eye, view.w, view.h, mirrored: mirrored).middle
            let got = try XCTUnwrap(found[name], what)
            XCTAssertEqual(got.x, wanted.x, accuracy: within, "\(what) \(name)")
            XCTAssertEqual(got.y, wanted.y, accuracy: within, "\(what) \(name)")
        }
    }
}
