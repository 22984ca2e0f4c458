// Made by `mobilecat export --android` from bundle.json; export again instead of editing.
package mobilecat.model

import mobilecat.kit.ModelBundle
import mobilecat.kit.NMS
import mobilecat.kit.ResizeMode
import mobilecat.kit.Rounding
import mobilecat.kit.SizeWH

/** What the artifacts beside this file take and give: bundle.json, as far as an app needs it. */
object ModelContract {
    /** Of the bundle.json that this was made from, and that lies beside the artifacts. */
    const val bundleSHA256 =
        "0dcdeba93433b7da28339820e4c1ac42049c966a010c12caaf064eb2ea3a3910"

    /** The folder of the app's assets that holds the artifacts. */
    const val assets = "model"

    /** How a picture is brought to the model's input: its size, fit, and grey level of the padding. */
    val input = ModelBundle.ImageInput(
        SizeWH(224, 224),
        ResizeMode.LETTERBOX,
        null as Rounding?,
        0
    )

    /** Baked in, or the app's to do where the contract is `candidates`; null where there is none. */
    val nms: NMS? =
        NMS(
            0.4, 0.45, 50, true,
            NMS.Selection.NMS, NMS.Overlap.IOU
        )

    val labels: List<String> = listOf(
        "cat face"
    )

    /** In the network's order. */
    val landmarkNames: List<String> = emptyList()

    /** By the bundle's names. */
    val inputs: List<ModelBundle.TensorContract> = listOf(
        ModelBundle.TensorContract(
            "image", listOf(1, 224, 224, 3), "uint8",
            "the picture: rows, columns, channels; values 0–255"
        )
    )

    /** The tensor contract, by the bundle's names. */
    val outputs: List<ModelBundle.TensorContract> = listOf(
        ModelBundle.TensorContract(
            "boxes", listOf(1, 50, 4), "float32",
            "xyxy, pixels of the model input, origin top-left, pixel edges; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "scores", listOf(1, 50), "float32",
            "best class score, falling; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "class_ids", listOf(1, 50), "int32",
            "index into labels; rows ≥ count are zero"
        ),
        ModelBundle.TensorContract(
            "count", listOf(1), "int32",
            "number of detections"
        )
    )

    /** What an Android app can run: LiteRT's files, and ONNX Runtime's. */
    val artifacts: List<ModelBundle.Artifact> = listOf(
        ModelBundle.Artifact(
            file = "cat_faces.tflite", kind = "tflite", format = "tflite",
            contract = "tensor", precision = "float32",
            sha256 = "293210ed813bdabe1b2f421b28c0545b32bd1e7f92b2bd9440e9764545e43e9f",
            image = "uint8",
            inputs = mapOf("image" to "image"),
            outputs = mapOf("boxes" to "boxes", "scores" to "scores", "class_ids" to "class_ids", "count" to "count"),
            outputDTypes = emptyMap()
        ),
        ModelBundle.Artifact(
            file = "cat_faces.onnx", kind = "onnx", format = "onnx",
            contract = "tensor", precision = "float32",
            sha256 = "67b5c46d14e2003975ecf5f1b7ca5709e5f6d9ffc27607cb2e02986dd741e007",
            image = "uint8",
            inputs = mapOf("image" to "image"),
            outputs = mapOf("boxes" to "boxes", "scores" to "scores", "class_ids" to "class_ids", "count" to "count"),
            outputDTypes = emptyMap()
        )
    )

    /** All of it, as the kit decodes with: `bundle.detections(artifact, outputs, imageFromModel)`. */
    val bundle = ModelBundle(
        name = "cat_faces", versions = mapOf("mobilecat" to "0.1.0", "coremltools" to "9.0", "onnx" to "1.23.2", "onnx-ir" to "1.1.0", "onnxruntime" to "1.31.1", "ai-edge-litert" to "2.3.0", "numpy" to "2.3.5"),
        headKind = "ssd", input = input, nms = nms, labels = labels,
        landmarkNames = landmarkNames, inputs = inputs, outputs = outputs, artifacts = artifacts
    )
}
