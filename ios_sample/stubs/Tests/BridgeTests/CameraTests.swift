import AVFoundation
import MobileCatKit
import XCTest

@testable import CatCam

private final class Frames: @unchecked Sendable {
    var all: [CameraFrame<Picture>] = []
    var last: CameraFrame<Picture>? { all.last }
}

/// The camera: what its session and its connections are told, and what is said of each frame.
final class CameraTests: BridgeCase {
    private let source = CameraSource()
    private let frames = Frames()
    private var time = 0.0

    private var output: AVCaptureVideoDataOutput {
        get throws { try XCTUnwrap(source.session.outputs.first as? AVCaptureVideoDataOutput) }
    }

    private func use(_ position: CameraPosition) throws {
        var result: Result<AVCaptureDevice, any Error>?
        source.use(position) {
            XCTAssertTrue(Thread.isMainThread)
            result = $0
        }
        wait("the camera is set up") { result != nil }
        _ = try result?.get()
    }

    private func start() {
        source.start { [frames] in frames.all.append($0) }
        wait("the session runs") { source.session.isRunning }
    }

    private func push() throws -> CameraFrame<Picture> {
        time += 1
        try output.deliver(at: time)
        return try XCTUnwrap(frames.last)
    }

    func testASessionAsItIsMeantToBe() throws {
        try use(.back)
        XCTAssertEqual(source.session.sessionPreset, .hd1280x720)
        XCTAssertTrue(source.session.isMultitaskingCameraAccessEnabled)
        XCTAssertTrue(try output.alwaysDiscardsLateVideoFrames)
        let format = try output.videoSettings["PixelFormatType"] as? NSNumber
        XCTAssertEqual(format?.uint32Value, 0x3432_3076)  // '420v'
        XCTAssertEqual(try output.queue?.label, "catcam.frames")
        XCTAssertEqual(source.session.inputs.count, 1)
        try use(.front)
        XCTAssertEqual(source.session.inputs.count, 1)
        XCTAssertEqual(source.session.outputs.count, 1)
    }

    /// Whatever the kind, the hold and the connection: turned as is told, the frame is the world.
    func testEveryFrameSaysHowItCame() throws {
        for kind in [Kind.iPhone, .iPhone17, .iPadOfM4] {
            for camera in [CameraPosition.back, .front] {
                Cameras.all = [.back: AVCaptureDevice(.back), .front: AVCaptureDevice(.front)]
                Cameras.look(with: kind, held: .portrait)
                try use(camera)
                start()
                for held in DeviceOrientation.allCases {
                    Cameras.look(with: kind, held: held)
                    let device = try XCTUnwrap(Cameras.all[camera.avPosition])
                    source.follow(uprightAngle: Int(device.levelAngle))
                    for (clockwise, mirrored) in [(0, false), (90, false), (90, true), (180, true)]
                    {
                        source.connection(clockwise: clockwise, mirrored: mirrored)
                        wait("the connection is set") {
                            let connection = try? output.connection
                            return connection?.isVideoMirrored == mirrored
                                && connection.map { Int($0.videoRotationAngle) } == clockwise
                        }
                        let frame = try push()
                        let what = "\(kind) \(camera) \(held) \(clockwise) \(mirrored)"
                        guard case .camera(let state) = frame.source,
                            case .buffer(let buffer) = frame.pixels
                        else { return XCTFail(what) }
                        XCTAssertEqual(
                            state,
                            ConnectionState(
                                camera: camera, appliedAngle: clockwise, mirrored: mirrored,
                                uprightAngle: Int(device.levelAngle)), what)
                        XCTAssertEqual(frame.time, time)
                        XCTAssertEqual(
                            [frame.bufferWH.w, frame.bufferWH.h],
                            [Double(buffer.width), Double(buffer.height)])
                        let shown = PixelVision.turned(
                            Buffers.rows(of: buffer), exif: try frame.source.orientation().rawValue)
                        let found = PixelVision.found(in: shown).face
                        XCTAssertEqual(found, World.face, what)
                    }
                    source.connection(clockwise: 0, mirrored: false)
                }
            }
        }
    }

    /// iPhone 17's front camera, held upright: nothing is to be turned, and no table says so.
    func testAFrontCameraThatDeliversUprightFrames() throws {
        Cameras.look(with: .iPhone17, held: .portrait)
        try use(.front)
        start()
        source.follow(uprightAngle: Int(Cameras.all[.front]!.levelAngle))
        let frame = try push()
        XCTAssertEqual(try frame.source.orientation(), .up)
        XCTAssertEqual([frame.bufferWH.w, frame.bufferWH.h], [60, 100])
        // The table is of other phones.
        XCTAssertEqual(try Orientation(forBufferOf: .front, device: .portrait), .right)
    }

    /// A connection that turns by itself, where it takes no other angle: its own report counts.
    func testAConnectionThatTurnsByItself() throws {
        Cameras.angles = [180]
        Cameras.look(with: .iPadOfM4, held: .landscapeLeft)
        try use(.front)
        start()
        source.follow(uprightAngle: Int(Cameras.all[.front]!.levelAngle))
        let frame = try push()
        guard case .camera(let state) = frame.source else { return XCTFail("no camera") }
        XCTAssertEqual([state.appliedAngle, state.uprightAngle], [180, 0])
        XCTAssertEqual(try frame.source.orientation(), .down)
    }

    func testTheOldCameraGoesOnWhereTheNewOneCannotBeAdded() throws {
        Cameras.look(with: .iPhone, held: .portrait)
        try use(.back)
        source.connection(clockwise: 90, mirrored: false)
        start()
        _ = try push()
        Cameras.all[.front]?.fits = false
        XCTAssertThrowsError(try use(.front)) {
            XCTAssertTrue("\($0)".contains("cannot be opened"), "\($0)")
        }
        XCTAssertEqual(
            source.session.inputs.compactMap { ($0 as? AVCaptureDeviceInput)?.device.position },
            [.back])
        source.follow(uprightAngle: 90)
        let frame = try push()
        XCTAssertEqual(
            frame.source,
            .camera(
                ConnectionState(
                    camera: .back, appliedAngle: 90, mirrored: false, uprightAngle: 90)))
    }

    func testTheOldCameraGoesOnWhereTheNewOneIsBusyOrNotThere() throws {
        Cameras.look(with: .iPhone, held: .portrait)
        try use(.back)
        start()
        Cameras.all[.front]?.opens = false
        XCTAssertThrowsError(try use(.front))
        Cameras.all[.front] = nil
        XCTAssertThrowsError(try use(.front)) {
            XCTAssertTrue("\($0)".contains("no front camera"), "\($0)")
        }
        _ = try push()
        XCTAssertEqual(source.session.inputs.count, 1)
    }

    func testNoCameraIsHeldWhereFramesCannotBeRead() throws {
        Cameras.readsFrames = false
        XCTAssertThrowsError(try use(.back)) {
            XCTAssertTrue("\($0)".contains("cannot be read"), "\($0)")
        }
        XCTAssertEqual(source.session.inputs.count, 0)
        Cameras.readsFrames = true
        try use(.back)
        XCTAssertEqual(source.session.outputs.count, 1)
    }

    /// What a trial asks for holds for the next camera's connection too.
    func testTheOtherCamerasConnectionIsSetAsTheFirstWas() throws {
        try use(.back)
        source.connection(clockwise: 90, mirrored: true)
        try use(.front)
        XCTAssertEqual(try output.connection?.device.position, .front)
        XCTAssertEqual(try output.connection?.videoRotationAngle, 90)
        XCTAssertEqual(try output.connection?.isVideoMirrored, true)
    }

    func testMirroringIsLeftAloneWhereThereIsNone() throws {
        Cameras.mirrors = false
        try use(.back)
        XCTAssertEqual(try output.connection?.automaticallyAdjustsVideoMirroring, true)
    }

    func testAfterAStopNoFrameComes() throws {
        Cameras.look(with: .iPhone, held: .portrait)
        try use(.back)
        start()
        _ = try push()
        source.stop()
        wait("the session stops") { !source.session.isRunning }
        try output.deliver(at: 9)
        XCTAssertEqual(frames.all.count, 1)
        // Nor does it start again by itself.
        settle(1.2)
        XCTAssertFalse(source.session.isRunning)
    }

    func testASessionThatFailsStartsAgain() throws {
        try use(.back)
        start()
        source.session.isRunning = false
        wait("it starts again", upTo: 3) { source.session.isRunning }
        // Interrupted, it comes back by itself, when it may.
        source.session.isInterrupted = true
        source.session.isRunning = false
        settle(1.2)
        XCTAssertFalse(source.session.isRunning)
    }

    func testPermission() throws {
        func ask() -> String? {
            var said: String??
            Task {
                do {
                    try await CameraSource.requirePermission()
                    said = .some(nil)
                } catch { said = "\(error)" }
            }
            wait("an answer") { said != nil }
            return said!
        }
        XCTAssertNil(ask())
        Cameras.permission = .notDetermined
        XCTAssertNil(ask())
        Cameras.asked = { false }
        XCTAssertEqual(ask()?.contains("permission was refused"), true)
        Cameras.permission = .denied
        XCTAssertEqual(ask()?.contains("permission was refused"), true)
        Cameras.permission = .restricted
        XCTAssertEqual(ask()?.contains("restricted on this device"), true)
    }

    func testTheClockIsTheSessions() {
        let clock = SessionClock(session: source.session)
        CMClock.host.time = 5
        XCTAssertEqual(clock.now(), 5)
        source.session.synchronizationClock = CMClock(7)
        XCTAssertEqual(clock.now(), 7)
    }

    func testHeatByItsName() {
        let names: [(ProcessInfo.ThermalState, Heat)] = [
            (.nominal, .nominal), (.fair, .fair), (.serious, .serious), (.critical, .critical),
        ]
        for (state, heat) in names { XCTAssertEqual(Heat(state), heat) }
    }
}
