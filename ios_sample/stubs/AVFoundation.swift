// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreMedia
@_exported import QuartzCore

public struct AVMediaType: Hashable {  // avfoundation/avmediatype
    public static let video = AVMediaType()  // avfoundation/avmediatype/video
}

public enum AVAuthorizationStatus: Int {  // avfoundation/avauthorizationstatus
    case notDetermined, restricted, denied, authorized
}

public struct AVLayerVideoGravity: Hashable {  // avfoundation/avlayervideogravity
    public static let resizeAspectFill = AVLayerVideoGravity()  // avfoundation/avlayervideogravity/resizeaspectfill
}

public enum AVCaptureVideoOrientation: Int {  // avfoundation/avcapturevideoorientation
    case portrait = 1
    case portraitUpsideDown, landscapeRight, landscapeLeft
}

open class AVCaptureDevice: NSObject {  // avfoundation/avcapturedevice
    public enum Position: Int { case unspecified, back, front }  // avfoundation/avcapturedevice/position-swift.enum
    public struct DeviceType: Hashable {  // avfoundation/avcapturedevice/devicetype-swift.struct
        public static let builtInWideAngleCamera = DeviceType()  // avfoundation/avcapturedevice/devicetype-swift.struct/builtinwideanglecamera
    }
    public class func authorizationStatus(for mediaType: AVMediaType) -> AVAuthorizationStatus { fatalError() }  // avfoundation/avcapturedevice/authorizationstatus(for:)
    public class func requestAccess(for mediaType: AVMediaType) async -> Bool { fatalError() }  // avfoundation/avcapturedevice/requestaccess(for:completionhandler:)
    public class func `default`(_ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position) -> AVCaptureDevice? { fatalError() }  // avfoundation/avcapturedevice/default(_:for:position:)

    @available(iOS 17.0, *)
    open class RotationCoordinator: NSObject {  // avfoundation/avcapturedevice/rotationcoordinator
        public init(device: AVCaptureDevice, previewLayer: CALayer?) { fatalError() }  // avfoundation/avcapturedevice/rotationcoordinator/init(device:previewlayer:)
        public var videoRotationAngleForHorizonLevelPreview: CGFloat { fatalError() }  // avfoundation/avcapturedevice/rotationcoordinator/videorotationangleforhorizonlevelpreview
    }
}


open class AVCaptureInput: NSObject {}  // avfoundation/avcaptureinput
open class AVCaptureDeviceInput: AVCaptureInput {  // avfoundation/avcapturedeviceinput
    public init(device: AVCaptureDevice) throws { fatalError() }  // avfoundation/avcapturedeviceinput/init(device:)
}

open class AVCaptureConnection: NSObject {  // avfoundation/avcaptureconnection
    public var isVideoMirroringSupported: Bool { fatalError() }  // avfoundation/avcaptureconnection/isvideomirroringsupported
    public var isVideoMirrored: Bool { get { fatalError() } set { fatalError() } }  // avfoundation/avcaptureconnection/isvideomirrored
    public var automaticallyAdjustsVideoMirroring: Bool { get { fatalError() } set { fatalError() } }  // avfoundation/avcaptureconnection/automaticallyadjustsvideomirroring
    public var videoOrientation: AVCaptureVideoOrientation { get { fatalError() } set { fatalError() } }  // avfoundation/avcaptureconnection/videoorientation
    @available(iOS 17.0, *)
    public var videoRotationAngle: CGFloat { get { fatalError() } set { fatalError() } }  // avfoundation/avcaptureconnection/videorotationangle
    @available(iOS 17.0, *)
    public func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { fatalError() }  // avfoundation/avcaptureconnection/isvideorotationanglesupported(_:)
}

open class AVCaptureOutput: NSObject {  // avfoundation/avcaptureoutput
    public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { fatalError() }  // avfoundation/avcaptureoutput/connection(with:)
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {  // avfoundation/avcapturevideodataoutputsamplebufferdelegate
    func captureOutput(_ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)  // avfoundation/avcapturevideodataoutputsamplebufferdelegate/captureoutput(_:didoutput:from:)
}

open class AVCaptureVideoDataOutput: AVCaptureOutput {  // avfoundation/avcapturevideodataoutput
    public override init() { fatalError() }  // avfoundation/avcapturevideodataoutput
    public var alwaysDiscardsLateVideoFrames: Bool { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturevideodataoutput/alwaysdiscardslatevideoframes
    public var videoSettings: [String: Any]! { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturevideodataoutput/videosettings
    public func setSampleBufferDelegate(_ delegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?) { fatalError() }  // avfoundation/avcapturevideodataoutput/setsamplebufferdelegate(_:queue:)
}

open class AVCaptureSession: NSObject {  // avfoundation/avcapturesession
    public struct Preset: Hashable {  // avfoundation/avcapturesession/preset
        public static let hd1280x720 = Preset()  // avfoundation/avcapturesession/preset/hd1280x720
    }
    public override init() { fatalError() }  // avfoundation/avcapturesession
    public var sessionPreset: Preset { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturesession/sessionpreset
    public func canSetSessionPreset(_ preset: Preset) -> Bool { fatalError() }  // avfoundation/avcapturesession/cansetsessionpreset(_:)
    public var inputs: [AVCaptureInput] { fatalError() }  // avfoundation/avcapturesession/inputs
    public var outputs: [AVCaptureOutput] { fatalError() }  // avfoundation/avcapturesession/outputs
    public func beginConfiguration() { fatalError() }  // avfoundation/avcapturesession/beginconfiguration()
    public func commitConfiguration() { fatalError() }  // avfoundation/avcapturesession/commitconfiguration()
    public func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }  // avfoundation/avcapturesession/canaddinput(_:)
    public func addInput(_ input: AVCaptureInput) { fatalError() }  // avfoundation/avcapturesession/addinput(_:)
    public func removeInput(_ input: AVCaptureInput) { fatalError() }  // avfoundation/avcapturesession/removeinput(_:)
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }  // avfoundation/avcapturesession/canaddoutput(_:)
    public func addOutput(_ output: AVCaptureOutput) { fatalError() }  // avfoundation/avcapturesession/addoutput(_:)
    public var isRunning: Bool { fatalError() }  // avfoundation/avcapturesession/isrunning
    public var synchronizationClock: CMClock? { fatalError() }  // avfoundation/avcapturesession/synchronizationclock
    public var isInterrupted: Bool { fatalError() }  // avfoundation/avcapturesession/isinterrupted
    public var isMultitaskingCameraAccessSupported: Bool { fatalError() }  // avfoundation/avcapturesession/ismultitaskingcameraaccesssupported
    public var isMultitaskingCameraAccessEnabled: Bool { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturesession/ismultitaskingcameraaccessenabled
    public func startRunning() { fatalError() }  // avfoundation/avcapturesession/startrunning()
    public func stopRunning() { fatalError() }  // avfoundation/avcapturesession/stoprunning()
}

open class AVCaptureVideoPreviewLayer: CALayer {  // avfoundation/avcapturevideopreviewlayer
    public var session: AVCaptureSession? { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturevideopreviewlayer/session
    public var connection: AVCaptureConnection? { fatalError() }  // avfoundation/avcapturevideopreviewlayer/connection
    public var videoGravity: AVLayerVideoGravity { get { fatalError() } set { fatalError() } }  // avfoundation/avcapturevideopreviewlayer/videogravity
}
