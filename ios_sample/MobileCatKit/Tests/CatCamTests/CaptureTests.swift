import Foundation
import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// What the debug switch writes; Tests/Fixtures/captures is read by `mobilecat diagnose` in Python.
///
/// MOBILECAT_WRITE_FIXTURES=1 swift test … writes the fixtures anew.
final class CaptureTests: XCTestCase {
    private static let fixtures = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/captures")

    /// The back camera held upright; the face moves about.
    private func record(
        _ format: PixelFormat, _ state: ConnectionState,
        detector: RunnableModel<PixelBuffer>? = nil,
        orientation: ((FrameOrigin) throws -> Orientation)? = nil
    ) throws -> CaptureRecorder<PixelBuffer> {
        var pipeline = FramePipeline(
            detector: try detector ?? model(.tensors, w: 120, h: 90))
        if let orientation { pipeline.orientationOf = orientation }
        let view = PictureView(
            size: try SizeWH(390, 700), mode: .resizeAspectFill, mirrored: state.camera == .front)
        let recorder = CaptureRecorder<PixelBuffer>(contentScale: 3) { KeptPixels($0) }
        for (i, move) in [(0, 0), (14, 6), (-6, 24), (20, -10), (8, 30), (0, 0)].enumerated() {
            let frame = try SimulatedSessionTests.frame(
                state, format, time: Double(i), world: World.rows(movedBy: move.0, move.1))
            let result = try pipeline.process(frame, view: view)
            let evidence = Evidence(frame: frame, result: result, bundle: pipeline.detector.bundle)
            if try recorder.take(evidence) == .done { break }
        }
        XCTAssertEqual(recorder.frames.count, 5)
        return recorder
    }

    private let back = ConnectionState(
        camera: .back, appliedAngle: 0, mirrored: false, uprightAngle: 90)

    func testARightOneIsTheFixture() throws {
        try assertFixture("right", record(.bgra32, back))
    }

    func testAWrongOrientationIsTheFixture() throws {
        try assertFixture("orientation_ignored", record(.yuv420v, back) { _ in .up })
    }

    func testAPictureUpsideDownIsTheFixture() throws {
        try assertFixture("upside_down", record(.yuv420v, back) { _ in .left })
    }

    func testAFrontCameraThatIsTurnedAndMirroredIsTheFixture() throws {
        let front = ConnectionState(
            camera: .front, appliedAngle: 180, mirrored: true, uprightAngle: 90)
        try assertFixture("front", record(.yuv420v, front))
    }

    func testAnInputThatTheAppDrawsIsTheFixture() throws {
        let front = ConnectionState(
            camera: .front, appliedAngle: 180, mirrored: true, uprightAngle: 90)
        try assertFixture(
            "coreai",
            record(
                .yuv420v, front,
                detector: coreAIModel(
                    PixelCoreAI(modelW: 120, modelH: 90), resize: "letterbox-topleft")))
    }

    func testAnInputDrawnOnItsSideIsTheFixture() throws {
        try assertFixture(
            "coreai_on_its_side",
            record(.bgra32, back, detector: coreAIModel(PixelCoreAI(modelW: 120, modelH: 90))) {
                _ in .up
            })
    }

    func testAFrameWithoutBoxesIsKeptOnlyWhenNothingBetterCame() throws {
        let pipeline = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
        let grey = [[RGB]](repeating: [RGB](repeating: RGB(9, 9, 9), count: 60), count: 100)
        let frame = try SimulatedSessionTests.frame(back, world: grey)
        let view = PictureView(size: try SizeWH(390, 700), mode: .resizeAspectFill)
        let recorder = CaptureRecorder<PixelBuffer>(contentScale: nil) { KeptPixels($0) }
        recorder.patience = 3
        let evidence = Evidence(
            frame: frame, result: try pipeline.process(frame, view: view),
            bundle: pipeline.detector.bundle)
        XCTAssertEqual(
            try (0..<3).map { _ in try recorder.take(evidence) }, [.wanting, .wanting, .done])
        XCTAssertEqual(recorder.frames.map(\.drawn), [[]])
    }

    func testTheFolderIsWholeOrNotThere() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "catcam-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let capture = Capture(app: "t", deviceModel: "", frames: [])
        let inside = folder.appendingPathComponent("capture")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try capture.write(to: inside, files: ["a.bin": Data([1, 2])])
        XCTAssertThrowsError(try capture.write(to: inside, files: ["a.bin": Data([3])]))
        XCTAssertEqual(try Data(contentsOf: inside.appendingPathComponent("a.bin")), Data([1, 2]))
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: folder.path), ["capture"])
    }

    /// Vision's own answer beside what the app made of it.
    func testRawOutputsAreVisionsOwn() throws {
        let pipeline = FramePipeline(
            detector: try model(.observations, w: 90, h: 130),
            landmarker: try model(.tensors, w: 110, h: 80))
        let view = PictureView(size: try SizeWH(390, 700), mode: .resizeAspectFill)
        let result = try pipeline.process(SimulatedSessionTests.frame(back), view: view)
        struct Read: Decodable {
            struct Answer: Decodable {
                struct Object: Decodable {
                    let boxXywh: [Double]
                    let labels: [String: Double]
                }
                struct Numbers: Decodable { let shape: [Int] }
                let regionOfInterest: [Double]
                let observations: [Object]?
                let tensors: [String: Numbers]?
            }
            let detector: Answer
            let crops: [Answer]
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let read = try decoder.decode(Read.self, from: RawOutputs(result).json())
        let seen = try XCTUnwrap(read.detector.observations)
        XCTAssertEqual(seen.map(\.labels), [["face": 1]])
        // The face is (10, 24) to (34, 62) of 60 × 100; Vision counts y from the lower edge.
        for (got, wanted) in zip(seen[0].boxXywh, [10.0 / 60, 0.38, 24.0 / 60, 0.38]) {
            XCTAssertEqual(got, wanted, accuracy: 0.02)
        }
        XCTAssertEqual(read.detector.regionOfInterest, [0, 0, 1, 1])
        XCTAssertEqual(read.crops.map { $0.tensors?["landmarks"]?.shape }, [[1, 2, 2, 2]])
        XCTAssertLessThan(read.crops[0].regionOfInterest[2], 1)
    }

    /// Files byte for byte, JSON by value: two systems may print a double differently.
    private func assertFixture(_ name: String, _ recorder: CaptureRecorder<PixelBuffer>) throws {
        let folder = Self.fixtures.appendingPathComponent(name)
        if ProcessInfo.processInfo.environment["MOBILECAT_WRITE_FIXTURES"] == "1" {
            try? FileManager.default.removeItem(at: folder)
            try recorder.write(app: "CatCam", deviceModel: "simulated session", to: folder)
        }
        let read = try JSONDecoder().decode(
            Capture.self, from: Data(contentsOf: folder.appendingPathComponent("capture.json")))
        XCTAssertEqual(read.frames, recorder.frames)
        XCTAssertEqual(read.schema, 1)
        let there = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        XCTAssertEqual(Set(there), Set(recorder.files.keys).union(["capture.json"]))
        for (file, data) in recorder.files {
            let kept = try Data(contentsOf: folder.appendingPathComponent(file))
            guard file.hasSuffix(".json") else {
                XCTAssertEqual(kept, data, file)
                continue
            }
            let values = try [kept, data].map { try JSONSerialization.jsonObject(with: $0) }
            XCTAssertEqual(values[0] as? NSDictionary, values[1] as? NSDictionary, file)
        }
    }
}
