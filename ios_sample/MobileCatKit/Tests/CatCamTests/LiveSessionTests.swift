import MobileCatKit
import XCTest

@testable import CatCamModel
@testable import CatCamPipeline

private final class Times: @unchecked Sendable { var all: [Double] = [] }

private final class Log: @unchecked Sendable { var lines: [String] = [] }

final class LiveSessionTests: XCTestCase {
    private let frames = PushedFrames()
    private let clock = SetClock()
    private let log = Log()
    private var events: [String] { log.lines }

    private func session() throws -> LiveSession<PixelBuffer> {
        LiveSession(
            source: frames, pipeline: FramePipeline(detector: try model(.tensors, w: 120, h: 90)),
            clock: clock
        ) { [log] event in
            switch event {
            case .result(let result): log.lines.append("\(result.found.count)")
            case .skipped(let verdict): log.lines.append("\(verdict)")
            case .failed(let error): log.lines.append("\(error)")
            }
        }
    }

    private func push(_ time: Double, now: Double? = nil) throws {
        clock.time = now ?? time
        frames.push(
            try SimulatedSessionTests.frame(
                ConnectionState(camera: .back, appliedAngle: 0, mirrored: false, uprightAngle: 0),
                time: time))
    }

    func testNoViewNoLook() throws {
        let live = try session()
        live.start()
        try push(0)
        XCTAssertEqual(events, [])
        live.draw(in: PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill))
        try push(1)
        live.draw(in: nil)
        try push(2)
        live.stop()
        try push(3)
        XCTAssertEqual(events, ["1"])
    }

    func testLateFramesAndHeat() throws {
        let live = try session()
        live.start()
        live.draw(in: PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill))
        try push(1, now: 1.09)
        try push(1.1, now: 1.3)  // 0.2 s behind
        live.cool(to: .critical)
        try push(1.5)  // 0.5 s after the last look, one a second is allowed
        try push(2.1)
        live.cool(to: .nominal)
        try push(2.11)
        XCTAssertEqual(events, ["1", "late", "cooling", "1", "1"])
    }

    func testHotterIsNeverFaster() {
        let pauses = [Heat.nominal, .fair, .serious, .critical].map(\.pause)
        XCTAssertEqual(pauses, pauses.sorted())
        XCTAssertEqual(pauses.first, 0)
    }

    func testARecordingGetsTheFramesThatWereLookedAt() throws {
        let live = try session()
        live.start()
        live.draw(in: PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill))
        try push(0)
        let taken = Times()
        live.record { evidence in
            taken.all.append(evidence.frame.time)
            return taken.all.count == 2 ? .done : .wanting
        }
        try push(1, now: 9)  // late: nobody looked at it
        try push(10)
        try push(11)
        try push(12)
        XCTAssertEqual(taken.all, [10, 11])
    }

    func testAnErrorIsToldAndTheNextFrameRuns() throws {
        let live = try session()
        live.start()
        live.draw(in: PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill))
        var broken = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
        broken.orientationOf = { _ in try Orientation(clockwiseDegrees: 45) }
        live.replace(broken)
        try push(0)
        XCTAssertTrue(events[0].contains("45 is not 0, 90, 180 or 270"), events[0])
        live.replace(FramePipeline(detector: try model(.tensors, w: 120, h: 90)))
        try push(1)
        XCTAssertEqual(events.count, 2)
        XCTAssertEqual(events[1], "1")
    }

    func testEarsAreOnTop() throws {
        // An upright face, one upside down, and both mirrored: ears away from the nose.
        for (eyes, nose) in [
            ([PointXY(10, 50), PointXY(30, 50)], PointXY(20, 65)),
            ([PointXY(30, 50), PointXY(10, 50)], PointXY(20, 65)),
            ([PointXY(10, 50), PointXY(30, 50)], PointXY(20, 35)),
        ] {
            let request = try FrameRequest(
                bufferWH: SizeWH(60, 100), modelWH: SizeWH(60, 100),
                view: PictureView(size: SizeWH(60, 100), mode: .resize))
            let found = try Found(
                detection: Detection(box: BoxXYXY(0, 30, 40, 80), score: 1, classID: 0),
                label: "face", landmarks: eyes + [nose], names: ["left_eye", "right_eye", "nose"],
                request: request)
            let silly = try XCTUnwrap(Silliness(found, spin: 0))
            for tip in silly.ears.map({ $0[1].y }) {
                XCTAssertEqual(tip, nose.y > 50 ? 50 - 35 : 50 + 35, accuracy: 1e-9)
            }
        }
    }

    /// A cat's landmarks: each ear's tip moves half as far again from the middle of its base.
    func testACatsOwnEarsGrow() throws {
        let request = try FrameRequest(
            bufferWH: SizeWH(60, 100), modelWH: SizeWH(60, 100),
            view: PictureView(size: SizeWH(60, 100), mode: .resize))
        let names =
            ["left_eye", "right_eye", "mouth"]
            + (1...3).map { "left_ear_\($0)" } + (1...3).map { "right_ear_\($0)" }
        let points = [
            PointXY(20, 50), PointXY(40, 50), PointXY(30, 60),
            PointXY(10, 40), PointXY(14, 20), PointXY(22, 36),
            PointXY(38, 36), PointXY(46, 20), PointXY(50, 40),
        ]
        let cat = try Found(
            detection: Detection(box: BoxXYXY(0, 10, 60, 80), score: 1, classID: 0),
            label: "cat face", landmarks: points, names: names, request: request)
        let silly = try XCTUnwrap(Silliness(cat, spin: 0))
        // The bases' middles are (16, 38) and (44, 38).
        XCTAssertEqual(silly.ears.map { $0[0] }, [PointXY(10, 40), PointXY(38, 36)])
        XCTAssertEqual(silly.ears.map { $0[1] }, [PointXY(13, 11), PointXY(47, 11)])
        XCTAssertEqual(silly.pompoms.map(\.center), [PointXY(13, 11), PointXY(47, 11)])
        XCTAssertEqual(silly.eyes.map(\.white.center), [PointXY(20, 50), PointXY(40, 50)])
    }

    /// Whichever model the app holds: ModelContract.swift says what its bundle.json does.
    func testTheGeneratedContractIsTheModels() throws {
        let app = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("CatCam")
        let model = try ModelBundle(
            json: Data(contentsOf: app.appendingPathComponent("Model/Bundle/bundle.json")))
        XCTAssertEqual(ModelContract.name, model.name)
        XCTAssertEqual(
            try SizeWH(Double(ModelContract.inputWidth), Double(ModelContract.inputHeight)),
            model.input?.size)
        XCTAssertEqual(ModelContract.resize, model.input?.resize)
        XCTAssertEqual(ModelContract.cropAndScale, try CropAndScale(for: ModelContract.resize))
        XCTAssertEqual(ModelContract.labels, model.labels)
        XCTAssertEqual(ModelContract.landmarkNames, model.landmarkNames)
        XCTAssertEqual(ModelContract.scoreThreshold, model.nms?.scoreThreshold)
        let core = model.artifacts.filter { $0.engine != nil }
        XCTAssertEqual(ModelContract.artifacts.map(\.file), core.map(\.file))
        XCTAssertEqual(ModelContract.artifacts.map(\.contract), core.map(\.contract))
        let cascade = app.appendingPathComponent("Model/Bundle/cascade.json")
        guard FileManager.default.fileExists(atPath: cascade.path) else { return }
        let contract = try CascadeContract(json: Data(contentsOf: cascade))
        let second = try ModelBundle(
            json: Data(contentsOf: app.appendingPathComponent("LandmarkModel/Bundle/bundle.json")))
        XCTAssertFalse(second.landmarkNames.isEmpty)
        XCTAssertGreaterThan(contract.maxCrops, 0)
    }
}
