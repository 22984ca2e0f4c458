package mobilecat.kit

/**
 * A pixel buffer as a camera hands it over, every stride honoured; checked at construction.
 *
 * `planes`: one plane's bytes each, row padding included. `matrix` has no meaning for RGB and grey.
 * Throws where a plane's byte count cannot be right, with the one expected.
 */
class PixelBuffer(
    val layout: PixelLayout,
    private val planes: List<ByteArray>,
    val matrix: YCbCrMatrix = YCbCrMatrix.BT_601,
    assumptions: Assumptions = Assumptions()
) {
    /** Whether luma uses 0–255: always for 420f, never for 420v, assumed for Android. */
    val isFullRange: Boolean = when (layout.format) {
        PixelFormat.YUV_420V -> false
        PixelFormat.YUV_420_888 -> assumptions.androidFullRange
        else -> true
    }

    init {
        layout.check(planes.map { it.size.toLong() })
    }

    /** The pixel as stored, not turned; chroma is that of its 2×2 block. Throws outside the picture. */
    fun rgb(x: Int, y: Int): RGB {
        if (x < 0 || y < 0 || x >= layout.width || y >= layout.height) {
            throw bufferError("No such pixel", "($x, $y) in ${layout.width} × ${layout.height}")
        }
        return pixel(x, y)
    }

    /** All pixels as stored, row by row. */
    fun rgbRows(): List<List<RGB>> =
        (0 until layout.height).map { y -> (0 until layout.width).map { x -> pixel(x, y) } }

    private fun byte(plane: Int, at: Int): Int = planes[plane][at].toInt() and 0xff

    /** Where the sample that covers pixel (x, y) begins in a plane; chroma covers 2×2 pixels. */
    private fun at(plane: Int, x: Int, y: Int): Int =
        if (plane == 0) layout.planes[0].address(x, y).toInt()
        else layout.planes[plane].address(x / 2, y / 2).toInt()

    private fun pixel(x: Int, y: Int): RGB {
        val first = at(0, x, y)
        return when (layout.format) {
            PixelFormat.RGBA_8888 -> RGB(byte(0, first), byte(0, first + 1), byte(0, first + 2))
            PixelFormat.BGRA_32 -> RGB(byte(0, first + 2), byte(0, first + 1), byte(0, first))
            PixelFormat.ONE_COMPONENT_8 -> RGB(byte(0, first), byte(0, first), byte(0, first))
            PixelFormat.YUV_420V, PixelFormat.YUV_420F -> {
                val chroma = at(1, x, y)
                matrix.rgb(byte(0, first), byte(1, chroma), byte(1, chroma + 1), isFullRange)
            }
            PixelFormat.YUV_420_888 -> matrix.rgb(
                byte(0, first), byte(1, at(1, x, y)), byte(2, at(2, x, y)), isFullRange
            )
        }
    }

    /**
     * What the model sees of this buffer: RGB bytes, `modelWH` pixels row by row, one sample a pixel.
     *
     * As `Bilinear.sampled`, but read straight from the strided planes through
     * `FrameRequest.frameFromModel`. `cropRect` (buffer pixels) is what of the buffer is the picture;
     * all else is padding. Throws for sides that are no whole pixels, a pad that is no byte, and a crop
     * outside of the buffer.
     */
    fun sampled(
        frameFromModel: Affine,
        modelWH: SizeWH,
        pad: Int,
        cropRect: BoxXYXY? = null
    ): ByteArray {
        val whole = BoxXYXY(0.0, 0.0, layout.width.toDouble(), layout.height.toDouble())
        val crop = cropRect ?: whole
        if (crop != crop.clipped(SizeWH(layout.width, layout.height)) || crop.area <= 0) {
            throw geometryError("A crop lies outside of its buffer", "${crop.values}")
        }
        return Bilinear.sampled(
            BoxXYXY(crop.x1, crop.y1, crop.x2, crop.y2), 3, frameFromModel, modelWH, pad
        ) { x, y, into ->
            val rgb = pixel(x, y)
            into[0] = rgb.r
            into[1] = rgb.g
            into[2] = rgb.b
        }
    }
}
