import Foundation
import MobileCatKit

/// Frames in, results out, on the source's own queue: one frame at a time, never on the main queue.
final class LiveSession<Pixels> {
    enum Event {
        case result(FrameResult)
        case skipped(FrameGate.Verdict)
        case failed(any Error)
    }

    private let source: any FrameSource<Pixels>
    private let clock: any FrameClock
    private let deliver: @Sendable (Event) -> Void

    /// Guards what the main queue sets and the source's queue reads.
    private let lock = NSLock()
    private var pipeline: FramePipeline<Pixels>
    private var view: PictureView?
    private var heat = Heat.nominal
    private var recorder: ((Evidence<Pixels>) -> Recording)?
    /// Touched by the source's queue alone.
    private var gate = FrameGate()

    /// deliver: called on the source's queue.
    init(
        source: any FrameSource<Pixels>, pipeline: FramePipeline<Pixels>, clock: any FrameClock,
        deliver: @escaping @Sendable (Event) -> Void
    ) {
        self.source = source
        self.pipeline = pipeline
        self.clock = clock
        self.deliver = deliver
    }

    func start() { source.start { [weak self] frame in self?.take(frame) } }
    func stop() { source.stop() }

    /// Where results are drawn; nil while there is no layout. Takes effect with the next frame.
    func draw(in view: PictureView?) { locked { self.view = view } }

    func cool(to heat: Heat) { locked { self.heat = heat } }

    func replace(_ pipeline: FramePipeline<Pixels>) { locked { self.pipeline = pipeline } }

    /// Hand frames that were looked at to `take`, on the source's queue, until it is done.
    func record(_ take: @escaping @Sendable (Evidence<Pixels>) -> Recording) {
        locked { recorder = take }
    }

    private func take(_ frame: CameraFrame<Pixels>) {
        let (pipeline, view, heat) = locked { (self.pipeline, self.view, self.heat) }
        guard let view else { return }
        let verdict = gate.admit(frameTime: frame.time, now: clock.now(), heat: heat)
        guard verdict == .look else {
            deliver(.skipped(verdict))
            return
        }
        do {
            let result = try pipeline.process(frame, view: view)
            let evidence = Evidence(
                frame: frame, result: result, bundle: pipeline.detector.bundle,
                trial: pipeline.trial)
            if locked({ recorder })?(evidence) == .done { locked { recorder = nil } }
            deliver(.result(result))
        } catch {
            deliver(.failed(error))
        }
    }

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }
}
