package mobilecat.app

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.View
import mobilecat.kit.PictureView
import mobilecat.kit.PointXY
import mobilecat.kit.SizeWH
import mobilecat.kit.ViewMode

/** Boxes, labels and landmarks over a PreviewView of the same size and of FILL_CENTER. */
class OverlayView(context: Context, private val label: (Int) -> String) : View(context) {
    private var found: Found? = null
    private var mirrored = false
    private var words = ""

    private val line = Paint().apply {
        color = Color.YELLOW
        style = Paint.Style.STROKE
        strokeWidth = 4f
    }
    private val text = Paint().apply {
        color = Color.YELLOW
        textSize = 40f
    }

    /** mirrored: the preview shows a mirror image, as PreviewView does of front cameras. */
    fun show(found: Found, mirrored: Boolean) {
        this.found = found
        this.mirrored = mirrored
        words = ""
        invalidate()
    }

    fun say(words: String) {
        this.words = words
        found = null
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        words.split("\n").forEachIndexed { i, row -> canvas.drawText(row, 40f, 100f + 50f * i, text) }
        val now = found ?: return
        if (width == 0 || height == 0) return
        // The analysed frame is never a mirror image; only the view is.
        val view = PictureView(SizeWH(width, height), ViewMode.FILL_CENTER, mirrored)
        val viewFromImage = view.viewFromImage(now.imageWH)
        for (one in now.detections) {
            val corners = one.turned.corners.map { viewFromImage.point(it) }
            for ((from, to) in corners.zip(corners.drop(1) + corners.take(1))) {
                canvas.drawLine(from.xf, from.yf, to.xf, to.yf, line)
            }
            val top = viewFromImage.box(one.box)
            val words = "${label(one.classId)} ${"%.2f".format(one.score)}"
            canvas.drawText(words, top.x1.toFloat(), top.y1.toFloat() - 8f, text)
            for (mark in one.landmarks.map { viewFromImage.point(it) }) {
                canvas.drawCircle(mark.xf, mark.yf, 6f, line)
            }
        }
    }

    private val PointXY.xf: Float get() = x.toFloat()
    private val PointXY.yf: Float get() = y.toFloat()
}
