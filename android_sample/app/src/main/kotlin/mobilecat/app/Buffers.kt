package mobilecat.app

import android.graphics.ImageFormat
import android.graphics.Rect
import androidx.camera.core.ImageProxy
import mobilecat.kit.BoxXYXY
import mobilecat.kit.PixelBuffer
import mobilecat.kit.PixelFormat
import mobilecat.kit.PixelLayout

/** The frame's bytes, every stride as its plane says it. Copied: the proxy is closed after the frame. */
fun ImageProxy.kitBuffer(): PixelBuffer {
    val kind = when (format) {
        ImageFormat.YUV_420_888 -> PixelFormat.YUV_420_888
        android.graphics.PixelFormat.RGBA_8888 -> PixelFormat.RGBA_8888
        else -> throw IllegalArgumentException("no frames of format $format: YUV_420_888 or RGBA_8888")
    }
    val layout = PixelLayout(
        kind, width, height, planes.map { it.rowStride.toLong() },
        planes.map { it.pixelStride.toLong() }
    )
    val bytes = planes.mapIndexed { i, plane ->
        val buffer = plane.buffer.duplicate()
        buffer.rewind()
        // Some devices map more than the picture's rows: nothing of it lies behind them.
        val count = minOf(buffer.remaining().toLong(), layout.planes[i].fullBytes)
        ByteArray(count.toInt()).also { buffer.get(it) }
    }
    return PixelBuffer(layout, bytes)
}

/** A rectangle in whole pixels: right and bottom are edges, as the kit counts them. */
fun Rect.kitBox() = BoxXYXY(left.toDouble(), top.toDouble(), right.toDouble(), bottom.toDouble())
