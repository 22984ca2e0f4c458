// Addresses are relative to https://developer.apple.com/documentation/
import ImageIO
import QuartzCore

@preconcurrency @MainActor open class UIView: UIResponder {  // uikit/uiview
    public enum ContentMode: Int { case scaleToFill, scaleAspectFit, scaleAspectFill, redraw }  // uikit/uiview/contentmode-swift.enum
    public override convenience nonisolated init() { self.init(frame: .zero) }  // uikit/uiview
    public init(frame: CGRect) {  // uikit/uiview/init(frame:)
        self.frame = frame
        super.init()
    }
    public required init?(coder: NSCoder) { nil }  // uikit/uiview/init(coder:)
    open class var layerClass: AnyClass { CALayer.self }  // uikit/uiview/layerclass
    public private(set) lazy var layer: CALayer = (type(of: self).layerClass as! CALayer.Type).init()  // uikit/uiview/layer
    /// In the superview.
    package var frame: CGRect {
        didSet { if frame.size != oldValue.size, contentMode == .redraw { wantsDisplay = true } }
    }
    public var bounds: CGRect {  // uikit/uiview/bounds
        get { CGRect(origin: CGPoint(x: 0, y: 0), size: frame.size) }
        set { frame.size = newValue.size }
    }
    package private(set) weak var superview: UIView?
    package private(set) var subviews: [UIView] = []
    package weak var controller: UIViewController?
    public var window: UIWindow? { self as? UIWindow ?? superview?.window }  // uikit/uiview/window
    public var isOpaque = true  // uikit/uiview/isopaque
    public var isUserInteractionEnabled = true  // uikit/uiview/isuserinteractionenabled
    public var contentMode = ContentMode.scaleToFill  // uikit/uiview/contentmode-swift.property
    public var backgroundColor: UIColor?  // uikit/uiview/backgroundcolor
    public var translatesAutoresizingMaskIntoConstraints = true  // uikit/uiview/translatesautoresizingmaskintoconstraints
    public private(set) lazy var safeAreaLayoutGuide = UILayoutGuide(self)  // uikit/uiview/safearealayoutguide
    public var leadingAnchor: NSLayoutXAxisAnchor { .init(self, .leading, safe: false) }  // uikit/uiview/leadinganchor
    public var trailingAnchor: NSLayoutXAxisAnchor { .init(self, .trailing, safe: false) }  // uikit/uiview/trailinganchor
    public var topAnchor: NSLayoutYAxisAnchor { .init(self, .top, safe: false) }  // uikit/uiview/topanchor
    public var bottomAnchor: NSLayoutYAxisAnchor { .init(self, .bottom, safe: false) }  // uikit/uiview/bottomanchor
    public func addSubview(_ view: UIView) {  // uikit/uiview/addsubview(_:)
        view.removeFromSuperview()
        view.superview = self
        subviews.append(view)
    }
    package func removeFromSuperview() {
        superview?.subviews.removeAll { $0 === self }
        superview = nil
    }
    package private(set) var wantsDisplay = true
    package private(set) var wantsLayout = false
    public func setNeedsDisplay() { wantsDisplay = true }  // uikit/uiview/setneedsdisplay()
    public func setNeedsLayout() { wantsLayout = true }  // uikit/uiview/setneedslayout()
    open func draw(_ rect: CGRect) {}  // uikit/uiview/draw(_:)

    // MARK: what a run loop does

    fileprivate var constraints: [NSLayoutConstraint] = []
    /// What bars cover, from the window.
    package var safeArea: CGRect {
        guard let inset = window?.insets else { return bounds }
        let at = origin(in: window)
        let (whole, free) = (window?.bounds ?? bounds, bounds.offsetBy(dx: at.x, dy: at.y))
        let left = max(0, inset.left - free.minX)
        let top = max(0, inset.top - free.minY)
        let right = max(0, free.maxX - (whole.maxX - inset.right))
        let bottom = max(0, free.maxY - (whole.maxY - inset.bottom))
        return CGRect(
            x: left, y: top, width: bounds.width - left - right,
            height: bounds.height - top - bottom)
    }

    package func origin(in window: UIView?) -> CGPoint {
        guard let superview, self !== window else { return CGPoint(x: 0, y: 0) }
        let from = superview.origin(in: window)
        return CGPoint(x: from.x + frame.minX, y: from.y + frame.minY)
    }

    /// Lay out this view and all below, and tell their view controllers.
    package func layOut() {
        wantsLayout = false
        for child in subviews {
            var edges: [NSLayoutConstraint.Edge: CGFloat] = [:]
            for one in constraints where one.first.view === child {
                let area = one.second.safe ? safeArea : bounds
                if one.second.view !== self { Misuse.note("a constraint to another view than its superview") }
                edges[one.first.edge] =
                    switch one.second.edge {
                    case .leading: area.minX
                    case .trailing: area.maxX
                    case .top: area.minY
                    case .bottom: area.maxY
                    }
            }
            guard !edges.isEmpty else { continue }
            if child.translatesAutoresizingMaskIntoConstraints {
                Misuse.note("constraints contradict a view's autoresizing mask")
            } else if let l = edges[.leading], let r = edges[.trailing], let t = edges[.top],
                let b = edges[.bottom]
            {
                child.frame = CGRect(x: l, y: t, width: r - l, height: b - t)
            } else {
                Misuse.note("a view's constraints leave an edge open")
            }
        }
        controller?.viewDidLayoutSubviews()
        subviews.forEach { $0.layOut() }
    }

    private var picture: [Stroke] = []

    /// What this view shows, in its own coordinates: drawn again only where it was asked for.
    package func drawn() -> [Stroke] {
        guard wantsDisplay else { return picture }
        wantsDisplay = false
        _ = Stroke.taken()
        draw(bounds)
        picture = Stroke.taken()
        return picture
    }

    fileprivate func hold(_ one: NSLayoutConstraint) { constraints.append(one) }
}

@MainActor public final class UILayoutGuide: NSObject {  // uikit/uilayoutguide
    private unowned let view: UIView
    init(_ view: UIView) { self.view = view }
    public var leadingAnchor: NSLayoutXAxisAnchor { .init(view, .leading, safe: true) }  // uikit/uilayoutguide/leadinganchor
    public var trailingAnchor: NSLayoutXAxisAnchor { .init(view, .trailing, safe: true) }  // uikit/uilayoutguide/trailinganchor
    public var topAnchor: NSLayoutYAxisAnchor { .init(view, .top, safe: true) }  // uikit/uilayoutguide/topanchor
    public var bottomAnchor: NSLayoutYAxisAnchor { .init(view, .bottom, safe: true) }  // uikit/uilayoutguide/bottomanchor
}

@MainActor open class NSLayoutAnchor<AnchorType>: NSObject {  // uikit/nslayoutanchor
    let view: UIView
    let edge: NSLayoutConstraint.Edge
    let safe: Bool
    init(_ view: UIView, _ edge: NSLayoutConstraint.Edge, safe: Bool) {
        (self.view, self.edge, self.safe) = (view, edge, safe)
    }
    public func constraint(equalTo anchor: NSLayoutAnchor<AnchorType>) -> NSLayoutConstraint {  // uikit/nslayoutanchor/constraint(equalto:)
        NSLayoutConstraint((view, edge, safe), (anchor.view, anchor.edge, anchor.safe))
    }
}
@MainActor public final class NSLayoutXAxisAnchor: NSLayoutAnchor<NSLayoutXAxisAnchor> {}  // uikit/nslayoutxaxisanchor
@MainActor public final class NSLayoutYAxisAnchor: NSLayoutAnchor<NSLayoutYAxisAnchor> {}  // uikit/nslayoutyaxisanchor
@MainActor public final class NSLayoutConstraint: NSObject {  // uikit/nslayoutconstraint
    enum Edge { case leading, trailing, top, bottom }
    typealias End = (view: UIView, edge: Edge, safe: Bool)
    let first, second: End
    init(_ first: End, _ second: End) { (self.first, self.second) = (first, second) }
    public class func activate(_ constraints: [NSLayoutConstraint]) {  // uikit/nslayoutconstraint/activate(_:)
        for one in constraints {
            guard let parent = one.first.view.superview else {
                Misuse.note("a constraint of a view that is in no other")
                continue
            }
            parent.hold(one)
        }
    }
}

@MainActor public final class UIWindow: UIView {  // uikit/uiwindow
    package var insets: (top: CGFloat, left: CGFloat, bottom: CGFloat, right: CGFloat) = (0, 0, 0, 0)
    package var displayScale: CGFloat = 3
    public init(windowScene: UIWindowScene) {  // uikit/uiwindow/init(windowscene:)
        self.windowScene = windowScene
        super.init(frame: .zero)
    }
    public required init?(coder: NSCoder) { nil }  // uikit/uiview/init(coder:)
    public var windowScene: UIWindowScene?  // uikit/uiwindow/windowscene
    public var rootViewController: UIViewController?  // uikit/uiwindow/rootviewcontroller
    package private(set) var isVisible = false
    public func makeKeyAndVisible() {  // uikit/uiwindow/makekeyandvisible()
        isVisible = true
        guard let root = rootViewController else { return }
        addSubview(root.view)
        root.appear()
    }

    /// As after a turn of the device, or a change of split view.
    package func resize(to size: CGSize) {
        frame.size = size
        rootViewController?.spread(size)
        layOut()
    }
}

@MainActor open class UIImageView: UIView {  // uikit/uiimageview
    public var image: UIImage?  // uikit/uiimageview/image
}

@MainActor open class UILabel: UIView {  // uikit/uilabel
    public override init(frame: CGRect) { super.init(frame: frame) }  // uikit/uiview/init(frame:)
    public required init?(coder: NSCoder) { nil }  // uikit/uiview/init(coder:)
    public var text: String?  // uikit/uilabel/text
    public var numberOfLines = 1  // uikit/uilabel/numberoflines
    public var textAlignment = NSTextAlignment.left  // uikit/uilabel/textalignment
    public var textColor: UIColor!  // uikit/uilabel/textcolor
    public var font: UIFont!  // uikit/uilabel/font
}

public enum NSTextAlignment: Int { case left, center, right }  // uikit/nstextalignment
