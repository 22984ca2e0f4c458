// Boxes in the four formats, one type each, so that a format cannot be read as another.
// Conversions never sort corners: what is inverted stays inverted.

/// Four numbers that say where a box is; pixels, points or normalised, as the frame says.
public protocol BoxCoordinates: Hashable, Sendable {
    static var format: BoxFormat { get }
    init(_ xyxy: BoxXYXY)
    var xyxy: BoxXYXY { get }
    /// The four numbers in the format's order.
    var values: [Double] { get }
    /// Every x (or width) times `sx`, every y (or height) times `sy`; same format.
    func scaled(_ sx: Double, _ sy: Double) -> Self
}

extension BoxCoordinates {
    /// The same box from another format.
    public init<Other: BoxCoordinates>(_ other: Other) { self.init(other.xyxy) }

    /// Pixels divided by the picture's sides.
    public func normalized(by wh: SizeWH) -> Self { scaled(1 / wh.w, 1 / wh.h) }

    /// Normalised coordinates multiplied by the picture's sides.
    public func pixels(in wh: SizeWH) -> Self { scaled(wh.w, wh.h) }
}

/// Two corners.
public struct BoxXYXY: BoxCoordinates {
    public static let format = BoxFormat.xyxy
    public let x1: Double
    public let y1: Double
    public let x2: Double
    public let y2: Double

    public init(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
        (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2)
    }

    public init(_ xyxy: BoxXYXY) { self = xyxy }
    public var xyxy: BoxXYXY { self }
    public var values: [Double] { [x1, y1, x2, y2] }

    public func scaled(_ sx: Double, _ sy: Double) -> BoxXYXY {
        BoxXYXY(x1 * sx, y1 * sy, x2 * sx, y2 * sy)
    }
}

/// A corner and a size. The corner is the top left, in Vision's space the lower left.
public struct BoxXYWH: BoxCoordinates {
    public static let format = BoxFormat.xywh
    public let x: Double
    public let y: Double
    public let w: Double
    public let h: Double

    public init(_ x: Double, _ y: Double, _ w: Double, _ h: Double) {
        (self.x, self.y, self.w, self.h) = (x, y, w, h)
    }

    public init(_ b: BoxXYXY) { self.init(b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1) }
    public var xyxy: BoxXYXY { BoxXYXY(x, y, x + w, y + h) }
    public var values: [Double] { [x, y, w, h] }

    public func scaled(_ sx: Double, _ sy: Double) -> BoxXYWH {
        BoxXYWH(x * sx, y * sy, w * sx, h * sy)
    }
}

/// A centre and a size: what YOLO and Core ML's NMS give.
public struct BoxCXCYWH: BoxCoordinates {
    public static let format = BoxFormat.cxcywh
    public let cx: Double
    public let cy: Double
    public let w: Double
    public let h: Double

    public init(_ cx: Double, _ cy: Double, _ w: Double, _ h: Double) {
        (self.cx, self.cy, self.w, self.h) = (cx, cy, w, h)
    }

    public init(_ b: BoxXYXY) {
        self.init((b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.x2 - b.x1, b.y2 - b.y1)
    }

    public var xyxy: BoxXYXY { BoxXYXY(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2) }
    public var values: [Double] { [cx, cy, w, h] }

    public func scaled(_ sx: Double, _ sy: Double) -> BoxCXCYWH {
        BoxCXCYWH(cx * sx, cy * sy, w * sx, h * sy)
    }
}

/// TensorFlow's [ymin, xmin, ymax, xmax].
public struct BoxYXYX: BoxCoordinates {
    public static let format = BoxFormat.yxyx
    public let y1: Double
    public let x1: Double
    public let y2: Double
    public let x2: Double

    public init(_ y1: Double, _ x1: Double, _ y2: Double, _ x2: Double) {
        (self.y1, self.x1, self.y2, self.x2) = (y1, x1, y2, x2)
    }

    public init(_ b: BoxXYXY) { self.init(b.y1, b.x1, b.y2, b.x2) }
    public var xyxy: BoxXYXY { BoxXYXY(x1, y1, x2, y2) }
    public var values: [Double] { [y1, x1, y2, x2] }

    public func scaled(_ sx: Double, _ sy: Double) -> BoxYXYX {
        BoxYXYX(y1 * sy, x1 * sx, y2 * sy, x2 * sx)
    }
}

/// A box format by its name, for rows whose format is only known when the app runs.
public enum BoxFormat: String, Named {
    case xyxy, xywh, cxcywh, yxyx
    public static let noun = "box format"

    /// The row as a box of this format. Errors: `.geometry` unless there are four numbers.
    public func box(_ row: [Double]) throws -> any BoxCoordinates {
        guard row.count == 4 else {
            throw MobileCatError(
                .geometry, "These are not boxes",
                [Problem("a row has \(row.count) numbers; a box has 4: \(rawValue)")])
        }
        switch self {
        case .xyxy: return BoxXYXY(row[0], row[1], row[2], row[3])
        case .xywh: return BoxXYWH(row[0], row[1], row[2], row[3])
        case .cxcywh: return BoxCXCYWH(row[0], row[1], row[2], row[3])
        case .yxyx: return BoxYXYX(row[0], row[1], row[2], row[3])
        }
    }

    /// The box's four numbers in this format.
    public func row(_ box: any BoxCoordinates) -> [Double] {
        switch self {
        case .xyxy: return box.xyxy.values
        case .xywh: return BoxXYWH(box.xyxy).values
        case .cxcywh: return BoxCXCYWH(box.xyxy).values
        case .yxyx: return BoxYXYX(box.xyxy).values
        }
    }
}
