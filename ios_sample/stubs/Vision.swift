// Addresses are relative to https://developer.apple.com/documentation/
@_exported import CoreML
@_exported import ImageIO

public enum VNImageCropAndScaleOption: UInt {  // vision/vnimagecropandscaleoption
    case centerCrop = 0
    case scaleFit = 1
    case scaleFill = 2
    case scaleFitRotate90CCW = 0x101
    case scaleFillRotate90CCW = 0x102
}

open class VNObservation {  // vision/vnobservation
    public var confidence: Float { fatalError() }  // vision/vnobservation/confidence
}

open class VNDetectedObjectObservation: VNObservation {  // vision/vndetectedobjectobservation
    public var boundingBox: CGRect { fatalError() }  // vision/vndetectedobjectobservation/boundingbox
}

open class VNRecognizedObjectObservation: VNDetectedObjectObservation {  // vision/vnrecognizedobjectobservation
    public var labels: [VNClassificationObservation] { fatalError() }  // vision/vnrecognizedobjectobservation/labels
}

open class VNClassificationObservation: VNObservation {  // vision/vnclassificationobservation
    public var identifier: String { fatalError() }  // vision/vnclassificationobservation/identifier
}

open class VNCoreMLFeatureValueObservation: VNObservation {  // vision/vncoremlfeaturevalueobservation
    public var featureName: String { fatalError() }  // vision/vncoremlfeaturevalueobservation/featurename
    public var featureValue: MLFeatureValue { fatalError() }  // vision/vncoremlfeaturevalueobservation/featurevalue
}

open class VNCoreMLModel {  // vision/vncoremlmodel
    public init(for model: MLModel) throws { fatalError() }  // vision/vncoremlmodel/init(for:)
}

open class VNRequest {  // vision/vnrequest
    public var results: [VNObservation]? { fatalError() }  // vision/vnrequest/results
}

open class VNImageBasedRequest: VNRequest {  // vision/vnimagebasedrequest
    public var regionOfInterest: CGRect { get { fatalError() } set { fatalError() } }  // vision/vnimagebasedrequest/regionofinterest
}

open class VNCoreMLRequest: VNImageBasedRequest {  // vision/vncoremlrequest
    public init(model: VNCoreMLModel) { fatalError() }  // vision/vncoremlrequest/init(model:)
    public var imageCropAndScaleOption: VNImageCropAndScaleOption { get { fatalError() } set { fatalError() } }  // vision/vncoremlrequest/imagecropandscaleoption
}

public struct VNImageOption: Hashable {}  // vision/vnimageoption

open class VNImageRequestHandler {  // vision/vnimagerequesthandler
    public init(cvPixelBuffer pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, options: [VNImageOption: Any] = [:]) { fatalError() }  // vision/vnimagerequesthandler/init(cvpixelbuffer:orientation:options:)
    public init(cgImage image: CGImage, orientation: CGImagePropertyOrientation, options: [VNImageOption: Any] = [:]) { fatalError() }  // vision/vnimagerequesthandler/init(cgimage:orientation:options:)
    public init(url imageURL: URL, options: [VNImageOption: Any] = [:]) { fatalError() }  // vision/vnimagerequesthandler/init(url:options:)
    public func perform(_ requests: [VNRequest]) throws { fatalError() }  // vision/vnimagerequesthandler/perform(_:)
}
