// Made by `mobilecat export --android` from bundle.json; export again instead of editing.
package mobilecat.model

import mobilecat.kit.ModelBundle
import mobilecat.kit.NMS
import mobilecat.kit.ResizeMode
import mobilecat.kit.Rounding
import mobilecat.kit.SizeWH

/** What the artifacts beside this file take and give: bundle.json, as far as an app needs it. */
object LandmarkContract {
    /** Of the bundle.json that this was made from, and that lies beside the artifacts. */
    const val bundleSHA256 =
        "174f64b6182863b636fb1c7b30e05c371133a57196cfce96056a8daca51a69b4"

    /** The folder of the app's assets that holds the artifacts. */
    const val assets = "landmarks"

    /** How a picture is brought to the model's input: its size, fit, and grey level of the padding. */
    val input = ModelBundle.ImageInput(
        SizeWH(128, 128),
        ResizeMode.STRETCH,
        null as Rounding?,
        0
    )

    /** Baked in, or the app's to do where the contract is `candidates`; null where there is none. */
    val nms: NMS? =
        null

    val labels: List<String> = emptyList()

    /** In the network's order. */
    val landmarkNames: List<String> = listOf(
        "left_eye",
        "right_eye",
        "mouth",
        "left_ear_1",
        "left_ear_2",
        "left_ear_3",
        "right_ear_1",
        "right_ear_2",
        "right_ear_3"
    )

    /** By the bundle's names. */
    val inputs: List<ModelBundle.TensorContract> = listOf(
        ModelBundle.TensorContract(
            "image", listOf(1, 128, 128, 3), "uint8",
            "the picture: rows, columns, channels; values 0–255"
        )
    )

    /** The tensor contract, by the bundle's names. */
    val outputs: List<ModelBundle.TensorContract> = listOf(
        ModelBundle.TensorContract(
            "boxes", listOf(1, 1, 4), "float32",
            "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "scores", listOf(1, 1), "float32",
            "best class score, falling; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "class_ids", listOf(1, 1), "int32",
            "index into labels; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "landmarks", listOf(1, 1, 9, 2), "float32",
            "x,y a point, pixels of the model input, origin top-left; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "count", listOf(1), "int32",
            "number of detections"
        )
    )

    /** What an Android app can run: LiteRT's files, and ONNX Runtime's. */
    val artifacts: List<ModelBundle.Artifact> = listOf(
        ModelBundle.Artifact(
            file = "cat_landmarks.tflite", kind = "tflite", format = "tflite",
            contract = "tensor", precision = "float32",
            sha256 = "8afc462fa63f62a029ab3df0fb630e8d7f744735b04849aa53b29961c7f557c8",
            image = "uint8",
            inputs = mapOf("image" to "image"),
            outputs = mapOf("boxes" to "boxes", "scores" to "scores", "class_ids" to "class_ids", "landmarks" to "landmarks", "count" to "count"),
            outputDTypes = emptyMap()
        ),
        ModelBundle.Artifact(
            file = "cat_landmarks.onnx", kind = "onnx", format = "onnx",
            contract = "tensor", precision = "float32",
            sha256 = "e3c31a772f402f20b4043363ec09056b69e1f408e26ef2314f7963463ceba3bd",
            image = "uint8",
            inputs = mapOf("image" to "image"),
            outputs = mapOf("boxes" to "boxes", "scores" to "scores", "class_ids" to "class_ids", "landmarks" to "landmarks", "count" to "count"),
            outputDTypes = emptyMap()
        )
    )

    /** All of it, as the kit decodes with: `bundle.detections(artifact, outputs, imageFromModel)`. */
    val bundle = ModelBundle(
        name = "cat_landmarks", versions = mapOf("mobilecat" to "0.1.0", "coremltools" to "9.0", "onnx" to "1.23.2", "onnx-ir" to "1.1.0", "onnxruntime" to "1.31.1", "ai-edge-litert" to "2.3.0", "numpy" to "2.3.5"),
        headKind = "landmarks", input = input, nms = nms, labels = labels,
        landmarkNames = landmarkNames, inputs = inputs, outputs = outputs, artifacts = artifacts
    )
}
