import Foundation
import MobileCatKit

/// A frame and what came of it.
struct Evidence<Pixels> {
    let frame: CameraFrame<Pixels>
    let result: FrameResult
    let bundle: ModelBundle
    var trial = Trial.none
}

enum Recording { case wanting, done }

/// A frame's pixels for a capture: their layout, and the files to keep.
struct KeptPixels {
    /// nil for a photo.
    let layout: PixelLayout?
    /// File extension → contents; `picture` is the one that shows the frame.
    let files: [String: Data]
    let picture: String

    /// A buffer: a picture to look at, and the very bytes.
    init(_ buffer: PixelBuffer) {
        layout = buffer.layout
        files = ["png": buffer.png(), "bin": buffer.data]
        picture = "png"
    }

    /// A photo, as it came.
    init(photo: Data) {
        layout = nil
        files = ["photo": photo]
        picture = "photo"
    }
}

/// Collects frames with something drawn on them, until a capture has enough to tell bugs apart.
///
/// Used by one queue at a time: the source's, while it records.
final class CaptureRecorder<Pixels>: @unchecked Sendable {
    /// Five boxes in general position pin any affine mistake down.
    var wanted = 5
    /// Frames that pass without a box before what there is must do.
    var patience = 90
    /// Pixels in a point of the view's screen.
    let contentScale: Double?
    let keep: (Pixels) throws -> KeptPixels

    private(set) var frames: [CapturedFrame] = []
    private(set) var files: [String: Data] = [:]
    private var seen = 0
    private var boxes = 0

    init(contentScale: Double?, keep: @escaping (Pixels) throws -> KeptPixels) {
        self.contentScale = contentScale
        self.keep = keep
    }

    /// Errors: MobileCatError of pixels that cannot be copied; Foundation's.
    func take(_ evidence: Evidence<Pixels>) throws -> Recording {
        seen += 1
        let found = evidence.result.found
        let last = seen >= patience
        if !found.isEmpty || (last && frames.isEmpty) { try add(evidence) }
        boxes += found.count
        return boxes >= wanted || last ? .done : .wanting
    }

    /// Errors: Foundation's.
    func write(app: String, deviceModel: String, to folder: URL) throws {
        try Capture(app: app, deviceModel: deviceModel, frames: frames)
            .write(to: folder, files: files)
    }

    private func add(_ evidence: Evidence<Pixels>) throws {
        let (frame, look) = (evidence.frame, evidence.result.look)
        let kept = try keep(frame.pixels)
        let name = "frame-\(frames.count)"
        var state: ConnectionState?
        if case .camera(let its) = frame.source { state = its }
        let facts = FrameFacts(
            bufferWH: frame.bufferWH, layout: kept.layout, handed: look.sight.orientation,
            upright: try frame.source.orientation(), camera: state?.camera ?? .back,
            mirrored: state?.mirrored ?? false, uprightAngle: state?.uprightAngle,
            appliedAngle: state?.appliedAngle, engine: look.engine, fit: look.sight.fit,
            contentScale: contentScale, image: "\(name).\(kept.picture)", time: frame.time)
        let drawn = evidence.result.found.map { one in
            Detection(
                box: one.viewBox, score: one.score, classID: one.detection.classID,
                landmarks: one.landmarks.map(\.view))
        }
        frames.append(
            try CapturedFrame(
                facts, request: look.request, detections: evidence.result.found.map(\.detection),
                drawn: drawn, labels: evidence.bundle.labels, onTrial: evidence.trial != .none))
        for (kind, data) in kept.files { files["\(name).\(kind)"] = data }
        files["\(name).outputs.json"] = try RawOutputs(evidence.result).json()
    }
}
