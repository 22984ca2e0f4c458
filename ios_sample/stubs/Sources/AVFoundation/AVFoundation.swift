// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreMedia
@_exported import QuartzCore

public struct AVMediaType: Hashable, Sendable {  // avfoundation/avmediatype
    public static let video = AVMediaType()  // avfoundation/avmediatype/video
}

public enum AVAuthorizationStatus: Int {  // avfoundation/avauthorizationstatus
    case notDetermined, restricted, denied, authorized
}

public struct AVLayerVideoGravity: Hashable, Sendable {  // avfoundation/avlayervideogravity
    package let rawValue: String
    public static let resizeAspectFill = AVLayerVideoGravity(rawValue: "AVLayerVideoGravityResizeAspectFill")  // avfoundation/avlayervideogravity/resizeaspectfill
    public static let resizeAspect = AVLayerVideoGravity(rawValue: "AVLayerVideoGravityResizeAspect")  // avfoundation/avlayervideogravity/resizeaspect
}

public enum AVCaptureVideoOrientation: Int, CaseIterable {  // avfoundation/avcapturevideoorientation
    case portrait = 1
    case portraitUpsideDown, landscapeRight, landscapeLeft
}

open class AVCaptureDevice: NSObject, @unchecked Sendable {  // avfoundation/avcapturedevice
    public enum Position: Int { case unspecified, back, front }  // avfoundation/avcapturedevice/position-swift.enum
    public struct DeviceType: Hashable, Sendable {  // avfoundation/avcapturedevice/devicetype-swift.struct
        public static let builtInWideAngleCamera = DeviceType()  // avfoundation/avcapturedevice/devicetype-swift.struct/builtinwideanglecamera
    }
    public class func authorizationStatus(for mediaType: AVMediaType) -> AVAuthorizationStatus { Cameras.permission }  // avfoundation/avcapturedevice/authorizationstatus(for:)
    public class func requestAccess(for mediaType: AVMediaType) async -> Bool { Cameras.asked() }  // avfoundation/avcapturedevice/requestaccess(for:completionhandler:)
    public class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position) -> AVCaptureDevice? { Cameras.all[position] }  // avfoundation/avcapturedevice/default(_:for:position:)

    package let position: Position
    /// Whether the device can be opened, and whether a session has room for it.
    package var opens = true
    package var fits = true
    /// Clockwise degrees from the sensor's picture to one that is upright in portrait.
    package var portraitAngle: CGFloat = 90
    /// What a connection turns by unless told otherwise: 180 on iPads whose front camera is on the
    /// long side (https://developer.apple.com/documentation/avfoundation/avcaptureconnection/videorotationangle).
    package var angleOfNewConnections: CGFloat = 0
    /// Clockwise degrees from the sensor's picture to one that is level on the screen.
    package var levelAngle: CGFloat = 90 {
        didSet { for one in coordinators { one.coordinator?.turned() } }
    }
    fileprivate struct Weak { weak var coordinator: RotationCoordinator? }
    fileprivate var coordinators: [Weak] = []

    package init(_ position: Position) { self.position = position }

    @available(iOS 17.0, *)
    open class RotationCoordinator: NSObject {  // avfoundation/avcapturedevice/rotationcoordinator
        private weak var device: AVCaptureDevice?
        private weak var previewLayer: CALayer?

        public init(device: AVCaptureDevice, previewLayer: CALayer?) {  // avfoundation/avcapturedevice/rotationcoordinator/init(device:previewlayer:)
            (self.device, self.previewLayer) = (device, previewLayer)
            super.init()
            device.coordinators.append(Weak(coordinator: self))
        }
        /// 0 without a layer.
        public var videoRotationAngleForHorizonLevelPreview: CGFloat { previewLayer == nil ? 0 : device?.levelAngle ?? 0 }  // avfoundation/avcapturedevice/rotationcoordinator/videorotationangleforhorizonlevelpreview
        fileprivate func turned() { changed(\RotationCoordinator.videoRotationAngleForHorizonLevelPreview) }
    }
}

open class AVCaptureInput: NSObject {}  // avfoundation/avcaptureinput
open class AVCaptureDeviceInput: AVCaptureInput {  // avfoundation/avcapturedeviceinput
    package let device: AVCaptureDevice
    public init(device: AVCaptureDevice) throws {  // avfoundation/avcapturedeviceinput/init(device:)
        guard device.opens else { throw Cameras.Busy() }
        self.device = device
    }
}

open class AVCaptureConnection: NSObject {  // avfoundation/avcaptureconnection
    package let device: AVCaptureDevice
    /// A preview mirrors a front camera by itself; a data output does not.
    package init(_ device: AVCaptureDevice, isPreview: Bool) {
        self.device = device
        angle = device.angleOfNewConnections
        mirrored = isPreview && device.position == .front
    }

    private var angle: CGFloat
    private var mirrored: Bool
    public var isVideoMirroringSupported: Bool { Cameras.mirrors }  // avfoundation/avcaptureconnection/isvideomirroringsupported
    public var isVideoMirrored: Bool {  // avfoundation/avcaptureconnection/isvideomirrored
        get { mirrored }
        set {
            if automaticallyAdjustsVideoMirroring { Misuse.note("mirroring was set while it is automatic") }
            if !isVideoMirroringSupported { Misuse.note("mirroring was set where there is none") }
            mirrored = newValue
        }
    }
    public var automaticallyAdjustsVideoMirroring = true  // avfoundation/avcaptureconnection/automaticallyadjustsvideomirroring
    /// The same rotation by its older name: upright where the interface is turned so.
    public var videoOrientation: AVCaptureVideoOrientation {  // avfoundation/avcaptureconnection/videoorientation
        get { AVCaptureVideoOrientation.allCases.first { device.angle(for: $0) == angle } ?? .portrait }
        set { angle = device.angle(for: newValue) }
    }
    @available(iOS 17.0, *)
    public var videoRotationAngle: CGFloat {  // avfoundation/avcaptureconnection/videorotationangle
        get { angle }
        set {
            if !isVideoRotationAngleSupported(newValue) { Misuse.note("no connection turns by \(newValue)") }
            angle = newValue
        }
    }
    @available(iOS 17.0, *)
    public func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { Cameras.angles.contains(videoRotationAngle) }  // avfoundation/avcaptureconnection/isvideorotationanglesupported(_:)
}

open class AVCaptureOutput: NSObject {  // avfoundation/avcaptureoutput
    package var connection: AVCaptureConnection?
    public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { connection }  // avfoundation/avcaptureoutput/connection(with:)
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {  // avfoundation/avcapturevideodataoutputsamplebufferdelegate
    func captureOutput(_ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)  // avfoundation/avcapturevideodataoutputsamplebufferdelegate/captureoutput(_:didoutput:from:)
}

open class AVCaptureVideoDataOutput: AVCaptureOutput {  // avfoundation/avcapturevideodataoutput
    public override init() {}  // avfoundation/avcapturevideodataoutput
    public var alwaysDiscardsLateVideoFrames = true  // avfoundation/avcapturevideodataoutput/alwaysdiscardslatevideoframes
    public var videoSettings: [String: Any]! = [:]  // avfoundation/avcapturevideodataoutput/videosettings
    private weak var delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?
    package private(set) var queue: DispatchQueue?
    public func setSampleBufferDelegate(_ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?) {  // avfoundation/avcapturevideodataoutput/setsamplebufferdelegate(_:queue:)
        if delegate != nil, queue == nil { Misuse.note("a sample buffer delegate has no queue") }
        if queue === DispatchQueue.main { Misuse.note("frames were asked for on the main queue") }
        (self.delegate, self.queue) = (delegate, queue)
    }

    /// A frame through the connection as it is, on the delegate's queue; waits until it was taken.
    package func deliver(at time: Double) {
        guard let connection, let queue else { return }
        let asked = (videoSettings?[kCVPixelBufferPixelFormatTypeKey] as? NSNumber)?.uint32Value
        let image = Cameras.see(
            connection.device, Int(connection.videoRotationAngle), connection.isVideoMirrored, asked)
        queue.sync {
            delegate?.captureOutput(
                self, didOutput: CMSampleBuffer(image: image, time: time), from: connection)
        }
    }
}

open class AVCaptureSession: NSObject {  // avfoundation/avcapturesession
    public struct Preset: Hashable, Sendable {  // avfoundation/avcapturesession/preset
        package let name: String
        public static let high = Preset(name: "high")  // avfoundation/avcapturesession/preset/high
        public static let hd1280x720 = Preset(name: "hd1280x720")  // avfoundation/avcapturesession/preset/hd1280x720
    }
    public override init() { super.init() }  // avfoundation/avcapturesession
    public var sessionPreset = Preset.high  // avfoundation/avcapturesession/sessionpreset
    public func canSetSessionPreset(_ preset: Preset) -> Bool { true }  // avfoundation/avcapturesession/cansetsessionpreset(_:)
    public private(set) var inputs: [AVCaptureInput] = []  // avfoundation/avcapturesession/inputs
    public private(set) var outputs: [AVCaptureOutput] = []  // avfoundation/avcapturesession/outputs
    private var depth = 0
    fileprivate var layers: [Weak] = []
    fileprivate struct Weak { weak var layer: AVCaptureVideoPreviewLayer? }

    public func beginConfiguration() { depth += 1 }  // avfoundation/avcapturesession/beginconfiguration()
    public func commitConfiguration() {  // avfoundation/avcapturesession/commitconfiguration()
        if depth == 0 { Misuse.note("a configuration was committed that never began") }
        depth -= 1
    }
    /// One camera at a time: only a multi-camera session takes more.
    public func canAddInput(_ input: AVCaptureInput) -> Bool {  // avfoundation/avcapturesession/canaddinput(_:)
        inputs.isEmpty && (input as? AVCaptureDeviceInput)?.device.fits ?? false
    }
    public func addInput(_ input: AVCaptureInput) {  // avfoundation/avcapturesession/addinput(_:)
        guard canAddInput(input) else { return Misuse.note("an input was added that cannot be") }
        inputs.append(input)
        connect()
    }
    public func removeInput(_ input: AVCaptureInput) {  // avfoundation/avcapturesession/removeinput(_:)
        inputs.removeAll { $0 === input }
        connect()
    }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { Cameras.readsFrames && !outputs.contains(output) }  // avfoundation/avcapturesession/canaddoutput(_:)
    public func addOutput(_ output: AVCaptureOutput) {  // avfoundation/avcapturesession/addoutput(_:)
        guard canAddOutput(output) else { return Misuse.note("an output was added that cannot be") }
        outputs.append(output)
        connect()
    }
    /// Whoever changes the inputs gets new connections, which know nothing of the old ones' settings.
    private func connect() {
        let device = (inputs.first as? AVCaptureDeviceInput)?.device
        for output in outputs where output.connection?.device !== device {
            output.connection = device.map { AVCaptureConnection($0, isPreview: false) }
        }
        for one in layers { one.layer?.connect(device) }
    }
    fileprivate func show(in layer: AVCaptureVideoPreviewLayer) {
        layers.append(Weak(layer: layer))
        layer.connect((inputs.first as? AVCaptureDeviceInput)?.device)
    }

    public package(set) var isRunning = false {  // avfoundation/avcapturesession/isrunning
        didSet { if isRunning != oldValue { changed(\AVCaptureSession.isRunning) } }
    }
    public package(set) var synchronizationClock: CMClock?  // avfoundation/avcapturesession/synchronizationclock
    public package(set) var isInterrupted = false {  // avfoundation/avcapturesession/isinterrupted
        didSet { if isInterrupted != oldValue { changed(\AVCaptureSession.isInterrupted) } }
    }
    public var isMultitaskingCameraAccessSupported: Bool { Cameras.sharesScreen }  // avfoundation/avcapturesession/ismultitaskingcameraaccesssupported
    public var isMultitaskingCameraAccessEnabled = false  // avfoundation/avcapturesession/ismultitaskingcameraaccessenabled
    public func startRunning() {  // avfoundation/avcapturesession/startrunning()
        blocks("startRunning")
        isRunning = true
    }
    public func stopRunning() {  // avfoundation/avcapturesession/stoprunning()
        blocks("stopRunning")
        isRunning = false
    }
    private func blocks(_ call: String) {
        if Thread.isMainThread { Misuse.note("\(call) blocks the main queue") }
        if depth > 0 { Misuse.note("\(call) within a configuration") }
    }
}

open class AVCaptureVideoPreviewLayer: CALayer {  // avfoundation/avcapturevideopreviewlayer
    public var session: AVCaptureSession? {  // avfoundation/avcapturevideopreviewlayer/session
        didSet { session?.show(in: self) }
    }
    public private(set) var connection: AVCaptureConnection?  // avfoundation/avcapturevideopreviewlayer/connection
    public var videoGravity = AVLayerVideoGravity.resizeAspect  // avfoundation/avcapturevideopreviewlayer/videogravity
    fileprivate func connect(_ device: AVCaptureDevice?) {
        if connection?.device !== device { connection = device.map { AVCaptureConnection($0, isPreview: true) } }
    }
}

extension AVCaptureDevice {
    /// The angle at which a picture is upright in an interface that is turned so. The interface turns
    /// clockwise from portrait over landscapeLeft (home button on the left) to upside down; a front
    /// camera looks the other way.
    fileprivate func angle(for orientation: AVCaptureVideoOrientation) -> CGFloat {
        let turned: CGFloat =
            switch orientation {
            case .portrait: 0
            case .landscapeRight: -90
            case .portraitUpsideDown: 180
            case .landscapeLeft: 90
            }
        let angle = portraitAngle + (position == .front ? -turned : turned)
        return (angle + 720).truncatingRemainder(dividingBy: 360)
    }
}

/// The cameras of the phone, and what they see.
package enum Cameras {
    struct Busy: Error, CustomStringConvertible { let description = "the device is in use" }

    nonisolated(unsafe) package static var all: [AVCaptureDevice.Position: AVCaptureDevice] = [:]
    nonisolated(unsafe) package static var permission = AVAuthorizationStatus.authorized
    /// What the user says when asked.
    nonisolated(unsafe) package static var asked: @Sendable () -> Bool = { true }
    nonisolated(unsafe) package static var mirrors = true
    nonisolated(unsafe) package static var angles: [CGFloat] = [0, 90, 180, 270]
    nonisolated(unsafe) package static var sharesScreen = true
    nonisolated(unsafe) package static var readsFrames = true
    /// A sensor's picture, turned clockwise by degrees, then mirrored, in a format that was asked for.
    nonisolated(unsafe) package static var see:
        (AVCaptureDevice, Int, Bool, OSType?) -> CVImageBuffer? = { _, _, _, _ in nil }
}
