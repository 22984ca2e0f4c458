package mobilecat.app

import android.content.Context
import java.io.Closeable
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import mobilecat.kit.ModelBundle
import mobilecat.kit.Tensor
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter

/**
 * A bundle's .tflite in LiteRT's interpreter; its signature gives inputs and outputs by name.
 *
 * Not for two threads at once. Throws where the bundle has no .tflite, or the assets lack it.
 */
class LiteRTModel(context: Context, folder: String, val bundle: ModelBundle) : Closeable {
    val artifact: ModelBundle.Artifact = bundle.artifacts.firstOrNull { it.kind == "tflite" }
        ?: throw IllegalStateException("${bundle.name} has no .tflite: add [targets.tflite] to its spec")

    private val interpreter: Interpreter

    init {
        val mapped = context.assets.openFd("$folder/${artifact.file}").use { file ->
            FileInputStream(file.fileDescriptor).channel.use {
                it.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            }
        }
        interpreter = Interpreter(mapped, Interpreter.Options().setNumThreads(2))
    }

    private val signature: String = interpreter.signatureKeys.single()
    private val outputs: Map<String, ByteBuffer> =
        interpreter.getSignatureOutputs(signature).associateWith { name ->
            direct(interpreter.getOutputTensorFromSignature(name, signature).numBytes())
        }

    /** Run on RGB bytes [H, W, 3] of the model's size; give the outputs by the artifact's names. */
    fun run(rgb: ByteArray): Map<String, Tensor> {
        for (buffer in outputs.values) buffer.rewind()
        val name = artifact.inputs.values.single()
        interpreter.runSignature(mapOf(name to picture(rgb)), outputs, signature)
        return outputs.mapValues { (output, buffer) -> read(output, buffer) }
    }

    /** As `image` in bundle.json says: pixels as they are, as floats of 0 to 255, or less 128. */
    private fun picture(rgb: ByteArray): ByteBuffer = when (artifact.image) {
        "uint8" -> direct(rgb.size).apply { put(rgb) }
        "int8" -> direct(rgb.size).apply { for (b in rgb) put((b.toInt() xor 0x80).toByte()) }
        "float32" -> direct(4 * rgb.size).apply {
            for (b in rgb) putFloat((b.toInt() and 0xff).toFloat())
        }
        else -> throw IllegalStateException("${artifact.file} takes ${artifact.image}, no picture")
    }.apply { rewind() }

    private fun read(output: String, buffer: ByteBuffer): Tensor {
        buffer.rewind()
        val tensor = interpreter.getOutputTensorFromSignature(output, signature)
        val shape = tensor.shape().toList()
        val values = DoubleArray(tensor.numElements())
        for (i in values.indices) {
            values[i] = when (tensor.dataType()) {
                DataType.FLOAT32 -> buffer.getFloat().toDouble()
                DataType.INT32 -> buffer.getInt().toDouble()
                DataType.INT64 -> buffer.getLong().toDouble()
                DataType.UINT8 -> (buffer.get().toInt() and 0xff).toDouble()
                else -> throw IllegalStateException("$output is ${tensor.dataType()}")
            }
        }
        return Tensor(shape, values)
    }

    private fun direct(bytes: Int): ByteBuffer =
        ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

    override fun close() = interpreter.close()
}
