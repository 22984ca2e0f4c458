import Foundation
import XCTest

@testable import MobileCatKit

func fixture(_ name: String) throws -> Data {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return try Data(
        contentsOf: folder.appendingPathComponent("../Fixtures/\(name)").standardizedFileURL)
}

/// The fixture bundle with `change` made to it.
func editedBundle(_ change: (inout [String: Any]) -> Void) throws -> Data {
    let parsed = try JSONSerialization.jsonObject(with: fixture("bundle.json"))
    var object = try XCTUnwrap(parsed as? [String: Any])
    change(&object)
    return try JSONSerialization.data(withJSONObject: object)
}

/// A bundle and one run of its ONNX artifact, as the exporter and onnxruntime left them.
final class OutputTests: XCTestCase {
    func tensors() throws -> (outputs: [String: Tensor], document: Args) {
        let json = try JSONDecoder().decode(JSONValue.self, from: fixture("yunet_outputs.json"))
        let document = try Args(json)
        let outputs = try document.args("outputs").object.mapValues { output in
            let output = try Args(output)
            return try Tensor(shape: output.wholes("shape"), values: output.numbers("values"))
        }
        return (outputs, document)
    }

    func testAFaceComesBackToThePicture() throws {
        let bundle = try ModelBundle(json: fixture("bundle.json"))
        let (outputs, document) = try tensors()
        let plan = try bundle.resizePlan(imageWH: document.size("image_wh"))
        XCTAssertEqual(
            [plan.left, plan.top, plan.resizedWH.w, plan.resizedWH.h], [91, 0, 457, 384])
        let artifact = try bundle.artifact("yunet.onnx")
        let found = try bundle.detections(
            of: artifact, outputs: outputs, imageFromModel: plan.imageFromModel)
        XCTAssertEqual(differences(found.json, try document.json("expect"), 2e-6), [])
        XCTAssertEqual(found.map { bundle.label($0.classID) }, ["face"])
        XCTAssertEqual(found.first?.landmarks.count, bundle.landmarkNames.count)
    }

    /// Two rows of which one counts: each point's own score stays with its row, in no frame.
    func testLandmarksSayHowSureTheyAre() throws {
        func tensor(_ shape: [Int], _ values: [Double]) throws -> Tensor {
            try Tensor(shape: shape, values: values)
        }
        func found(_ seen: Tensor?) throws -> [Detection] {
            try DetectionTensors(
                boxes: tensor([1, 2, 4], [1, 2, 3, 4, 0, 0, 0, 0]),
                scores: tensor([1, 2], [0.9, 0]), classIDs: tensor([1, 2], [0, 0]),
                count: tensor([1], [1]),
                landmarks: tensor([1, 2, 2, 2], [5, 6, 7, 8, 0, 0, 0, 0]), landmarkScores: seen
            ).detections(imageFromModel: .scaleThenMove(2, 2))
        }
        let sure = try found(tensor([1, 2, 2], [0.75, 0.25, 0, 0]))
        XCTAssertEqual(sure.map(\.landmarkScores), [[0.75, 0.25]])
        XCTAssertEqual(sure.map(\.landmarks), [[PointXY(10, 12), PointXY(14, 16)]])
        XCTAssertEqual(try found(nil).map(\.landmarkScores), [[]])
        assertRefused(.outputs, "landmark_scores have shape [1, 3, 2]") {
            try found(tensor([1, 3, 2], [0, 0, 0, 0, 0, 0]))
        }
        let candidates = try CandidateTensors(
            boxes: tensor([1, 2, 4], [0, 0, 9, 9, 50, 50, 60, 60]),
            scores: tensor([1, 2, 1], [0.6, 0.8]), landmarks: tensor([1, 2, 2], [1, 2, 51, 52]),
            landmarkScores: tensor([1, 2, 1], [0.125, 0.5]))
        let nms = try XCTUnwrap(ModelBundle(json: fixture("bundle.json")).nms)
        let kept = try candidates.detections(nms: nms, imageFromModel: .identity)
        XCTAssertEqual(kept.map(\.landmarkScores), [[0.5], [0.125]])
    }

    func testMissingOutputsAreAllNamed() throws {
        let bundle = try ModelBundle(json: fixture("bundle.json"))
        let artifact = try bundle.artifact("yunet.onnx")
        let few = try tensors().outputs.filter { ["boxes", "count"].contains($0.key) }
        assertRefused(
            .outputs, "yunet.onnx: no output \"scores\"", "no output \"class_ids\"",
            "no output \"landmarks\"", "got boxes, count"
        ) { try bundle.tensors(of: artifact, outputs: few) }
    }

    /// A Vision pipeline run without Vision: two outputs of its own, normalised to 640×384.
    func testVisionContract() throws {
        let bundle = try ModelBundle(
            json: editedBundle { object in
                var artifacts = object["artifacts"] as? [[String: Any]] ?? []
                artifacts[0]["contract"] = "vision"
                artifacts[0]["outputs"] = ["confidence": "conf", "coordinates": "coordinates"]
                object["artifacts"] = artifacts
            })
        let artifact = try bundle.artifact("yunet.mlmodel")
        let outputs = try [
            "conf": Tensor(shape: [1, 1], values: [0.75]),
            "coordinates": Tensor(shape: [1, 4], values: [0.5, 0.25, 0.25, 0.125]),
        ]
        let found = try bundle.detections(
            of: artifact, outputs: outputs, imageFromModel: .scaleThenMove(2, 3, 0, -10))
        // centre (320, 96), 160 × 48 → (240, 72, 400, 120)
        XCTAssertEqual(
            found, [Detection(box: BoxXYXY(480, 206, 800, 350), score: 0.75, classID: 0)])
        assertRefused(
            .outputs, "no output \"conf\" (confidence)", "no output \"coordinates\"", "got boxes"
        ) {
            try bundle.detections(
                of: artifact, outputs: ["boxes": Tensor(shape: [0], values: [Double]())],
                imageFromModel: .identity)
        }
    }

    /// Damaged numbers must be refused: turning them into whole numbers would end the app.
    func testDamagedNumbers() throws {
        func decode(count: Double, id: Double, score: Double = 0.5) throws -> [Detection] {
            try DetectionTensors(
                boxes: Tensor(shape: [1, 1, 4], values: [1.0, 2, 4, 7]),
                scores: Tensor(shape: [1, 1], values: [score]),
                classIDs: Tensor(shape: [1, 1], values: [id]),
                count: Tensor(shape: [1], values: [count])
            ).detections(imageFromModel: .identity)
        }
        XCTAssertEqual(
            try decode(count: 1, id: 3),
            [Detection(box: BoxXYXY(1, 2, 4, 7), score: 0.5, classID: 3)])
        XCTAssertEqual(try decode(count: 1, id: 3, score: .nan), [])
        XCTAssertEqual(try decode(count: 0, id: .nan), [])
        assertRefused(.outputs, "count is nan") { try decode(count: .nan, id: 0) }
        assertRefused(.outputs, "count is 1e+300") { try decode(count: 1e300, id: 0) }
        assertRefused(.outputs, "class_ids[0] is nan") { try decode(count: 1, id: .nan) }
    }

    func testEveryContradictionIsNamed() throws {
        let tensors = try DetectionTensors(
            boxes: Tensor(shape: [1, 2, 3], values: [Double](repeating: 0, count: 6)),
            scores: Tensor(shape: [1, 2], values: [0.0, 0]),
            classIDs: Tensor(shape: [2, 2], values: [0.0, 0, 0, 0]),
            count: Tensor(shape: [0], values: [Double]()))
        assertRefused(
            .outputs, "boxes has shape [1, 2, 3]", "[1, K, 4]", "class_ids has shape [2, 2]",
            "count is missing"
        ) { try tensors.detections(imageFromModel: .identity) }
    }

    func testConfidenceTiesAndNaN() throws {
        let found = try Detection.fromCoreMLNMS(
            confidence: Tensor(
                shape: [1, 4, 2], values: [0.25, 0.25, 0.5, .nan, .nan, 0.5, 0.25, 0.75]),
            coordinates: Tensor(
                shape: [1, 4, 4],
                values: [0.5, 0.5, 1, 1] + [Double](repeating: 0, count: 8) + [0.5, 0.5, 0.2, 0.4]),
            modelWH: SizeWH(10, 20), imageFromModel: .identity)
        XCTAssertEqual(
            found,
            [
                Detection(box: BoxXYXY(0, 0, 10, 20), score: 0.25, classID: 0),
                Detection(box: BoxXYXY(4, 6, 6, 14), score: 0.75, classID: 1),
            ])
    }
}
