package mobilecat.kit

import kotlin.math.floor

/**
 * One camera frame's way through a phone, from the buffer to a dot on the screen.
 *
 *     buffer ─crop, orientation→ image ─fit→ model ─undo→ image ─view→ view
 *
 * Each arrow is an `Affine` named destination first. Mirrors Python's `SimulatedRequest`, and is what
 * an app uses on a device: one value a frame, every conversion one call.
 *
 * @property bufferWH the frame as stored, before it is turned, in pixels
 * @property orientation how the picture is turned: `Orientation.ofRotationDegrees(rotationDegrees)`
 * @property region Vision's region of interest, on the upright image
 * @property view where the result is drawn; null where it is not
 * @property cropRect ImageProxy.getCropRect(), in buffer pixels: what of the buffer is the picture; null
 *   for all of it. With a ViewPort it is what PreviewView shows.
 *
 * Throws for fractional pixels, a crop that is not inside the buffer, and a region where the app fits
 * the picture itself.
 */
class FrameRequest(
    val bufferWH: SizeWH,
    val modelWH: SizeWH,
    val orientation: Orientation = Orientation.UP,
    fit: Fit = Fit.App(ResizeMode.STRETCH),
    val region: VisionRegion = VisionRegion.full,
    val view: PictureView? = null,
    val assumptions: Assumptions = Assumptions(),
    val cropRect: BoxXYXY? = null
) {
    /** Who fits the picture into the model's input. */
    sealed class Fit {
        /** Vision, by its request's imageCropAndScaleOption. */
        class Vision(val option: CropAndScale) : Fit()
        /** The app; `rounding` null takes the mode's own. */
        class App(val mode: ResizeMode, val rounding: Rounding? = null) : Fit()
        /** The app, of a part of the upright image: a second model's crop, which may reach outside. */
        class Crop(val plan: CropPlan) : Fit()
    }

    /** The upright image's size in pixels. */
    val imageWH: SizeWH
    /** Buffer pixels → upright image pixels. */
    val imageFromFrame: Affine
    /** Upright image pixels → model input pixels. */
    val modelFromImage: Affine
    /** Model input pixels → upright image pixels. */
    val imageFromModel: Affine

    init {
        bufferWH.wholePixels()
        modelWH.wholePixels()
        val crop = cropRect ?: BoxXYXY(0.0, 0.0, bufferWH.w, bufferWH.h)
        if (crop.x1 < 0 || crop.y1 < 0 || crop.x2 > bufferWH.w || crop.y2 > bufferWH.h) {
            throw geometryError(
                "A crop lies outside of its buffer",
                "${crop.values} in ${bufferWH.w} × ${bufferWH.h}",
                "getCropRect() is in the buffer's pixels, before rotationDegrees"
            )
        }
        val cropWH = SizeWH(crop.x2 - crop.x1, crop.y2 - crop.y1)
        imageWH = orientation.uprightSize(cropWH)
        imageFromFrame = orientation.uprightFromStored(cropWH) * Affine.move(-crop.x1, -crop.y1)
        modelFromImage = when (fit) {
            is Fit.Vision -> fit.option.modelFromImage(imageWH, modelWH, region, assumptions)
            is Fit.App -> {
                requireWhole(region)
                ResizePlan(imageWH, modelWH, fit.mode, fit.rounding).modelFromImage
            }
            is Fit.Crop -> {
                requireWhole(region)
                fit.plan.modelFromImage
            }
        }
        imageFromModel = modelFromImage.inverse()
    }

    /** Buffer pixels → model input pixels. */
    val modelFromFrame: Affine get() = modelFromImage * imageFromFrame

    /** Model input pixels → buffer pixels: where to read what is drawn into the model's input. */
    val frameFromModel: Affine get() = modelFromFrame.inverse()

    /** Model input pixels → Vision's space over the whole upright image (0–1, lower-left). */
    val visionFromModel: Affine get() = Affine.visionFromImage(imageWH) * imageFromModel

    /** Vision's space over the whole image → the space that observations are given in. */
    val observedFromVision: Affine
        get() = if (assumptions.observationsRelativeToRegion) region.regionFromFull
        else Affine.identity

    /** Model input pixels → observations as Vision gives them. */
    val observedFromModel: Affine get() = observedFromVision * visionFromModel

    /** Upright image pixels → view pixels. Throws without a view. */
    val viewFromImage: Affine
        get() {
            val there = view ?: throw geometryError(
                "This request draws nowhere", "view is null", "give it a PictureView"
            )
            return there.viewFromImage(imageWH)
        }

    /** Model input pixels → view pixels. Throws without a view. */
    val viewFromModel: Affine get() = viewFromImage * imageFromModel

    private fun requireWhole(region: VisionRegion) {
        if (region != VisionRegion.full) {
            throw geometryError(
                "A region of interest belongs to Vision", "fit is the app's own resize",
                "crop the frame before the request"
            )
        }
    }
}

/**
 * What an app draws into a model's own buffer, where it turns and fits pictures itself.
 *
 * @property modelFromFrame buffer pixels → model pixels, both top-left: turned, mirrored and fitted
 * @property pad grey level of the padding, 0 to 255, in sRGB
 */
class Drawing(val bufferWH: SizeWH, val modelWH: SizeWH, val modelFromFrame: Affine, pad: Int) {
    val pad: Int = minOf(maxOf(pad, 0), 255)

    /** The model's pixels whose centres the picture covers, top-left; the others are padding. */
    val pictureBox: BoxXYXY

    init {
        val covered = modelFromFrame.box(BoxXYXY(0.0, 0.0, bufferWH.w, bufferWH.h))
        // A pixel is drawn where its centre lies inside: edges go to the nearest whole pixel.
        pictureBox = BoxXYXY(
            nearest(covered.x1), nearest(covered.y1), nearest(covered.x2), nearest(covered.y2)
        ).clipped(modelWH)
    }

    /** The same map between Core Image's spaces, which count y from the lower edge on both sides. */
    val coreImageFromFrame: Affine
        get() = Affine.coreGraphicsFromUIKit(modelWH.h) * modelFromFrame *
            Affine.coreGraphicsFromUIKit(bufferWH.h)

    /** `pictureBox` as Core Image counts: x, y of its lower edge, w, h. */
    val coreImagePictureRect: BoxXYWH
        get() = BoxXYWH(Affine.coreGraphicsFromUIKit(modelWH.h).box(pictureBox))

    // Halves away from zero, as Swift's rounded().
    private fun nearest(value: Double): Double =
        if (value < 0) -floor(-value + 0.5) else floor(value + 0.5)
}

/** How the app draws this request's frame into the model's input. pad: grey level, 0 to 255. */
fun FrameRequest.drawing(pad: Int) = Drawing(bufferWH, modelWH, modelFromFrame, pad)
