import AVFoundation
import MobileCatKit
import UIKit

/// The camera's picture with what the models find in it.
final class LiveViewController: UIViewController {
    private let source = CameraSource()
    private let preview = PreviewView()
    private let overlay = OverlayView()
    private let message = MessageLabel()
    private var camera = CameraPosition.back
    private var live: LiveSession<Picture>?
    private var pipeline: FramePipeline<Picture>?
    private var trial = Trial.none
    private var angle: PreviewAngle?
    private var heatObserver: (any NSObjectProtocol)?
    private var interruption: NSKeyValueObservation?

    override func viewDidLoad() {
        super.viewDidLoad()
        // `title` would rename the tab too.
        navigationItem.title = "CatCam"
        view.fill(with: preview)
        view.fill(with: overlay)
        view.fill(with: message, insideSafeArea: true)
        preview.previewLayer.session = source.session
        navigationItem.rightBarButtonItems = [
            button("arrow.triangle.2.circlepath.camera") { $0.turnAround() },
            debug,
        ]
        debug.menu = trials()
        heatObserver = NotificationCenter.default.addObserver(
            forName: ProcessInfo.thermalStateDidChangeNotification, object: nil, queue: .main
        ) { [weak self] _ in
            Task { @MainActor in self?.followHeat() }
        }
        interruption = source.session.observe(\.isInterrupted, options: [.new]) {
            [weak self] session, _ in
            let taken = session.isInterrupted
            DispatchQueue.main.async { [weak self] in
                self?.say(
                    taken
                        ? "Another app has the camera, or it cools down. It comes back by itself."
                        : "")
            }
        }
        Task { await begin() }
    }

    override func viewWillAppear(_ animated: Bool) {
        super.viewWillAppear(animated)
        // Whoever watches a cat touches no screen.
        UIApplication.shared.isIdleTimerDisabled = true
        live?.start()
    }

    override func viewDidDisappear(_ animated: Bool) {
        super.viewDidDisappear(animated)
        UIApplication.shared.isIdleTimerDisabled = false
        live?.stop()
    }

    /// Every change of size comes through here: rotation, split view, the first layout.
    override func viewDidLayoutSubviews() {
        super.viewDidLayoutSubviews()
        if let orientation = view.window?.windowScene?.interfaceOrientation {
            angle?.interface(is: orientation)
        }
        followView()
    }

    /// A tap takes a capture; a long press chooses what it is to try.
    private lazy var debug = button("ladybug") { $0.takeCapture() }

    private func trials() -> UIMenu {
        UIMenu(
            title: "Try, then take a capture",
            children: Trial.allCases.filter { one in
                pipeline.map { one.concerns($0.detector.engine) } ?? true
            }.map { one in
                UIAction(title: one.title, state: one == trial ? .on : .off) { [weak self] _ in
                    self?.attempt(one)
                }
            })
    }

    private func attempt(_ trial: Trial) {
        self.trial = trial
        debug.menu = trials()
        source.connection(
            clockwise: trial.connection.clockwise, mirrored: trial.connection.mirrored)
        pipeline?.trial = trial
        if let pipeline { live?.replace(pipeline) }
    }

    private func button(
        _ symbol: String, _ act: @escaping (LiveViewController) -> Void
    ) -> UIBarButtonItem {
        UIBarButtonItem(
            image: UIImage(systemName: symbol),
            primaryAction: UIAction { [weak self] _ in self.map(act) })
    }

    @MainActor
    private func begin() async {
        do {
            try await CameraSource.requirePermission()
            say("Preparing the models …")
            var pipeline = try await Models.load()
            pipeline.trial = trial
            self.pipeline = pipeline
            debug.menu = trials()
            if !pipeline.notes.isEmpty {
                tell("Another file runs", pipeline.notes.joined(separator: "\n"))
            }
            let live = LiveSession(
                source: source, pipeline: pipeline, clock: SessionClock(session: source.session)
            ) { [weak self] event in
                DispatchQueue.main.async { [weak self] in self?.show(event) }
            }
            self.live = live
            say("")
            followHeat()
            turnTo(camera)
        } catch {
            say("\(error)")
        }
    }

    private func turnAround() { turnTo(camera == .back ? .front : .back) }

    private func turnTo(_ position: CameraPosition) {
        live?.stop()
        overlay.found = []
        source.use(position) { [weak self] result in
            guard let self else { return }
            switch result {
            case .failure(let error):
                guard let angle else { return say("\(error)") }
                // The one that worked so far goes on, by new connections.
                angle.renew()
                tell("The other camera cannot be used", "\(error)")
                if view.window != nil { live?.start() }
            case .success(let device):
                camera = position
                let angle = PreviewAngle(camera: position, layer: preview.previewLayer) {
                    [weak self] degrees in
                    self?.source.follow(uprightAngle: degrees)
                    self?.followView()
                }
                self.angle = angle
                angle.follow(device)
                view.setNeedsLayout()
                // Not where the other tab has been chosen meanwhile.
                if view.window != nil { live?.start() }
            }
        }
    }

    private func followView() { live?.draw(in: preview.pictureView) }

    private func followHeat() { live?.cool(to: Heat(ProcessInfo.processInfo.thermalState)) }

    private func show(_ event: LiveSession<Picture>.Event) {
        switch event {
        case .result(let result):
            message.text = result.warnings.joined(separator: "\n")
            overlay.found = result.found
        case .skipped: break
        case .failed(let error): say("\(error)")
        }
    }

    private func say(_ text: String) {
        message.text = text
        if !text.isEmpty { overlay.found = [] }
    }

    private func takeCapture() {
        let recorder = Captures.recorder(contentScale: Double(traitCollection.displayScale))
        let device = Captures.device
        live?.record { [weak self] evidence in
            let outcome: Result<URL, any Error>
            do {
                guard try recorder.take(evidence) == .done else { return .wanting }
                outcome = Result { try Captures.save(recorder, device: device) }
            } catch {
                outcome = .failure(error)
            }
            DispatchQueue.main.async { [weak self] in self?.tell(outcome) }
            return .done
        }
    }
}
