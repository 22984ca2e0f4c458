import UIKit

@main
final class AppDelegate: UIResponder, UIApplicationDelegate {
    func application(
        _ application: UIApplication,
        configurationForConnecting session: UISceneSession, options: UIScene.ConnectionOptions
    ) -> UISceneConfiguration {
        let configuration = UISceneConfiguration(name: nil, sessionRole: session.role)
        configuration.delegateClass = SceneDelegate.self
        return configuration
    }
}

final class SceneDelegate: UIResponder, UIWindowSceneDelegate {
    var window: UIWindow?

    func scene(
        _ scene: UIScene, willConnectTo session: UISceneSession,
        options: UIScene.ConnectionOptions
    ) {
        guard let scene = scene as? UIWindowScene else { return }
        let live = LiveViewController()
        live.tabBarItem = UITabBarItem(
            title: "Live", image: UIImage(systemName: "camera"), tag: 0)
        let still = StillViewController()
        still.tabBarItem = UITabBarItem(
            title: "Photo", image: UIImage(systemName: "photo"), tag: 1)
        let tabs = UITabBarController()
        tabs.viewControllers = [live, still].map(UINavigationController.init(rootViewController:))
        let window = UIWindow(windowScene: scene)
        window.rootViewController = tabs
        window.makeKeyAndVisible()
        self.window = window
    }
}
