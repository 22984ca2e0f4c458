#if canImport(ImageIO)
import ImageIO

extension Orientation {
    public var cgImagePropertyOrientation: CGImagePropertyOrientation {
        switch self {
        case .up: .up
        case .upMirrored: .upMirrored
        case .down: .down
        case .downMirrored: .downMirrored
        case .leftMirrored: .leftMirrored
        case .right: .right
        case .rightMirrored: .rightMirrored
        case .left: .left
        }
    }
}
#endif

#if canImport(UIKit)
import UIKit

extension Orientation {
    /// Errors: `.geometry` for a case that UIKit adds later.
    public init(_ orientation: UIImage.Orientation) throws {
        try self.init(uiImageRawValue: orientation.rawValue)
    }
}

#if !os(tvOS) && !os(watchOS)
extension DeviceOrientation {
    /// nil for face up, face down and unknown: keep the last one that was known.
    public init?(_ orientation: UIDeviceOrientation) {
        switch orientation {
        case .portrait: self = .portrait
        case .portraitUpsideDown: self = .portraitUpsideDown
        case .landscapeLeft: self = .landscapeLeft
        case .landscapeRight: self = .landscapeRight
        default: return nil
        }
    }

    /// How the phone is held where an interface of this orientation is upright; nil for unknown.
    ///
    /// The landscapes swap: an interface turns against the device.
    /// Source: developer.apple.com/documentation/uikit/uiinterfaceorientation/landscapeleft.
    public init?(_ orientation: UIInterfaceOrientation) {
        switch orientation {
        case .portrait: self = .portrait
        case .portraitUpsideDown: self = .portraitUpsideDown
        case .landscapeLeft: self = .landscapeRight
        case .landscapeRight: self = .landscapeLeft
        default: return nil
        }
    }
}
#endif
#endif
