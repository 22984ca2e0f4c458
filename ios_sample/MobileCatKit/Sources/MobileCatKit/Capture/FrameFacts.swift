/// What a capture says of a frame besides its boxes.
public struct FrameFacts: Hashable, Sendable {
    public let bufferWH: SizeWH
    /// nil for a photo.
    public let layout: PixelLayout?
    /// As handed to Vision, or as the app turned the frame itself.
    public let handed: Orientation
    /// What turns the frame upright.
    public let upright: Orientation
    public let camera: CameraPosition
    /// Whether the connection mirrored the pixels.
    public let mirrored: Bool
    /// Clockwise degrees, as the system reports them: from the sensor's picture to an upright one, and
    /// by which the connection turned the pixels; nil for a photo.
    public let uprightAngle: Int?
    public let appliedAngle: Int?
    public let engine: Engine
    public let fit: FrameRequest.Fit
    /// Pixels in a point.
    public let contentScale: Double?
    /// The picture's file beside capture.json.
    public let image: String?
    /// Seconds.
    public let time: Double

    public init(
        bufferWH: SizeWH, layout: PixelLayout?, handed: Orientation, upright: Orientation,
        camera: CameraPosition, mirrored: Bool, uprightAngle: Int?, appliedAngle: Int?,
        engine: Engine, fit: FrameRequest.Fit, contentScale: Double?, image: String?, time: Double
    ) {
        self.bufferWH = bufferWH
        self.layout = layout
        self.handed = handed
        self.upright = upright
        self.camera = camera
        self.mirrored = mirrored
        self.uprightAngle = uprightAngle
        self.appliedAngle = appliedAngle
        self.engine = engine
        self.fit = fit
        self.contentScale = contentScale
        self.image = image
        self.time = time
    }
}

extension CapturedFrame {
    /// detections: in upright image pixels, as the request's map gives them. drawn: the same
    /// objects in the same order, in view points. onTrial: the maps of this request are what the
    /// capture is to judge, so what they made of the model's outputs is left out.
    ///
    /// Errors: `.geometry` for fractional pixels, and a request without a view.
    public init(
        _ facts: FrameFacts, request: FrameRequest, detections: [Detection], drawn: [Detection],
        labels: [String], onTrial: Bool = false
    ) throws {
        guard let view = request.view else {
            throw MobileCatError(
                .geometry, "This frame was drawn nowhere",
                [Problem("view is nil", fix: "give the request a PictureView")])
        }
        let (buffer, model) = try (facts.bufferWH.wholePixels(), request.modelWH.wholePixels())
        let frameFromImage = try request.imageFromFrame.inverse()
        func boxes(_ all: [Detection], _ map: Affine) -> [CapturedBox] {
            all.enumerated().map { i, one in
                CapturedBox(
                    id: i, box: map.box(one.box), score: one.score, classID: one.classID,
                    label: labels.indices.contains(one.classID) ? labels[one.classID] : nil,
                    landmarks: one.landmarks.map(map.point))
            }
        }
        sizeWH = [buffer.w, buffer.h]
        pixelFormat = facts.layout?.format.rawValue
        bytesPerRow = facts.layout?.planes.map(\.rowStride) ?? []
        orientation = facts.handed.rawValue
        upright = facts.upright.rawValue
        camera = facts.camera.rawValue
        mirrored = facts.mirrored
        bufferTurned = (facts.appliedAngle ?? 0) != 0
        uprightAngle = facts.uprightAngle
        appliedAngle = facts.appliedAngle
        engine = facts.engine.rawValue
        cropAndScale = facts.fit.name
        if case .app(_, let own) = facts.fit { rounding = own?.rawValue } else { rounding = nil }
        let region = request.region
        regionOfInterest = [region.x, region.y, region.w, region.h]
        modelWH = [model.w, model.h]
        self.view = CapturedView(view, scale: facts.contentScale)
        image = facts.image
        time = facts.time
        outputs = onTrial ? nil : boxes(detections, request.modelFromImage)
        self.drawn = boxes(drawn, .identity)
        `true` = onTrial ? nil : boxes(detections, frameFromImage)
        trueIn = onTrial ? nil : "frame"
    }
}
