#if canImport(Vision)
import Vision

extension CropAndScale {
    /// For `VNCoreMLRequest.imageCropAndScaleOption`.
    public var vnOption: VNImageCropAndScaleOption {
        switch self {
        case .centerCrop: .centerCrop
        case .scaleFit: .scaleFit
        case .scaleFill: .scaleFill
        case .scaleFitRotate90CCW: .scaleFitRotate90CCW
        case .scaleFillRotate90CCW: .scaleFillRotate90CCW
        }
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
