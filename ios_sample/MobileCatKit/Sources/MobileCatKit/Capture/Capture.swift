/// capture.json: what the app did with some frames, for `mobilecat diagnose`.
///
/// Keys and meanings: docs/capture.md. Whatever is nil is left out.
public struct Capture: Hashable, Sendable, Codable {
    public static let schema = 1

    public let schema: Int
    public let app: String
    public let deviceModel: String
    public let frames: [CapturedFrame]

    public init(app: String, deviceModel: String, frames: [CapturedFrame]) {
        schema = Self.schema
        self.app = app
        self.deviceModel = deviceModel
        self.frames = frames
    }

    enum CodingKeys: String, CodingKey {
        case schema, app, frames
        case deviceModel = "device_model"
    }
}

/// One frame: how it came, what was asked of the model, what was drawn.
public struct CapturedFrame: Hashable, Sendable, Codable {
    /// The buffer as stored, in pixels.
    public let sizeWH: [Int]
    /// nil for a photo.
    public let pixelFormat: String?
    /// One a plane; empty for a photo.
    public let bytesPerRow: [Int]
    /// EXIF value handed to Vision, or by which the app turned the frame itself.
    public let orientation: Int
    /// EXIF value that turns the frame upright, by the state of the camera's connection.
    public let upright: Int
    public let camera: String
    /// Whether the connection mirrored the pixels.
    public let mirrored: Bool
    /// Whether the connection turned the pixels.
    public let bufferTurned: Bool
    /// Clockwise degrees, as the system reports them: from the sensor's picture to an upright one, and
    /// by which the connection turned the pixels; nil for a photo.
    public let uprightAngle: Int?
    public let appliedAngle: Int?
    /// `coreml`, through Vision; `coreai`, whose input the app draws.
    public let engine: String
    /// Vision's option, or the app's own resize.
    public let cropAndScale: String
    /// Of the app's own resize; nil where it is the mode's.
    public let rounding: String?
    /// x, y, w, h, normalised, lower-left.
    public let regionOfInterest: [Double]
    public let modelWH: [Int]
    public let view: CapturedView
    /// The file with the frame's picture, as stored, beside capture.json.
    public let image: String?
    public let time: Double
    /// What the model found, in pixels of its input; nil where the app's own maps are in question.
    public let outputs: [CapturedBox]?
    /// What was drawn, in view points.
    public let drawn: [CapturedBox]
    /// The model's boxes on the frame as stored: this depends on what Vision was told, not on what
    /// would have been right. nil as `outputs`.
    public let `true`: [CapturedBox]?
    public let trueIn: String?

    enum CodingKeys: String, CodingKey {
        case orientation, upright, camera, mirrored, engine, rounding, view, image, time, outputs,
            drawn, `true`
        case sizeWH = "size_wh"
        case pixelFormat = "pixel_format"
        case bytesPerRow = "bytes_per_row"
        case bufferTurned = "buffer_turned"
        case uprightAngle = "upright_angle"
        case appliedAngle = "applied_angle"
        case cropAndScale = "crop_and_scale"
        case regionOfInterest = "region_of_interest"
        case modelWH = "model_wh"
        case trueIn = "true_in"
    }
}

/// The view that the boxes were drawn in. scale: pixels in a point.
public struct CapturedView: Hashable, Sendable, Codable {
    public let sizeWH: [Double]
    public let mode: String
    public let mirrored: Bool
    public let rtl: Bool
    public let scale: Double?

    public init(_ view: PictureView, scale: Double?) {
        sizeWH = [view.size.w, view.size.h]
        mode = view.mode.rawValue
        mirrored = view.mirrored
        rtl = view.rightToLeft
        self.scale = scale
    }

    enum CodingKeys: String, CodingKey {
        case mode, mirrored, rtl, scale
        case sizeWH = "size_wh"
    }
}

/// One box. `id` is the same for one object in `outputs`, `drawn` and `true`.
public struct CapturedBox: Hashable, Sendable, Codable {
    public let id: Int
    public let boxXYXY: [Double]
    public let score: Double
    public let classID: Int
    public let label: String?
    public let landmarks: [[Double]]

    public init(
        id: Int, box: BoxXYXY, score: Double, classID: Int, label: String? = nil,
        landmarks: [PointXY] = []
    ) {
        self.id = id
        boxXYXY = box.values
        self.score = min(max(score, 0), 1)
        self.classID = classID
        self.label = label
        self.landmarks = landmarks.map { [$0.x, $0.y] }
    }

    enum CodingKeys: String, CodingKey {
        case id, score, label, landmarks
        case boxXYXY = "box_xyxy"
        case classID = "class_id"
    }
}
