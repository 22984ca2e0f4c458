import AVFoundation
import CoreVideo
import MobileCatKit

extension CameraPosition {
    var avPosition: AVCaptureDevice.Position { self == .front ? .front : .back }
}

extension AVCaptureConnection {
    /// Clockwise degrees by which the connection turns its pixels, or a preview its picture: as the
    /// system reports them, since a new connection's angle is not 0 on every device.
    func appliedAngle(_ camera: CameraPosition) -> Int {
        if #available(iOS 17.0, *) { return Int(videoRotationAngle.rounded()) }
        return angleByOrientation(camera)
    }

    func show(_ angle: Int, _ camera: CameraPosition) {
        if #available(iOS 17.0, *) {
            if isVideoRotationAngleSupported(CGFloat(angle)) { videoRotationAngle = CGFloat(angle) }
            return
        }
        showByOrientation(angle, camera)
    }

    /// Before iOS 17 the system reports for which interface the picture is upright. Told as an angle
    /// by MobileCatKit's table, as an interface's own is too: what lies between the two is right
    /// wherever the sensor sits.
    func angleByOrientation(_ camera: CameraPosition) -> Int {
        Orientation.rotationAngle(device: DeviceOrientation(videoOrientation), camera: camera)
    }

    func showByOrientation(_ angle: Int, _ camera: CameraPosition) {
        let held = DeviceOrientation.allCases.first {
            Orientation.rotationAngle(device: $0, camera: camera) == angle
        }
        if let held { videoOrientation = AVCaptureVideoOrientation(held) }
    }
}

extension DeviceOrientation {
    /// The landscapes swap: AVFoundation names where the interface's home button is.
    init(_ orientation: AVCaptureVideoOrientation) {
        switch orientation {
        case .portraitUpsideDown: self = .portraitUpsideDown
        case .landscapeRight: self = .landscapeLeft
        case .landscapeLeft: self = .landscapeRight
        default: self = .portrait
        }
    }
}

extension AVCaptureVideoOrientation {
    init(_ held: DeviceOrientation) {
        switch held {
        case .portrait: self = .portrait
        case .portraitUpsideDown: self = .portraitUpsideDown
        case .landscapeLeft: self = .landscapeRight
        case .landscapeRight: self = .landscapeLeft
        }
    }
}
