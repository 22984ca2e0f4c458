#if !os(iOS)
import Foundation
import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// The cat models as `.aimodel`s: the app draws their input, and suppresses what they find.
final class CatCoreAITests: XCTestCase {
    private var phone: SimulatedPhone!
    private var scenes: [CatScene] = []

    override func setUpWithError() throws {
        phone = try SimulatedPhone()
        scenes = try XCTUnwrap(phone.ask(["do": "scenes"]).0.scenes).filter { !$0.cats.isEmpty }
    }

    override func tearDown() {
        phone?.hangUp()
    }

    /// All eight orientations with both cameras, BGRA and 420v with padded rows in turn.
    func testTheOverlayLandsOnTheCats() throws {
        let (frames, clock, log) = (PushedFrames(), SetClock(), Results())
        let live = LiveSession(
            source: frames, pipeline: try phone.catsByCoreAI(), clock: clock
        ) { log.take($0) }
        live.start()
        var seen: Set<[String]> = []
        for (camera, angles) in SimulatedSessionTests.uprightAngles {
            for (i, upright) in angles.values.enumerated() {
                for (k, (applied, mirrored)) in [
                    (0, false), (0, true), (90, false), (180, true),
                ].enumerated() {
                    let state = ConnectionState(
                        camera: camera, appliedAngle: applied, mirrored: mirrored,
                        uprightAngle: upright)
                    let format = (i + k) % 2 == 0 ? PixelFormat.bgra32 : .yuv420v
                    let scene = scenes[(i + k) % scenes.count]
                    let view = try CatSessionTests.view(k % 2 == 0, mirrored: camera == .front)
                    live.draw(in: view)
                    clock.time += 1
                    frames.push(
                        try phone.frame(of: scene, .camera(state), format, time: clock.time))
                    let result = try log.last()
                    XCTAssertEqual(
                        CatSessionTests.misses(result, scene, view), [],
                        "\(scene.file) \(state) \(format)")
                    XCTAssertEqual(result.look.engine, .coreAI)
                    XCTAssertEqual(result.crops.map(\.engine), scene.cats.map { _ in .coreAI })
                    let orientation = try FrameOrigin.camera(state).orientation()
                    seen.insert(["\(orientation)", "\(camera)"])
                }
            }
        }
        XCTAssertEqual(seen.count, 8 * 2)
    }

    func testAWrongOrientationIsCaught() throws {
        var pipeline = try phone.catsByCoreAI()
        let view = try CatSessionTests.view(true, mirrored: false)
        for (i, wrong) in Orientation.allCases.filter({ $0 != .right }).enumerated() {
            let scene = scenes[i % scenes.count]
            let frame = try phone.frame(of: scene, .camera(CatSessionTests.upright), .yuv420v)
            pipeline.orientationOf = { _ in wrong }
            XCTAssertNotEqual(
                CatSessionTests.misses(try pipeline.process(frame, view: view), scene, view), [],
                "\(wrong) goes unnoticed: \(scene.file)")
        }
    }

    /// A capture of the right app, and one of a picture drawn upside down; the fix is the app's own drawing.
    func testDiagnoseNamesAWrongOrientation() throws {
        let planted: [(Orientation, verdict: String, ids: [String])] = [
            (.right, "nothing wrong", []), (.left, "named", ["5"]),
        ]
        let pipeline = try phone.catsByCoreAI()
        for (orientation, verdict, ids) in planted {
            let (code, answer) = try CatSessionTests.diagnosis(
                pipeline, phone, scenes, planted: orientation)
            XCTAssertEqual(answer.verdict, verdict, "\(orientation): \(answer.sentence)")
            XCTAssertEqual(answer.first?.ids ?? [], ids, "\(orientation): \(answer.sentence)")
            XCTAssertEqual(code, ids.isEmpty ? 0 : 1)
            XCTAssertEqual(answer.sentence.contains("turn it by .right (EXIF 6)"), !ids.isEmpty)
            XCTAssertFalse(answer.sentence.contains("Vision"), answer.sentence)
        }
    }
}
#endif
