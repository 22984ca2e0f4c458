package mobilecat.kit

import kotlin.math.floor

/**
 * Pixels through any affine map, one sample a pixel: what an app draws into a model's input. Mirrors
 * Python's `mobilecat.geometry.bilinear`.
 *
 * Pixel i is centred at i + ½ on both sides. A model's pixel looks where its centre falls in the image:
 * within [0, W) × [0, H) it is weighed from the four pixel centres around (beyond the outermost
 * centres the edge's own), else it is padding. Nothing is averaged where it shrinks.
 */
object Bilinear {
    /**
     * `pixels`: rows of `channels` bytes a pixel, `imageWH` of them, without padding between rows.
     * `pad`: level outside of the picture, 0 to 255, of every channel.
     *
     * Returns `modelWH` pixels alike; halves of a level round up.
     * Throws for sizes of fractions, another number of bytes, or a pad beyond one.
     */
    fun sampled(
        pixels: ByteArray,
        imageWH: SizeWH,
        channels: Int,
        imageFromModel: Affine,
        modelWH: SizeWH,
        pad: Int
    ): ByteArray {
        val wh = imageWH.wholePixels()
        val needed = wh.w.toLong() * wh.h * channels
        if (channels < 1 || pixels.size.toLong() != needed) {
            throw bufferError(
                "These pixels cannot be sampled",
                "${pixels.size} bytes for ${wh.w}×${wh.h}×$channels", "$needed bytes"
            )
        }
        val all = BoxXYXY(0.0, 0.0, imageWH.w, imageWH.h)
        return sampled(all, channels, imageFromModel, modelWH, pad) { x, y, into ->
            for (channel in 0 until channels) {
                into[channel] = pixels[(y * wh.w + x) * channels + channel].toInt() and 0xff
            }
        }
    }

    /** The same of any source: `read` puts pixel (x, y)'s channels into an array. */
    internal fun sampled(
        picture: BoxXYXY,
        channels: Int,
        imageFromModel: Affine,
        modelWH: SizeWH,
        pad: Int,
        read: (Int, Int, IntArray) -> Unit
    ): ByteArray {
        val model = modelWH.wholePixels()
        if (pad < 0 || pad > 255) {
            throw bufferError("These pixels cannot be sampled", "pad $pad", "0 to 255")
        }
        val out = ByteArray(model.w * model.h * channels) { pad.toByte() }
        val four = Array(4) { IntArray(channels) }
        for (row in 0 until model.h) {
            for (column in 0 until model.w) {
                val at = imageFromModel.point(PointXY(column + 0.5, row + 0.5))
                val inside = at.x >= picture.x1 && at.y >= picture.y1 &&
                    at.x < picture.x2 && at.y < picture.y2
                if (!inside) continue
                val x = Tap(at.x - 0.5, picture.x1, picture.x2)
                val y = Tap(at.y - 0.5, picture.y1, picture.y2)
                read(x.low, y.low, four[0])
                read(x.high, y.low, four[1])
                read(x.low, y.high, four[2])
                read(x.high, y.high, four[3])
                val first = (row * model.w + column) * channels
                for (channel in 0 until channels) {
                    val upper = x.mixed(four[0][channel], four[1][channel])
                    val lower = x.mixed(four[2][channel], four[3][channel])
                    val level = upper * (1 - y.share) + lower * y.share
                    out[first + channel] = floor(level + 0.5).toInt().toByte()
                }
            }
        }
        return out
    }

    /** The two neighbours along one axis of a picture that covers [from, to), and the higher's share. */
    private class Tap(index: Double, from: Double, to: Double) {
        val low: Int
        val high: Int
        val share: Double

        init {
            val place = minOf(maxOf(index, from), to - 1)
            low = place.toInt()
            high = minOf(low + 1, to.toInt() - 1)
            share = place - low
        }

        fun mixed(a: Int, b: Int): Double = a * (1 - share) + b * share
    }
}
