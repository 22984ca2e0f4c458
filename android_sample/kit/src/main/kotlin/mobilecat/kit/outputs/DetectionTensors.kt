package mobilecat.kit

/**
 * The tensor contract: what an artifact gives after its baked-in NMS, by the bundle's names.
 *
 * Shapes: boxes [1,K,4] xyxy in model-input pixels, scores [1,K], classIds [1,K], count [1], landmarks
 * [1,K,2·L] or [1,K,L,2], x before y, landmarkScores [1,K,L]; a leading 1 may be missing.
 * Rows ≥ count are padding.
 */
class DetectionTensors(
    val boxes: Tensor,
    val scores: Tensor,
    val classIds: Tensor,
    val count: Tensor,
    val landmarks: Tensor? = null,
    val landmarkScores: Tensor? = null
) {
    /**
     * The first `count` rows in their order, as detections.
     *
     * Scores at or below `scoreThreshold` are dropped, as the artifact's own NMS does.
     * Units: model-input pixels → image pixels.
     * Throws for shapes that contradict each other, or a count beyond the rows.
     */
    fun detections(imageFromModel: Affine, scoreThreshold: Double = 0.0): List<Detection> {
        val problems = mutableListOf<Problem>()
        val boxRows = Rows.wide(boxes, 4, "boxes", problems)
        val scoreRows = Rows.single(scores, "scores", problems)
        val idRows = Rows.single(classIds, "class_ids", problems)
        val marks = Rows.landmarks(landmarks, boxRows.count, problems)
        val seen = Rows.landmarkScores(landmarkScores, boxRows.count, problems)
        val n = wholeNumber(count.values.getOrNull(0), "count", problems)
        if (setOf(boxRows.count, scoreRows.count, idRows.count).size > 1) {
            problems += Problem(
                "row counts differ: boxes ${boxRows.count}, scores ${scoreRows.count}, " +
                    "class_ids ${idRows.count}"
            )
        }
        if (n < 0 || n > boxRows.count) {
            problems += Problem("count is $n, but there are ${boxRows.count} rows")
        }
        val usable = if (problems.isEmpty()) n else 0
        val ids = (0 until usable).map { wholeNumber(idRows[it, 0], "class_ids[$it]", problems) }
        if (problems.isNotEmpty()) {
            throw MobileCatError(
                MobileCatError.Kind.OUTPUTS, "These outputs are not the tensor contract", problems
            )
        }
        return (0 until n).filter { scoreRows[it, 0] > scoreThreshold }.map { row ->
            Detection(
                imageFromModel.box(boxRows.box(row)), scoreRows[row, 0], ids[row],
                marks.points(row).map(imageFromModel::point), seen.row(row)
            )
        }
    }

    companion object {
        /**
         * Decode TFLite_Detection_PostProcess: [ymin, xmin, ymax, xmax] normalised, classes as floats.
         *
         * Map the four outputs by name before calling: their order is no contract.
         * Throws as `detections`.
         */
        fun fromTFLite(
            boxes: Tensor,
            classes: Tensor,
            scores: Tensor,
            count: Tensor,
            modelWH: SizeWH,
            imageFromModel: Affine,
            scoreThreshold: Double = 0.0
        ): List<Detection> {
            val problems = mutableListOf<Problem>()
            val rows = Rows.wide(boxes, 4, "boxes", problems)
            if (problems.isNotEmpty()) {
                throw MobileCatError(
                    MobileCatError.Kind.OUTPUTS,
                    "These outputs are not TFLite_Detection_PostProcess'", problems
                )
            }
            val xyxy = (0 until rows.count).flatMap { row ->
                val yxyx = BoxYXYX(rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3])
                yxyx.pixels(modelWH).xyxy.values
            }
            return DetectionTensors(
                Tensor(listOf(rows.count, 4), xyxy.toDoubleArray()), scores, classes, count
            ).detections(imageFromModel, scoreThreshold)
        }

        /**
         * Decode a Core ML pipeline's `confidence` [N, C] and `coordinates` [N, 4].
         *
         * Coordinates are centre x, y, w, h, normalised to the model's input, top-left origin. A row's
         * class is its largest confidence, the first on ties; all-zero rows are padding.
         * Throws for shapes that contradict each other.
         */
        fun fromCoreMLNMS(
            confidence: Tensor,
            coordinates: Tensor,
            modelWH: SizeWH,
            imageFromModel: Affine,
            scoreThreshold: Double = 0.0
        ): List<Detection> {
            val problems = mutableListOf<Problem>()
            val rows = Rows.wide(coordinates, 4, "coordinates", problems)
            if (confidence.values.isEmpty() && coordinates.values.isEmpty()) return emptyList()
            val batched = confidence.shape.size == 3 && confidence.shape[0] == 1
            val shape = if (batched) confidence.shape.drop(1) else confidence.shape
            if (shape.size != 2 || shape[0] != rows.count || shape[1] == 0) {
                problems += Problem(
                    "confidence has shape ${confidence.shape}", fix = "[${rows.count}, classes]"
                )
            }
            if (problems.isNotEmpty()) {
                throw MobileCatError(
                    MobileCatError.Kind.OUTPUTS,
                    "These outputs are not confidence and coordinates", problems
                )
            }
            val sure = Rows(rows.count, shape[1], confidence.values)
            val threshold = maxOf(0.0, scoreThreshold)
            return (0 until rows.count).mapNotNull { row ->
                val perClass = sure.row(row)
                // A row with a NaN is no detection.
                val best = perClass.indices.fold(0) { at, k ->
                    if (perClass[k] > perClass[at]) k else at
                }
                if (perClass.any { it.isNaN() } || !(perClass[best] > threshold)) {
                    null
                } else {
                    val box = BoxCXCYWH(rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3])
                    Detection(imageFromModel.box(box.pixels(modelWH).xyxy), perClass[best], best)
                }
            }
        }
    }
}
