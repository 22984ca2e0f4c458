import AVFoundation
import CoreVideo
import MobileCatKit

extension CameraPosition {
    var avPosition: AVCaptureDevice.Position { self == .front ? .front : .back }
}

extension AVCaptureConnection {
    /// Clockwise degrees by which the connection turns its pixels, or a preview its picture.
    func appliedAngle(_ camera: CameraPosition) -> Int {
        if #available(iOS 17.0, *) { return Int(videoRotationAngle.rounded()) }
        return Orientation.rotationAngle(
            device: DeviceOrientation(videoOrientation), camera: camera)
    }

    func show(_ angle: Int, _ camera: CameraPosition) {
        if #available(iOS 17.0, *) {
            if isVideoRotationAngleSupported(CGFloat(angle)) { videoRotationAngle = CGFloat(angle) }
            return
        }
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
