import CoreML
import MobileCatKit
import Vision

/// A Core ML model behind Vision: turning, cropping and scaling are Vision's.
struct VisionRunner: ModelRunner {
    let model: VNCoreMLModel

    func run(_ pixels: Picture, as sight: Sight) throws -> ModelOutput {
        guard let option = sight.cropAndScale else {
            throw MobileCatError(
                .geometry, "Vision fits pictures by its own options",
                [Problem("\(sight.fit.name) is none", fix: "RunnableModel asks for Vision's")])
        }
        let request = VNCoreMLRequest(model: model)
        request.imageCropAndScaleOption = option.vnOption
        request.regionOfInterest = sight.region.cgRect
        try handler(pixels, sight.orientation).perform([request])
        return try ModelOutput(request.results ?? [])
    }

    private func handler(_ pixels: Picture, _ orientation: Orientation) -> VNImageRequestHandler {
        let told = orientation.cgImagePropertyOrientation
        switch pixels {
        case .buffer(let buffer):
            return VNImageRequestHandler(cvPixelBuffer: buffer, orientation: told, options: [:])
        case .photo(let image, _):
            return VNImageRequestHandler(cgImage: image, orientation: told, options: [:])
        }
    }
}
