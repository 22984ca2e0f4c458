import Foundation
import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// Vision and a detector, by pixels: turns, crops and scales as documented, then looks for colours.
///
/// Its arithmetic is its own, row by row of the documented tables: nothing of FrameRequest.
struct PixelVision: ModelRunner {
    enum Gives { case tensors, observations }

    let modelW: Int
    let modelH: Int
    let gives: Gives

    func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
        let upright = Self.turned(pixels.rgbRows(), exif: sight.orientation.rawValue)
        let (w, h) = (Double(upright[0].count), Double(upright.count))
        let r = sight.region
        let (x0, y0, rw, rh) = (r.x * w, (1 - r.y - r.h) * h, r.w * w, r.h * h)
        var (gx, gy) = (Double(modelW) / rw, Double(modelH) / rh)
        switch sight.cropAndScale {
        case .scaleFit: (gx, gy) = (min(gx, gy), min(gx, gy))
        case .centerCrop: (gx, gy) = (max(gx, gy), max(gx, gy))
        default: break
        }
        let (px, py) = ((Double(modelW) - gx * rw) / 2, (Double(modelH) - gy * rh) / 2)
        let input = (0..<modelH).map { row in
            (0..<modelW).map { column -> RGB in
                let x = (Double(column) + 0.5 - px) / gx
                let y = (Double(row) + 0.5 - py) / gy
                guard 0..<rw ~= x, 0..<rh ~= y else { return RGB(0, 0, 0) }
                return upright[min(Int(y0 + y), upright.count - 1)][
                    min(Int(x0 + x), upright[0].count - 1)]
            }
        }
        let (face, left, right) = Self.found(in: input)
        switch gives {
        case .tensors:
            return .tensors(try Self.tensors(face, left, right))
        case .observations:
            guard let face else { return .observations([]) }
            // Undone by hand: out of the padding, onto the region, into (0–1, lower-left).
            let (x1, x2) = ((face.x1 - px) / gx + x0, (face.x2 - px) / gx + x0)
            let (y1, y2) = ((face.y1 - py) / gy + y0, (face.y2 - py) / gy + y0)
            let box = BoxXYWH(x1 / w, 1 - y2 / h, (x2 - x1) / w, (y2 - y1) / h)
            return .observations([
                Observation(box: box, labels: [.init("face", 1)], confidence: 0.9)
            ])
        }
    }

    /// TIFF 6.0, Orientation: which stored pixel is shown at (x, y).
    static func turned(_ rows: [[RGB]], exif: Int) -> [[RGB]] {
        let (w, h) = (rows[0].count, rows.count)
        let (shownW, shownH) = exif >= 5 ? (h, w) : (w, h)
        return (0..<shownH).map { y in
            (0..<shownW).map { x in
                switch exif {
                case 2: rows[y][w - 1 - x]
                case 3: rows[h - 1 - y][w - 1 - x]
                case 4: rows[h - 1 - y][x]
                case 5: rows[x][y]
                case 6: rows[h - 1 - x][y]
                case 7: rows[h - 1 - x][w - 1 - y]
                case 8: rows[x][w - 1 - y]
                default: rows[y][x]
                }
            }
        }
    }

    /// The face, the middle of its left eye and of its right, in pixels of a model's input.
    static func found(in input: [[RGB]]) -> (face: BoxXYXY?, left: PointXY?, right: PointXY?) {
        let face = extent(input) { $0.r > 150 && $0.g < 90 && $0.b < 90 }
        let left = extent(input) { $0.b > 150 && $0.r < 90 && $0.g < 90 }
        let right = extent(input) { $0.g > 150 && $0.r < 90 && $0.b < 90 }
        return (face, left?.middle, right?.middle)
    }

    private static func extent(_ rows: [[RGB]], _ isIt: (RGB) -> Bool) -> BoxXYXY? {
        var xs: [Int] = []
        var ys: [Int] = []
        for (y, row) in rows.enumerated() {
            for (x, pixel) in row.enumerated() where isIt(pixel) {
                xs.append(x)
                ys.append(y)
            }
        }
        guard let x1 = xs.min(), let x2 = xs.max(), let y1 = ys.min(), let y2 = ys.max() else {
            return nil
        }
        return BoxXYXY(Double(x1), Double(y1), Double(x2 + 1), Double(y2 + 1))
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
    _ gives: PixelVision.Gives, w: Int, h: Int, resize: String = "letterbox"
) throws -> RunnableModel<PixelBuffer> {
    let contract = gives == .tensors ? "tensor" : "vision"
    return try RunnableModel(
        bundle: bundle(contract: contract, w: w, h: h, resize: resize),
        file: "yunet.mlmodel", runner: PixelVision(modelW: w, modelH: h, gives: gives))
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
