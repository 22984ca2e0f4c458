import MobileCatKit
import XCTest

@testable import CatCamPipeline

/// Recorded frames through the app's own pipeline; only Vision and the camera are stand-ins.
final class SimulatedSessionTests: XCTestCase {
    /// AVFoundation's clockwise degrees for an upright picture, written out.
    static let uprightAngles: [CameraPosition: [DeviceOrientation: Int]] = [
        .back: [.portrait: 90, .portraitUpsideDown: 270, .landscapeLeft: 0, .landscapeRight: 180],
        .front: [.portrait: 90, .portraitUpsideDown: 270, .landscapeLeft: 180, .landscapeRight: 0],
    ]

    /// The world through a camera whose connection turned and mirrored the pixels.
    static func frame(
        _ state: ConnectionState, _ format: PixelFormat = .bgra32, time: Double = 0,
        world: [[RGB]] = World.rows
    ) throws -> CameraFrame<PixelBuffer> {
        var rows = Turned.clockwise(world, degrees: state.appliedAngle - state.uprightAngle)
        if state.mirrored { rows = Turned.mirrored(rows) }
        return CameraFrame(
            pixels: try Encoded.buffer(rows, format),
            bufferWH: try SizeWH(Double(rows[0].count), Double(rows.count)),
            source: .camera(state), time: time)
    }

    func testTheOverlayLandsOnTheFace() throws {
        let tensors = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
        let objects = FramePipeline(detector: try model(.observations, w: 90, h: 130))
        let views: [(w: Double, h: Double)] = [(390, 844), (507, 300)]  // a phone; iPad split view
        var seen: Set<Orientation> = []
        for (camera, angles) in Self.uprightAngles {
            for (device, upright) in angles {
                XCTAssertEqual(Orientation.rotationAngle(device: device, camera: camera), upright)
                for (applied, mirrored) in [(0, false), (0, true), (90, false), (180, true)] {
                    let state = ConnectionState(
                        camera: camera, appliedAngle: applied, mirrored: mirrored,
                        uprightAngle: upright)
                    seen.insert(try FrameOrigin.camera(state).orientation())
                    for (format, view) in zip([PixelFormat.bgra32, .yuv420v], views) {
                        let pipeline = format == .bgra32 ? tensors : objects
                        let result = try pipeline.process(
                            Self.frame(state, format),
                            view: PictureView(
                                size: SizeWH(view.w, view.h), mode: .resizeAspectFill,
                                mirrored: camera == .front))
                        try assertOnFace(
                            result, view, mirrored: camera == .front, "\(device) \(state) \(format)"
                        )
                    }
                }
            }
        }
        XCTAssertEqual(seen, Set(Orientation.allCases))
    }

    func testAPhotoOfEveryOrientation() throws {
        let pipeline = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
        for orientation in Orientation.allCases {
            // What is stored shows the world once it is turned: the inverse, by trying all eight.
            let stored = try XCTUnwrap(
                (1...8).map { PixelVision.turned(World.rows, exif: $0) }.first {
                    PixelVision.turned($0, exif: orientation.rawValue) == World.rows
                })
            let frame = CameraFrame(
                pixels: try Encoded.buffer(stored, .bgra32),
                bufferWH: try SizeWH(Double(stored[0].count), Double(stored.count)),
                source: .photo(orientation), time: 0)
            let result = try pipeline.process(
                frame, view: PictureView(size: SizeWH(300, 500), mode: .scaleAspectFit))
            try assertOnFace(result, (300, 500), mirrored: false, "\(orientation)")
        }
    }

    func testTheSecondModelSeesTheCropAndItsLandmarksComeBack() throws {
        var pipeline = FramePipeline(detector: try model(.observations, w: 90, h: 130))
        let state = ConnectionState(
            camera: .front, appliedAngle: 0, mirrored: false, uprightAngle: 90)
        let view = PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill, mirrored: true)
        let without = try pipeline.process(Self.frame(state), view: view)
        XCTAssertEqual(without.found.map(\.landmarks.count), [0])
        pipeline.landmarker = try model(.tensors, w: 110, h: 80)
        let result = try pipeline.process(Self.frame(state), view: view)
        XCTAssertEqual(result.crops.count, 1)
        XCTAssertLessThan(result.crops[0].sight.region.w, 1)
        try assertOnFace(result, (390, 844), mirrored: true, "crop")
        XCTAssertEqual(result.found[0].landmarks.map(\.name), World.eyeNames)
        XCTAssertNotNil(Silliness(result.found[0], spin: 0))
    }

    /// A crop that reaches outside, of a cascade whose training padded it: cut, and not stretched.
    func testACropThatReachesOutsideKeepsItsShape() throws {
        var pipeline = FramePipeline(detector: try model(.observations, w: 90, h: 130))
        pipeline.landmarker = try model(.tensors, w: 100, h: 100, resize: "stretch")
        pipeline.cropRule = CropRule(grow: 0.25, square: true, edge: .pad)
        let frame = CameraFrame(
            pixels: try Encoded.buffer(World.rows, .bgra32), bufferWH: try SizeWH(60, 100),
            source: .photo(.up), time: 0)
        let view = PictureView(size: try SizeWH(300, 500), mode: .scaleAspectFit)
        let result = try pipeline.process(frame, view: view)
        // The box is 24 × 38: grown and squared 57 × 57 about (22, 43), cut at x = 0.
        let crop = try XCTUnwrap(result.crops.first)
        XCTAssertEqual(crop.sight.cropAndScale, .scaleFit)
        XCTAssertEqual(crop.sight.region.w, 50.5 / 60, accuracy: 0.02)
        XCTAssertEqual(crop.sight.region.h, 57.0 / 100, accuracy: 0.02)
        try assertOnFace(result, (300, 500), mirrored: false, "cut crop")
        XCTAssertEqual(result.found[0].landmarks.map(\.name), World.eyeNames)
        // With an edge of its own the training's fit stays.
        pipeline.cropRule = CropRule(grow: 0.25, square: true, edge: .clip)
        let clipped = try pipeline.process(frame, view: view)
        XCTAssertEqual(clipped.crops.first?.sight.cropAndScale, .scaleFill)
        try assertOnFace(clipped, (300, 500), mirrored: false, "clipped crop")
    }

    /// Landmarks are for the best boxes, and Vision promises no order.
    func testTheBestBoxGetsTheLandmarks() throws {
        struct Backwards: ModelRunner {
            func run(_ pixels: PixelBuffer, as sight: Sight) throws -> ModelOutput {
                .observations(
                    [0.5, 0.9, 0.7].map { score in
                        Observation(
                            box: BoxXYWH(10.0 / 60, 0.38, 24.0 / 60, 0.38),
                            labels: [.init("face", 1)], confidence: score)
                    })
            }
        }
        var pipeline = FramePipeline(
            detector: try RunnableModel(
                bundle: bundle(contract: "vision", w: 90, h: 130), file: "yunet.mlmodel",
                runner: Backwards()),
            landmarker: try model(.tensors, w: 110, h: 80))
        pipeline.landmarkLimit = 1
        let frame = CameraFrame(
            pixels: try Encoded.buffer(World.rows, .bgra32), bufferWH: try SizeWH(60, 100),
            source: .photo(.up), time: 0)
        let view = PictureView(size: try SizeWH(300, 500), mode: .scaleAspectFit)
        let found = try pipeline.process(frame, view: view).found
        XCTAssertEqual(found.map(\.score), [0.9, 0.7, 0.5])
        XCTAssertEqual(found.map(\.landmarks.count), [2, 0, 0])
    }

    func testAWrongOrientationIsCaught() throws {
        var pipeline = FramePipeline(detector: try model(.tensors, w: 120, h: 90))
        let state = ConnectionState(
            camera: .back, appliedAngle: 0, mirrored: false, uprightAngle: 90)
        let view = PictureView(size: try SizeWH(390, 844), mode: .resizeAspectFill)
        let expected = World.inView(World.face, 390, 844, mirrored: false)
        for wrong in Orientation.allCases where wrong != .right {
            pipeline.orientationOf = { _ in wrong }
            let result = try pipeline.process(Self.frame(state), view: view)
            let drawn = try XCTUnwrap(result.found.first).viewBox
            let off = zip(drawn.values, expected.values).map { abs($0 - $1) }.max() ?? 0
            XCTAssertGreaterThan(off, 50, "\(wrong) goes unnoticed")
        }
    }

    func testNothingThere() throws {
        let grey = [[RGB]](repeating: [RGB](repeating: RGB(90, 90, 90), count: 30), count: 50)
        for gives in [PixelRunner.Gives.tensors, .observations] {
            let pipeline = FramePipeline(detector: try model(gives, w: 120, h: 90))
            let frame = CameraFrame(
                pixels: try Encoded.buffer(grey, .yuv420v), bufferWH: try SizeWH(30, 50),
                source: .photo(.up), time: 0)
            let result = try pipeline.process(
                frame, view: PictureView(size: SizeWH(300, 500), mode: .scaleAspectFit))
            XCTAssertEqual(result.found, [])
        }
    }
}
