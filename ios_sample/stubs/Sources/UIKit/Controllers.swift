// Addresses are relative to https://developer.apple.com/documentation/
import ImageIO
import QuartzCore

@MainActor open class UIViewController: UIResponder {  // uikit/uiviewcontroller
    public override nonisolated init() { super.init() }  // uikit/uiviewcontroller
    private var loaded: UIView?
    /// Loaded when it is first asked for.
    public var view: UIView! {  // uikit/uiviewcontroller/view
        get {
            if let loaded { return loaded }
            let made = UIView()
            made.controller = self
            loaded = made
            viewDidLoad()
            return made
        }
        set { loaded = newValue }
    }
    /// Goes to the navigation item and the tab bar item too.
    public var title: String? {  // uikit/uiviewcontroller/title
        didSet {
            navigationItem.title = title
            tabBarItem?.title = title
        }
    }
    public let navigationItem = UINavigationItem()  // uikit/uiviewcontroller/navigationitem
    private var tab: UITabBarItem?
    public var tabBarItem: UITabBarItem! {  // uikit/uiviewcontroller/tabbaritem
        get { tab ?? children.first?.tabBarItem }
        set { tab = newValue }
    }
    public var traitCollection: UITraitCollection { UITraitCollection(view.window?.displayScale ?? 1) }  // uikit/uitraitenvironment/traitcollection
    open func viewDidLoad() {}  // uikit/uiviewcontroller/viewdidload()
    open func viewWillAppear(_ animated: Bool) { appeared.append("will appear") }  // uikit/uiviewcontroller/viewwillappear(_:)
    open func viewDidDisappear(_ animated: Bool) { appeared.append("did disappear") }  // uikit/uiviewcontroller/viewdiddisappear(_:)
    open func viewDidLayoutSubviews() {}  // uikit/uiviewcontroller/viewdidlayoutsubviews()
    public func present(_ viewControllerToPresent: UIViewController, animated flag: Bool, completion: (() -> Void)? = nil) {  // uikit/uiviewcontroller/present(_:animated:completion:)
        if view.window == nil { Misuse.note("something is presented over a view that is not shown") }
        if presented != nil { Misuse.note("two things are presented at once") }
        presented = viewControllerToPresent
        viewControllerToPresent.presenting = self
    }
    public func dismiss(animated flag: Bool, completion: (() -> Void)? = nil) {  // uikit/uiviewcontroller/dismiss(animated:completion:)
        if let presenting { presenting.presented = nil } else { presented = nil }
    }

    // MARK: what UIKit does

    package var presented: UIViewController?
    private weak var presenting: UIViewController?
    package fileprivate(set) var children: [UIViewController] = []
    /// Whose superclass heard of it.
    private var appeared: [String] = []

    fileprivate var shown: UIViewController? { children.first }

    func appear() {
        if let shown {
            view.addSubview(shown.view)
            shown.appear()
        }
        appeared = []
        viewWillAppear(false)
        if appeared.isEmpty { Misuse.note("viewWillAppear of the superclass was not called") }
    }

    func disappear() {
        shown?.disappear()
        view.removeFromSuperview()
        appeared = []
        viewDidDisappear(false)
        if appeared.isEmpty { Misuse.note("viewDidDisappear of the superclass was not called") }
    }

    func spread(_ size: CGSize) {
        view.frame = CGRect(origin: CGPoint(x: 0, y: 0), size: size)
        children.forEach { $0.spread(size) }
    }
}

@MainActor public final class UINavigationController: UIViewController {  // uikit/uinavigationcontroller
    public init(rootViewController: UIViewController) {  // uikit/uinavigationcontroller/init(rootviewcontroller:)
        super.init()
        children = [rootViewController]
    }
}

@MainActor public final class UITabBarController: UIViewController {  // uikit/uitabbarcontroller
    public var viewControllers: [UIViewController]? {  // uikit/uitabbarcontroller/viewcontrollers
        get { children }
        set { children = newValue ?? [] }
    }
    package private(set) var selected = 0
    fileprivate override var shown: UIViewController? { children.indices.contains(selected) ? children[selected] : nil }

    /// As by a finger.
    package func choose(_ index: Int) {
        let before = shown
        selected = index
        if let shown {
            view.addSubview(shown.view)
            spread(view.bounds.size)
            shown.appear()
        }
        before?.disappear()
        view.window?.layOut()
    }
}

@MainActor public final class UITabBarItem: NSObject {  // uikit/uitabbaritem
    package var title: String?
    public init(title: String?, image: UIImage?, tag: Int) { self.title = title }  // uikit/uitabbaritem/init(title:image:tag:)
}

@MainActor public final class UINavigationItem: NSObject {  // uikit/uinavigationitem
    nonisolated override init() { super.init() }  // objectivec/nsobject-swift.class/init()
    public var title: String?  // uikit/uinavigationitem/title
    public var rightBarButtonItems: [UIBarButtonItem]?  // uikit/uinavigationitem/rightbarbuttonitems
}

@MainActor open class UIMenuElement: NSObject {  // uikit/uimenuelement
    public enum State: Int { case off, on, mixed }  // uikit/uimenuelement/state
    package let title: String
    init(_ title: String) { self.title = title }
}

@MainActor public final class UIMenu: UIMenuElement {  // uikit/uimenu
    package let children: [UIMenuElement]
    public init(title: String = "", children: [UIMenuElement] = []) {  // uikit/uimenu/init(title:subtitle:image:identifier:options:preferredelementsize:children:)
        self.children = children
        super.init(title)
    }
}

@MainActor public final class UIAction: UIMenuElement {  // uikit/uiaction
    package let state: UIMenuElement.State
    private let handler: (UIAction) -> Void
    public init(title: String = "", image: UIImage? = nil, state: UIMenuElement.State = .off, handler: @escaping (UIAction) -> Void) {  // uikit/uiaction/init(title:subtitle:image:identifier:discoverabilitytitle:attributes:state:handler:)
        (self.state, self.handler) = (state, handler)
        super.init(title)
    }
    /// As by a finger.
    package func perform() { handler(self) }
}

@MainActor public final class UIBarButtonItem: NSObject {  // uikit/uibarbuttonitem
    package let image: UIImage?
    package let primaryAction: UIAction?
    public init(title: String? = nil, image: UIImage? = nil, primaryAction: UIAction? = nil) {  // uikit/uibarbuttonitem/init(title:image:primaryaction:menu:)
        (self.image, self.primaryAction) = (image, primaryAction)
    }
    public var menu: UIMenu?  // uikit/uibarbuttonitem/menu
}

@MainActor public final class UIAlertController: UIViewController {  // uikit/uialertcontroller
    public enum Style: Int { case actionSheet, alert }  // uikit/uialertcontroller/style
    package let message: String?
    package private(set) var actions: [UIAlertAction] = []
    public init(title: String?, message: String?, preferredStyle: Style) {  // uikit/uialertcontroller/init(title:message:preferredstyle:)
        self.message = message
        super.init()
        self.title = title
    }
    public func addAction(_ action: UIAlertAction) { actions.append(action) }  // uikit/uialertcontroller/addaction(_:)
}

@MainActor public final class UIAlertAction: NSObject {  // uikit/uialertaction
    public enum Style: Int { case `default`, cancel, destructive }  // uikit/uialertaction/style-swift.enum
    public init(title: String?, style: Style, handler: ((UIAlertAction) -> Void)? = nil) { super.init() }  // uikit/uialertaction/init(title:style:handler:)
}
