import CoreImage
import CoreVideo
import MobileCatKit

/// Draws frames into buffers of a model's own size, where no Vision request does: turned, fitted,
/// padded, in sRGB, as MobileCatKit's `Drawing` says.
///
/// A context and a pool may be used by any thread: developer.apple.com/documentation/coreimage/cicontext.
final class Canvas: @unchecked Sendable {
    /// What models are trained on; resampling happens in it too, since no training linearises.
    private static let sRGB = CGColorSpace(name: CGColorSpace.sRGB)
    private let context: CIContext
    private let pool: CVPixelBufferPool

    /// Errors: MobileCatError where there is no memory for such buffers.
    init(modelWH: SizeWH) throws {
        let (w, h) = try modelWH.wholePixels()
        let attributes: [String: Any] = [
            kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA,
            kCVPixelBufferWidthKey as String: w,
            kCVPixelBufferHeightKey as String: h,
            // Shared with the GPU and the Neural Engine without a copy.
            kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any](),
        ]
        var made: CVPixelBufferPool?
        let status = CVPixelBufferPoolCreate(nil, nil, attributes as CFDictionary, &made)
        guard let made else { throw Self.refused("a pool", status) }
        pool = made
        var options: [CIContextOption: Any] = [
            .cacheIntermediates: false,  // every frame is another
            .highQualityDownsample: true,
        ]
        options[.workingColorSpace] = Self.sRGB
        context = CIContext(options: options)
    }

    /// The model's input with this frame in it. Errors: MobileCatError where there is no buffer.
    func draw(_ picture: Picture, as drawing: Drawing) throws -> CVPixelBuffer {
        var made: CVPixelBuffer?
        let status = CVPixelBufferPoolCreatePixelBuffer(nil, pool, &made)
        guard let made, let space = Self.sRGB else { throw Self.refused("a buffer", status) }
        let stored =
            switch picture {
            case .buffer(let buffer): CIImage(cvPixelBuffer: buffer)
            case .photo(let image, _): CIImage(cgImage: image)
            }
        let grey = CGFloat(drawing.pad) / 255
        guard let colour = CIColor(red: grey, green: grey, blue: grey, colorSpace: space) else {
            throw Self.refused("a colour", 0)
        }
        // Clamped first: what is resampled at the picture's edge is the picture, not nothing. A turned
        // picture has no rectangle to be cut to again: its edge is mixed with the padding.
        let source = drawing.isTurned ? stored : stored.clampedToExtent()
        let image = source
            .transformed(by: drawing.coreImageFromFrame.cgAffineTransform)
            .cropped(to: drawing.coreImagePictureRect.cgRect)
            .composited(over: CIImage(color: colour))
        let (w, h) = (drawing.modelWH.w, drawing.modelWH.h)
        context.render(
            image, to: made, bounds: CGRect(x: 0, y: 0, width: w, height: h), colorSpace: space)
        return made
    }

    private static func refused(_ what: String, _ status: CVReturn) -> MobileCatError {
        MobileCatError(
            .buffer, "The model's input cannot be drawn",
            [Problem("\(what) was refused (\(status))", fix: "close other apps, and try again")])
    }
}
