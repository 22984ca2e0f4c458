// Addresses are relative to https://developer.apple.com/documentation/
@_exported import ImageIO
@_exported import QuartzCore

@MainActor open class UIResponder: NSObject {  // uikit/uiresponder
    public nonisolated override init() { super.init() }  // uikit/uiresponder
}

@MainActor public final class UIApplication: UIResponder {  // uikit/uiapplication
    public class var shared: UIApplication { one }  // uikit/uiapplication/shared
    private static let one = UIApplication()
    public var isIdleTimerDisabled = false  // uikit/uiapplication/isidletimerdisabled
}

@MainActor public protocol UIApplicationDelegate: NSObjectProtocol {  // uikit/uiapplicationdelegate
    func application(_ application: UIApplication, configurationForConnecting connectingSceneSession: UISceneSession, options: UIScene.ConnectionOptions) -> UISceneConfiguration  // uikit/uiapplicationdelegate/application(_:configurationforconnecting:options:)
}

extension UIApplicationDelegate {
    public static func main() { print("the app runs in tests: swift test") }  // uikit/uiapplicationdelegate/main()
}

@MainActor open class UIScene: UIResponder {  // uikit/uiscene
    public final class ConnectionOptions {  // uikit/uiscene/connectionoptions
        package init() {}
    }
}

@MainActor public final class UISceneSession: NSObject {  // uikit/uiscenesession
    public struct Role: Hashable, Sendable {}  // uikit/uiscenesession/role-swift.struct
    package nonisolated override init() { super.init() }
    public let role = Role()  // uikit/uiscenesession/role-swift.property
}

@MainActor public final class UISceneConfiguration: NSObject {  // uikit/uisceneconfiguration
    public init(name: String?, sessionRole: UISceneSession.Role) { super.init() }  // uikit/uisceneconfiguration/init(name:sessionrole:)
    public var delegateClass: AnyClass?  // uikit/uisceneconfiguration/delegateclass
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
    public package(set) var interfaceOrientation = UIInterfaceOrientation.portrait  // uikit/uiwindowscene/interfaceorientation
}

@MainActor public final class UITraitCollection: NSObject {  // uikit/uitraitcollection
    public let displayScale: CGFloat  // uikit/uitraitcollection/displayscale
    init(_ scale: CGFloat) { displayScale = scale }
}

@MainActor public final class UIDevice: NSObject {  // uikit/uidevice
    public class var current: UIDevice { one }  // uikit/uidevice/current
    private static let one = UIDevice()
    public let model = "iPhone"  // uikit/uidevice/model
    public let systemName = "iOS"  // uikit/uidevice/systemname
    public let systemVersion = "17.4"  // uikit/uidevice/systemversion
}

public final class UIImage: NSObject {  // uikit/uiimage
    public enum Orientation: Int {  // uikit/uiimage/orientation
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
    package let name: String?
    public init?(systemName name: String) {  // uikit/uiimage/init(systemname:)
        (self.name, cgImage, imageOrientation) = (name, nil, .up)
    }
    public init?(data: Data) {  // uikit/uiimage/init(data:)
        guard let (stored, orientation) = Photos.read(data) else { return nil }
        (name, cgImage, imageOrientation) = (nil, stored, orientation)
    }
    /// As stored: not turned.
    public let cgImage: CGImage?  // uikit/uiimage/cgimage
    public let imageOrientation: Orientation  // uikit/uiimage/imageorientation
}

/// What photos' bytes hold.
package enum Photos {
    nonisolated(unsafe) package static var read: (Data) -> (CGImage, UIImage.Orientation)? = { _ in nil }
}
