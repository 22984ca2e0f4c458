// Addresses are relative to https://developer.apple.com/documentation/
import ImageIO
import QuartzCore

/// Something drawn: a path's points or a text, in a view's coordinates.
package struct Stroke {
    package enum Kind { case line, area, text(String) }
    package let kind: Kind
    package let color: String
    /// Around everything drawn; of a text, where it begins.
    package let rect: CGRect
    package let points: [CGPoint]

    package func moved(by d: CGPoint) -> Stroke {
        Stroke(
            kind: kind, color: color, rect: rect.offsetBy(dx: d.x, dy: d.y),
            points: points.map { CGPoint(x: $0.x + d.x, y: $0.y + d.y) })
    }

    nonisolated(unsafe) private static var all: [Stroke] = []
    nonisolated(unsafe) fileprivate static var line = "black"
    nonisolated(unsafe) fileprivate static var area = "black"

    static func taken() -> [Stroke] {
        defer { (all, line, area) = ([], "black", "black") }
        return all
    }

    fileprivate static func add(_ kind: Kind, _ color: String, _ points: [CGPoint]) {
        let (xs, ys) = (points.map(\.x), points.map(\.y))
        guard let x1 = xs.min(), let x2 = xs.max(), let y1 = ys.min(), let y2 = ys.max() else { return }
        all.append(
            Stroke(
                kind: kind, color: color,
                rect: CGRect(x: x1, y: y1, width: x2 - x1, height: y2 - y1), points: points))
    }
}

public final class UIFont: NSObject, @unchecked Sendable {  // uikit/uifont
    public struct TextStyle: Hashable, Sendable {  // uikit/uifont/textstyle
        public static let body = TextStyle()  // uikit/uifont/textstyle/body
    }
    public class func boldSystemFont(ofSize fontSize: CGFloat) -> UIFont { UIFont() }  // uikit/uifont/boldsystemfont(ofsize:)
    public class func preferredFont(forTextStyle style: TextStyle) -> UIFont { UIFont() }  // uikit/uifont/preferredfont(fortextstyle:)
}

public final class UIColor: NSObject, @unchecked Sendable {  // uikit/uicolor
    package let name: String
    private init(_ name: String) { self.name = name }
    public class var systemYellow: UIColor { UIColor("yellow") }  // uikit/uicolor/systemyellow
    public class var systemPink: UIColor { UIColor("pink") }  // uikit/uicolor/systempink
    public class var systemTeal: UIColor { UIColor("teal") }  // uikit/uicolor/systemteal
    public class var systemOrange: UIColor { UIColor("orange") }  // uikit/uicolor/systemorange
    public class var white: UIColor { UIColor("white") }  // uikit/uicolor/white
    public class var black: UIColor { UIColor("black") }  // uikit/uicolor/black
    public func setStroke() { Stroke.line = name }  // uikit/uicolor/setstroke()
    public func setFill() { Stroke.area = name }  // uikit/uicolor/setfill()
}

extension NSAttributedString.Key {
    public static let font = NSAttributedString.Key("NSFont")  // foundation/nsattributedstring/key/font
    public static let foregroundColor = NSAttributedString.Key("NSColor")  // foundation/nsattributedstring/key/foregroundcolor
}

extension NSAttributedString {
    public func draw(at point: CGPoint) {  // foundation/nsattributedstring/draw(at:)
        let color = length > 0 ? attribute(.foregroundColor, at: 0, effectiveRange: nil) : nil
        Stroke.add(.text(string), (color as? UIColor)?.name ?? "black", [point])
    }
}

@MainActor public final class UIBezierPath: NSObject {  // uikit/uibezierpath
    private var points: [CGPoint] = []
    public override init() { super.init() }  // uikit/uibezierpath
    public init(roundedRect rect: CGRect, cornerRadius: CGFloat) {  // uikit/uibezierpath/init(roundedrect:cornerradius:)
        points = [
            CGPoint(x: rect.minX, y: rect.minY), CGPoint(x: rect.maxX, y: rect.minY),
            CGPoint(x: rect.maxX, y: rect.maxY), CGPoint(x: rect.minX, y: rect.maxY),
        ]
    }
    public init(arcCenter center: CGPoint, radius: CGFloat, startAngle: CGFloat, endAngle: CGFloat, clockwise: Bool) {  // uikit/uibezierpath/init(arccenter:radius:startangle:endangle:clockwise:)
        let turn = Double(endAngle - startAngle) * (clockwise ? 1 : -1)
        points = (0...36).map { i in
            let at = Double(startAngle) + turn * Double(i) / 36
            return CGPoint(
                x: Double(center.x) + Double(radius) * cos(at),
                y: Double(center.y) + Double(radius) * sin(at))
        }
    }
    public var lineWidth: CGFloat = 1  // uikit/uibezierpath/linewidth
    public func move(to point: CGPoint) { points.append(point) }  // uikit/uibezierpath/move(to:)
    public func addLine(to point: CGPoint) {  // uikit/uibezierpath/addline(to:)
        if points.isEmpty { Misuse.note("a line begins nowhere") }
        points.append(point)
    }
    public func close() {}  // uikit/uibezierpath/close()
    public func stroke() { Stroke.add(.line, Stroke.line, points) }  // uikit/uibezierpath/stroke()
    public func fill() { Stroke.add(.area, Stroke.area, points) }  // uikit/uibezierpath/fill()
}
