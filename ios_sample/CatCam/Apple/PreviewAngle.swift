import AVFoundation
import MobileCatKit
import UIKit

/// Keeps a preview upright, and says by how many degrees: what it shows is what the models look at.
///
/// From iOS 17 a rotation coordinator knows, also for cameras that sit otherwise in the device;
/// before that, the interface's orientation does.
final class PreviewAngle {
    private let layer: AVCaptureVideoPreviewLayer
    private let camera: CameraPosition
    private let changed: (Int) -> Void
    private var observation: NSKeyValueObservation?
    private var coordinator: AnyObject?
    private var shown: Int?

    /// changed: called on the main queue, at once and after every turn.
    init(
        camera: CameraPosition, layer: AVCaptureVideoPreviewLayer, changed: @escaping (Int) -> Void
    ) {
        self.layer = layer
        self.camera = camera
        self.changed = changed
    }

    /// From iOS 17: turn as the system says for this device.
    func follow(_ device: AVCaptureDevice) {
        guard #available(iOS 17.0, *) else { return }
        let coordinator = AVCaptureDevice.RotationCoordinator(device: device, previewLayer: layer)
        self.coordinator = coordinator
        observation = coordinator.observe(
            \.videoRotationAngleForHorizonLevelPreview, options: [.initial, .new]
        ) { [weak self] coordinator, _ in
            self?.turn(Int(coordinator.videoRotationAngleForHorizonLevelPreview.rounded()))
        }
    }

    /// For iOS 16: call it whenever the interface may have turned.
    func interface(is orientation: UIInterfaceOrientation) {
        guard coordinator == nil, let held = DeviceOrientation(orientation) else { return }
        turn(Orientation.rotationAngle(device: held, camera: camera))
    }

    /// The layer has a new connection, which knows nothing of the last one's angle.
    func renew() {
        if let shown { turn(shown) }
    }

    private func turn(_ angle: Int) {
        shown = angle
        layer.connection?.show(angle, camera)
        changed(angle)
    }
}
