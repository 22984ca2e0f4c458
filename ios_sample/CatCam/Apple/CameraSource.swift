import AVFoundation
import Foundation
import MobileCatKit

/// The camera. Unless a trial asks for it nothing is turned or mirrored here: each frame says what
/// its connection did.
final class CameraSource: NSObject, FrameSource, AVCaptureVideoDataOutputSampleBufferDelegate {
    let session = AVCaptureSession()

    private let output = AVCaptureVideoDataOutput()
    /// Frames are looked at here; the next ones are discarded meanwhile.
    private let frames = DispatchQueue(label: "catcam.frames", qos: .userInitiated)
    /// Starting and stopping a session blocks: never on the main queue.
    private let setup = DispatchQueue(label: "catcam.session")

    private let lock = NSLock()
    /// nil while nobody wants frames.
    private var deliver: (@Sendable (CameraFrame<Picture>) -> Void)?
    private var camera = CameraPosition.back
    private var uprightAngle = 90
    private var wanted = (clockwise: 0, mirrored: false)
    private var running: NSKeyValueObservation?

    override init() {
        super.init()
        // Media services that fail take the session down, and do not bring it back. An interruption
        // does: the session runs again when it ends.
        running = session.observe(\.isRunning, options: [.new]) { [weak self] session, _ in
            if !session.isRunning { self?.startAgain() }
        }
    }

    /// Ask for permission where nobody was asked yet. Errors: MobileCatError that says what to do.
    static func requirePermission() async throws {
        switch AVCaptureDevice.authorizationStatus(for: .video) {
        case .authorized: return
        case .notDetermined:
            guard await AVCaptureDevice.requestAccess(for: .video) else { throw refused }
        case .restricted:
            throw MobileCatError(
                .geometry, "CatCam may not use the camera",
                [Problem("it is restricted on this device", fix: "look at a photo instead")])
        default: throw refused
        }
    }

    /// Set the camera up, off the caller's queue. `done` comes on the main queue.
    func use(
        _ position: CameraPosition, done: @escaping (Result<AVCaptureDevice, any Error>) -> Void
    ) {
        setup.async {
            let result = Result { try self.configure(position) }
            DispatchQueue.main.async { done(result) }
        }
    }

    /// Clockwise degrees from the sensor to what the preview shows, from now on.
    func follow(uprightAngle: Int) { locked { self.uprightAngle = uprightAngle } }

    /// What the connection is to do to the pixels, as far as it can; each frame says what it did.
    func connection(clockwise: Int, mirrored: Bool) {
        setup.async {
            self.locked { self.wanted = (clockwise, mirrored) }
            self.connect()
        }
    }

    func start(_ deliver: @escaping @Sendable (CameraFrame<Picture>) -> Void) {
        locked { self.deliver = deliver }
        setup.async { self.session.startRunning() }
    }

    func stop() {
        locked { deliver = nil }
        setup.async { self.session.stopRunning() }
    }

    /// After a second, if frames are wanted still.
    private func startAgain() {
        setup.asyncAfter(deadline: .now() + 1) { [weak self] in
            guard let self, locked({ self.deliver }) != nil else { return }
            if !session.isRunning, !session.isInterrupted { session.startRunning() }
        }
    }

    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection
    ) {
        let (deliver, camera, upright) = locked { (self.deliver, self.camera, uprightAngle) }
        guard let deliver, let buffer = CMSampleBufferGetImageBuffer(sampleBuffer),
            let bufferWH = try? SizeWH(buffer)
        else { return }
        let state = ConnectionState(
            camera: camera, appliedAngle: connection.appliedAngle(camera),
            mirrored: connection.isVideoMirrored, uprightAngle: upright)
        deliver(
            CameraFrame(
                pixels: .buffer(buffer), bufferWH: bufferWH, source: .camera(state),
                time: CMSampleBufferGetPresentationTimeStamp(sampleBuffer).seconds))
    }

    private func configure(_ position: CameraPosition) throws -> AVCaptureDevice {
        guard
            let device = AVCaptureDevice.default(
                .builtInWideAngleCamera, for: .video, position: position.avPosition)
        else {
            throw Self.unusable(
                "there is no \(position.rawValue) camera", "look at a photo instead")
        }
        let input = try AVCaptureDeviceInput(device: device)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        // A session holds one camera, so that the old one has to go before the new one can be asked
        // about. Where that is refused, the old one comes back.
        let before = session.inputs
        before.forEach(session.removeInput)
        do {
            try add(input)
        } catch {
            session.inputs.forEach(session.removeInput)
            before.filter(session.canAddInput).forEach(session.addInput)
            connect()
            throw error
        }
        // Split view on an iPad takes the camera away from an app that does not ask for this.
        if session.isMultitaskingCameraAccessSupported {
            session.isMultitaskingCameraAccessEnabled = true
        }
        locked { camera = position }
        connect()
        return device
    }

    private func add(_ input: AVCaptureDeviceInput) throws {
        guard session.canAddInput(input) else {
            throw Self.unusable("the camera cannot be opened", "close other apps that use it")
        }
        session.addInput(input)
        if session.canSetSessionPreset(.hd1280x720) { session.sessionPreset = .hd1280x720 }
        guard !session.outputs.contains(output) else { return }
        guard session.canAddOutput(output) else {
            throw Self.unusable("frames cannot be read", "restart the device")
        }
        session.addOutput(output)
        output.alwaysDiscardsLateVideoFrames = true
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String: PixelFormat.yuv420v.coreVideoType as Any
        ]
        output.setSampleBufferDelegate(self, queue: frames)
    }

    /// The inputs' connections are new ones after every change, and know nothing of the last.
    private func connect() {
        guard let connection = output.connection(with: .video) else { return }
        let (camera, wanted) = locked { (self.camera, self.wanted) }
        connection.show(wanted.clockwise, camera)
        if connection.isVideoMirroringSupported {
            connection.automaticallyAdjustsVideoMirroring = false
            connection.isVideoMirrored = wanted.mirrored
        }
    }

    private static var refused: MobileCatError {
        MobileCatError(
            .geometry, "CatCam may not use the camera",
            [
                Problem(
                    "permission was refused",
                    fix: "Settings → Privacy & Security → Camera → CatCam; or look at a photo")
            ])
    }

    private static func unusable(_ what: String, _ fix: String) -> MobileCatError {
        MobileCatError(.buffer, "The camera cannot be used", [Problem(what, fix: fix)])
    }

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }
}

/// The clock that a session's frames are stamped with; the host's until it has one.
struct SessionClock: FrameClock {
    let session: AVCaptureSession

    func now() -> Double {
        CMClockGetTime(session.synchronizationClock ?? CMClockGetHostTimeClock()).seconds
    }
}

extension Heat {
    init(_ state: ProcessInfo.ThermalState) { self = Heat(rawValue: state.rawValue) ?? .critical }
}
