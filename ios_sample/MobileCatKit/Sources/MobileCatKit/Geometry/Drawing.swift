/// What an app draws into a model's own buffer, where no engine turns and fits pictures for it.
///
/// No Vision request takes an `.aimodel`, and Core AI's image inputs do no scaling, orientation or
/// colour conversion: the buffer has the model's size and holds an upright picture, in sRGB.
/// Source: developer.apple.com/documentation/coreai/imagedescriptor (size and pixel format only).
public struct Drawing: Hashable, Sendable {
    /// The frame as stored, in pixels.
    public let bufferWH: SizeWH
    /// The model's input, in pixels.
    public let modelWH: SizeWH
    /// Buffer pixels → model pixels, both top-left: turned, mirrored and fitted in one map.
    public let modelFromFrame: Affine
    /// The model's pixels whose centres the picture covers, top-left; the others are padding.
    public let pictureBox: BoxXYXY
    /// Grey level of the padding, 0 to 255, in sRGB.
    public let pad: Int

    public init(bufferWH: SizeWH, modelWH: SizeWH, modelFromFrame: Affine, pad: Int) {
        self.bufferWH = bufferWH
        self.modelWH = modelWH
        self.modelFromFrame = modelFromFrame
        self.pad = min(max(pad, 0), 255)
        let covered = modelFromFrame.box(BoxXYXY(0, 0, bufferWH.w, bufferWH.h))
        // A pixel is drawn where its centre lies inside: edges go to the nearest whole pixel.
        pictureBox = BoxXYXY(
            covered.x1.rounded(), covered.y1.rounded(), covered.x2.rounded(), covered.y2.rounded()
        ).clipped(to: modelWH)
    }

    /// Whether the picture lies in the input at an angle, as in a turned crop: then `pictureBox` is only
    /// the box around it, and what of the box the picture leaves free is padding too.
    public var isTurned: Bool {
        let m = modelFromFrame
        return (m.a != 0 || m.d != 0) && (m.b != 0 || m.c != 0)
    }

    /// The same map between Core Image's spaces, which count y from the lower edge on both sides:
    /// the argument of `CIImage.transformed(by:)` on the frame's own, unturned image.
    public var coreImageFromFrame: Affine {
        let modelUpsideDown = Affine.coreGraphicsFromUIKit(height: modelWH.h)
        let frameUpsideDown = Affine.coreGraphicsFromUIKit(height: bufferWH.h)
        return modelUpsideDown * modelFromFrame * frameUpsideDown
    }

    /// `pictureBox` as Core Image counts: x, y of its lower edge, w, h.
    public var coreImagePictureRect: BoxXYWH {
        BoxXYWH(Affine.coreGraphicsFromUIKit(height: modelWH.h).box(pictureBox))
    }
}

extension FrameRequest {
    /// How the app draws this request's frame into the model's input. pad: grey level, 0 to 255.
    public func drawing(pad: Int) -> Drawing {
        Drawing(bufferWH: bufferWH, modelWH: modelWH, modelFromFrame: modelFromFrame, pad: pad)
    }
}
