import MobileCatKit
import PhotosUI
import UIKit

/// One photo with what the models find in it.
final class StillViewController: UIViewController, PHPickerViewControllerDelegate {
    private let imageView = UIImageView()
    private let overlay = OverlayView()
    private let message = MessageLabel()
    private let worker = DispatchQueue(label: "catcam.photo", qos: .userInitiated)
    private var pipeline: FramePipeline<Picture>?
    private var frame: CameraFrame<Picture>?
    private var evidence: Evidence<Picture>?
    /// The view's size at the last look: layout that changes nothing must not run the models.
    private var lookedAt = CGSize.zero

    override func viewDidLoad() {
        super.viewDidLoad()
        navigationItem.title = "Photo"
        view.backgroundColor = .black
        imageView.contentMode = .scaleAspectFit
        view.fill(with: imageView, insideSafeArea: true)
        view.fill(with: overlay, insideSafeArea: true)
        view.fill(with: message, insideSafeArea: true)
        message.text = "Choose a photo"
        navigationItem.rightBarButtonItems = [
            UIBarButtonItem(
                image: UIImage(systemName: "photo.on.rectangle"),
                primaryAction: UIAction { [weak self] _ in self?.choose() }),
            UIBarButtonItem(
                image: UIImage(systemName: "ladybug"),
                primaryAction: UIAction { [weak self] _ in self?.takeCapture() }),
        ]
        Task { await load() }
    }

    override func viewDidLayoutSubviews() {
        super.viewDidLayoutSubviews()
        if imageView.bounds.size != lookedAt { look() }
    }

    func picker(_ picker: PHPickerViewController, didFinishPicking results: [PHPickerResult]) {
        picker.dismiss(animated: true)
        results.first?.itemProvider.loadDataRepresentation(forTypeIdentifier: "public.image") {
            [weak self] data, error in
            DispatchQueue.main.async { [weak self] in
                if let data {
                    self?.take(data)
                } else {
                    self?.say(error.map { "\($0)" } ?? "This photo cannot be read")
                }
            }
        }
    }

    @MainActor
    private func load() async {
        do { pipeline = try await Models.load() } catch { say("\(error)") }
        look()
    }

    private func choose() {
        var configuration = PHPickerConfiguration()
        configuration.filter = .images
        let picker = PHPickerViewController(configuration: configuration)
        picker.delegate = self
        present(picker, animated: true)
    }

    private func take(_ data: Data) {
        guard let image = UIImage(data: data), let stored = image.cgImage,
            let wh = try? SizeWH(Double(stored.width), Double(stored.height)),
            let orientation = try? Orientation(image.imageOrientation)
        else {
            say("This photo cannot be read")
            return
        }
        imageView.image = image
        overlay.found = []
        evidence = nil
        frame = CameraFrame(
            pixels: .photo(stored, file: data), bufferWH: wh, source: .photo(orientation), time: 0)
        look()
    }

    private func look() {
        guard let pipeline, let frame, let size = try? SizeWH(imageView.bounds.size) else { return }
        lookedAt = imageView.bounds.size
        let shown = PictureView(size: size, mode: .scaleAspectFit)
        worker.async { [weak self] in
            let outcome = Result { try pipeline.process(frame, view: shown) }
            DispatchQueue.main.async { [weak self] in
                switch outcome {
                case .success(let result):
                    self?.evidence = Evidence(
                        frame: frame, result: result, bundle: pipeline.detector.bundle)
                    self?.overlay.found = result.found
                    let lines = result.warnings + (result.found.isEmpty ? ["Nothing found"] : [])
                    self?.message.text = lines.joined(separator: "\n")
                case .failure(let error): self?.say("\(error)")
                }
            }
        }
    }

    private func say(_ text: String) {
        message.text = text
        overlay.found = []
    }

    private func takeCapture() {
        guard let evidence else { return }
        let scale = Double(traitCollection.displayScale)
        let device = Captures.device
        worker.async { [weak self] in
            let outcome = Result {
                let recorder = Captures.recorder(contentScale: scale)
                recorder.patience = 1
                _ = try recorder.take(evidence)
                return try Captures.save(recorder, device: device)
            }
            DispatchQueue.main.async { [weak self] in self?.tell(outcome) }
        }
    }
}
