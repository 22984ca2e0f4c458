package mobilecat.kit

// Apple's Vision, as goldens and captures have it: its normalised lower-left space, region of interest,
// crop-and-scale options and VN… utilities. An app on Android fits pictures itself (ResizePlan).
// Source: developer.apple.com/documentation/vision.

/** VNImageCropAndScaleOption by its case name. */
enum class CropAndScale(override val raw: String, val vnRawValue: Int) : Named {
    CENTER_CROP("centerCrop", 0),
    SCALE_FIT("scaleFit", 1),
    SCALE_FILL("scaleFill", 2),
    SCALE_FIT_ROTATE_90_CCW("scaleFitRotate90CCW", 0x101),
    SCALE_FILL_ROTATE_90_CCW("scaleFillRotate90CCW", 0x102);

    override val noun: String get() = "crop-and-scale option"

    /** Whether the picture is turned a quarter counter-clockwise before scaling. */
    val turns: Boolean get() = vnRawValue >= 0x100

    /** An upright picture (or region) of `cropWH` → the model's input pixels. */
    fun modelFromCrop(
        cropWH: SizeWH,
        modelWH: SizeWH,
        assumptions: Assumptions = Assumptions()
    ): Affine {
        // (x, y) → (y, W − x)
        val turn = if (turns) Affine(0.0, 1.0, 0.0, -1.0, 0.0, cropWH.w) else Affine.identity
        val size = if (turns) cropWH.swapped else cropWH
        val gx = modelWH.w / size.w
        val gy = modelWH.h / size.h
        if (this == SCALE_FILL || this == SCALE_FILL_ROTATE_90_CCW) {
            return Affine.scaleThenMove(gx, gy) * turn
        }
        val crops = this == CENTER_CROP
        val g = if (crops) maxOf(gx, gy) else minOf(gx, gy)
        val centred = crops || assumptions.scaleFitPlacement == Assumptions.Placement.CENTER
        val share = if (centred) 0.5 else 0.0
        val left = (modelWH.w - g * size.w) * share
        val top = (modelWH.h - g * size.h) * share
        return Affine.scaleThenMove(g, g, left, top) * turn
    }

    /**
     * The upright image → the model's input: region, then crop and scale.
     *
     * Units: upright pixels → model pixels, both top-left pixel edges.
     */
    fun modelFromImage(
        imageWH: SizeWH,
        modelWH: SizeWH,
        region: VisionRegion = VisionRegion.full,
        assumptions: Assumptions = Assumptions()
    ): Affine {
        val crop = region.crop(imageWH)
        return modelFromCrop(SizeWH(crop.w, crop.h), modelWH, assumptions) *
            Affine.move(-crop.x, -crop.y)
    }
}

/** A region of interest in Vision's space: x, y (its lower edge), w, h. Throws unless within 0–1. */
data class VisionRegion(val x: Double, val y: Double, val w: Double, val h: Double) {
    init {
        // 1e-9: 0.7 + 0.3 must not be refused for its last bit.
        val inside = listOf(x, y, w, h).all { it.isFinite() } && minOf(x, y) >= 0 &&
            minOf(w, h) > 0 && maxOf(x + w, y + h) <= 1 + 1e-9
        if (!inside) {
            throw geometryError(
                "Vision refuses this region of interest",
                "($x, $y, $w, $h) is not inside (0, 0, 1, 1)", "divide by the image's size"
            )
        }
    }

    /** The region's unit square → the whole image's; both lower-left. */
    val fullFromRegion: Affine get() = Affine.scaleThenMove(w, h, x, y)

    /** The whole image's unit square → the region's; both lower-left. */
    val regionFromFull: Affine get() = Affine.scaleThenMove(1 / w, 1 / h, -x / w, -y / h)

    /** The region in upright pixels, top-left; fractions kept. */
    fun crop(imageWH: SizeWH) =
        BoxXYWH(x * imageWH.w, (1 - y - h) * imageWH.h, w * imageWH.w, h * imageWH.h)

    companion object {
        val full = VisionRegion(0.0, 0.0, 1.0, 1.0)
    }
}

/** Vision's own utilities, for code that calls them: none flips y unless it says so. */
object VN {
    /** VNImagePointForNormalizedPoint: (x·W, y·H). */
    fun imagePoint(normalized: PointXY, imageWH: SizeWH) =
        PointXY(normalized.x * imageWH.w, normalized.y * imageWH.h)

    /** VNNormalizedPointForImagePoint: (x/W, y/H). */
    fun normalizedPoint(image: PointXY, imageWH: SizeWH) =
        PointXY(image.x / imageWH.w, image.y / imageWH.h)

    /** VNImageRectForNormalizedRect; with an origin, NormalizedRect.toImageCoordinates(_:origin:). */
    fun imageRect(
        normalized: BoxXYWH,
        imageWH: SizeWH,
        origin: Frame.Origin = Frame.Origin.LOWER_LEFT
    ): BoxXYWH {
        val flipped = origin == Frame.Origin.TOP_LEFT
        return (if (flipped) normalized.flippedNorm else normalized).scaled(imageWH.w, imageWH.h)
    }

    /** VNNormalizedRectForImageRect: the inverse. */
    fun normalizedRect(image: BoxXYWH, imageWH: SizeWH) =
        image.scaled(1 / imageWH.w, 1 / imageWH.h)

    /** VNImagePointForFaceLandmarkPoint: the landmark is relative to the face box (normalised). */
    fun faceLandmarkPoint(landmark: PointXY, face: BoxXYWH, imageWH: SizeWH) = imagePoint(
        PointXY(face.x + face.w * landmark.x, face.y + face.h * landmark.y), imageWH
    )
}
