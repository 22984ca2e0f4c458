package mobilecat.app

import android.Manifest
import android.content.pm.PackageManager
import android.os.Bundle
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.widget.FrameLayout
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.Preview
import androidx.camera.core.UseCaseGroup
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import mobilecat.kit.CascadeContract
import mobilecat.model.LandmarkContract
import mobilecat.model.ModelContract

/** The camera with what the models find over it; a tap changes between back and front. */
class LiveActivity : ComponentActivity() {
    private lateinit var preview: PreviewView
    private lateinit var overlay: OverlayView
    private val worker: ExecutorService = Executors.newSingleThreadExecutor()
    private var models: List<LiteRTModel> = emptyList()
    private var front = false

    private val permission =
        registerForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
            if (granted) start() else overlay.say("Without the camera there is nothing to see.")
        }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        preview = PreviewView(this).apply { scaleType = PreviewView.ScaleType.FILL_CENTER }
        overlay = OverlayView(this, ModelContract.bundle::label)
        val frame = FrameLayout(this)
        frame.addView(preview, MATCH_PARENT, MATCH_PARENT)
        frame.addView(overlay, MATCH_PARENT, MATCH_PARENT)
        frame.setOnClickListener {
            front = !front
            start()
        }
        setContentView(frame)
        val allowed = ContextCompat.checkSelfPermission(this, Manifest.permission.CAMERA)
        // The view port exists once the preview has been laid out.
        if (allowed == PackageManager.PERMISSION_GRANTED) preview.post { start() }
        else permission.launch(Manifest.permission.CAMERA)
    }

    private fun start() {
        val coming = ProcessCameraProvider.getInstance(this)
        coming.addListener({ bind(coming.get()) }, ContextCompat.getMainExecutor(this))
    }

    private fun bind(cameras: ProcessCameraProvider) {
        val selector =
            if (front) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA
        val analyzer = try {
            analyzer(front)
        } catch (e: Exception) { // a model that was not exported, or not beside its contract
            overlay.say(e.message ?: e.toString())
            return
        }
        val shown = Preview.Builder().build()
        shown.surfaceProvider = preview.surfaceProvider
        val analysis = ImageAnalysis.Builder()
            .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_YUV_420_888)
            .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
            .build()
        analysis.setAnalyzer(worker, analyzer)
        val group = UseCaseGroup.Builder().addUseCase(shown).addUseCase(analysis)
        // With one view port for both, cropRect is what the preview shows.
        preview.viewPort?.let { group.setViewPort(it) }
        cameras.unbindAll()
        cameras.bindToLifecycle(this, selector, group.build())
    }

    private fun analyzer(mirrored: Boolean): CatAnalyzer {
        if (models.isEmpty()) {
            models = listOf(
                LiteRTModel(this, ModelContract.assets, ModelContract.bundle),
                LiteRTModel(this, LandmarkContract.assets, LandmarkContract.bundle)
            )
        }
        val text = assets.open("${ModelContract.assets}/cascade.json").bufferedReader()
            .use { it.readText() }
        return CatAnalyzer(
            models[0], models[1], CascadeContract.parse(text),
            show = { found -> runOnUiThread { overlay.show(found, mirrored) } },
            fail = { error -> runOnUiThread { overlay.say(error.message ?: "$error") } }
        )
    }

    override fun onDestroy() {
        super.onDestroy()
        // After the frame that is under way: an interpreter must not be closed while it runs.
        worker.execute { models.forEach { it.close() } }
        worker.shutdown()
    }
}
