package mobilecat.kit

/**
 * bundle.json: what `mobilecat export` leaves on disk, and what each file takes and gives.
 *
 * Only what an app needs is kept; the rest of the file is not read.
 *
 * @property versions package → version, as the export recorded them
 * @property headKind `raw`, `yunet`, `landmarks`, …
 * @property input null for a model that takes its network's own tensors
 * @property nms null where there is none
 * @property landmarkNames in the network's order
 */
data class ModelBundle(
    val name: String,
    val versions: Map<String, String>,
    val headKind: String,
    val input: ImageInput?,
    val nms: NMS?,
    val labels: List<String>,
    val landmarkNames: List<String>,
    val inputs: List<TensorContract>,
    val outputs: List<TensorContract>,
    val artifacts: List<Artifact>
) {
    /** One input or output, by the bundle's name; an artifact may have another for it. */
    data class TensorContract(
        val name: String,
        val shape: List<Int>,
        val dtype: String,
        /** Coordinates, units and order, in words. */
        val meaning: String
    )

    /**
     * How a picture is brought to the model's input. Everything after that is baked in.
     *
     * @property size the model's input in pixels
     * @property rounding null takes the mode's own
     * @property pad grey level of the padding, 0 to 255
     */
    data class ImageInput(
        val size: SizeWH,
        val resize: ResizeMode,
        val rounding: Rounding?,
        val pad: Int
    )

    /**
     * One compiled file.
     *
     * @property kind `coreml`, `coreai`, `tflite` or `onnx`
     * @property contract `tensor`: `DetectionTensors`. `candidates`: `CandidateTensors`, to be
     *   suppressed by the app. `vision`: a Core ML pipeline's two outputs
     * @property image what its picture input takes: `uint8` or `float32` [1,H,W,C] in RGB order, …
     * @property inputs the bundle's names → the artifact's
     * @property outputs the bundle's names → the artifact's
     * @property outputDTypes outputs whose element type is not the contract's, by the bundle's name
     */
    data class Artifact(
        val file: String,
        val kind: String,
        val format: String,
        val contract: String,
        val precision: String,
        val sha256: String,
        val image: String?,
        val inputs: Map<String, String>,
        val outputs: Map<String, String>,
        val outputDTypes: Map<String, String>
    )

    /** Throws with the list of those there are. */
    fun artifact(file: String): Artifact = artifacts.firstOrNull { it.file == file }
        ?: throw bundleError(
            "No such artifact", "the bundle has no \"$file\"",
            fix = "it has ${artifacts.joinToString { it.file }}"
        )

    /** How a picture of `imageWH` goes into the model's input, as its training did. */
    fun resizePlan(imageWH: SizeWH): ResizePlan {
        val into = picture()
        return ResizePlan(imageWH, into.size, into.resize, into.rounding)
    }

    /** The picture input. Throws for a model that takes none. */
    fun picture(): ImageInput = input ?: throw bundleError(
        "This model takes no picture", "$name has no input", place = "spec.input"
    )

    /** The class's label, or its number where the bundle has no label for it. */
    fun label(classId: Int): String = labels.getOrNull(classId) ?: "$classId"

    /**
     * What an artifact found, whichever contract it keeps.
     *
     * `outputs` has the artifact's own names. Units: image pixels, top-left.
     * Throws naming every output that is not there, or what contradicts the contract.
     */
    fun detections(
        artifact: Artifact,
        outputs: Map<String, Tensor>,
        imageFromModel: Affine,
        scoreThreshold: Double = 0.0
    ): List<Detection> = when (artifact.contract) {
        "vision" -> {
            val found = NamedOutputs(artifact, outputs)
            val (confidence, coordinates) = found.required("confidence", "coordinates")
            DetectionTensors.fromCoreMLNMS(
                confidence, coordinates, picture().size, imageFromModel, scoreThreshold
            )
        }
        "candidates" -> {
            val how = nms ?: throw bundleError(
                "Nothing says how to suppress this model's candidates",
                "contract \"candidates\", and no nms", artifact.file, "export the bundle again"
            )
            candidates(artifact, outputs).detections(how, imageFromModel)
                .filter { it.score > scoreThreshold }
        }
        else -> tensors(artifact, outputs).detections(imageFromModel, scoreThreshold)
    }

    /** The candidates contract's outputs. Throws naming every output that is not there. */
    fun candidates(artifact: Artifact, outputs: Map<String, Tensor>): CandidateTensors {
        val found = NamedOutputs(artifact, outputs)
        val landmarks = found.declared("candidate_landmarks")
        val seen = found.declared("candidate_landmark_scores")
        val angles = found.declared("candidate_angles")
        val (boxes, scores) = found.required("candidate_boxes", "candidate_scores")
        return CandidateTensors(boxes, scores, landmarks, seen, angles)
    }

    /** The tensor contract's outputs. Throws naming every output that is not there. */
    fun tensors(artifact: Artifact, outputs: Map<String, Tensor>): DetectionTensors {
        val found = NamedOutputs(artifact, outputs)
        val landmarks = found.declared("landmarks")
        val seen = found.declared("landmark_scores")
        val there = found.required("boxes", "scores", "class_ids", "count")
        return DetectionTensors(there[0], there[1], there[2], there[3], landmarks, seen)
    }

    companion object {
        /** The schema that this version reads. */
        const val SCHEMA_VERSION = 1L

        /** Read bundle.json's text. Throws with every missing key by its path. */
        fun parse(json: String): ModelBundle = bundleOf(Json.parse(json, "bundle.json"))
    }
}

internal fun bundleError(summary: String, what: String, place: String = "", fix: String = "") =
    MobileCatError(MobileCatError.Kind.BUNDLE, summary, Problem(what, place, fix))

/** An artifact's outputs by the bundle's names; what is not there is noted. */
private class NamedOutputs(
    private val artifact: ModelBundle.Artifact,
    private val outputs: Map<String, Tensor>
) {
    private val problems = mutableListOf<Problem>()

    private fun find(name: String): Tensor? {
        val theirs = artifact.outputs[name] ?: name
        val tensor = outputs[theirs]
        if (tensor == null) {
            val have = outputs.keys.sorted().joinToString()
            problems += Problem("no output \"$theirs\" ($name)", artifact.file, "got $have")
        }
        return tensor
    }

    /** An output that only some heads have: needed where the artifact lists it. */
    fun declared(name: String): Tensor? = if (artifact.outputs.containsKey(name)) find(name) else null

    /** Outputs that must be there. Throws with all that are not, those of `declared` included. */
    fun required(vararg names: String): List<Tensor> {
        val found = names.mapNotNull { find(it) }
        if (problems.isNotEmpty()) {
            throw MobileCatError(
                MobileCatError.Kind.OUTPUTS, "The model's outputs are not the bundle's", problems
            )
        }
        return found
    }
}
