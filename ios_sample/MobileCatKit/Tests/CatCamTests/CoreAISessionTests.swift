import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// The app's pipeline where it draws the model's input itself: no Vision takes part.
final class CoreAISessionTests: XCTestCase {
    private let phone = (w: 390.0, h: 844.0)

    private func view(mirrored: Bool = false) throws -> PictureView {
        PictureView(size: try SizeWH(phone.w, phone.h), mode: .resizeAspectFill, mirrored: mirrored)
    }

    private let held = ConnectionState(
        camera: .back, appliedAngle: 0, mirrored: false, uprightAngle: 90)

    /// Eight orientations, both cameras, BGRA and 420v with padded rows, both contracts, and three
    /// ways to fit, one of which Vision has not.
    func testTheOverlayLandsOnTheFace() throws {
        let models = try [
            coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)),
            coreAIModel(PixelCoreAI(modelW: 90, modelH: 130, gives: .tensors), resize: "stretch"),
            coreAIModel(PixelCoreAI(modelW: 120, modelH: 90), resize: "letterbox-topleft"),
        ]
        var seen: Set<[String]> = []
        for (camera, angles) in SimulatedSessionTests.uprightAngles {
            for (i, upright) in angles.values.enumerated() {
                for (applied, mirrored) in [(0, false), (0, true), (90, false), (180, true)] {
                    let state = ConnectionState(
                        camera: camera, appliedAngle: applied, mirrored: mirrored,
                        uprightAngle: upright)
                    for (n, format) in [PixelFormat.bgra32, .yuv420v].enumerated() {
                        let pipeline = FramePipeline(detector: models[(i + n) % models.count])
                        let result = try pipeline.process(
                            SimulatedSessionTests.frame(state, format),
                            view: view(mirrored: camera == .front))
                        try assertOnFace(
                            result, phone, mirrored: camera == .front, "\(state) \(format)")
                        XCTAssertEqual(result.warnings, [])
                        let orientation = try FrameOrigin.camera(state).orientation()
                        seen.insert(["\(orientation)", "\(camera)", format.rawValue])
                    }
                }
            }
        }
        XCTAssertEqual(seen.count, 8 * 2 * 2)
    }

    func testAWrongOrientationIsCaught() throws {
        var pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)))
        let expected = World.inView(World.face, phone.w, phone.h, mirrored: false)
        for wrong in Orientation.allCases where wrong != .right {
            pipeline.orientationOf = { _ in wrong }
            let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
            let drawn = try XCTUnwrap(result.found.first).viewBox
            let off = zip(drawn.values, expected.values).map { abs($0 - $1) }.max() ?? 0
            XCTAssertGreaterThan(off, 50, "\(wrong) goes unnoticed")
        }
    }

    /// What an app that draws itself gets wrong most easily moves the overlay off the face.
    func testACoreImageFlipThatWasForgottenIsCaught() throws {
        let pipeline = FramePipeline(
            detector: try coreAIModel(
                PixelCoreAI(modelW: 120, modelH: 90, mistake: .flipForgotten)))
        let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
        let expected = World.inView(World.face, phone.w, phone.h, mirrored: false)
        let drawn = result.found.first?.viewBox.values ?? [0, 0, 0, 0]
        let off = zip(drawn, expected.values).map { abs($0 - $1) }.max() ?? 0
        XCTAssertGreaterThan(off, 50)
    }

    /// The padding is the training's grey, and nothing of the picture lies in it.
    func testTheDrawingSaysWhatIsPadding() throws {
        let model = try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90))
        let look = try model.look(
            at: SimulatedSessionTests.frame(held), orientation: .right, view: nil,
            assumptions: .unmeasured)
        let drawing = try XCTUnwrap(look.sight.drawing)
        // 60 × 100 upright into 120 × 90: 54 × 90, 33 columns on either side.
        XCTAssertEqual(drawing.pictureBox, BoxXYXY(33, 0, 87, 90))
        XCTAssertEqual(drawing.coreImagePictureRect, BoxXYWH(33, 0, 54, 90))
        XCTAssertEqual(drawing.pad, 114)
        XCTAssertEqual(drawing.bufferWH, try SizeWH(100, 60))
        // The buffer's first pixel, in its upper left, is the upright picture's upper right (EXIF 6).
        let corner = drawing.coreImageFromFrame.point(PointXY(0, 60))
        assertNear(corner, PointXY(87, 90))
        assertNear(drawing.coreImageFromFrame.point(PointXY(100, 60)), PointXY(87, 0))
        XCTAssertNil(look.sight.cropAndScale)
        XCTAssertEqual(look.sight.fit.name, "letterbox")
    }

    /// The second model's crop is drawn as trained, also where it reaches outside the picture.
    func testACropThatReachesOutsideIsPadded() throws {
        var pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)))
        pipeline.landmarker = try coreAIModel(
            PixelCoreAI(modelW: 100, modelH: 100, gives: .tensors), resize: "stretch")
        pipeline.cropRule = CropRule(grow: 0.25, square: true, edge: .pad)
        let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
        try assertOnFace(result, phone, mirrored: false, "crop")
        let sight = try XCTUnwrap(result.crops.first?.sight)
        guard case .crop(let plan) = sight.fit, let drawing = sight.drawing else {
            return XCTFail("\(sight.fit)")
        }
        // The box is 24 × 38: grown and squared 57 × 57 about (22, 43), 6.5 of it left of the picture.
        for (got, wanted) in zip(plan.rect.values, [-6.5, 14.5, 50.5, 71.5]) {
            XCTAssertEqual(got, wanted, accuracy: 1.5)
        }
        XCTAssertEqual(drawing.pictureBox.x1, 100 * 6.5 / 57, accuracy: 2)
        XCTAssertEqual([drawing.pictureBox.y1, drawing.pictureBox.x2], [0, 100])
    }

    /// The eyes turn the second model's crop until they are level: it is drawn at an angle, and what is
    /// found in it comes back to the upright picture.
    func testACropThatTheEyesTurn() throws {
        var pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90, gives: .tensors)))
        pipeline.landmarker = try coreAIModel(
            PixelCoreAI(modelW: 160, modelH: 160, gives: .tensors), resize: "stretch")
        pipeline.cropRule = CropRule(
            square: true, edge: .pad, scale: 1.5,
            rotation: try CropRotation(start: 0, end: 1, targetDegrees: 0))
        let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
        try assertOnFace(result, phone, mirrored: false, "crop")
        let look = try XCTUnwrap(result.crops.first)
        guard case .crop(let plan) = look.sight.fit, let drawing = look.sight.drawing else {
            return XCTFail("\(look.sight.fit)")
        }
        // From (16, 36) to (28, 32): the crop's right points up by atan(4/12).
        XCTAssertEqual(plan.angle, -atan2(4, 12), accuracy: 0.1)
        XCTAssertTrue(drawing.isTurned)
        XCTAssertFalse(result.look.sight.drawing?.isTurned ?? true)
        let eyes = look.detections[0].landmarks.map(plan.modelFromImage.point)
        XCTAssertEqual(eyes[0].y, eyes[1].y, accuracy: 4)
        XCTAssertGreaterThan(eyes[1].x, eyes[0].x + 20)
    }

    func testVisionsRegionCannotTurn() throws {
        var pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90, gives: .tensors)))
        pipeline.landmarker = try model(.tensors, w: 100, h: 100, resize: "stretch")
        pipeline.cropRule = CropRule(
            square: true, edge: .pad, rotation: try CropRotation(start: 0, end: 1))
        XCTAssertThrowsError(
            try pipeline.process(SimulatedSessionTests.frame(held), view: view())
        ) { error in
            XCTAssertTrue("\(error)".contains("Vision's region cannot turn"), "\(error)")
        }
    }

    func testAnUnsettledSuppressionIsToldAndUsed() throws {
        let told = try [1.0, 0].map { settled in
            let pipeline = FramePipeline(
                detector: try coreAIModel(
                    PixelCoreAI(modelW: 120, modelH: 90, gives: .tensors, settled: settled)))
            let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
            XCTAssertEqual(result.found.count, 1)
            return result.warnings
        }
        XCTAssertEqual(told[0], [])
        XCTAssertEqual(told[1].count, 1)
        XCTAssertTrue(told[1][0].contains("yunet.aimodel: its suppression did not settle"))
        XCTAssertTrue(told[1][0].contains("nms = \"app\""))
    }

    func testNothingThere() throws {
        let grey = [[RGB]](repeating: [RGB](repeating: RGB(90, 90, 90), count: 30), count: 50)
        let pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)))
        let frame = CameraFrame(
            pixels: try Encoded.buffer(grey, .yuv420v), bufferWH: try SizeWH(30, 50),
            source: .photo(.up), time: 0)
        XCTAssertEqual(try pipeline.process(frame, view: view()).found, [])
    }

    /// Trials of Vision's options have no meaning here, and change nothing.
    func testVisionsTrialsAreNotTried() throws {
        var pipeline = FramePipeline(
            detector: try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)))
        for trial in Trial.allCases where !trial.concerns(.coreAI) {
            pipeline.trial = trial
            let result = try pipeline.process(SimulatedSessionTests.frame(held), view: view())
            try assertOnFace(result, phone, mirrored: false, "\(trial)")
        }
        XCTAssertEqual(Trial.allCases.filter { $0.concerns(.coreAI) }, [.none, .turned, .mirrored])
        XCTAssertTrue(Trial.allCases.allSatisfy { $0.concerns(.coreML) })
    }

    func testAnArtifactThatNoAppleEngineRunsIsRefused() throws {
        XCTAssertThrowsError(
            try RunnableModel(
                bundle: bundle(contract: "tensor", w: 120, h: 90), file: "yunet.onnx",
                runner: PixelCoreAI(modelW: 120, modelH: 90))
        ) { XCTAssertTrue("\($0)".contains("one of coreml, coreai"), "\($0)") }
    }

    /// Core AI first, then Core ML; what is refused is told, and what runs is taken.
    func testTheNextArtifactRunsWhereOneDoesNotLoad() async throws {
        let core = try bundle(contract: "tensor", w: 120, h: 90)
        let ai = try coreAIModel(PixelCoreAI(modelW: 120, modelH: 90)).artifact
        let both = [ai, try core.artifact("yunet.mlmodel")]
        let first = try await firstThatLoads(both) { $0.file }
        XCTAssertEqual(first.loaded, "yunet.aimodel")
        XCTAssertEqual(first.notes, [])
        let second = try await firstThatLoads(both) { artifact in
            if artifact.engine == .coreAI {
                throw MobileCatError(.bundle, "it did not specialise", [])
            }
            return artifact.file
        }
        XCTAssertEqual(second.loaded, "yunet.mlmodel")
        XCTAssertEqual(
            second.notes, ["yunet.aimodel: it did not specialise; yunet.mlmodel runs instead"])
        do {
            _ = try await firstThatLoads(both) { artifact -> String in
                throw MobileCatError(.bundle, "no \(artifact.file)", [])
            }
            XCTFail("nothing loads, and nothing is said")
        } catch { XCTAssertTrue("\(error)".contains("no yunet.mlmodel")) }
    }

    private func assertNear(_ got: PointXY, _ wanted: PointXY) {
        XCTAssertEqual(got.x, wanted.x, accuracy: 1e-9)
        XCTAssertEqual(got.y, wanted.y, accuracy: 1e-9)
    }
}
