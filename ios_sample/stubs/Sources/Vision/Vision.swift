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
    package init(confidence: Float) { self.confidence = confidence }
    public let confidence: Float  // vision/vnobservation/confidence
}

open class VNDetectedObjectObservation: VNObservation {  // vision/vndetectedobjectobservation
    package init(boundingBox: CGRect, confidence: Float) {
        self.boundingBox = boundingBox
        super.init(confidence: confidence)
    }
    /// Normalised to the upright picture, origin lower left.
    public let boundingBox: CGRect  // vision/vndetectedobjectobservation/boundingbox
}

open class VNRecognizedObjectObservation: VNDetectedObjectObservation {  // vision/vnrecognizedobjectobservation
    package init(
        boundingBox: CGRect, confidence: Float, labels: [VNClassificationObservation]
    ) {
        self.labels = labels
        super.init(boundingBox: boundingBox, confidence: confidence)
    }
    /// Best first.
    public let labels: [VNClassificationObservation]  // vision/vnrecognizedobjectobservation/labels
}

open class VNClassificationObservation: VNObservation {  // vision/vnclassificationobservation
    package init(identifier: String, confidence: Float) {
        self.identifier = identifier
        super.init(confidence: confidence)
    }
    public let identifier: String  // vision/vnclassificationobservation/identifier
}

open class VNCoreMLFeatureValueObservation: VNObservation {  // vision/vncoremlfeaturevalueobservation
    package init(featureName: String, featureValue: MLFeatureValue) {
        (self.featureName, self.featureValue) = (featureName, featureValue)
        super.init(confidence: 1)
    }
    public let featureName: String  // vision/vncoremlfeaturevalueobservation/featurename
    public let featureValue: MLFeatureValue  // vision/vncoremlfeaturevalueobservation/featurevalue
}

open class VNCoreMLModel {  // vision/vncoremlmodel
    package let model: MLModel
    public init(for model: MLModel) throws { self.model = model }  // vision/vncoremlmodel/init(for:)
}

open class VNRequest {  // vision/vnrequest
    init() {}
    public internal(set) var results: [VNObservation]?  // vision/vnrequest/results
}

open class VNImageBasedRequest: VNRequest {  // vision/vnimagebasedrequest
    /// Normalised to the upright picture, origin lower left; all of it unless told otherwise.
    public var regionOfInterest = CGRect(x: 0, y: 0, width: 1, height: 1)  // vision/vnimagebasedrequest/regionofinterest
}

open class VNCoreMLRequest: VNImageBasedRequest {  // vision/vncoremlrequest
    package let model: VNCoreMLModel
    public init(model: VNCoreMLModel) { self.model = model }  // vision/vncoremlrequest/init(model:)
    public var imageCropAndScaleOption = VNImageCropAndScaleOption.centerCrop  // vision/vncoremlrequest/imagecropandscaleoption
}

public struct VNImageOption: Hashable {}  // vision/vnimageoption

open class VNImageRequestHandler {  // vision/vnimagerequesthandler
    private let picture: Asked.Picture
    private let orientation: CGImagePropertyOrientation

    public init(  // vision/vnimagerequesthandler/init(cvpixelbuffer:orientation:options:)
        cvPixelBuffer pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation,
        options: [VNImageOption: Any] = [:]
    ) {
        (picture, self.orientation) = (.buffer(pixelBuffer), orientation)
    }
    public init(  // vision/vnimagerequesthandler/init(cgimage:orientation:options:)
        cgImage image: CGImage, orientation: CGImagePropertyOrientation,
        options: [VNImageOption: Any] = [:]
    ) {
        (picture, self.orientation) = (.image(image), orientation)
    }
    public init(url imageURL: URL, options: [VNImageOption: Any] = [:]) { fatalError("no picture at \(imageURL) is read here") }  // vision/vnimagerequesthandler/init(url:options:)
    public func perform(_ requests: [VNRequest]) throws {  // vision/vnimagerequesthandler/perform(_:)
        for case let request as VNCoreMLRequest in requests {
            let r = request.regionOfInterest
            guard r.minX >= 0, r.minY >= 0, r.maxX <= 1 + 1e-9, r.maxY <= 1 + 1e-9 else {
                throw Asked.OutOfBounds(region: r)
            }
            request.results = try Asked.note(
                Asked(
                    picture: picture, orientation: orientation, model: request.model.model,
                    region: r, option: request.imageCropAndScaleOption))
        }
    }
}

/// One request, as Vision was told.
package struct Asked {
    package enum Picture {
        case buffer(CVPixelBuffer)
        case image(CGImage)
    }

    struct OutOfBounds: Error, CustomStringConvertible {
        let region: CGRect
        var description: String { "the region of interest \(region) is not within bounds" }
    }

    package let picture: Picture
    package let orientation: CGImagePropertyOrientation
    package let model: MLModel
    package let region: CGRect
    package let option: VNImageCropAndScaleOption

    private static let lock = NSLock()
    nonisolated(unsafe) private static var all: [Asked] = []
    /// What the models see in a picture.
    nonisolated(unsafe) package static var answer: (Asked) throws -> [VNObservation] = { _ in [] }

    /// Everything that was asked since the last time.
    package static func taken() -> [Asked] {
        lock.lock()
        defer { lock.unlock() }
        defer { all = [] }
        return all
    }

    fileprivate static func note(_ one: Asked) throws -> [VNObservation] {
        lock.lock()
        all.append(one)
        lock.unlock()
        return try answer(one)
    }
}
