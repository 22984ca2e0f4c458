package mobilecat.kit

// Pixel buffer layouts: planes, strides, byte counts, addresses. Arithmetic only, no pixels.
// Source: Android's ImageFormat.YUV_420_888 and PixelFormat.RGBA_8888, Apple's CVPixelBuffer.

/** A pixel format by the name that captures and Python use. */
enum class PixelFormat(override val raw: String, internal vararg val planes: Plane) : Named {
    /** Three planes, each with its own pixel stride. */
    YUV_420_888(
        "YUV_420_888", Plane("Y", false, 1), Plane("U", true, 1), Plane("V", true, 1)
    ),
    /** 4 bytes a pixel, red first: ImageAnalysis' OUTPUT_IMAGE_FORMAT_RGBA_8888. Alpha is ignored. */
    RGBA_8888("RGBA_8888", Plane("RGBA", false, 4)),
    BGRA_32("32BGRA", Plane("BGRA", false, 4)),
    ONE_COMPONENT_8("OneComponent8", Plane("gray", false, 1)),
    /** NV12, video range. */
    YUV_420V("420v", Plane("Y", false, 1), Plane("CbCr", true, 2)),
    /** NV12, full range. */
    YUV_420F("420f", Plane("Y", false, 1), Plane("CbCr", true, 2));

    override val noun: String get() = "pixel format"
    override val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.BUFFER

    /** Android may map a plane up to its last sample only; Apple's planes have whole rows. */
    internal val endsAtLastSample: Boolean get() = this == YUV_420_888 || this == RGBA_8888

    internal class Plane(val name: String, val isChroma: Boolean, val sampleBytes: Int)
}

/** One plane: `cols` × `rows` samples of `sampleBytes`, placed by two strides, in bytes. */
data class PlaneLayout(
    val name: String,
    val cols: Int,
    val rows: Int,
    val sampleBytes: Int,
    val pixelStride: Long,
    val rowStride: Long
) {
    /** The byte offset of sample (x, y): y·rowStride + x·pixelStride. */
    fun address(x: Int, y: Int): Long = y * rowStride + x * pixelStride

    /** The bytes of a row that hold samples. */
    val rowBytes: Long get() = pixelStride * (cols - 1) + sampleBytes

    /** The bytes up to the end of the last sample: what Android is sure to map. */
    val minBytes: Long get() = rowStride * (rows - 1) + rowBytes

    /** The bytes of all rows with their padding: what Apple allocates. */
    val fullBytes: Long get() = rowStride * rows

    /** Why these strides cannot be right; null where they can. */
    internal val problem: Problem?
        get() {
            val place = "plane $name"
            // Beyond this, byte counts would overflow; no buffer has such a stride.
            if (maxOf(pixelStride, rowStride) > Int.MAX_VALUE) {
                return Problem("strides $pixelStride and $rowStride are beyond 2³¹", place)
            }
            if (pixelStride < sampleBytes) {
                return Problem("pixel stride $pixelStride is below a sample's $sampleBytes", place)
            }
            if (rowStride < rowBytes) {
                return Problem(
                    "row stride $rowStride is below a row's $rowBytes bytes", place,
                    "getRowStride() counts bytes, not pixels; ask each plane for its own"
                )
            }
            return null
        }
}

/**
 * A buffer's planes, checked.
 *
 * Strides (in bytes, one a plane) that are left out are packed tight. Chroma planes have ⌈w/2⌉ × ⌈h/2⌉
 * samples. Throws with every stride that cannot be right.
 */
class PixelLayout(
    val format: PixelFormat,
    val width: Int,
    val height: Int,
    rowStrides: List<Long>? = null,
    pixelStrides: List<Long>? = null
) {
    val planes: List<PlaneLayout>

    init {
        val specs = format.planes
        val problems = mutableListOf<Problem>()
        if (minOf(width, height) < 1 || maxOf(width, height) > 1 shl 24) {
            problems += Problem("$width × $height is no size of a picture")
        }
        for ((name, strides) in listOf(Pair("row", rowStrides), Pair("pixel", pixelStrides))) {
            if (strides != null && strides.size != specs.size) {
                problems += Problem(
                    "${format.raw} has ${specs.size} planes, got ${strides.size} $name strides"
                )
            }
        }
        refuse(problems)
        planes = specs.mapIndexed { i, spec ->
            val cols = if (spec.isChroma) (width + 1) / 2 else width
            val rows = if (spec.isChroma) (height + 1) / 2 else height
            val step = pixelStrides?.get(i) ?: spec.sampleBytes.toLong()
            val row = rowStrides?.get(i) ?: step * (cols - 1) + spec.sampleBytes
            PlaneLayout(spec.name, cols, rows, spec.sampleBytes, step, row)
        }
        refuse(planes.mapNotNull { it.problem })
    }

    private fun refuse(problems: List<Problem>) {
        if (problems.isNotEmpty()) {
            throw MobileCatError(
                MobileCatError.Kind.BUFFER, "This pixel buffer cannot be", problems
            )
        }
    }

    /**
     * Refuse byte counts (one a plane) that cannot be right, each with the expected one.
     *
     * Apple's planes hold rowStride · rows; Android's may end with the last row's last sample.
     */
    fun check(planeBytes: List<Long>) {
        val problems = mutableListOf<Problem>()
        if (planeBytes.size != planes.size) {
            problems += Problem("${format.raw} has ${planes.size} planes, got ${planeBytes.size}")
        }
        for ((plane, count) in planes.zip(planeBytes)) {
            val most = plane.fullBytes
            val least = if (format.endsAtLastSample) plane.minBytes else most
            if (count < least || count > most) {
                val expected = if (least < most) "$least to $most" else "$most"
                problems += Problem(
                    "$count bytes; ${plane.cols} × ${plane.rows} samples in rows of " +
                        "${plane.rowStride} need $expected",
                    "plane ${plane.name}",
                    "check width, height and row stride: one of the three is another plane's"
                )
            }
        }
        if (problems.isNotEmpty()) {
            throw MobileCatError(
                MobileCatError.Kind.BUFFER, "This cannot be a ${format.raw} buffer", problems
            )
        }
    }

    companion object {
        /** `rowBytes` rounded up to a multiple of `alignment` (≥ 1): 1440 to 64 gives 1472. */
        fun aligned(rowBytes: Long, alignment: Long): Long =
            (rowBytes + alignment - 1) / alignment * alignment
    }
}
