package mobilecat.kit

import kotlin.math.floor

/** 8-bit RGB, each 0 to 255. */
data class RGB(val r: Int, val g: Int, val b: Int)

/** A buffer's YCbCr matrix. Source: ITU-R BT.601-7 §2.5, BT.709-6 §3. */
enum class YCbCrMatrix(override val raw: String, private val kr: Double, private val kb: Double) :
    Named {
    BT_601("BT.601", 0.299, 0.114),
    BT_709("BT.709", 0.2126, 0.0722);

    override val noun: String get() = "colour matrix"
    override val errorKind: MobileCatError.Kind get() = MobileCatError.Kind.BUFFER

    /**
     * RGB of 8-bit Y, Cb, Cr, each 0 to 255; halves are rounded up.
     *
     * fullRange: luma and chroma use 0–255; otherwise 16–235 and 16–240.
     */
    fun rgb(y: Int, cb: Int, cr: Int, fullRange: Boolean): RGB {
        val kg = 1 - kr - kb
        val offset = if (fullRange) 0.0 else 16.0
        val lumaSpan = if (fullRange) 255.0 else 219.0
        val chromaSpan = if (fullRange) 255.0 else 224.0
        val luma = (y - offset) / lumaSpan
        val blue = (cb - 128.0) / chromaSpan
        val red = (cr - 128.0) / chromaSpan
        val r = luma + 2 * (1 - kr) * red
        val b = luma + 2 * (1 - kb) * blue
        val g = (luma - kr * r - kb * b) / kg
        return RGB(byte(r * 255), byte(g * 255), byte(b * 255))
    }

    private fun byte(value: Double): Int = floor(minOf(maxOf(value, 0.0), 255.0) + 0.5).toInt()
}
