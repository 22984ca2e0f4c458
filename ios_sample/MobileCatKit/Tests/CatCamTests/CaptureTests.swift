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
        orientation: ((FrameOrigin) throws -> Orientation)? = nil
    ) throws -> CaptureRecorder<PixelBuffer> {
        var pipeline = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
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

    /// Files byte for byte, capture.json by value: two systems may print a double differently.
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
            XCTAssertEqual(try Data(contentsOf: folder.appendingPathComponent(file)), data, file)
        }
    }
}
