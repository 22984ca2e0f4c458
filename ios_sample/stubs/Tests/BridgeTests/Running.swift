import AVFoundation
import MobileCatKit
import PhotosUI
import UIKit
import XCTest

@testable import CatCam

/// The app, started as iOS starts it, on a phone of some size; fingers and the camera are the test's.
@MainActor
final class Running {
    let window: UIWindow
    let tabs: UITabBarController
    let live: LiveViewController
    let still: StillViewController
    private let scenes = SceneDelegate()
    private let scene = UIWindowScene()
    private var time = 0.0

    init(
        size: CGSize = CGSize(width: 390, height: 844),
        insets: (CGFloat, CGFloat, CGFloat, CGFloat) = (97, 0, 83, 0)
    ) throws {
        let session = UISceneSession()
        let options = UIScene.ConnectionOptions()
        let configuration = AppDelegate().application(
            .shared, configurationForConnecting: session, options: options)
        XCTAssertTrue(configuration.delegateClass == SceneDelegate.self)
        scenes.scene(scene, willConnectTo: session, options: options)
        window = try XCTUnwrap(scenes.window)
        XCTAssertTrue(window.isVisible)
        window.insets = insets
        tabs = try XCTUnwrap(window.rootViewController as? UITabBarController)
        let screens = try XCTUnwrap(tabs.viewControllers).map { $0.children[0] }
        live = try XCTUnwrap(screens[0] as? LiveViewController)
        still = try XCTUnwrap(screens[1] as? StillViewController)
        resize(size)
    }

    func resize(_ size: CGSize, _ interface: UIInterfaceOrientation = .portrait) {
        scene.interfaceOrientation = interface
        window.resize(to: size)
    }

    /// The views of a kind on a screen, wherever they lie.
    static func all<V: UIView>(_ kind: V.Type, in view: UIView) -> [V] {
        (view as? V).map { [$0] } ?? view.subviews.flatMap { all(kind, in: $0) }
    }

    var preview: PreviewView { Self.all(PreviewView.self, in: live.view)[0] }
    var source: AVCaptureSession { preview.previewLayer.session! }
    var output: AVCaptureVideoDataOutput? { source.outputs.first as? AVCaptureVideoDataOutput }
    func overlay(_ screen: UIViewController) -> OverlayView {
        Self.all(OverlayView.self, in: screen.view)[0]
    }
    func message(_ screen: UIViewController) -> String {
        Self.all(MessageLabel.self, in: screen.view)[0].text ?? ""
    }

    /// What is drawn, in points of the window.
    func drawn(_ screen: UIViewController) -> [Stroke] {
        let overlay = overlay(screen)
        let at = overlay.origin(in: window)
        return overlay.drawn().map { $0.moved(by: at) }
    }

    /// The boxes, which are the only lines.
    func boxes(_ screen: UIViewController) -> [CGRect] {
        drawn(screen).filter { if case .line = $0.kind { true } else { false } }.map(\.rect)
    }

    func texts(_ screen: UIViewController) -> [String] {
        drawn(screen).compactMap { if case .text(let text) = $0.kind { text } else { nil } }
    }

    func push() {
        time += 1
        source.synchronizationClock = CMClock(time)
        output?.deliver(at: time)
    }

    func tap(_ symbol: String, on screen: UIViewController) throws {
        let button = try button(symbol, on: screen)
        try XCTUnwrap(button.primaryAction).perform()
    }

    func button(_ symbol: String, on screen: UIViewController) throws -> UIBarButtonItem {
        try XCTUnwrap(
            screen.navigationItem.rightBarButtonItems?.first { $0.image?.name == symbol },
            "no \(symbol)")
    }

    func alert(on screen: UIViewController) throws -> (title: String, message: String) {
        let alert = try XCTUnwrap(screen.presented as? UIAlertController, "no alert")
        XCTAssertEqual(alert.actions.count, 1)
        screen.dismiss(animated: true)
        return (alert.title ?? "", alert.message ?? "")
    }

    /// Where the preview shows a rectangle of the world; nil where it does not show the world upright.
    func shown(_ box: BoxXYXY, as position: AVCaptureDevice.Position) -> BoxXYXY? {
        let layer = preview.previewLayer
        guard let connection = layer.connection, connection.device.position == position,
            connection.videoRotationAngle == connection.device.levelAngle,
            layer.videoGravity == .resizeAspectFill
        else { return nil }
        let (at, size) = (preview.origin(in: window), preview.bounds.size)
        let inside = World.inView(
            box, Double(size.width), Double(size.height), mirrored: connection.isVideoMirrored)
        let (x, y) = (Double(at.x), Double(at.y))
        return BoxXYXY(inside.x1 + x, inside.y1 + y, inside.x2 + x, inside.y2 + y)
    }
}

extension BridgeCase {
    /// Within 1.5 pixels of the world, as everywhere.
    func assertAt(
        _ rect: CGRect?, _ wanted: BoxXYXY?, scale: Double, _ what: String,
        file: StaticString = #filePath, line: UInt = #line
    ) {
        guard let rect, let wanted else {
            return XCTFail("\(what): \(rect as Any) for \(wanted as Any)", file: file, line: line)
        }
        let got = [rect.minX, rect.minY, rect.maxX, rect.maxY].map { Double($0) }
        for (g, w) in zip(got, wanted.values) {
            XCTAssertEqual(g, w, accuracy: 1.5 * scale, what, file: file, line: line)
        }
    }
}
