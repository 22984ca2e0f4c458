// Addresses are relative to https://developer.apple.com/documentation/
@_exported import ImageIO
@_exported import QuartzCore

@MainActor open class UIResponder: NSObject {  // uikit/uiresponder
    public nonisolated override init() { fatalError() }  // uikit/uiresponder
}

@MainActor public final class UIApplication: UIResponder {  // uikit/uiapplication
    public class var shared: UIApplication { fatalError() }  // uikit/uiapplication/shared
    public var isIdleTimerDisabled: Bool { get { fatalError() } set { fatalError() } }  // uikit/uiapplication/isidletimerdisabled
}

@MainActor public protocol UIApplicationDelegate: NSObjectProtocol {  // uikit/uiapplicationdelegate
    func application(_ application: UIApplication, configurationForConnecting connectingSceneSession: UISceneSession, options: UIScene.ConnectionOptions) -> UISceneConfiguration  // uikit/uiapplicationdelegate/application(_:configurationforconnecting:options:)
}

extension UIApplicationDelegate {
    public static func main() { fatalError() }  // uikit/uiapplicationdelegate/main()
}

@MainActor open class UIScene: UIResponder {  // uikit/uiscene
    public final class ConnectionOptions {}  // uikit/uiscene/connectionoptions
}

@MainActor public final class UISceneSession: NSObject {  // uikit/uiscenesession
    public struct Role: Hashable {}  // uikit/uiscenesession/role-swift.struct
    public var role: Role { fatalError() }  // uikit/uiscenesession/role-swift.property
}

@MainActor public final class UISceneConfiguration: NSObject {  // uikit/uisceneconfiguration
    public init(name: String?, sessionRole: UISceneSession.Role) { fatalError() }  // uikit/uisceneconfiguration/init(name:sessionrole:)
    public var delegateClass: AnyClass? { get { fatalError() } set { fatalError() } }  // uikit/uisceneconfiguration/delegateclass
}

@MainActor public protocol UIWindowSceneDelegate: NSObjectProtocol {  // uikit/uiwindowscenedelegate
    func scene(_ scene: UIScene, willConnectTo session: UISceneSession, options connectionOptions: UIScene.ConnectionOptions)  // uikit/uiscenedelegate/scene(_:willconnectto:options:)
    var window: UIWindow? { get set }  // uikit/uiwindowscenedelegate/window
}

public enum UIInterfaceOrientation: Int {  // uikit/uiinterfaceorientation
    case unknown, portrait, portraitUpsideDown
    case landscapeRight, landscapeLeft
}

public enum UIDeviceOrientation: Int {  // uikit/uideviceorientation
    case unknown, portrait, portraitUpsideDown, landscapeLeft, landscapeRight, faceUp, faceDown
}

@MainActor public final class UIWindowScene: UIScene {  // uikit/uiwindowscene
    public var interfaceOrientation: UIInterfaceOrientation { fatalError() }  // uikit/uiwindowscene/interfaceorientation
}

@MainActor open class UIView: UIResponder {  // uikit/uiview
    public enum ContentMode: Int { case scaleToFill, scaleAspectFit, scaleAspectFill, redraw }  // uikit/uiview/contentmode-swift.enum
    public override convenience nonisolated init() { fatalError() }  // uikit/uiview
    public init(frame: CGRect) { fatalError() }  // uikit/uiview/init(frame:)
    public required init?(coder: NSCoder) { fatalError() }  // uikit/uiview/init(coder:)
    open class var layerClass: AnyClass { fatalError() }  // uikit/uiview/layerclass
    public var layer: CALayer { fatalError() }  // uikit/uiview/layer
    public var bounds: CGRect { get { fatalError() } set { fatalError() } }  // uikit/uiview/bounds
    public var window: UIWindow? { fatalError() }  // uikit/uiview/window
    public var isOpaque: Bool { get { fatalError() } set { fatalError() } }  // uikit/uiview/isopaque
    public var isUserInteractionEnabled: Bool { get { fatalError() } set { fatalError() } }  // uikit/uiview/isuserinteractionenabled
    public var contentMode: ContentMode { get { fatalError() } set { fatalError() } }  // uikit/uiview/contentmode-swift.property
    public var backgroundColor: UIColor? { get { fatalError() } set { fatalError() } }  // uikit/uiview/backgroundcolor
    public var translatesAutoresizingMaskIntoConstraints: Bool { get { fatalError() } set { fatalError() } }  // uikit/uiview/translatesautoresizingmaskintoconstraints
    public var safeAreaLayoutGuide: UILayoutGuide { fatalError() }  // uikit/uiview/safearealayoutguide
    public var leadingAnchor: NSLayoutXAxisAnchor { fatalError() }  // uikit/uiview/leadinganchor
    public var trailingAnchor: NSLayoutXAxisAnchor { fatalError() }  // uikit/uiview/trailinganchor
    public var topAnchor: NSLayoutYAxisAnchor { fatalError() }  // uikit/uiview/topanchor
    public var bottomAnchor: NSLayoutYAxisAnchor { fatalError() }  // uikit/uiview/bottomanchor
    public func addSubview(_ view: UIView) { fatalError() }  // uikit/uiview/addsubview(_:)
    public func setNeedsDisplay() { fatalError() }  // uikit/uiview/setneedsdisplay()
    public func setNeedsLayout() { fatalError() }  // uikit/uiview/setneedslayout()
    open func draw(_ rect: CGRect) { fatalError() }  // uikit/uiview/draw(_:)
}

@MainActor public final class UILayoutGuide: NSObject {  // uikit/uilayoutguide
    public var leadingAnchor: NSLayoutXAxisAnchor { fatalError() }  // uikit/uilayoutguide/leadinganchor
    public var trailingAnchor: NSLayoutXAxisAnchor { fatalError() }  // uikit/uilayoutguide/trailinganchor
    public var topAnchor: NSLayoutYAxisAnchor { fatalError() }  // uikit/uilayoutguide/topanchor
    public var bottomAnchor: NSLayoutYAxisAnchor { fatalError() }  // uikit/uilayoutguide/bottomanchor
}

@MainActor open class NSLayoutAnchor<AnchorType>: NSObject {  // uikit/nslayoutanchor
    public func constraint(equalTo anchor: NSLayoutAnchor<AnchorType>) -> NSLayoutConstraint { fatalError() }  // uikit/nslayoutanchor/constraint(equalto:)
}
@MainActor public final class NSLayoutXAxisAnchor: NSLayoutAnchor<NSLayoutXAxisAnchor> {}  // uikit/nslayoutxaxisanchor
@MainActor public final class NSLayoutYAxisAnchor: NSLayoutAnchor<NSLayoutYAxisAnchor> {}  // uikit/nslayoutyaxisanchor
@MainActor public final class NSLayoutConstraint: NSObject {  // uikit/nslayoutconstraint
    public class func activate(_ constraints: [NSLayoutConstraint]) { fatalError() }  // uikit/nslayoutconstraint/activate(_:)
}

@MainActor public final class UIWindow: UIView {  // uikit/uiwindow
    public init(windowScene: UIWindowScene) { fatalError() }  // uikit/uiwindow/init(windowscene:)
    public required init?(coder: NSCoder) { fatalError() }  // uikit/uiview/init(coder:)
    public var windowScene: UIWindowScene? { get { fatalError() } set { fatalError() } }  // uikit/uiwindow/windowscene
    public var rootViewController: UIViewController? { get { fatalError() } set { fatalError() } }  // uikit/uiwindow/rootviewcontroller
    public func makeKeyAndVisible() { fatalError() }  // uikit/uiwindow/makekeyandvisible()
}

@MainActor open class UIImageView: UIView {  // uikit/uiimageview
    public var image: UIImage? { get { fatalError() } set { fatalError() } }  // uikit/uiimageview/image
}

@MainActor open class UILabel: UIView {  // uikit/uilabel
    public override init(frame: CGRect) { fatalError() }  // uikit/uiview/init(frame:)
    public required init?(coder: NSCoder) { fatalError() }  // uikit/uiview/init(coder:)
    public var text: String? { get { fatalError() } set { fatalError() } }  // uikit/uilabel/text
    public var numberOfLines: Int { get { fatalError() } set { fatalError() } }  // uikit/uilabel/numberoflines
    public var textAlignment: NSTextAlignment { get { fatalError() } set { fatalError() } }  // uikit/uilabel/textalignment
    public var textColor: UIColor! { get { fatalError() } set { fatalError() } }  // uikit/uilabel/textcolor
    public var font: UIFont! { get { fatalError() } set { fatalError() } }  // uikit/uilabel/font
}

public enum NSTextAlignment: Int { case left, center, right }  // uikit/nstextalignment

public final class UIFont: NSObject {  // uikit/uifont
    public struct TextStyle: Hashable {  // uikit/uifont/textstyle
        public static let body = TextStyle()  // uikit/uifont/textstyle/body
    }
    public class func boldSystemFont(ofSize fontSize: CGFloat) -> UIFont { fatalError() }  // uikit/uifont/boldsystemfont(ofsize:)
    public class func preferredFont(forTextStyle style: TextStyle) -> UIFont { fatalError() }  // uikit/uifont/preferredfont(fortextstyle:)
}

public final class UIColor: NSObject {  // uikit/uicolor
    public class var systemYellow: UIColor { fatalError() }  // uikit/uicolor/systemyellow
    public class var systemPink: UIColor { fatalError() }  // uikit/uicolor/systempink
    public class var systemTeal: UIColor { fatalError() }  // uikit/uicolor/systemteal
    public class var systemOrange: UIColor { fatalError() }  // uikit/uicolor/systemorange
    public class var white: UIColor { fatalError() }  // uikit/uicolor/white
    public class var black: UIColor { fatalError() }  // uikit/uicolor/black
    public func setStroke() { fatalError() }  // uikit/uicolor/setstroke()
    public func setFill() { fatalError() }  // uikit/uicolor/setfill()
}

extension NSAttributedString.Key {
    public static let font = NSAttributedString.Key("")  // foundation/nsattributedstring/key/font
    public static let foregroundColor = NSAttributedString.Key("")  // foundation/nsattributedstring/key/foregroundcolor
}

extension NSAttributedString {
    public func draw(at point: CGPoint) { fatalError() }  // foundation/nsattributedstring/draw(at:)
}

@MainActor public final class UIBezierPath: NSObject {  // uikit/uibezierpath
    public override init() { fatalError() }  // uikit/uibezierpath
    public init(roundedRect rect: CGRect, cornerRadius: CGFloat) { fatalError() }  // uikit/uibezierpath/init(roundedrect:cornerradius:)
    public init(arcCenter center: CGPoint, radius: CGFloat, startAngle: CGFloat, endAngle: CGFloat, clockwise: Bool) { fatalError() }  // uikit/uibezierpath/init(arccenter:radius:startangle:endangle:clockwise:)
    public var lineWidth: CGFloat { get { fatalError() } set { fatalError() } }  // uikit/uibezierpath/linewidth
    public func move(to point: CGPoint) { fatalError() }  // uikit/uibezierpath/move(to:)
    public func addLine(to point: CGPoint) { fatalError() }  // uikit/uibezierpath/addline(to:)
    public func close() { fatalError() }  // uikit/uibezierpath/close()
    public func stroke() { fatalError() }  // uikit/uibezierpath/stroke()
    public func fill() { fatalError() }  // uikit/uibezierpath/fill()
}

public final class UIImage: NSObject {  // uikit/uiimage
    public enum Orientation: Int {  // uikit/uiimage/orientation
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
    public init?(systemName name: String) { fatalError() }  // uikit/uiimage/init(systemname:)
    public init?(data: Data) { fatalError() }  // uikit/uiimage/init(data:)
    public var cgImage: CGImage? { fatalError() }  // uikit/uiimage/cgimage
    public var imageOrientation: Orientation { fatalError() }  // uikit/uiimage/imageorientation
}

@MainActor open class UIViewController: UIResponder {  // uikit/uiviewcontroller
    public override nonisolated init() { fatalError() }  // uikit/uiviewcontroller
    public var view: UIView! { get { fatalError() } set { fatalError() } }  // uikit/uiviewcontroller/view
    public var title: String? { get { fatalError() } set { fatalError() } }  // uikit/uiviewcontroller/title
    public var navigationItem: UINavigationItem { fatalError() }  // uikit/uiviewcontroller/navigationitem
    public var tabBarItem: UITabBarItem! { get { fatalError() } set { fatalError() } }  // uikit/uiviewcontroller/tabbaritem
    public var traitCollection: UITraitCollection { fatalError() }  // uikit/uitraitenvironment/traitcollection
    open func viewDidLoad() { fatalError() }  // uikit/uiviewcontroller/viewdidload()
    open func viewWillAppear(_ animated: Bool) { fatalError() }  // uikit/uiviewcontroller/viewwillappear(_:)
    open func viewDidDisappear(_ animated: Bool) { fatalError() }  // uikit/uiviewcontroller/viewdiddisappear(_:)
    open func viewDidLayoutSubviews() { fatalError() }  // uikit/uiviewcontroller/viewdidlayoutsubviews()
    public func present(_ viewControllerToPresent: UIViewController, animated flag: Bool, completion: (() -> Void)? = nil) { fatalError() }  // uikit/uiviewcontroller/present(_:animated:completion:)
    public func dismiss(animated flag: Bool, completion: (() -> Void)? = nil) { fatalError() }  // uikit/uiviewcontroller/dismiss(animated:completion:)
}

@MainActor public final class UINavigationController: UIViewController {  // uikit/uinavigationcontroller
    public init(rootViewController: UIViewController) { fatalError() }  // uikit/uinavigationcontroller/init(rootviewcontroller:)
}

@MainActor public final class UITabBarController: UIViewController {  // uikit/uitabbarcontroller
    public var viewControllers: [UIViewController]? { get { fatalError() } set { fatalError() } }  // uikit/uitabbarcontroller/viewcontrollers
}

@MainActor public final class UITabBarItem: NSObject {  // uikit/uitabbaritem
    public init(title: String?, image: UIImage?, tag: Int) { fatalError() }  // uikit/uitabbaritem/init(title:image:tag:)
}

@MainActor public final class UINavigationItem: NSObject {  // uikit/uinavigationitem
    public var rightBarButtonItems: [UIBarButtonItem]? { get { fatalError() } set { fatalError() } }  // uikit/uinavigationitem/rightbarbuttonitems
}

@MainActor open class UIMenuElement: NSObject {  // uikit/uimenuelement
    public enum State: Int { case off, on, mixed }  // uikit/uimenuelement/state
}

@MainActor public final class UIMenu: UIMenuElement {  // uikit/uimenu
    public init(title: String = "", children: [UIMenuElement] = []) { fatalError() }  // uikit/uimenu/init(title:subtitle:image:identifier:options:preferredelementsize:children:)
}

@MainActor public final class UIAction: UIMenuElement {  // uikit/uiaction
    public init(title: String = "", image: UIImage? = nil, state: UIMenuElement.State = .off, handler: @escaping (UIAction) -> Void) { fatalError() }  // uikit/uiaction/init(title:subtitle:image:identifier:discoverabilitytitle:attributes:state:handler:)
}

@MainActor public final class UIBarButtonItem: NSObject {  // uikit/uibarbuttonitem
    public init(title: String? = nil, image: UIImage? = nil, primaryAction: UIAction? = nil) { fatalError() }  // uikit/uibarbuttonitem/init(title:image:primaryaction:menu:)
    public var menu: UIMenu? { get { fatalError() } set { fatalError() } }  // uikit/uibarbuttonitem/menu
}

@MainActor public final class UIAlertController: UIViewController {  // uikit/uialertcontroller
    public enum Style: Int { case actionSheet, alert }  // uikit/uialertcontroller/style
    public init(title: String?, message: String?, preferredStyle: Style) { fatalError() }  // uikit/uialertcontroller/init(title:message:preferredstyle:)
    public func addAction(_ action: UIAlertAction) { fatalError() }  // uikit/uialertcontroller/addaction(_:)
}

@MainActor public final class UIAlertAction: NSObject {  // uikit/uialertaction
    public enum Style: Int { case `default`, cancel, destructive }  // uikit/uialertaction/style-swift.enum
    public init(title: String?, style: Style, handler: ((UIAlertAction) -> Void)? = nil) { fatalError() }  // uikit/uialertaction/init(title:style:handler:)
}

@MainActor public final class UITraitCollection: NSObject {  // uikit/uitraitcollection
    public var displayScale: CGFloat { fatalError() }  // uikit/uitraitcollection/displayscale
}

@MainActor public final class UIDevice: NSObject {  // uikit/uidevice
    public class var current: UIDevice { fatalError() }  // uikit/uidevice/current
    public var model: String { fatalError() }  // uikit/uidevice/model
    public var systemName: String { fatalError() }  // uikit/uidevice/systemname
    public var systemVersion: String { fatalError() }  // uikit/uidevice/systemversion
}
