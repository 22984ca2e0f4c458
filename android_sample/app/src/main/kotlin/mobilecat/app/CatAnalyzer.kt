package mobilecat.app

import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import mobilecat.kit.BoxXYXY
import mobilecat.kit.CascadeContract
import mobilecat.kit.CropPlan
import mobilecat.kit.Detection
import mobilecat.kit.FrameRequest
import mobilecat.kit.Orientation
import mobilecat.kit.PixelBuffer
import mobilecat.kit.SizeWH

/** What was found in one frame, in pixels of its upright image. */
class Found(val detections: List<Detection>, val imageWH: SizeWH)

/**
 * Each frame: the detector on the whole picture, then the landmark model on the crop of each box.
 *
 * Called on the analysis executor, one frame at a time; `show` and `fail` are called there too.
 */
class CatAnalyzer(
    private val detector: LiteRTModel,
    private val landmarks: LiteRTModel,
    private val cascade: CascadeContract,
    private val show: (Found) -> Unit,
    private val fail: (Exception) -> Unit
) : ImageAnalysis.Analyzer {

    override fun analyze(proxy: ImageProxy) = proxy.use { frame ->
        try {
            show(found(Frame(frame)))
        } catch (e: RuntimeException) { // MobileCatError names what is wrong
            fail(e)
        }
    }

    private fun found(frame: Frame): Found {
        val input = detector.bundle.picture()
        val whole = frame.request(input.size, FrameRequest.Fit.App(input.resize, input.rounding))
        val outputs = detector.run(frame.sampled(whole, input.pad))
        val boxes = detector.bundle.detections(detector.artifact, outputs, whole.imageFromModel)
        return Found(boxes.mapIndexed { i, box -> marked(frame, whole, box, i) }, whole.imageWH)
    }

    /** The box with the landmarks of its crop; beyond the cascade's most, as it is. */
    private fun marked(frame: Frame, whole: FrameRequest, box: Detection, rank: Int): Detection {
        if (rank >= cascade.maxCrops) return box
        val input = landmarks.bundle.picture()
        val plan = CropPlan(
            box.box, whole.imageWH, input.size, cascade.cropRule, input.resize, input.rounding,
            box.landmarks
        )
        val crop = frame.request(input.size, FrameRequest.Fit.Crop(plan))
        val outputs = landmarks.run(frame.sampled(crop, input.pad))
        val found = landmarks.bundle.detections(landmarks.artifact, outputs, plan.imageFromModel)
        return box.copy(landmarks = found.firstOrNull()?.landmarks ?: emptyList())
    }

    /** A frame's bytes, and how its picture lies in them. */
    private class Frame(proxy: ImageProxy) {
        private val buffer: PixelBuffer = proxy.kitBuffer()
        private val size = SizeWH(proxy.width, proxy.height)
        // In the buffer's pixels, before rotationDegrees; with a ViewPort, what PreviewView shows.
        private val crop: BoxXYXY = proxy.cropRect.kitBox()
        private val orientation = Orientation.ofRotationDegrees(proxy.imageInfo.rotationDegrees)

        fun request(modelWH: SizeWH, fit: FrameRequest.Fit) =
            FrameRequest(size, modelWH, orientation, fit, cropRect = crop)

        fun sampled(request: FrameRequest, pad: Int): ByteArray =
            buffer.sampled(request.frameFromModel, request.modelWH, pad, crop)
    }
}
