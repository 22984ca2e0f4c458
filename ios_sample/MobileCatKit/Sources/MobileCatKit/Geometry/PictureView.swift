/// AVLayerVideoGravity, UIView.ContentMode or Android's PreviewView.ScaleType, by its name there.
///
/// Source: developer.apple.com/documentation/avfoundation/avlayervideogravity;
/// developer.android.com/reference/androidx/camera/view/PreviewView.ScaleType.
public enum ViewMode: String, Named {
    case resize, resizeAspect, resizeAspectFill
    case scaleToFill, scaleAspectFit, scaleAspectFill
    case fitStart = "FIT_START"
    case fitCenter = "FIT_CENTER"
    case fitEnd = "FIT_END"
    case fillStart = "FILL_START"
    case fillCenter = "FILL_CENTER"
    case fillEnd = "FILL_END"
    public static let noun = "view mode"

    enum Scale { case stretch, fit, fill }

    var scale: Scale {
        switch self {
        case .resize, .scaleToFill: .stretch
        case .resizeAspect, .scaleAspectFit, .fitStart, .fitCenter, .fitEnd: .fit
        case .resizeAspectFill, .scaleAspectFill, .fillStart, .fillCenter, .fillEnd: .fill
        }
    }

    /// The share of the spare space that lies before the picture.
    var leadingShare: Double {
        switch self {
        case .fitStart, .fillStart: 0
        case .fitEnd, .fillEnd: 1
        default: 0.5
        }
    }
}

/// A view that shows the upright picture.
public struct PictureView: Hashable, Sendable {
    /// In points (iOS) or pixels (Android).
    public let size: SizeWH
    public let mode: ViewMode
    /// The picture is shown left-right swapped, as front-camera previews are.
    public let mirrored: Bool
    /// The layout runs right to left: START and END swap sides, not top and bottom.
    public let rightToLeft: Bool

    public init(
        size: SizeWH, mode: ViewMode, mirrored: Bool = false, rightToLeft: Bool = false
    ) {
        self.size = size
        self.mode = mode
        self.mirrored = mirrored
        self.rightToLeft = rightToLeft
    }

    /// Upright pixels → the view, both top-left.
    public func viewFromImage(imageWH: SizeWH) -> Affine {
        var (sx, sy) = (size.w / imageWH.w, size.h / imageWH.h)
        switch mode.scale {
        case .stretch: break
        case .fit: (sx, sy) = (min(sx, sy), min(sx, sy))
        case .fill: (sx, sy) = (max(sx, sy), max(sx, sy))
        }
        let shareY = mode.leadingShare
        let shareX = rightToLeft ? 1 - shareY : shareY
        let placed = Affine.scaleThenMove(
            sx, sy, (size.w - sx * imageWH.w) * shareX, (size.h - sy * imageWH.h) * shareY)
        return mirrored ? placed * .scaleThenMove(-1, 1, imageWH.w, 0) : placed
    }
}
