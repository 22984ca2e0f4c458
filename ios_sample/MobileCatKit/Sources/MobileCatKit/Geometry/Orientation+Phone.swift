/// How the phone is held, by UIDeviceOrientation's names; face up and face down have no orientation.
public enum DeviceOrientation: String, Named {
    case portrait, portraitUpsideDown
    /// Home button (or charging port) on the right.
    case landscapeLeft
    case landscapeRight
    public static let noun = "device orientation"

    /// AVCaptureVideoOrientation's name for it: the landscapes swap.
    public var videoOrientation: DeviceOrientation {
        switch self {
        case .portrait, .portraitUpsideDown: self
        case .landscapeLeft: .landscapeRight
        case .landscapeRight: .landscapeLeft
        }
    }
}

public enum CameraPosition: String, Named {
    case back, front
    public static let noun = "camera"
}

extension Orientation {
    /// What to hand to Vision for a buffer that no connection has rotated.
    ///
    /// uprightAngle: what AVCaptureDevice.RotationCoordinator reports; where it is given, it decides,
    /// and the device does not. Without it: a table, true of back cameras, and of front cameras up to
    /// the iPhone 16; those of iPhone 17 and Air deliver upright portrait frames.
    /// After a physical rotation (a data output's `videoRotationAngle`) hand over `.up` instead.
    /// mirrored: the upright picture is to be a mirror image, as a front camera's preview shows it.
    /// Errors: `.geometry` for a mirrored back camera, which no table covers, and for an angle that is
    /// no quarter turn.
    public init(
        forBufferOf camera: CameraPosition, device: DeviceOrientation, mirrored: Bool = false,
        uprightAngle: Int? = nil
    ) throws {
        switch (camera, mirrored, device) {
        case (.back, true, _):
            throw MobileCatError(
                .geometry, "No such camera buffer",
                [Problem("the back camera, mirrored", fix: "switch isVideoMirrored off")])
        case (.back, false, .portrait), (.front, false, .portrait): self = .right
        case (.back, false, .portraitUpsideDown), (.front, false, .portraitUpsideDown): self = .left
        case (.back, false, .landscapeLeft), (.front, false, .landscapeRight): self = .up
        case (.back, false, .landscapeRight), (.front, false, .landscapeLeft): self = .down
        case (.front, true, .portrait): self = .leftMirrored
        case (.front, true, .portraitUpsideDown): self = .rightMirrored
        case (.front, true, .landscapeLeft): self = .downMirrored
        case (.front, true, .landscapeRight): self = .upMirrored
        }
        guard let uprightAngle else { return }
        self = try Orientation(uprightAngle: uprightAngle, mirrorImage: mirrored)
    }

    /// AVFoundation's videoRotationAngle for an upright picture, in clockwise degrees: a default, by
    /// the table of `init(forBufferOf:device:mirrored:uprightAngle:)`. From iOS 17 ask the system.
    public static func rotationAngle(device: DeviceOrientation, camera: CameraPosition) -> Int {
        switch (device, camera) {
        case (.portrait, _): 90
        case (.portraitUpsideDown, _): 270
        case (.landscapeLeft, .back), (.landscapeRight, .front): 0
        case (.landscapeRight, .back), (.landscapeLeft, .front): 180
        }
    }

    /// The orientation equal to a clockwise turn: CameraX's rotationDegrees, or an angle.
    ///
    /// Errors: `.geometry` for anything but 0, 90, 180 and 270.
    /// Source: developer.android.com/reference/androidx/camera/core/ImageInfo#getRotationDegrees().
    public init(clockwiseDegrees degrees: Int) throws {
        switch degrees {
        case 0: self = .up
        case 90: self = .right
        case 180: self = .down
        case 270: self = .left
        default:
            throw MobileCatError(
                .geometry, "No such rotation", [Problem("\(degrees) is not 0, 90, 180 or 270")])
        }
    }

    /// What to hand to Vision for a data output's buffer, by the state of its connection.
    ///
    /// The connection turned the sensor's pixels by `applied` degrees clockwise, then mirrored them
    /// left-right; an upright, unmirrored picture is `upright` degrees from the sensor.
    /// Errors: `.geometry` for anything but quarter turns.
    /// Source: developer.apple.com/documentation/avfoundation/avcaptureconnection/videorotationangle
    /// and …/isvideomirrored (about the vertical axis). That mirroring comes second is unmeasured.
    public init(uprightAngle upright: Int, appliedAngle applied: Int, mirrored: Bool = false) throws
    {
        let turn = try Orientation(clockwiseDegrees: ((upright - applied) % 360 + 360) % 360)
        self = mirrored ? turn * .upMirrored : turn
    }

    /// The same for a buffer that no connection has mirrored, where the upright picture is to be a
    /// mirror image or not: turned first, then seen in the mirror.
    ///
    /// Errors: `.geometry` for anything but quarter turns.
    public init(uprightAngle upright: Int, appliedAngle applied: Int = 0, mirrorImage: Bool) throws
    {
        for degrees in [upright, applied] { _ = try Orientation(clockwiseDegrees: degrees) }
        let turn = try Orientation(uprightAngle: upright, appliedAngle: applied)
        self = mirrorImage ? .upMirrored * turn : turn
    }

    /// The EXIF orientation of a UIImage.Orientation raw value.
    ///
    /// A raw cast is a known bug: 0 crashes, 3 (right) would become down.
    /// Errors: `.geometry` outside 0–7.
    public init(uiImageRawValue raw: Int) throws {
        switch raw {
        case 0: self = .up
        case 1: self = .down
        case 2: self = .left
        case 3: self = .right
        case 4: self = .upMirrored
        case 5: self = .downMirrored
        case 6: self = .leftMirrored
        case 7: self = .rightMirrored
        default:
            throw MobileCatError(
                .geometry, "No such UIImage.Orientation", [Problem("\(raw) is not 0 to 7")])
        }
    }

    /// UIImage.Orientation's raw value.
    public var uiImageRawValue: Int {
        switch self {
        case .up: 0
        case .down: 1
        case .left: 2
        case .right: 3
        case .upMirrored: 4
        case .downMirrored: 5
        case .leftMirrored: 6
        case .rightMirrored: 7
        }
    }
}
