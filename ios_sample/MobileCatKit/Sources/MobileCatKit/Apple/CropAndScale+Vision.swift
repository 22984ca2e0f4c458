#if canImport(Vision)
import Vision

extension CropAndScale {
    /// For `VNCoreMLRequest.imageCropAndScaleOption`. The rotated options need iOS 17: before it,
    /// `init(rawValue:)` of an unknown value is still handed on, and Vision decides.
    public var vnOption: VNImageCropAndScaleOption? {
        VNImageCropAndScaleOption(rawValue: vnRawValue)
    }

    /// Errors: `.geometry` for an option that Vision adds later.
    public init(_ option: VNImageCropAndScaleOption) throws {
        try self.init(vnRawValue: option.rawValue)
    }
}

extension FrameRequest {
    /// Where to draw an observation, in view points, top-left. Errors: `.geometry` without a view.
    public func viewBox(_ observation: VNDetectedObjectObservation) throws -> BoxXYXY {
        try viewBox(observed: BoxXYWH(observation.boundingBox))
    }
}
#endif
