import Foundation
import XCTest

@testable import MobileCatKit

final class BundleTests: XCTestCase {
    func testWhatTheExporterWrote() throws {
        let bundle = try ModelBundle(json: fixture("bundle.json"))
        XCTAssertEqual(bundle.name, "yunet")
        XCTAssertEqual(bundle.headKind, "yunet")
        XCTAssertEqual(bundle.versions["mobilecat"], "0.1.0")
        XCTAssertEqual(bundle.input?.size, try SizeWH(640, 384))
        XCTAssertEqual(bundle.input?.resize, .letterbox)
        XCTAssertNil(bundle.input?.rounding)
        XCTAssertEqual(bundle.input?.pad, 114)
        XCTAssertEqual(
            bundle.nms,
            ModelBundle.NMS(
                scoreThreshold: 0.3, iouThreshold: 0.45, maxDetections: 7, perClass: true))
        XCTAssertEqual(bundle.labels, ["face"])
        XCTAssertEqual(bundle.landmarkNames.prefix(2), ["right_eye", "left_eye"])
        XCTAssertEqual(
            bundle.outputs.map(\.name), ["boxes", "scores", "class_ids", "landmarks", "count"])
        XCTAssertEqual(bundle.outputs[3].shape, [1, 7, 5, 2])
        XCTAssertEqual(bundle.inputs.map(\.name), ["image"])
        XCTAssertEqual(bundle.inputs.map(\.shape), [[1, 384, 640, 3]])
        XCTAssertEqual(bundle.outputs.map(\.dtype)[2...], ["int32", "float32", "int32"])
        XCTAssertTrue(bundle.outputs[0].meaning.hasPrefix("xyxy, pixels of the model input"))
        let core = try bundle.artifact("yunet.mlmodel")
        XCTAssertEqual([core.kind, core.format, core.contract], ["coreml", "mlmodel", "tensor"])
        XCTAssertEqual(core.image, "pixels")
        XCTAssertEqual(core.outputDTypes, ["class_ids": "float32", "count": "float32"])
        XCTAssertEqual(core.sha256.count, 64)
        XCTAssertEqual([bundle.label(0), bundle.label(1)], ["face", "1"])
        let decoded = try JSONDecoder().decode(ModelBundle.self, from: fixture("bundle.json"))
        XCTAssertEqual(decoded, bundle)
    }

    func testUnknownKeysAreLeftAlone() throws {
        let more = try editedBundle { object in
            object["a_later_key"] = ["deep": [1, 2, 3]]
            var spec = object["spec"] as? [String: Any] ?? [:]
            spec["another"] = NSNull()
            object["spec"] = spec
        }
        XCTAssertEqual(try ModelBundle(json: more), try ModelBundle(json: fixture("bundle.json")))
    }

    func testEveryMissingKeyIsNamedByItsPath() throws {
        let broken = try editedBundle { object in
            object["name"] = nil
            var spec = object["spec"] as? [String: Any] ?? [:]
            var input = spec["input"] as? [String: Any] ?? [:]
            input["size"] = nil
            input["resize"] = "squash"
            input["rounding"] = "up"
            spec["input"] = input
            spec["labels"] = ["face", 3] as [Any]
            object["spec"] = spec
            var artifacts = object["artifacts"] as? [[String: Any]] ?? []
            artifacts[1]["sha256"] = nil
            artifacts[1]["outputs"] = ["boxes"]
            object["artifacts"] = artifacts
            var outputs = object["outputs"] as? [Any] ?? []
            outputs[2] = 5
            object["outputs"] = outputs
        }
        assertRefused(
            .bundle, "  name: is missing", "spec.input.size: is missing",
            "spec.input.resize: \"squash\" is not known", "one of stretch, letterbox",
            "spec.input.rounding: is text", "spec.labels: is a list, not a list of texts",
            "artifacts[1].sha256: is missing", "artifacts[1].outputs: is a list, not an object",
            "outputs[2]: is a number, not an object"
        ) { try ModelBundle(json: broken) }
    }

    func testOtherSchemas() throws {
        let later = try editedBundle { $0["schema_version"] = 2 }
        assertRefused(.bundle, "schema_version: is 2; this version reads 1") {
            try ModelBundle(json: later)
        }
        let none = try editedBundle { $0["schema_version"] = nil }
        assertRefused(.bundle, "schema_version: is missing") { try ModelBundle(json: none) }
    }

    func testDamage() throws {
        let whole = try fixture("bundle.json")
        assertRefused(.bundle, "damaged", "export the bundle again") {
            try ModelBundle(json: whole.prefix(whole.count / 2))
        }
        assertRefused(.bundle, "a list, not an object") { try ModelBundle(json: Data("[1]".utf8)) }
        assertRefused(.bundle, "damaged") { try ModelBundle(json: Data()) }
    }

    /// As an export writes a cascade; keys that an app does not need are left out here.
    func testACascadesCropRule() throws {
        let text = """
            {"name": "cats", "schema_version": 1, "labels": ["cat face"],
             "cascade": {"detector": {"folder": "detector", "sha256": "aa"}, "boxes": null,
                         "landmarks": {"folder": "landmarks", "sha256": "bb"}, "max_crops": 20},
             "crop": {"grow": 0.25, "grow_by": "longer-side", "square": true,
                      "rounding": "none", "edge": "pad"}}
            """
        let found = try CascadeContract(json: Data(text.utf8))
        XCTAssertEqual(found.name, "cats")
        XCTAssertEqual(found.cropRule, CropRule(grow: 0.25, square: true, edge: .pad))
        XCTAssertEqual(found.maxCrops, 20)
        XCTAssertEqual(found.landmarksSHA256, "bb")
        let broken = text.replacingOccurrences(of: "\"pad\"", with: "\"wrap\"")
            .replacingOccurrences(of: "\"square\": true,", with: "")
        assertRefused(
            .bundle, "crop.edge: \"wrap\" is not known", "one of clip, pad, shift",
            "crop.square: is missing"
        ) { try CascadeContract(json: Data(broken.utf8)) }
        assertRefused(.bundle, "cascade.json is damaged") {
            try CascadeContract(json: Data("{".utf8))
        }
    }

    /// What a hand's cascade adds: keys that a rule without them leaves out.
    func testACascadesTurnedCrop() throws {
        let text = """
            {"name": "hand",
             "cascade": {"landmarks": {"folder": "landmarks", "sha256": "bb"}, "max_crops": 2},
             "crop": {"grow": 0, "grow_by": "longer-side", "square": true, "rounding": "none",
                      "edge": "pad", "scale": 2.6, "shift": [0, -0.5],
                      "rotation": {"start": 0, "end": 2, "target_degrees": 90, "about": "box"}}}
            """
        let found = try CascadeContract(json: Data(text.utf8)).cropRule
        XCTAssertEqual(
            found,
            CropRule(
                square: true, edge: .pad, scale: 2.6, shift: PointXY(0, -0.5),
                rotation: try CropRotation(start: 0, end: 2)))
        let broken = text.replacingOccurrences(of: "[0, -0.5]", with: "[0]")
            .replacingOccurrences(of: "\"end\": 2", with: "\"end\": 0")
            .replacingOccurrences(of: "\"about\": \"box\"", with: "\"about\": \"palm\"")
        assertRefused(
            .bundle, "crop.shift: is a list, not x and y", "from landmark 0 to 0",
            "\"palm\" is not known"
        ) { try CascadeContract(json: Data(broken.utf8)) }
    }

    func testAModelWithoutPicture() throws {
        let raw = try ModelBundle(
            json: editedBundle { object in
                var spec = object["spec"] as? [String: Any] ?? [:]
                spec["input"] = NSNull()
                spec["nms"] = NSNull()
                object["spec"] = spec
            })
        XCTAssertNil(raw.input)
        XCTAssertNil(raw.nms)
        assertRefused(.bundle, "takes no picture") { try raw.resizePlan(imageWH: SizeWH(3, 5)) }
        assertRefused(.bundle, "no \"cat.onnx\"", "it has yunet.mlmodel, yunet.onnx") {
            try raw.artifact("cat.onnx")
        }
    }
}
